"""Setting up TensorFlow: what it does not load."""

import importlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from scenes.common.errors import InputError
from scenes.process import runtime
from tests.code_facts import ROOT

CODE = """
import sys
from scenes.process import runtime
runtime.configure(seed=0, threads=1)
print({name.split(".")[0] for name in sys.modules} & set(runtime.DEFERRED))
import keras, matplotlib.pyplot, pandas, sklearn.linear_model
print(keras.ops.convert_to_numpy(keras.layers.Dense(1)(pandas.DataFrame({"a": [1.0]}).to_numpy())).shape)
"""


@pytest.mark.process
def test_what_keras_only_looks_for_is_not_loaded_but_can_be():
    done = subprocess.run([sys.executable, "-c", CODE], cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines() == ["set()", "(1, 1)"]


def test_another_backend_than_tensorflow_and_jax_is_refused():
    with pytest.raises(InputError, match="KERAS_BACKEND is torch"):
        runtime.configure(seed=0, threads=1, backend="torch")


def test_what_is_hidden_can_be_loaded_by_other_threads_and_later():
    sys.modules.pop("this", None)
    with runtime._Hiding(["json", "this"]):
        importlib.import_module("json")
        with pytest.raises(ImportError, match="this is not needed yet"):
            importlib.import_module("this")
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(importlib.import_module, "this").result().__name__ == "this"
    del sys.modules["this"]
    assert importlib.import_module("this")
