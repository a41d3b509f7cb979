"""`scenes corrections`: what merging and summing up say and write."""

import shutil
from pathlib import Path

import pytest

from scenes.audit import audit_table
from scenes.commands.corrections import main
from scenes.dataset import split
from tests.code_facts import ROOT
from tests.helpers.audited import OPTIONS, plain_rows, table
from tests.helpers.stage import refusal, written

FILE = Path("corrections/demo.csv")
HEADER = "path,label,remark\n"


@pytest.fixture
def audited(tmp_path, monkeypatch):
    """A checkout with an audit and a split in which some of train/moor are test images."""
    for name in ("params.yaml", "corrections"):
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    audit = table(plain_rows(10, 0))
    Path("data").mkdir()
    audit_table.write(audit, "data/audit.csv")
    split.write(split.split(audit, **OPTIONS).table, "data/split.csv")
    return tmp_path


def merge(run, text: str):
    Path("answers.csv").write_text(text)
    return run(main, ["merge", "answers.csv"])


def test_merging_says_what_is_new_and_what_is_replaced(audited, run):
    after = f"next: `dvc repro`, then `dvc metrics diff`; then commit {FILE} with the results\n"
    done = merge(run, HEADER + "train/moor/1,lake,wet\ntrain/lake/1,moor,\n")
    assert (done.returncode, done.stdout) == (0, f"{FILE}: 2 corrections, 2 of them new\n{after}")
    done = merge(run, HEADER + "train/moor/1,drop,\ntrain/moor/0,drop,\ntrain/lake/1,moor,\n")
    assert done.stdout == (f"{FILE}: 3 corrections, 1 of them new\nreplaced: 'train/moor/1': 'lake' -> 'drop'\n{after}")
    text = FILE.read_text()
    assert text == HEADER + "train/lake/1,moor,\ntrain/moor/0,drop,\ntrain/moor/1,drop,\n"
    assert merge(run, text).stdout == f"{FILE}: 3 corrections, 0 of them new\n{after}"
    assert FILE.read_text() == text


def test_a_remark_stays_until_another_comes_and_without_rows_nothing_happens(audited, run):
    merge(run, HEADER + "train/moor/1,lake,wet\ntrain/moor/2,lake,wet\ntrain/moor/3,lake,wet\n")
    merge(run, HEADER + "train/moor/1,lake,\ntrain/moor/2,lake,-dry\n\n  \ntrain/moor/3,drop,\n")
    text = FILE.read_text()
    assert text == HEADER + "train/moor/1,lake,wet\ntrain/moor/2,lake,'-dry\ntrain/moor/3,drop,\n"
    assert merge(run, HEADER).stdout == "no corrections in answers.csv\n"
    assert FILE.read_text() == text


def test_a_profile_without_a_file_gets_one(audited, run):
    FILE.unlink()
    assert merge(run, HEADER + "train/lake/1,moor,\n").returncode == 0
    assert FILE.read_text() == HEADER + "train/lake/1,moor,\n"


def test_what_does_not_fit_is_refused_and_nothing_is_written(audited, run):
    before = [*written(audited), "answers.csv"]
    assert refusal(merge(run, HEADER + "train/lake/1,moor,\nx,moor,\n")).startswith("answers.csv, line 3: 'x' is not")
    assert refusal(run(main, ["merge", "answrs.csv"])).startswith("answrs.csv does not exist; did you mean")
    assert FILE.read_text() == HEADER
    FILE.write_text(HEADER + "gone,moor,\n")
    assert refusal(merge(run, HEADER + "train/lake/1,moor,\n")).startswith(f"{FILE}, line 2: 'gone' is not an image")
    assert FILE.read_text() == HEADER + "gone,moor,\n"
    assert sorted(before) == written(audited)
    Path("data/audit.csv").unlink()
    assert "make it with `dvc repro audit`" in refusal(run(main, ["show"]))


def test_the_summary_has_test_images_apart_and_names_what_is_gone(audited, run):
    table = split.read("data/split.csv").set_index("path")["split"]
    (tested, *_), (train, second, third, fourth, *_) = (
        [path for path in table.index[table == name] if "/lake/" in path] for name in ("test", "train")
    )
    assert run(main, ["show"]).stdout == f"{FILE}: 0 corrections\n"
    rows = [(tested, "moor", ""), (train, "moor", "wet"), (second, "moor", "wet"), (third, "drop", "a, b")]
    rows += [(fourth, "lake", ""), ("gone", "moor", "wet")]
    FILE.write_text(HEADER + "".join(f'{path},{label},"{remark}"\n' for path, label, remark in rows))
    assert run(main, ["show"]).stdout.splitlines() == [
        f"{FILE}: 6 corrections",
        "no longer in the archive, or without a label there; remove: 'gone'",
        "train and validation: 4",
        "  2 'lake' -> 'moor'",
        "  1 'lake' -> dropped",
        "  1 'lake' -> confirmed",
        "test (the scores keep the archive's labels, and `evaluate` scores these apart): 1",
        "  1 'lake' -> 'moor'",
        "remarks: 'wet' (3), 'a, b' (1)",
    ]
