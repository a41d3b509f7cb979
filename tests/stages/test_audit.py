"""The stage `audit`: everything written, or nothing and one sentence."""

import json

import pytest

from scenes.dataset import audit_table
from stages import audit
from tests.helpers.pictures import pack
from tests.helpers.stage import refusal, written

OUTPUTS = [
    "data/audit.csv",
    "metrics/audit.json",
    *(f"plots/audit/{name}.png" for name in ("class_balance", "findings", "sizes")),
]


def test_audit_writes_its_outputs(project, run):
    before = written(project)
    done = run(audit.main)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert sorted([*before, *OUTPUTS]) == written(project)
    text = (project / "metrics/audit.json").read_text()
    numbers = json.loads(text)
    assert text == json.dumps(numbers, indent=2, sort_keys=True) + "\n"
    assert numbers["images"] == {"train": 8, "val": 0, "test": 6, "pred": 2, "total": 16}
    assert len(audit_table.read(project / "data/audit.csv")) == 16

    first = {name: (project / name).read_bytes() for name in OUTPUTS}
    assert run(audit.main).returncode == 0
    assert {name: (project / name).read_bytes() for name in OUTPUTS} == first


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        (None, "data/raw/archive.zip does not exist"),
        ({"seg_train/lake/1.jpg": b"", "seg_test/moor/1.jpg": b""}, "'lake' is in seg_train but not in seg_test"),
        ({"../x": b""}, "climbs out"),
        ({"seg_train/lake/1.jpg": b"x", "seg_test/lake/1.jpg": b"x"}, "no image of the class 'lake' in train"),
    ],
)
def test_a_bad_archive_gives_one_sentence_and_leaves_nothing(project, run, files, sentence):
    archive = project / "data/raw/archive.zip"
    archive.unlink()
    if files:
        pack(archive, files)
    before = written(project)
    assert sentence in refusal(run(audit.main))
    assert written(project) == before
