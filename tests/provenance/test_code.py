"""Fingerprints of the code: what changes them, what they cover, and that a stage loads nothing else."""

import os
import shutil
import subprocess
import sys
import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenes.common.errors import InputError
from scenes.provenance.code import digest, fingerprints, text
from tests.code_facts import ROOT

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
    "line ends": ("\n", "\r\n"),
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


def write(folder, files: dict[str, str | bytes]):
    """Write files by their paths; return ``folder``."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def hashed(folder, code: str) -> dict[str, str]:
    return fingerprints("a", write(folder, {"a.py": code}))


@pytest.mark.parametrize("edit", SAME)
def test_a_remark_changes_nothing(edit, tmp_path):
    old, new = SAME[edit]
    assert old in CODE
    assert hashed(tmp_path, CODE) == hashed(tmp_path, CODE.replace(old, new)) != {}


@pytest.mark.parametrize("edit", OTHER)
def test_a_change_does(edit, tmp_path):
    old, new = OTHER[edit]
    assert old in CODE
    assert hashed(tmp_path, CODE) != hashed(tmp_path, CODE.replace(old, new))


LITERALS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.binary())


@settings(deadline=None)
@given(LITERALS, LITERALS)
def test_any_two_literals_are_told_apart(tmp_path_factory, one, other):
    folder = tmp_path_factory.getbasetemp()
    # After another statement: a text that comes first is a docstring.
    taken = [hashed(folder, f"x = 1\nf({value!r})\n") for value in (one, other)]
    assert (taken[0] == taken[1]) == (repr(one) == repr(other))


FILES = {
    "a/__init__.py": '"""A package that does nothing."""\n',
    "a/one.py": "x = 1\n",
    "a/two.py": "from a import one\n",
    "a/deep/__init__.py": "y = 1\n",
    "a/deep/er/three.py": "z = 1\n",
}


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("import a.one", {"a.one"}),
        ("import a.one as two", {"a.one"}),
        ("from a import one", {"a.one"}),
        ("from a.one import x", {"a.one"}),
        ("def f():\n    if False:\n        from a import one", {"a.one"}),
        ("from a import two", {"a.one", "a.two"}),
        ("from a import *", set()),
        ("import a.deep.er.three", {"a.deep", "a.deep.er.three"}),
        ("from a.deep import y", {"a.deep"}),
        ("import os, numpy, a", set()),
    ],
)
def test_every_import_counts_and_so_do_packages_with_code(statement, expected, tmp_path):
    write(tmp_path, FILES | {"stage.py": f"{statement}\nw = 1\n"})
    assert fingerprints("stage", tmp_path).keys() == {"stage", *expected}


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("from . import y", {"a.deep"}),
        ("from .er.three import z", {"a.deep", "a.deep.er.three"}),
        ("from .. import one", {"a.deep", "a.one"}),
        ("from ..two import one", {"a.deep", "a.one", "a.two"}),
    ],
)
@pytest.mark.parametrize("importer", ["a/deep/here.py", "a/deep/__init__.py"])
def test_relative_imports_count(statement, expected, importer, tmp_path):
    write(tmp_path, FILES | {importer: f"{statement}\ny = 1\n"})
    name = importer.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    assert fingerprints(name, tmp_path).keys() == {name, *expected}


def test_data_files_belong_to_the_innermost_package_they_are_in(tmp_path):
    data = {
        "a/top.txt": "1",
        "a/deep/fonts/b.ttf": b"\0\r\n",
        "a/deep/fonts/.hidden": "",
        "a/deep/__pycache__/x.pyc": "",
        "a/deep/stray.pyc": "",
        "a/deep/two.py~": "",
        "a/deep/two.py.orig": "",
    }
    write(tmp_path, FILES | data)
    assert fingerprints("a.two", tmp_path).keys() == {"a.one", "a.two", "a/top.txt"}
    before = fingerprints("a.deep", tmp_path)
    assert before.keys() == {"a.deep", "a/top.txt", "a/deep/fonts/b.ttf"}
    write(tmp_path, {"a/deep/fonts/b.ttf": b"\0\n"})
    assert fingerprints("a.deep", tmp_path) == before
    write(tmp_path, {"a/deep/fonts/b.ttf": b"\0 \n"})
    assert fingerprints("a.deep", tmp_path) != before


def test_code_that_is_no_python_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"a\.py, line 2: .*; fix it"):
        hashed(tmp_path, "x = 1\ny = (\n")


@pytest.mark.process
def test_the_digest_is_that_of_the_file(tmp_path):
    write(tmp_path, FILES)
    lines = text(fingerprints("a.two", tmp_path))
    assert [line.split("  ")[1] for line in lines.splitlines()] == ["a.one", "a.two"]
    (tmp_path / "lines").write_text(lines)
    shown = subprocess.run(["sha256sum", tmp_path / "lines"], capture_output=True, text=True, check=True).stdout
    assert digest(lines) == shown.split()[0]


@pytest.mark.process
@pytest.mark.parametrize("version", ["3.12", "3.13", "3.14"])
def test_another_python_gives_the_project_the_same_files(version):
    python = shutil.which(f"python{version}")
    # A version manager may have put a program of that name there which only says that it is not chosen.
    if python is None or subprocess.run([python, "-c", ""], capture_output=True, timeout=60).returncode:
        pytest.skip(f"there is no Python {version} here")
    shown = [
        subprocess.run([program, "-c", ALL], cwd=ROOT, check=True, capture_output=True, text=True, timeout=60).stdout
        for program in (python, sys.executable)
    ]
    assert shown[0] == shown[1] != ""


# The stages' package imports nothing but the library's own, none of which needs an installed package.
ALL = "from stages import code; [print(name, text) for name, text in code.texts().items()]"

# A project of one stage, which does what a test puts into it.
STAGE = """
import sys
from scenes import listed
from stages import checked_stage
{top}
def work(_=None):
{work}
def main():
    {main}
