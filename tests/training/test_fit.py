"""Fitting: the schedule, early stopping, divergence, and the same bytes twice."""

import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss
from sklearn.utils.class_weight import compute_class_weight

from scenes.backbones.features import Features
from scenes.common.errors import InputError
from scenes.models import temperature
from scenes.training import batches, cnn, curves, fit
from tests.code_facts import ROOT
from tests.helpers.small_training import STOPPING, TRAINING, features, train
from tests.helpers.small_training import network as small_network

pytestmark = pytest.mark.usefixtures("deterministic")


def test_it_learns_and_reports_each_epoch(capsys):
    network, history = train(epochs=6)
    assert history["val_accuracy"][-1] > 0.9
    assert {len(values) for values in history.values()} == {6}
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 6
    number = r"\d\.\d{4}"
    scores = rf"accuracy {number} \(val {number}\)  crossentropy {number} \(val {number}\)  calibrated {number}"
    assert re.fullmatch(rf"epoch 1/6  {scores}  [\d,]+ images/s  \d+:\d\d left", lines[0])
    assert lines[-1].endswith(" 0:00 left")
    found = network.predict(features(30, 1).features, verbose=0)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)


def test_the_scores_on_validation_are_those_of_keras():
    """The network ends with the weights of the last epoch, so that Keras can score it again."""
    network, history = train(epochs=2, early_stopping=STOPPING | {"restore_best": False})
    scores = network.evaluate(batches.validation_features(features(30, 1)), return_dict=True, verbose=0)
    assert {f"val_{name}": pytest.approx(value, rel=1e-5) for name, value in scores.items()} == {
        name: history[name][-1] for name in ("val_accuracy", "val_crossentropy", "val_loss")
    }
    assert history["val_loss"] != history["val_crossentropy"], "the labels of the loss are smoothed"


def test_few_images_are_not_calibrated():
    assert len(features(30, 1).label) < temperature.MIN_IMAGES
    _, history = train(epochs=2)
    assert history["val_calibrated_crossentropy"] == pytest.approx(history["val_crossentropy"], rel=1e-6)


def test_the_best_epoch_is_that_of_the_calibrated_crossentropy(monkeypatch):
    """At a high rate the network is soon too confident: the temperature prefers another epoch than the plain score."""
    monkeypatch.setattr("tests.helpers.small_training.VALIDATION", (120, 3.0))
    changes = {"epochs": 8, "label_smoothing": 0.0, "learning_rate": 0.1, "weight_decay": None}
    stopping = STOPPING | {"monitor": "val_calibrated_crossentropy"}
    network, history = train(**changes, early_stopping=stopping)
    calibrated = history["val_calibrated_crossentropy"]
    assert all(one < other for one, other in zip(calibrated, history["val_crossentropy"], strict=True))
    assert np.argmin(calibrated) != np.argmin(history["val_crossentropy"])
    val = features(120, 1, spread=3.0)
    rows = network.predict(val.features, verbose=0)
    scaled = temperature.scale(rows, temperature.fit_temperature(val.label, rows))
    assert log_loss(val.label, scaled) == pytest.approx(min(calibrated), rel=1e-5)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_without_decay_it_trains(optimizer):
    """As with a decay of 0."""
    runs = [train(epochs=2, optimizer=optimizer, weight_decay=decay)[0].get_weights() for decay in (None, 0.0)]
    for one, other in zip(*runs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)


def test_a_step_is_traced_once(monkeypatch):
    """For large networks a trace takes a minute."""
    import keras

    traced, step = [], keras.Model.train_step
    monkeypatch.setattr(keras.Model, "train_step", lambda self, data: traced.append(self) or step(self, data))
    train(epochs=2)
    assert len(traced) == 1


def test_the_rate_warms_up_linearly_and_ends_at_0():
    rate = fit.rate("cosine", peak=2.0, steps=100, warmup_steps=20)
    assert [float(rate(step)) for step in (0, 10, 20, 100)] == pytest.approx([0, 1, 2, 0], abs=1e-6)
    expected = 2.0 * (1 + np.cos(np.pi * 0.5)) / 2
    assert float(rate(60)) == pytest.approx(expected, abs=1e-6)
    assert float(fit.rate("cosine", peak=2.0, steps=100, warmup_steps=0)(0)) == pytest.approx(2.0)
    assert fit.rate("constant", peak=0.5, steps=9, warmup_steps=0) == 0.5


