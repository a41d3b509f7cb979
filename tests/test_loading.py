"""Nothing that is loaded can run code: no module of the project unpickles or evaluates what it reads."""

import ast

import pytest

from tests.code_facts import PACKAGES, ROOT

UNPICKLE = {"pickle", "_pickle", "joblib", "cloudpickle", "dill", "shelve", "marshal", "torch", "jsonpickle"}
BUILTINS = {"eval", "exec"}
METHODS = {"read_pickle", "unsafe_load", "full_load", "enable_unsafe_deserialization"}


def faults(text: str) -> list[str]:
    """Return what in a module could run what it reads."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.split(".")[0] in UNPICKLE]
        elif isinstance(node, ast.ImportFrom) and node.module.split(".")[0] in UNPICKLE:
            found.append(node.module)
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            said = {word.arg: ast.unparse(word.value) for word in node.keywords}
            harmless = {
                "load_model": said.get("safe_mode") == "True",
                "load": said.get("allow_pickle", "False") == "False" and "Safe" in said.get("Loader", "Safe"),
            }
            last = name.rpartition(".")[2]
            if name in BUILTINS or last in METHODS or not harmless.get(last, True):
                found.append(name)
    return found


def test_no_module_runs_what_it_reads():
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    assert len(files) > 50
    found = {path.relative_to(ROOT).as_posix(): faults(path.read_text(encoding="utf-8")) for path in files}
    # An unpickler that builds tensors and nothing else; tests/backbones/test_torch_file.py gives it hostile pickles.
    assert {path: names for path, names in found.items() if names} == {"scenes/backbones/torch_file.py": ["pickle"]}


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "from joblib import load",
        "import torch.serialization",
        "np.load(path, allow_pickle=True)",
        "pd.read_pickle(path)",
        "keras.saving.load_model(path)",
        "keras.saving.load_model(path, safe_mode=False)",
        "yaml.load(text, Loader=yaml.Loader)",
        "eval(text)",
    ],
)
def test_what_this_test_finds(text):
    assert len(faults(text)) == 1
