"""Temperature scaling: by hand, against scikit-learn's crossentropy, and on probabilities of known temperature."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import softmax
from sklearn.metrics import log_loss

from scenes.models import temperature

ROWS = hnp.arrays(np.float32, st.tuples(st.integers(1, 20), st.just(4)), elements=st.floats(-60, 60, width=32))
TEMPERATURES = st.floats(*temperature.LIMITS)


def planted(true: float, count: int = 20_000):
    """Labels, and probabilities of a network whose logits are ``true`` times those that the labels were drawn by."""
    rng = np.random.default_rng(0)
    logits = rng.normal(scale=2, size=(count, 4))
    cumulated = softmax(logits, axis=1).cumsum(axis=1)
    labels = (rng.random((count, 1)) > cumulated).sum(axis=1).clip(max=3)
    return labels, softmax(true * logits, axis=1).astype(np.float32)


def test_scaled_by_hand():
    rows = np.array([[0.8, 0.2], [0.5, 0.5], [0.1, 0.9]], np.float32)
    # Probabilities to the power of 1/T, and these divided by their sum: roots are as 2 to 1, and as 1 to 3.
    np.testing.assert_allclose(temperature.scale(rows, 2.0), [[2 / 3, 1 / 3], [0.5, 0.5], [0.25, 0.75]], atol=1e-7)
    np.testing.assert_allclose(temperature.scale(rows, 0.5)[0], [16 / 17, 1 / 17], atol=1e-7)


@given(logits=ROWS, value=TEMPERATURES)
def test_the_answers_stay_and_the_rows_sum_to_1(logits, value):
    rows = softmax(logits, axis=1)  # float32, with zeros where the logits are far apart
    assert rows.dtype == np.float32
    scaled = temperature.scale(rows, value)
    assert scaled.dtype == np.float64
    np.testing.assert_array_equal(scaled.argmax(axis=1), rows.argmax(axis=1))
    np.testing.assert_allclose(scaled.sum(axis=1), 1, rtol=1e-12)
    assert (scaled >= 0).all()


@given(logits=ROWS)
def test_temperature_1_changes_nothing(logits):
    rows = softmax(logits, axis=1)
    np.testing.assert_allclose(temperature.scale(rows, 1.0), rows, rtol=1e-5, atol=1e-30)


@pytest.mark.parametrize("true", [0.4, 1.0, 2.5])
def test_a_planted_temperature_is_found(true):
    labels, rows = planted(true)
    assert temperature.fit_temperature(labels, rows) == pytest.approx(true, rel=0.04)


def test_it_is_where_the_crossentropy_of_scikit_learn_is_least():
    labels, rows = planted(1.7, count=500)
    found = temperature.fit_temperature(labels, rows)

    def loss(value):
        scaled = temperature.scale(rows, value)
        random_label = np.mean([log_loss(np.full(500, label), scaled, labels=range(4)) for label in range(4)])
        return 500 * log_loss(labels, scaled, labels=range(4)) + random_label

    assert loss(found) < min(loss(found * 0.999), loss(found * 1.001), loss(1.0))
    assert loss(found) <= min(loss(value) for value in np.geomspace(*temperature.LIMITS, 30))
    assert temperature.fit_temperature(labels, rows) == found


def test_always_wrong_ends_at_the_upper_limit():
    rows = np.array([[0.6, 0.4], [0.4, 0.6]], np.float32)
    found = temperature.fit_temperature(np.array([1, 0]), rows)
    assert found == pytest.approx(temperature.LIMITS[1], rel=1e-4)


def drawn(rng, count, *, scale, factor, classes=4):
    """Labels and probabilities of a network whose logits, of this scale, are ``factor`` times the true ones."""
    logits = rng.normal(scale=scale, size=(count, classes))
    labels = (rng.random((count, 1)) > softmax(logits, axis=1).cumsum(axis=1)).sum(axis=1).clip(max=classes - 1)
    return labels, softmax(factor * logits, axis=1)


def crossentropy(labels, rows):
    return log_loss(labels, rows, labels=range(rows.shape[1]))


@pytest.mark.parametrize("count", [1, 12, 24, 49])
def test_few_images_calibrate_nothing(count):
    labels, rows = drawn(np.random.default_rng(0), count, scale=2, factor=3)
    assert temperature.calibrate(labels, rows) == (1.0, False)


@pytest.mark.parametrize("count", [50, 500])
def test_images_without_an_error_do_not_raise_the_confidence(count):
    labels = np.arange(count) % 2
    rows = np.where(np.eye(2)[labels] == 1, 0.7, 0.3)
    assert temperature.fit_temperature(labels, rows) < 0.7
    assert temperature.calibrate(labels, rows) == (1.0, False)


@pytest.mark.parametrize("factor", [0.4, 2.5])
def test_enough_images_find_the_temperature(factor):
    labels, rows = drawn(np.random.default_rng(0), 1000, scale=2, factor=factor)
    found = temperature.calibrate(labels, rows)
    assert found.calibrated
    assert found.temperature == pytest.approx(factor, rel=0.15)
    assert found.temperature == round(temperature.fit_temperature(labels, rows), 6)


def test_a_network_that_is_calibrated_already_stays_as_it_is():
    rng = np.random.default_rng(0)
    kept = [temperature.calibrate(*drawn(rng, 100, scale=2, factor=1.0)) == (1.0, False) for _ in range(20)]
    assert np.mean(kept) > 0.6


@pytest.mark.parametrize("count", [24, 50, 100])
@pytest.mark.parametrize(("scale", "factor"), [(1, 0.5), (1, 1), (5, 0.5), (5, 1), (5, 2), (25, 0.2), (25, 1)])
def test_new_images_are_not_worse_off(scale, factor, count):
    """Over many validation sets: the mean crossentropy on 5,000 other images, by scikit-learn."""
    rng = np.random.default_rng(0)
    labels, rows = drawn(rng, 5000, scale=scale, factor=factor)
    before = crossentropy(labels, rows)
    after = []
    for _ in range(20):
        value = temperature.calibrate(*drawn(rng, count, scale=scale, factor=factor)).temperature
        after.append(before if value == 1 else crossentropy(labels, temperature.scale(rows, value)))
    assert np.mean(after) <= before + 0.02


def test_a_small_and_easy_archive_keeps_its_crossentropy():
    """Two easy classes, 24 validation images, all right: the best T would be almost 0, and the first error costly."""
    rng = np.random.default_rng(0)
    labels = np.arange(24) % 2
    sure = rng.uniform(0.6, 0.85, 24)
    rows = np.where(np.eye(2)[labels] == 1, sure[:, None], 1 - sure[:, None])
    assert crossentropy(labels, rows) == pytest.approx(0.33, abs=0.05)
    new = labels.copy()
    new[:3] = 1 - new[:3]
    assert temperature.calibrate(labels, rows) == (1.0, False)
    assert crossentropy(new, temperature.scale(rows, temperature.LIMITS[0])) > 2 * crossentropy(new, rows)
    assert temperature.fit_temperature(labels, rows) > temperature.LIMITS[0]


def test_a_probability_of_0_is_no_end():
    rows = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]], np.float32)
    assert np.isfinite(temperature.scale(rows, 3.0)).all()
    assert temperature.LIMITS[0] < temperature.fit_temperature(np.array([0, 1, 1]), rows) <= temperature.LIMITS[1]


@pytest.mark.usefixtures("deterministic")
def test_keras_scales_as_numpy_does():
    import keras

    inputs = keras.Input((4,))
    network = keras.Model(inputs, temperature.scaled_output(inputs, 1.7))
    _, rows = planted(3.0, count=50)
    rows = np.concatenate([rows, np.eye(4, dtype=np.float32)])
    found = network.predict(rows, verbose=0)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, temperature.scale(rows, 1.7), atol=1e-6)


@pytest.mark.usefixtures("deterministic")
def test_a_network_is_calibrated_by_its_predictions():
    import keras

    network = keras.Sequential([keras.Input((4,)), keras.layers.Softmax()])
    labels, rows = planted(2.0, count=100)
    logits, one_hot = np.log(rows), np.eye(4, dtype=np.float32)[labels]
    batches = [(logits[start : start + 30], one_hot[start : start + 30]) for start in range(0, 100, 30)]
    found, calibrated = temperature.calibrate_network(network, batches)
    assert calibrated
    assert found == pytest.approx(temperature.fit_temperature(labels, rows), abs=1e-5)
    assert found == round(found, 6)


def test_epochs_are_compared_at_their_best_temperature():
    labels, rows = planted(2.5, count=500)
    expected = crossentropy(labels, temperature.scale(rows, temperature.fit_temperature(labels, rows)))
    assert temperature.calibrated_crossentropy(labels, rows) == pytest.approx(expected, rel=1e-9)
    assert expected < crossentropy(labels, rows) - 0.1
    few = slice(temperature.MIN_IMAGES - 1)
    plain = crossentropy(labels[few], rows[few])
    assert temperature.calibrated_crossentropy(labels[few], rows[few]) == pytest.approx(plain, rel=1e-6)
    assert np.isnan(temperature.calibrated_crossentropy(labels, rows * np.nan))


@pytest.mark.usefixtures("deterministic")
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_the_temperature_is_that_of_the_network_in_float32(precision):
    """A network trained in mixed precision answers in float32 later."""
    import keras

    labels, rows = planted(2.0, count=100)
    logits, one_hot = np.log(rows), np.eye(4, dtype=np.float32)[labels]
    networks = []
    for policy in (precision, "float32"):
        inputs = keras.Input((4,))
        x = keras.ops.clip(keras.layers.Dense(4, kernel_initializer="identity", dtype=policy)(inputs), -30.0, 0.0)
        networks.append(keras.Model(inputs, keras.layers.Softmax(dtype="float32")(x)))
    mixed, plain = networks
    assert np.abs(mixed.predict(logits, verbose=0) - plain.predict(logits, verbose=0)).max() > 1e-4
    found = temperature.calibrate_network(mixed, [(logits, one_hot)])
    assert found == temperature.calibrate_network(plain, [(logits, one_hot)])
    assert found.calibrated
    assert mixed.layers[1].compute_dtype == precision.removeprefix("mixed_")