@pytest.mark.parametrize("accumulation", [1, 2])
def test_the_rate_covers_the_training_however_many_batches_a_step(accumulation):
    _, history = train(epochs=4, warmup_epochs=1, gradient_accumulation=accumulation)
    # At the end of an epoch: the peak after the warm-up, then a third and two thirds of a half cosine, then nothing.
    expected = [0.01 * (1 + np.cos(np.pi * part / 3)) / 2 for part in range(4)]
    assert history["learning_rate"] == pytest.approx(expected, rel=1e-4, abs=1e-8)


def test_early_stopping_is_that_of_the_write_up():
    """min_delta 0.05, patience 2: stops at the first epoch that is the second without a gain of 0.05."""
    _, history = train(
        epochs=40, early_stopping=STOPPING | {"monitor": "val_accuracy", "min_delta": 0.05, "patience": 2}
    )
    values, best, waited, stop = history["val_accuracy"], -np.inf, 0, None
    for epoch, value in enumerate(values):
        best, waited = (value, 0) if value - 0.05 > best else (best, waited + 1)
        if waited >= 2 and epoch > 0:
            stop = epoch
            break
    assert len(values) < 40
    assert stop == len(values) - 1


@pytest.mark.parametrize("restore_best", [True, False])
def test_it_ends_with_the_weights_asked_for(restore_best):
    # A rate that is much too high for the last epochs, so that the best epoch is not the last.
    network, history = train(
        epochs=8,
        optimizer="sgd",
        learning_rate=0.2,
        schedule="constant",
        warmup_epochs=0,
        weight_decay=None,
        early_stopping=STOPPING | {"restore_best": restore_best},
    )
    ends_with = min(history["val_crossentropy"]) if restore_best else history["val_crossentropy"][-1]
    scores = network.evaluate(batches.validation_features(features(30, 1)), return_dict=True, verbose=0)
    assert scores["crossentropy"] == pytest.approx(ends_with, rel=1e-3)
    assert min(history["val_crossentropy"]) < history["val_crossentropy"][-1]


