"""Calibration against scikit-learn, a second implementation and values by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats
from sklearn.calibration import calibration_curve

from scenes.evaluation import calibration

# Of four images, confidences 0.5 (right), 0.5 (wrong), 0.8 (right) and 0.6 (wrong).
LABELS = np.array([0, 0, 1, 2])
PROBABILITIES = np.array([[0.5, 0.3, 0.2], [0.2, 0.5, 0.3], [0.1, 0.8, 0.1], [0.6, 0.3, 0.1]])


def test_by_hand():
    table = calibration.reliability_table(LABELS, PROBABILITIES, bins=4)
    assert list(table) == ["lower", "upper", "count", "confidence", "accuracy"]
    assert table["lower"].tolist() == [0, 0.25, 0.5, 0.75]
    assert table["upper"].tolist() == [0.25, 0.5, 0.75, 1]
    assert table["count"].tolist() == [0, 2, 1, 1]  # 0.5 belongs to the bin that ends there
    np.testing.assert_allclose(table["confidence"], [np.nan, 0.5, 0.6, 0.8])
    np.testing.assert_allclose(table["accuracy"], [np.nan, 0.5, 0, 1])
    assert calibration.expected_calibration_error(table) == pytest.approx((2 * 0 + 0.6 + 0.2) / 4)
    assert calibration.maximum_calibration_error(table) == pytest.approx(0.6)


def test_both_errors_come_from_the_table_of_15_bins():
    errors = calibration.errors(LABELS, PROBABILITIES)
    floor = calibration.noise_floor(PROBABILITIES)
    assert errors == {"ece": pytest.approx((2 * 0 + 0.6 + 0.2) / 4), "ece_floor": floor, "mce": pytest.approx(0.6)}
    assert len(calibration.reliability_table(LABELS, PROBABILITIES)) == 15


def test_the_table_is_the_curve_of_scikit_learn():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(3), 300)
    labels = rng.integers(3, size=300)
    table = calibration.reliability_table(labels, probabilities, bins=10).dropna()
    right = probabilities.argmax(axis=1) == labels
    accuracy, confidence = calibration_curve(right, probabilities.max(axis=1), n_bins=10)
    np.testing.assert_allclose(table["accuracy"], accuracy)
    np.testing.assert_allclose(table["confidence"], confidence)


def test_the_floor_is_the_mean_deviation_of_binomial_variables():
    """Known in closed form if all confidences in a bin are equal."""
    levels, counts = (0.6, 0.9, 0.99), (30, 60, 150)
    confidence, right = np.repeat(levels, counts), np.arange(151)
    expected = sum(
        (np.abs(right - n * p) * stats.binom.pmf(right, n, p)).sum() for n, p in zip(counts, levels, strict=True)
    )
    floor = calibration.noise_floor(np.stack([confidence, 1 - confidence], axis=1))
    assert floor == pytest.approx(expected / 240, rel=0.04)


def test_a_calibrated_classifier_is_at_the_floor_and_more_images_lower_it():
    rng = np.random.default_rng(0)
    errors = []
    for count in (240, 2400):
        confidence = rng.uniform(0.5, 1, count)
        probabilities = np.stack([confidence, 1 - confidence], axis=1)
        tables = (
            calibration.reliability_table((rng.random(count) > confidence).astype(int), probabilities)
            for _ in range(100)
        )
        errors.append(np.mean([calibration.expected_calibration_error(table) for table in tables]))
        assert calibration.noise_floor(probabilities) == pytest.approx(errors[-1], rel=0.1)
    assert errors[1] < errors[0] / 2


def second_gaps(labels, probabilities, bins):
    """The definition, bin by bin: the weight and the gap of each bin that has images."""
    confidence, predicted = probabilities.max(axis=1), probabilities.argmax(axis=1)
    for number in range(bins):
        inside = [i for i, c in enumerate(confidence) if max(int(np.ceil(c * bins)) - 1, 0) == number]
        if inside:
            accuracy = np.mean([predicted[i] == labels[i] for i in inside])
            yield len(inside) / len(labels), abs(accuracy - np.mean([confidence[i] for i in inside]))


@given(
    raw=hnp.arrays(np.float64, st.tuples(st.integers(1, 40), st.just(4)), elements=st.floats(0.001, 1)),
    bins=st.integers(1, 20),
    data=st.data(),
)
def test_the_errors_are_the_definition_and_in_order(raw, bins, data):
    probabilities = raw / raw.sum(axis=1, keepdims=True)
    labels = data.draw(hnp.arrays(np.int64, len(raw), elements=st.integers(0, 3)))
    table = calibration.reliability_table(labels, probabilities, bins)
    expected, largest = calibration.expected_calibration_error(table), calibration.maximum_calibration_error(table)
    gaps = list(second_gaps(labels, probabilities, bins))
    assert expected == pytest.approx(sum(weight * gap for weight, gap in gaps), abs=1e-9)
    assert largest == pytest.approx(max(gap for _, gap in gaps), abs=1e-9)
    assert 0 <= expected <= largest + 1e-12 <= 1 + 1e-9
    assert table["count"].sum() == len(labels)
