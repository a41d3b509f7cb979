"""Values of params.yaml change, by `make own` and by DVC, and nothing else in it."""

import difflib
import shutil
from functools import reduce
from operator import getitem

import pytest
from dvc.utils.hydra import apply_overrides
from hypothesis import given, settings
from hypothesis import strategies as st

from scenes.common.errors import InputError
from scenes.config.params import parse_yaml
from scenes.own.params_file import update
from tests.code_facts import ROOT

TEXT = (ROOT / "params.yaml").read_text(encoding="utf-8")
OWN = """
profiles:
  own:
    source: file:~/pictures  # a folder
    archive_bytes:
    cnn:
      epochs: 15  # few
# of everything
seed: 42
"""
KEYS = ["profiles.own.source", "profiles.own.archive_bytes", "profiles.own.cnn.epochs", "seed"]


@pytest.fixture
def path(tmp_path):
    return shutil.copy(ROOT / "params.yaml", tmp_path / "params.yaml")


def changes(text: str) -> list[str]:
    """Return the lines of params.yaml that ``text`` lacks, after -, and those that it has instead, after +."""
    lines = difflib.unified_diff(TEXT.splitlines(), text.splitlines(), n=0, lineterm="")
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


def comments(text: str) -> list[str]:
    return [line.partition("# ")[2] for line in text.splitlines() if "# " in line]


def test_dvc_changes_one_line_for_one_value(path):
    apply_overrides(path, ["seed=7"])
    rest = "of everything drawn, shuffled or initialised; another seed is another experiment"
    assert changes(path.read_text(encoding="utf-8")) == [f"-seed: 42  # {rest}", f"+seed: 7   # {rest}"]
    apply_overrides(path, ["seed=42"])
    assert path.read_text(encoding="utf-8") == TEXT


def test_dvc_keeps_comments_where_lists_and_nulls_change(path):
    values = ["archive.layout.leave_out=[a]", "export.formats=[]", "models.transfer.C=[0.5]"]
    apply_overrides(path, [*values, "profiles.demo.cnn.epochs=3"])
    text = path.read_text(encoding="utf-8")
    added = [line.partition("  #")[0].split() for line in changes(text) if line.startswith("+")]
    assert [" ".join(line) for line in added] == [
        "+ epochs: 3 # null: those of the model below",
        "+ leave_out:",
        "+ - a",
        "+ - 0.5",
        "+ formats: []",
    ]
    assert comments(text) == comments(TEXT)
    apply_overrides(path, ["models.transfer.C=[1,2]", "profiles.demo.cnn.epochs=null", "export.formats=[onnx]"])
    again = path.read_text(encoding="utf-8")
    assert comments(again) == comments(TEXT)
    assert parse_yaml(again)["export"] == parse_yaml(TEXT)["export"] | {"formats": ["onnx"]}


def test_update_writes_what_dvc_writes(path, tmp_path):
    other = shutil.copy(path, tmp_path / "other.yaml")
    apply_overrides(other, ["profile=own", "profiles.own.fit=squash", "profiles.own.archive_bytes=5"])
    values = {"profile": "own", "profiles.own.fit": "squash", "profiles.own.archive_bytes": 5, "seed": 42}
    assert update(path, values) == ["profile", "profiles.own.fit", "profiles.own.archive_bytes"]
    assert path.read_bytes() == other.read_bytes()
    written = path.stat().st_mtime_ns
    assert update(path, values) == []
    assert path.stat().st_mtime_ns == written


@settings(max_examples=40)
@given(
    values=st.dictionaries(
        st.sampled_from(KEYS),
        st.none() | st.integers() | st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=150),
    )
)
def test_any_value_reads_back_and_comments_stay(values, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "own.yaml"
    path.write_text(OWN, encoding="utf-8")
    update(path, values)
    text = path.read_text(encoding="utf-8")
    assert {key: reduce(getitem, key.split("."), parse_yaml(text)) for key in values} == values
    assert [comment for comment in comments(text) if comment in comments(OWN)] == comments(OWN)


@pytest.mark.parametrize("key", ["nonesuch", "profiles.own.nonesuch", "profiles.own.fit.nonesuch", "profile.own"])
def test_a_key_that_there_is_not(path, key):
    with pytest.raises(InputError, match=rf"has no `{key}`; restore it"):
        update(path, {"seed": 7, key: 1})
    assert path.read_text(encoding="utf-8") == TEXT