def test_an_interrupted_training_ends_in_the_same_bytes_and_its_curves_are_written_meanwhile(
    tmp_path, capsys, monkeypatch
):
    """tests/training/test_resume.py kills real processes, at places of every kind."""
    import keras

    class Interrupt(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.epoch = epoch

        def on_train_batch_end(self, batch, logs=None):
            if (self.epoch, batch) == (2, 1):
                raise KeyboardInterrupt

    counts = []

    def write(folder):
        def after_epoch(history):
            curves.write(tmp_path / folder, history)
            counts.append(len((tmp_path / folder / "curves.tsv").read_text().splitlines()) - 1)

        return after_epoch

    whole, history = train(after_epoch=write("whole"))
    assert counts == [1, 2, 3, 4]
    keras_fit = keras.Model.fit
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(
            keras.Model,
            "fit",
            lambda *args, callbacks, **named: keras_fit(*args, callbacks=[*callbacks, Interrupt()], **named),
        )
        train(state=tmp_path / "state.npz", after_epoch=write("killed"))
    shutil.rmtree(tmp_path / "killed")  # DVC removes the outputs before it runs a stage again
    counts.clear()
    capsys.readouterr()
    resumed, again = train(state=tmp_path / "state.npz", after_epoch=write("killed"))
    assert counts == [2, 3, 4]
    for table in (tmp_path / "whole").iterdir():
        assert table.read_bytes() == (tmp_path / "killed" / table.name).read_bytes()
    assert capsys.readouterr().out.startswith("resuming after epoch 2 of 4\nepoch 3/4 ")
    assert again == history
    for one, other in zip(resumed.weights, whole.weights, strict=True):
        assert one.numpy().tobytes() == other.numpy().tobytes(), one.path


def test_divergence_stops_in_one_sentence():
    with pytest.raises(InputError, match=r"lower training\.learning_rate"):
        train(optimizer="sgd", learning_rate=1e30, schedule="constant", warmup_epochs=0)


@given(per_class=st.lists(st.integers(1, 1000), min_size=2, max_size=8))
def test_balanced_weights_are_those_of_scikit_learn(per_class):
    labels = np.repeat(np.arange(len(per_class)), per_class)
    expected = compute_class_weight("balanced", classes=np.arange(len(per_class)), y=labels)
    found = fit.class_weights("balanced", per_class)
    assert [found[label] for label in range(len(per_class))] == pytest.approx(expected.tolist(), rel=1e-12)
    assert fit.class_weights("none", per_class) is None


def test_the_loss_of_a_step_is_weighted_by_class():
    """One batch, no training: the reported loss is the weighted mean by hand, accuracy and crossentropy are not."""
    import keras

    keras.utils.set_random_seed(0)
    data = features(41, 0, spread=4.0)
    network = small_network(units=4, dropout=0.0)
    probabilities = network.predict(data.features, verbose=0)
    losses = -np.log(probabilities[np.arange(41), data.label])
    for class_weight, weights in (("none", np.ones(3)), ("balanced", 41 / (3 * np.bincount(data.label)))):
        found = fit.run(
            network,
            lambda start: batches.training_features(data, batch_size=41, epochs=1, seed=0, start=start),
            batches.validation_features(data),
            per_class=np.bincount(data.label).tolist(),
            **TRAINING
            | {
                "batch_size": 41,
                "epochs": 1,
                "learning_rate": 0.0,
                "schedule": "constant",
                "warmup_epochs": 0,
                "label_smoothing": 0.0,
                "class_weight": class_weight,
            },
        )
        assert found["loss"][0] == pytest.approx((losses * weights[data.label]).mean(), rel=1e-4)
        assert found["crossentropy"][0] == pytest.approx(losses.mean(), rel=1e-4)
        assert found["val_loss"][0] == pytest.approx(losses.mean(), rel=1e-4)


def test_balanced_weights_raise_the_recall_of_a_rare_class():
    import keras

    rng = np.random.default_rng(0)
    label = np.repeat([0, 1], [180, 20])
    rows = (rng.normal(size=(200, 8)) + np.eye(8)[label]).astype(np.float32)
    data = Features(np.array([b"x"] * 200), label, rows, ("common", "rare", "none"))
    recalls = []
    for class_weight in ("none", "balanced"):
        keras.utils.set_random_seed(0)
        network = small_network(units=8, dropout=0.0)
        fit.run(
            network,
            lambda start: batches.training_features(data, batch_size=16, epochs=5, seed=0, start=start),
            batches.validation_features(data),
            per_class=[180, 20],
            **TRAINING | {"epochs": 5, "class_weight": class_weight},
        )
        recalls.append((network.predict(rows, verbose=0).argmax(axis=1) == 1)[label == 1].mean())
    assert recalls[1] > recalls[0] + 0.2


def test_a_warm_up_longer_than_the_training_just_warms_up():
    rate = fit.rate("cosine", peak=2.0, steps=5, warmup_steps=15)
    assert [float(rate(step)) for step in (0, 5)] == pytest.approx([0, 2 / 3], abs=1e-6)


def test_a_profile_sets_epochs_and_image_size():
    model = {"kind": "cnn", "network": {"filters": [8]}, "training": {"epochs": 15, "batch_size": 4}}
    assert cnn.for_profile(model, epochs=None, image_size=None, image_shape=(96, 96, 3)) == model
    assert cnn.for_profile(model, epochs=None, image_size=96, image_shape=(96, 96, 3)) == model
    changed = cnn.for_profile(model, epochs=3, image_size=64, image_shape=(96, 96, 3))
    assert changed == model | {
        "network": {"filters": [8], "image_size": 64},
        "training": {"epochs": 3, "batch_size": 4},
    }
    assert model["training"]["epochs"] == 15


def test_weight_decay_leaves_biases_and_normalisation_alone():
    import keras

    network = small_network(units=4, dropout=0.0)
    fit.compile_classifier(network, 0.1, optimizer="adamw", weight_decay=0.1, label_smoothing=0.0)
    decayed = {v.path for v in network.trainable_variables if network.optimizer._use_weight_decay(v)}
    assert decayed == {v.path for v in network.trainable_variables if v.name == "kernel"}
    assert isinstance(network.optimizer, keras.optimizers.AdamW)


@pytest.mark.process
@pytest.mark.parametrize("xla", [False, True])
def test_two_processes_with_other_threads_give_the_same_bytes(tmp_path, xla):
    processes = []
    try:
        for threads in ("1", "4"):
            names = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "PYTHONHASHSEED")
            command = [sys.executable, "-m", "tests.helpers.small_training", f"{tmp_path}/{threads}.weights.h5"]
            processes.append(
                subprocess.Popen(
                    [*command, *["--xla"] * xla],
                    cwd=ROOT,
                    env={**os.environ, **dict.fromkeys(names, threads)},
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
        outputs = [process.communicate(timeout=200)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert [process.returncode for process in processes] == [0, 0]
    hashes = {output.splitlines()[-1] for output in outputs}
    assert len(hashes) == 1


def test_a_bar_is_drawn_at_a_terminal_only(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    train(epochs=2)
    assert "epoch 2/2: " in capsys.readouterr().err
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    train(epochs=2)
    assert capsys.readouterr().err == ""
