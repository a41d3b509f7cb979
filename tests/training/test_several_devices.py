"""A CNN trained on several devices, in real processes: the same as on one device, but for float rounding."""

import io
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import log_loss

from scenes.dataset import records
from scenes.models import store, temperature
from scenes.training import batches
from tests.code_facts import ROOT
from tests.helpers.small_records import BYTES, CLASSES, SIZE, write

COUNTS = {"train": 41, "val": 24}

pytestmark = [pytest.mark.process, pytest.mark.timeout(500)]


def picture(number: int) -> bytes:
    """Return a JPEG of noise; its brightness tells its class, but not always."""
    pixels = np.random.default_rng(number).integers(0, 160, (4, 4, 3)) + 60 * (number % 2)
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).resize((SIZE, SIZE)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder in which ``tests.helpers.several_devices`` has run its trainings."""
    root = tmp_path_factory.mktemp("devices")
    numbers = {name: range(100 * len(name), 100 * len(name) + count) for name, count in COUNTS.items()}
    splits = {name: [(f"{name}/{number}", CLASSES[number % 2]) for number in numbers[name]] for name in numbers}
    BYTES.update({f"{name}/{number}": picture(number) for name in numbers for number in numbers[name]})
    write(root / "records", splits)
    surroundings = {
        "KERAS_BACKEND": "jax",
        "JAX_PLATFORMS": "cpu",
        "CUDA_VISIBLE_DEVICES": "-1",
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.helpers.several_devices", str(root / "records")],
        cwd=ROOT,
        env={**os.environ, **surroundings},
        capture_output=True,
        text=True,
        timeout=450,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return root


def logs(root):
    return {path.stem: path.read_text() for path in root.glob("*/*.log")}


def results(root, training, number=0):
    folder = root / ("killed" if training == "resumed" else training)
    with np.load(folder / f"{number}.npz") as file:
        return dict(file)


def test_all_end_with_those_that_are_killed_and_with_no_other(trained):
    statuses = json.loads((trained / "statuses.json").read_text())
    survivor, killed = statuses.pop("killed")
    assert killed == -signal.SIGKILL
    assert survivor == 1
    *_, said = logs(trained)["killed 0"].splitlines()
    assert said.startswith("error: process 1 has ended; see its output")
    assert "Traceback" not in logs(trained)["killed 0"]
    assert statuses == {"one": [0], "three devices": [0], "four processes": [0] * 4, "resumed": [0, 0]}, logs(trained)


@pytest.mark.parametrize("training", ["three devices", "four processes", "resumed"])
def test_losses_weights_and_predictions_are_those_of_one_device(trained, training):
    expected, found = results(trained, "one"), results(trained, training)
    histories = [json.loads(str(result.pop("history"))) for result in (expected, found)]
    assert histories[0].keys() == histories[1].keys()
    for name, values in histories[0].items():
        assert len(values) == 3
        assert histories[1][name] == pytest.approx(values, rel=1e-5), name
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-4, atol=1e-6, err_msg=name)
    answers = [result["probabilities"].argmax(axis=1) for result in (expected, found)]
    np.testing.assert_array_equal(*answers)
    assert len(answers[0]) == COUNTS["val"]
    assert (answers[0] == expected["labels"]).mean() > 0.6  # it has learned something


def test_tensorflow_gives_the_same_probabilities_with_it(trained, deterministic):
    jax, val = results(trained, "one"), records.open_records(trained / "records", "val")
    validation = batches.validation_images(val, 8)
    labels, probabilities = temperature.predict(store.load_network(trained / "one/model"), validation)
    np.testing.assert_allclose(probabilities, jax["probabilities"], rtol=1e-4, atol=1e-5)
    history = json.loads(str(jax["history"]))
    assert history["val_crossentropy"][-1] == pytest.approx(log_loss(labels, probabilities), rel=1e-4)
    assert history["val_accuracy"][-1] == (probabilities.argmax(axis=1) == labels).mean()
    _, calibrated = temperature.predict(store.load(trained / "one/model", trained), validation)
    expected = temperature.scale(jax["probabilities"], 2.0)
    assert np.abs(expected - jax["probabilities"]).max() > 0.05
    np.testing.assert_allclose(calibrated, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("training", "processes"), [("four processes", 4), ("resumed", 2)])
def test_all_processes_end_with_the_same_bytes(trained, training, processes):
    first = results(trained, training)
    for number in range(1, processes):
        for name, value in results(trained, training, number).items():
            assert value.tobytes() == first[name].tobytes(), name


def test_the_first_process_alone_speaks_and_resumes_from_the_last_epoch(trained):
    said = logs(trained)
    assert said["three devices 0"].startswith("small: on 3 x CPU, 1 thread, with JAX, in float32\n")
    assert "resuming after epoch 2 of 3\nepoch 3/3 " in said["resumed 0"]
    assert said["four processes 0"].count("epoch ") == 3
    assert not any("epoch " in said[f"four processes {number}"] for number in range(1, 4))
    assert not list(trained.glob("*/.resume/*/*"))
