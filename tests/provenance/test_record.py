"""What stands in provenance.json, and what does and does not change it."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from importlib.metadata import packages_distributions, version

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenes.common.errors import InputError
from scenes.export.check import WRITERS
from scenes.provenance import fingerprint, record
from tests.code_facts import ROOT, module_files, packages

CODE = '''
"""What it is for."""

import math


def area(radius, *, half=False):
    """Return it."""
    whole = math.pi * radius**2  # a remark
    return whole / 2 if half else whole


class Circle:
    """A shape."""

    text = "# no remark"
'''
SAME = {
    "a comment": ("import math", "import math  # for pi"),
    "a comment of its own line": ("import math", "# for pi\nimport math"),
    "a docstring": ("Return it.", "Return the area."),
    "a module's docstring": ('"""What it is for."""\n', ""),
    "a class's docstring": ('    """A shape."""\n', ""),
    "empty lines": ("\n\n\ndef", "\n\n\n\n\ndef"),
    "parentheses": ("math.pi * radius**2", "(math.pi * (radius**2))"),
    "lines broken": ("(radius, *, half=False)", "(\n    radius,\n    *,\n    half=False,\n)"),
    "quotes": ('"# no remark"', "'# no remark'"),
}
OTHER = {
    "a number": ("/ 2", "/ 3"),
    "its type": ("/ 2", "/ 2.0"),
    "an operator": ("math.pi * radius", "math.pi + radius"),
    "a text": ("# no remark", "#no remark"),
    "a name": ("whole", "all_of_it"),
    "a default": ("half=False", "half=True"),
    "None for False": ("half=False", "half=None"),
    "an argument": ("*, half", "half"),
    "a branch left out": (" / 2 if half else whole", ""),
    "a text that is no docstring": ("import math", 'import math\n\n"""a text"""'),
}


def hashed(folder, text: str, name: str = "a.py") -> str:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    return record.code_hash([folder / name], folder)


@pytest.mark.parametrize("edit", SAME)
def test_the_hash_of_code_does_not_see(edit, tmp_path):
    old, new = SAME[edit]
    assert old in CODE
    assert hashed(tmp_path / "one", CODE) == hashed(tmp_path / "other", CODE.replace(old, new))


@pytest.mark.parametrize("edit", OTHER)
def test_the_hash_of_code_sees(edit, tmp_path):
    old, new = OTHER[edit]
    assert old in CODE
    assert hashed(tmp_path, CODE) != hashed(tmp_path, CODE.replace(old, new))


def test_the_hash_of_code_sees_names_of_files_and_not_their_order_or_those_that_say_nothing(tmp_path):
    assert hashed(tmp_path, CODE) != hashed(tmp_path, CODE, "b.py")
    one, two, empty = (tmp_path / name for name in ("a.py", "b.py", "__init__.py"))
    two.write_text("x = 1\n")
    empty.write_text('"""A package."""\n')
    taken = record.code_hash([one, two], tmp_path)
    assert record.code_hash([two, empty, one], tmp_path) == taken
    assert record.code_hash([one], tmp_path) != taken
    empty.write_text('"""A package."""\n\nx = 1\n')
    assert record.code_hash([two, empty, one], tmp_path) != taken


LITERALS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.binary())


@settings(deadline=None)
@given(LITERALS, LITERALS)
def test_the_hash_of_code_tells_any_two_literals_apart(tmp_path_factory, one, other):
    folder = tmp_path_factory.getbasetemp()
    same = repr(one) == repr(other)
    # After another statement: a text that comes first is a docstring.
    taken = [hashed(folder, f"x = 1\nf({value!r})\n") for value in (one, other)]
    assert (taken[0] == taken[1]) == same


@pytest.mark.parametrize("version", ["3.12", "3.13", "3.14"])
def test_another_python_gives_the_project_the_same_hash(version, tmp_path):
    python = shutil.which(f"python{version}")
    # A version manager may have put a program of that name there which only says that it is not chosen.
    if python is None or subprocess.run([python, "-c", ""], capture_output=True, timeout=60).returncode:
        pytest.skip(f"there is no Python {version} here")
    shown = subprocess.run(
        [python, "-c", CODE_HASH, ROOT], cwd=ROOT, check=True, capture_output=True, text=True, timeout=60
    ).stdout
    files = [*(ROOT / "scenes").glob("*.py"), *(ROOT / "stages").glob("*.py")]
    assert shown.strip() == record.code_hash(files, ROOT)


# The module imports nothing at its top but the library's own, none of which needs an installed package.
CODE_HASH = """
import sys
from pathlib import Path
from scenes import provenance
root = Path(sys.argv[1])
print(provenance.code_hash([*(root / "scenes").glob("*.py"), *(root / "stages").glob("*.py")], root))
"""


# Libraries that change nothing in a model's folder: they read params, draw bars, write curves, or only check it.
IDLE = {"ruamel.yaml", "ruamel.yaml.clib", "tqdm", "pandas", "psutil", "threadpoolctl", "onnxruntime", "ai-edge-litert"}
IDLE |= {"protobuf"}  # TensorFlow's own format, in its own version


@pytest.mark.parametrize("stage", ["finetune", "features", "train_cnn", "train_head", "multilabel", "select", "export"])
def test_each_library_that_a_model_depends_on_is_named(stage):
    """Whoever imports another one decides whether a model hangs on it."""
    distributions = packages_distributions()
    imported = {name for package in packages(f"stages.{stage}") for name in distributions[package]}
    assert {"keras", "numpy"} <= imported
    assert imported - IDLE <= {*fingerprint.LIBRARIES, *(WRITERS if stage == "export" else ())}


@pytest.mark.parametrize("stage", ["finetune", "features", "train_cnn", "train_head", "multilabel", "select", "export"])
def test_the_code_is_just_that_which_dvc_holds_as_dependencies(stage):
    """Run as DVC runs it, but for the work: what is loaded then is what dvc.yaml and dvc.lock name."""
    code = f"import stages.{stage}; from scenes import fingerprint; print(*fingerprint.loaded_code(), sep='\\n')"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True, timeout=120
    ).stdout.split()
    names = {os.path.relpath(path, ROOT) for path in loaded}
    assert names - {"scenes/__init__.py", "stages/__init__.py"} == module_files(f"stages.{stage}")


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A folder with inputs, in which a provenance is written."""
    monkeypatch.chdir(tmp_path)
    for name, content in {
        "data/origin.json": '{"archive_sha256": "a", "split_sha256": "b", "data_params": {"split": {"val": 0.1}}}',
        "data/x/1": "one",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    (tmp_path / "model").mkdir()
    record.save("model", origin=record.origin("data"), inputs=["data/x"], params={"seed": 1, "models.m": {}})
    return tmp_path


def test_it_says_what_made_the_model(made):
    found = record.read("model")
    assert found.keys() == {*record.ORIGIN, "inputs", "params", "code_sha256", "libraries"}
    assert found["data_params"] == {"split": {"val": 0.1}}
    assert (found["archive_sha256"], found["split_sha256"]) == ("a", "b")
    assert found["params"] == {"seed": 1, "models.m": {}}
    # As `sha256sum` would give it, over the lines that it writes of the files.
    line = f"{hashlib.sha256(b'one').hexdigest()}  1\n"
    assert found["inputs"] == {"data/x": hashlib.sha256(line.encode()).hexdigest()}
    assert re.fullmatch("[0-9a-f]{64}", found["code_sha256"])
    assert found["libraries"]["python"] == f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert {"keras", "tensorflow", "numpy"} < set(found["libraries"])
    assert str(made) not in (made / "model/provenance.json").read_text()


def test_a_model_put_together_from_others_holds_theirs(made):
    part = record.read("model")
    (made / "both").mkdir()
    record.save("both", origin=part, inputs=["model"], params={}, model=part)
    assert record.read("both")["model"] == part
    assert record.read("both")["archive_sha256"] == "a"


def test_what_records_alone_made_names_no_archive(made):
    """So records that are the same, of another archive, leave it as it is."""
    record.save("model", inputs=["data/x"], params={}, others=["pandas"])
    found = record.read("model")
    assert found.keys() == {"inputs", "params", "code_sha256", "libraries"}
    assert found["libraries"]["pandas"] == version("pandas")


def test_its_bytes_do_not_change_with_dates_and_do_with_what_it_was_made_from(made):
    before = (made / "model/provenance.json").read_bytes()

    def again():
        record.save("model", origin=record.origin("data"), inputs=["data/x"], params={"models.m": {}, "seed": 1})
        return (made / "model/provenance.json").read_bytes()

    os.utime(made / "data/x/1", (1, 1))
    assert again() == before
    (made / "data/x/1").write_text("two")
    assert again() != before
    (made / "data/x/1").write_text("one")
    assert again() == before
    (made / "data/x/1").rename(made / "data/x/2")
    assert again() != before


def test_clear_sentences(made):
    with pytest.raises(InputError, match=r"provenance.json is not there.*dvc pull"):
        record.read("nowhere")
    (made / "model/provenance.json").write_text(textwrap.shorten(json.dumps({"a": 1}), 6, placeholder="{"))
    with pytest.raises(InputError, match=r"is not JSON"):
        record.read("model")
