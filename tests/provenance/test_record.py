"""What provenance.json contains, and what does and does not change it."""

import hashlib
import json
import os
import textwrap

import pytest

from scenes.common.errors import InputError
from scenes.provenance import record

CODE = "0" * 64


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
    params = {"seed": 1, "models.m": {}}
    record.save("model", origin=record.origin("data"), inputs=["data/x"], params=params, code=CODE)
    return tmp_path


def test_it_says_what_made_the_model(made):
    found = record.read("model")
    assert found.keys() == {*record.ORIGIN, "inputs", "params", "code_sha256"}
    assert found["data_params"] == {"split": {"val": 0.1}}
    assert (found["archive_sha256"], found["split_sha256"]) == ("a", "b")
    assert found["params"] == {"seed": 1, "models.m": {}}
    # As `sha256sum` would give it, over the lines that it writes of the files.
    line = f"{hashlib.sha256(b'one').hexdigest()}  1\n"
    assert found["inputs"] == {"data/x": hashlib.sha256(line.encode()).hexdigest()}
    assert found["code_sha256"] == CODE
    assert str(made) not in (made / "model/provenance.json").read_text()


def test_a_model_put_together_from_others_holds_theirs(made):
    part = record.read("model")
    (made / "both").mkdir()
    record.save("both", origin=part, inputs=["model"], params={}, code=CODE, model=part)
    assert record.read("both")["model"] == part
    assert record.read("both")["archive_sha256"] == "a"


def test_what_records_alone_made_names_no_archive(made):
    """So records that are the same, of another archive, leave it as it is."""
    record.save("model", inputs=["data/x"], params={}, code=CODE)
    found = record.read("model")
    assert found.keys() == {"inputs", "params", "code_sha256"}


def test_its_bytes_depend_on_its_inputs_and_not_on_dates(made):
    before = (made / "model/provenance.json").read_bytes()

    def again():
        record.save(
            "model",
            origin=record.origin("data"),
            inputs=["data/x"],
            params={"models.m": {}, "seed": 1},
            code=CODE,
        )
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
    with pytest.raises(InputError, match=r"provenance.json is missing.*dvc pull"):
        record.read("nowhere")
    (made / "model/provenance.json").write_text(textwrap.shorten(json.dumps({"a": 1}), 6, placeholder="{"))
    with pytest.raises(InputError, match=r"provenance.json is damaged; make it again with `dvc repro`"):
        record.read("model")
