"""The stage `audit`: what it writes, says and refuses."""

import json

import pytest

from scenes.audit import audit_table
from scenes.synthetic.archive import draw_archive
from scenes.synthetic.faults import CHANGES, RATED
from stages import audit
from tests.helpers.pictures import jpeg, pack
from tests.helpers.stage import refusal, written

TABLE = "data/audit.csv"
KEPT = [
    *(f"data/inspected/{name}" for name in ("SHA256SUMS", "archive.npy", "near_duplicates.csv")),
    "data/keys/audit.json",
]
OUTPUTS = [
    TABLE,
    *KEPT,
    "data/scores/audit.json",
    *(f"plots/audit/{name}.png" for name in ("class_balance", "findings", "sizes")),
]


def test_audit_writes_its_outputs(project, run):
    before = written(project)
    done = run(audit.main)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted([*before, *OUTPUTS]) == written(project)
    text = (project / "data/scores/audit.json").read_text()
    numbers = json.loads(text)
    assert text == json.dumps(numbers, indent=2, sort_keys=True) + "\n"
    assert numbers["images"] == {"train": 8, "val": 0, "test": 6, "pred": 2, "total": 16}
    assert numbers["mirrored_classes"] == {"pairs": 0}
    assert "planted" not in numbers
    assert len(audit_table.read(project / TABLE)) == 16

    first = {name: (project / name).read_bytes() for name in OUTPUTS}
    assert run(audit.main).returncode == 0
    assert {name: (project / name).read_bytes() for name in OUTPUTS} == first


def test_audit_says_first_what_the_archive_is_then_what_was_found(project, run):
    archive = project / "data/raw/archive.zip"
    files = {
        f"seg_{split}/{label}/{split}{label}{n}.jpg": jpeg(n + 20 * (split == "test") + 50 * (label == "moor"))
        for split, n_images in (("train", 12), ("test", 4))
        for label in ("lake", "moor")
        for n in range(n_images)
    }
    files["seg_test/lake/again.jpg"] = files["seg_train/lake/trainlake3.jpg"]
    files["seg_train/lake/page.jpg"] = b"<html></html>"
    files["seg_train/lake/new.jxl"] = b"\xff\x0a" + bytes(9)
    pack(archive, files)
    first, *_, unusable, formats, duplicates = run(audit.main).stdout.splitlines()
    assert first.startswith("seg_train/ 26, seg_test/ 9; 2 classes")
    assert unusable == "unusable: 1 not an image, 1 a web page"
    assert formats == "1 image is JPEG XL, which is not read; save it as JPEG or PNG"
    assert duplicates == "duplicates: 2 images in 1 group; 1 group in both train and test"


def test_a_drawn_archive_is_scored(project, run):
    faults = {**dict.fromkeys(RATED, 0.0), "near_duplicate": 0.2, "wrong_label": 0.1, "broken": False}
    draw_archive(project / "data/raw/archive.zip", seed=3, train=60, test=24, pred=0, size=64, faults=faults)
    run(audit.main)
    scores = json.loads((project / "data/scores/audit.json").read_text())["planted"]["near_duplicates"]
    assert scores["precision"] == 1.0
    assert scores["recall"] >= 0.8
    assert set(CHANGES) <= set(scores)


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        (None, "data/raw/archive.zip is missing"),
        ({"../x": b""}, "climbs out"),
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


def test_when_nothing_decodes_the_table_says_why(project, run):
    pages = {
        f"{split}/{label}/{split}{label}.jpg": f"<html>{split}{label}".encode()
        for split in ("train", "test")
        for label in ("cat", "dog")
    }
    pack(project / "data/raw/archive.zip", pages)
    before = written(project)
    done = run(audit.main)
    assert done.returncode == 1
    assert "4 of 4 files are web pages, e.g. 'test/cat/testcat.jpg'; see data/audit.csv" in done.stderr
    assert written(project) == sorted([*before, TABLE, *KEPT])
    table = audit_table.read(project / TABLE)
    assert set(table["problem"]) == {"web_page"}