if __name__ == "__main__":
    with checked_stage("work"):
        main()
"""
BY_NAME = "import importlib; importlib.import_module('scenes.' + 'late')"
POOL = """from multiprocessing import get_context
    with get_context("spawn").Pool(1) as pool:
        pool.map(work, [1])"""
CHILD = """import subprocess
    subprocess.run([sys.executable, "-m", "scenes.listed"], stderr=subprocess.DEVNULL)"""
BY_FILE = """from importlib import util
    spec = util.spec_from_file_location("other", "scenes/late.py")
    sys.modules["other"] = module = util.module_from_spec(spec)
    spec.loader.exec_module(module)"""
EXECUTOR = """from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        list(pool.map(work, [1]))"""
SWALLOWED = """try:
        work()
    except Exception:
        pass"""


def project(folder, *, main="work()", work="pass", top="", child="pass"):
    names = [file.relative_to(ROOT).as_posix() for file in sorted((ROOT / "scenes/common").glob("*.py"))]
    names += ["scenes/__init__.py", "scenes/provenance/code.py", "stages/__init__.py"]
    code = STAGE.format(top=top, main=main, work=textwrap.indent(work, "    "))
    listed = f"x = 1\nif __name__ == '__main__':\n    {child}\n"
    files = {"scenes/listed.py": listed, "scenes/late.py": "x = 1\n", "stages/work.py": code}
    write(folder, {name: (ROOT / name).read_bytes() for name in names} | files)
    write(folder, {"code/work.txt": text(fingerprints("stages.work", folder))})
    return folder


def run(folder) -> tuple[int, str]:
    environment = {**os.environ, "PYTHONPATH": "", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "stages.work"], cwd=folder, env=environment, capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stderr


REFUSED = (
    "error: code/work.txt does not match the code that runs: scenes.late is not in it; import it with an import "
    "statement, not by name, and run `dvc repro code`\n"
)
PLACES = {
    "in the stage": {"work": BY_NAME},
    "in the stage, and swallowed": {"work": BY_NAME, "main": SWALLOWED},
    "in a spawned worker": {"work": BY_NAME, "main": POOL},
    "in a spawned worker, and swallowed": {"work": f"try:\n    {BY_NAME}\nexcept Exception:\n    pass", "main": POOL},
    "in a program it starts, which nobody asks": {"child": BY_NAME, "main": CHILD},
    "by its file": {"main": BY_FILE},
    "by its file in a spawned worker": {"work": BY_FILE.replace("\n    ", "\n"), "main": EXECUTOR},
    "before the check": {"top": BY_NAME},
}


@pytest.mark.process
@pytest.mark.parametrize("place", PLACES)
def test_a_module_that_the_file_does_not_name_is_refused(place, tmp_path):
    assert run(project(tmp_path, **PLACES[place])) == (1, REFUSED)


@pytest.mark.process
@pytest.mark.parametrize("change", [{"main": POOL}, {"main": CHILD}, {"work": "from scenes import late"}])
def test_what_the_file_names_runs_everywhere(change, tmp_path):
    assert run(project(tmp_path, **change)) == (0, "")


@pytest.mark.process
def test_a_file_of_other_code_is_refused(tmp_path):
    folder = project(tmp_path)
    write(folder, {"scenes/listed.py": "x = 2\n"})
    sentence = "error: code/work.txt does not match the code (scenes.listed); run `dvc repro code`\n"
    assert run(folder) == (1, sentence)
    (folder / "code/work.txt").unlink()
    assert run(folder) == (1, "error: code/work.txt is missing; run `dvc repro code`, which writes it\n")


EDIT = "open('scenes/{}.py', 'w').write('x = 2')"


@pytest.mark.process
def test_an_edit_while_the_stage_runs_counts_where_it_is_loaded(tmp_path):
    """A training of hours does not end in an error because somebody goes on working."""
    assert run(project(tmp_path / "loaded", main=EDIT.format("listed"))) == (0, "")
    late = project(tmp_path / "late", main=f"{EDIT.format('late')}; work()", work="from scenes import late")
    assert run(late) == (
        1,
        "error: code/work.txt does not match the code that runs: scenes.late has changed since it was written; "
        "run `dvc repro code`\n",
    )
    renewed = project(tmp_path / "renewed", main="open('code/work.txt', 'a').write('0  x')")
    assert run(renewed) == (1, "error: code/work.txt was changed while the stage ran; run `dvc repro` again\n")
