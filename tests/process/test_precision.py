"""Precision: which policy for which GPU; networks compute in it, and are kept and answer in float32."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenes.models import cnn
from scenes.process import runtime
from tests.helpers import small_training

pytestmark = pytest.mark.usefixtures("deterministic")
MIXED = ["mixed_bfloat16", "mixed_float16"]


@pytest.fixture(autouse=True)
def policy():
    """Whatever a test sets, the others get what was there."""
    before = keras.config.dtype_policy()
    yield
    keras.config.set_dtype_policy(before)


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ([], "float32"),  # no GPU
        ([(0, 0)], "float32"),  # one that does not say what it is
        ([(6, 1)], "float32"),  # Pascal
        ([(7, 0)], "mixed_float16"),  # V100
        ([(7, 5)], "mixed_float16"),  # T4
        ([(8, 0)], "mixed_bfloat16"),  # A100
        ([(8, 9)], "mixed_bfloat16"),  # L4
        ([(9, 0)], "mixed_bfloat16"),  # H100
        ([(10, 0)], "mixed_bfloat16"),  # B200: 10 is more than 9, as strings would not have it
        ([(9, 0), (7, 5)], "mixed_float16"),
        ([(7, 5), (6, 1)], "float32"),
    ],
)
def test_the_weakest_gpu_decides(capabilities, expected):
    assert runtime.automatic_precision(capabilities) == expected


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 9)), min_size=1, max_size=4))
def test_the_weakest_decides_in_any_order_of_the_gpus(capabilities):
    rank = ["float32", "mixed_float16", "mixed_bfloat16"].index
    found = rank(runtime.automatic_precision(capabilities))
    assert found == rank(runtime.automatic_precision(capabilities[::-1]))
    assert found == min(rank(runtime.automatic_precision([one])) for one in capabilities)


def test_auto_asks_the_gpus(monkeypatch):
    monkeypatch.setattr(runtime, "_capabilities", lambda: [(8, 6)])
    assert runtime.set_precision("auto") == "mixed_bfloat16"
    assert keras.config.dtype_policy().name == "mixed_bfloat16"


def test_a_device_is_named(monkeypatch):
    import tensorflow as tf

    assert runtime.device(2) == "CPU, 2 threads"  # no test has a GPU
    assert runtime.device(1) == "CPU, 1 thread"
    gpus = [SimpleNamespace(device_type="GPU")] * 2
    details = {"device_name": "NVIDIA H200", "compute_capability": (9, 0)}
    monkeypatch.setattr(tf.config, "list_physical_devices", {"GPU": gpus}.get)
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: details)
    assert runtime.device(2) == "NVIDIA H200"
    assert runtime.gpu_names() == ["NVIDIA H200"] * 2
    details.clear()  # some drivers say nothing
    assert runtime.device(2) == "GPU"


def test_with_jax_the_gpus_of_all_processes_are_named_and_asked(monkeypatch):
    import jax

    gpu = SimpleNamespace(platform="gpu", device_kind="NVIDIA H200", compute_capability="9.0")
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setattr(jax, "devices", lambda: [gpu] * 8)
    monkeypatch.setattr(jax, "device_count", lambda: 8)
    assert runtime.gpu_names() == ["NVIDIA H200"] * 8
    assert runtime.device(2) == "8 x NVIDIA H200, with JAX"
    assert runtime.set_precision("auto") == "mixed_bfloat16"


@pytest.mark.parametrize("name", ["float32", *MIXED])
def test_a_policy_asked_for_is_set_whatever_the_machine(monkeypatch, name):
    monkeypatch.setattr(runtime, "_capabilities", lambda: pytest.fail("nobody asked"))
    assert runtime.set_precision(name) == name
    assert keras.config.dtype_policy().name == name


def build_cnn():
    return cnn.build((16, 16, 3), 3, filters=[4], dropout=0.1)


def build_dense():
    return small_training.network(units=4)


INPUTS = {
    build_cnn: np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), np.uint8),
    build_dense: np.random.default_rng(0).normal(size=(5, 8)).astype(np.float32),
}


@pytest.mark.parametrize("build", INPUTS)
@pytest.mark.parametrize("name", MIXED)
def test_a_network_of_mixed_precision_is_kept_and_answers_in_float32(tmp_path, name, build):
    runtime.set_precision(name)
    mixed = build()
    assert {variable.dtype for variable in mixed.weights} <= {"float32", "int64"}  # integers: a count in Normalization
    assert mixed.layers[-2].compute_dtype == name.removeprefix("mixed_")
    found = mixed.predict(INPUTS[build], verbose=0)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)  # a softmax in 8 bits of mantissa would not

    mixed.save_weights(tmp_path / "mixed.weights.h5")
    runtime.set_precision("float32")
    plain = build()
    plain.load_weights(tmp_path / "mixed.weights.h5")
    for one, other in zip(mixed.weights, plain.weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    np.testing.assert_allclose(plain.predict(INPUTS[build], verbose=0), found, atol=0.02)
    plain.save_weights(tmp_path / "plain.weights.h5")
    assert (tmp_path / "plain.weights.h5").stat().st_size == (tmp_path / "mixed.weights.h5").stat().st_size
