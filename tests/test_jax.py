"""Model code is plain Keras 3: JAX trains it, too, and TensorFlow loads the result with the same scores.

tests/training/test_several_devices.py does the same with a CNN.
"""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from scenes.common.tables import flatten
from scenes.evaluation import metrics
from scenes.models.temperature import Calibration
from tests.code_facts import ROOT

NAMES = ("linear", "tuned")
# Some 1e-7 has been seen: float32 sums in another order.
TOLERANCE = {"rtol": 1e-4, "atol": 1e-5}

# Beyond the time in which the module's one fixture gives up.
pytestmark = [pytest.mark.process, pytest.mark.timeout(500)]


def run(backend: str, action: str, folder) -> None:
    surroundings = {
        "KERAS_BACKEND": backend,
        # Also where there is a GPU: it would round products to TF32.
        "JAX_PLATFORMS": "cpu",
        "CUDA_VISIBLE_DEVICES": "-1",
        # JAX optimises less and compiles in half the time, which is nearly all there is to do.
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.helpers.both_backends", action, str(folder)],
        cwd=ROOT,
        env={**os.environ, **surroundings},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """What JAX has trained, and the probabilities that each backend gives with it."""
    folder = tmp_path_factory.mktemp("jax")
    run("jax", "train", folder)
    run("tensorflow", "score", folder)
    facts = json.loads((folder / "trained.json").read_text(encoding="utf-8"))
    return SimpleNamespace(**facts, jax=np.load(folder / "jax.npz"), tensorflow=np.load(folder / "tensorflow.npz"))


def test_jax_fine_tunes(trained):  # scikit-learn fits the linear classifier
    assert np.isfinite(trained.losses).all()
    assert trained.losses[-1] < 0.9 * trained.losses[0]


@pytest.mark.parametrize("name", NAMES)
def test_tensorflow_gives_the_same_probabilities(trained, name):
    jax, tensorflow = trained.jax[name], trained.tensorflow[name]
    np.testing.assert_allclose(tensorflow, jax, **TOLERANCE)
    np.testing.assert_array_equal(tensorflow.argmax(axis=1), jax.argmax(axis=1))
    # Answers that depend on the input: else this would compare nothing.
    assert np.ptp(jax, axis=0).max() > 0.1


def test_tensorflow_gives_the_same_scores(trained):
    labels, classes = np.arange(len(trained.jax["linear"])) % 3, ("a", "b", "c")
    jax, tensorflow = (
        metrics.classification(
            labels, probabilities["linear"], classes, calibration=Calibration(1.5, True), thresholds={}
        )
        for probabilities in (trained.jax, trained.tensorflow)
    )
    for loss in ("crossentropy", "brier_score"):
        losses = [scores.pop(loss) for scores in (jax, tensorflow)]
        assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    calibrations = [scores.pop("calibration") for scores in (jax, tensorflow)]
    scaled = [entry.pop("temperature_scaled") for entry in calibrations]
    assert calibrations[0] == pytest.approx(calibrations[1], abs=1e-4)
    assert flatten(scaled[0]) == pytest.approx(flatten(scaled[1]), abs=1e-4)
    assert jax == tensorflow
    assert jax["accuracy"] > 0.6  # of three classes, on what it was not trained on


def test_fine_tuning_moves_all_but_batch_normalisation(trained):
    assert all(trained.moved["learning"])
    assert trained.moved["statistics"]
    assert not any(trained.moved["statistics"])
