"""Single values of params.yaml change, and nothing else in it."""

import difflib
import io
import shutil
from functools import reduce
from operator import getitem

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from scenes.commands.params_file import set_values, update
from scenes.common.errors import InputError
from scenes.config.params import parse_yaml
from tests.code_facts import ROOT

TEXT = (ROOT / "params.yaml").read_text(encoding="utf-8")
SHORT = TEXT.partition("\n  intel:")[0] + "\n"  # which is parsed faster
KEYS = ["profile", "watch", "profiles.own.source", "profiles.own.archive_bytes", "profiles.own.cnn.epochs"]


def as_dvc_writes_it(text: str) -> str:
    """Return the text after ``dvc exp run -S``, which loads and dumps the whole file."""
    yaml = YAML()
    yaml.default_flow_style = False
    stream = io.StringIO()
    yaml.dump(yaml.load(text), stream)
    return stream.getvalue()


def get(text: str, key: str):
    return reduce(getitem, key.split("."), parse_yaml(text))


@pytest.mark.parametrize("text", [SHORT, as_dvc_writes_it(SHORT)], ids=["as committed", "as DVC writes it"])
@settings(max_examples=25)
@given(
    values=st.dictionaries(
        st.sampled_from(KEYS),
        st.none() | st.integers() | st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=150),
    )
)
def test_it_reads_back_and_only_these_lines_change(text, values):
    changed = set_values(text, values)
    result = parse_yaml(changed)
    assert {key: reduce(getitem, key.split("."), result) for key in values} == values
    before, after = text.splitlines(), changed.splitlines()
    assert len(before) == len(after)
    differing = [number for number, (one, other) in enumerate(zip(before, after, strict=True)) if one != other]
    assert len(differing) <= len(values)
    for number in differing:
        assert before[number].partition("  #")[2] in after[number], "remarks stay"
        assert before[number].partition(":")[0] == after[number].partition(":")[0]


def test_dvc_keeps_the_values():
    path = "file:/a folder/[x], 'é' \"q\" #1: $HOME ${y} \\ " + "long " * 40 + "end"
    changed = set_values(TEXT, {"watch": path, "profiles.own.source": path, "profiles.own.title": "null"})
    for key in ("watch", "profiles.own.source"):
        assert get(as_dvc_writes_it(changed), key) == path
    assert get(as_dvc_writes_it(changed), "profiles.own.title") == "null"


def test_plain_words_need_no_quotes():
    changed = set_values(TEXT, {"profile": "own", "profiles.own.fit": "pad", "profiles.own.title": "yes no"})
    added = [line[1:] for line in difflib.ndiff(TEXT.splitlines(), changed.splitlines()) if line.startswith("+ ")]
    assert [line.split("  #")[0].strip() for line in added] == ["profile: own", 'title: "yes no"', "fit: pad"]


@pytest.mark.parametrize("key", ["nonesuch", "profiles.own.nonesuch", "profiles.own", "profile.own"])
def test_a_key_that_there_is_not(key):
    with pytest.raises(KeyError):
        set_values(TEXT, {key: 1})


def test_update_writes_what_differs(tmp_path):
    path = tmp_path / "params.yaml"
    shutil.copy(ROOT / "params.yaml", path)
    epochs = get(TEXT, "profiles.own.cnn.epochs")
    assert update(path, {"profile": "own", "profiles.own.cnn.epochs": epochs}) == ["profile"]
    assert path.read_text(encoding="utf-8") == TEXT.replace("profile: demo", "profile: own")
    written = path.stat().st_mtime_ns
    assert update(path, {"profile": "own"}) == []
    assert path.stat().st_mtime_ns == written
    with pytest.raises(InputError, match=r"has no `profiles\.own\.nonesuch`"):
        update(path, {"profiles.own.nonesuch": 1})
