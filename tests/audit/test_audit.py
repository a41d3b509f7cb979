"""The audit finds what is in an archive: each image alone, duplicates together, in any order."""

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scenes.audit import audit_table
from scenes.audit.audit import audit
from scenes.audit.audit_table import summary
from scenes.audit.inspection import inspect
from scenes.common.errors import InputError
from scenes.executors import executor
from scenes.layout.layout import Archive
from tests.helpers import hostile
from tests.helpers.pictures import LAYOUT, NO_SUBSET, SUBSET, encode, jpeg, opened, pack, picture, sound_files

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = {"max_pixels": 100_000, "near_duplicate_distance": 4}
PROCESSES = [1, pytest.param(3, marks=pytest.mark.process)]
TRAIN, TEST, PRED = "seg_train/seg_train", "seg_test/seg_test", "seg_pred/seg_pred"


def audited(path, files, *, processes: int = 1, **options):
    folder = path.with_suffix("")
    folder.mkdir()
    with opened(pack(path, files)) as archive:
        table = audit(archive, folder, **OPTIONS | options, processes=processes).table
        return table, summary(table, archive)


def damaged_jpeg(seed: int) -> bytes:
    """Return a JPEG that makes libjpeg warn: there is an unexpected marker in its scan."""
    data = bytearray(jpeg(seed))
    middle = (data.index(b"\xff\xda") + len(data)) // 2
    data[middle : middle + 2] = b"\xff\xd5"
    return bytes(data)


def faulty_files() -> dict[str, bytes]:
    """Return a sound archive with one of each fault: ``<fault>.jpg`` in the train folder of lake, and its partners."""
    sixteen = Image.fromarray(np.random.default_rng(0).integers(0, 65536, (48, 48), np.uint16))
    near = picture(1003)
    return sound_files() | {
        f"{TRAIN}/lake/text.jpg": b"no picture",
        f"{TRAIN}/lake/page.jpg": b"\n<!DOCTYPE html>\n<title>Not found</title>",
        f"{TRAIN}/lake/empty.jpg": b"",
        f"{TRAIN}/lake/cut.jpg": jpeg(1000)[:-400],
        f"{TEST}/moor/cut.jpg": jpeg(1001)[:-400],
        f"{TRAIN}/lake/huge.jpg": encode(Image.new("L", (400, 300))),
        f"{TRAIN}/lake/damaged.png": damaged_jpeg(1010),
        f"{TRAIN}/lake/png.jpg": encode(picture(1002), "PNG"),
        f"{TRAIN}/lake/grey.jpg": encode(picture(1004)[..., 0]),
        f"{TRAIN}/lake/cmyk.jpg": encode(Image.fromarray(picture(1005)).convert("CMYK")),
        f"{TRAIN}/lake/sixteen.png": encode(sixteen, "PNG"),
        f"{TRAIN}/lake/wide.jpg": encode(picture(1006, 60, 48)),
        f"{TRAIN}/lake/near.jpg": encode(near, quality=90),
        f"{TEST}/lake/near.jpg": encode(near, quality=60),
        f"{TRAIN}/lake/exact.jpg": jpeg(1007),
        f"{PRED}/exact.jpg": jpeg(1007),
        f"{TRAIN}/lake/pixel.png": encode(picture(1008), "PNG"),
        f"{TRAIN}/lake/pixel.bmp": encode(picture(1008), "BMP"),
        f"{TRAIN}/lake/conflict.jpg": jpeg(1009),
        f"{TRAIN}/moor/conflict.jpg": jpeg(1009),
        f"{TRAIN}/lake/.DS_Store": b"",
        "ground_truth.csv": b"",
    }


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    return audited(tmp_path_factory.mktemp("faulty") / "a.zip", faulty_files())


def test_the_table_has_the_contract_s_columns_and_a_row_per_member(faulty):
    table, _ = faulty
    assert ",".join(table.columns) == (
        "path,split,label,subject,archive,bytes,width,height,mode,sha256,pixel_sha256,phash,group,problem"
    )
    members = sorted(name for name in faulty_files() if name != "ground_truth.csv" and not name.endswith(".DS_Store"))
    assert table["path"].tolist() == members
    assert set(table.loc[table["split"] == "pred", "label"]) == {""}
    assert set(table["problem"]) <= {"", *audit_table.FATAL, *audit_table.NOTED}


def test_each_fault_has_its_word(faulty):
    table, _ = faulty
    words = {
        path.removeprefix(f"{TRAIN}/lake/"): word for path, word in zip(table["path"], table["problem"], strict=True)
    }
    assert {name: word for name, word in words.items() if word} == {
        "text.jpg": "not_an_image",
        "page.jpg": "web_page",
        "damaged.png": "damaged",
        "empty.jpg": "not_an_image",
        "cut.jpg": "corrupt",
        f"{TEST}/moor/cut.jpg": "corrupt",
        "huge.jpg": "too_many_pixels",
        "png.jpg": "wrong_format",
        "grey.jpg": "odd_mode",
        "cmyk.jpg": "odd_mode",
        "sixteen.png": "odd_mode",
        "wide.jpg": "odd_size",
    }


def test_what_a_row_says_is_what_the_file_holds(faulty):
    table, _ = faulty
    files = faulty_files()
    for row in audit_table.usable(table).itertuples():
        data = files[row.path]
        assert row.bytes == len(data)
        assert row.sha256 == hashlib.sha256(data).hexdigest()
        with Image.open(io.BytesIO(data)) as image:
            assert (row.width, row.height, row.mode) == (*image.size, image.mode)
    broken = table[table["problem"].isin(audit_table.FATAL)]
    assert set(broken["pixel_sha256"]) == set(broken["phash"]) == {""}
    assert broken.set_index("path").loc[f"{TRAIN}/lake/huge.jpg", ["width", "height", "mode"]].tolist() == [
        400,
        300,
        "L",
    ]


def test_duplicates_share_a_group_and_nothing_else_does(faulty):
    table, _ = faulty
    groups = table.groupby("group")["path"].apply(list)
    assert sorted(paths for paths in groups if len(paths) > 1) == sorted(
        sorted(paths)
        for paths in [
            [f"{TRAIN}/lake/near.jpg", f"{TEST}/lake/near.jpg"],
            [f"{TRAIN}/lake/exact.jpg", f"{PRED}/exact.jpg"],
            [f"{TRAIN}/lake/pixel.png", f"{TRAIN}/lake/pixel.bmp"],
            [f"{TRAIN}/lake/conflict.jpg", f"{TRAIN}/moor/conflict.jpg"],
        ]
    )


def test_the_summary_counts(faulty):
    table, numbers = faulty
    assert numbers["images"] == {"train": 25, "val": 0, "test": 8, "pred": 3, "total": 36}
    assert numbers["usable"] == {"train": 20, "val": 0, "test": 7, "pred": 3, "total": 30}
    assert numbers["classes"] == {"lake": {"train": 15, "test": 4}, "moor": {"train": 5, "test": 3}}
    assert numbers["problems"] == {
        "not_an_image": 2, "web_page": 1, "corrupt": 2, "too_many_pixels": 1,
        "damaged": 1, "wrong_format": 1, "odd_mode": 3, "odd_size": 1,
    }  # fmt: skip
    assert numbers["ignored"] == {"litter": 1, "outside_layout": 0, "other_suffixes": 1}
    nothing, one = {"groups": 0, "images": 0}, {"groups": 1, "images": 2}
    assert numbers["duplicates"] == {
        "exact": {"groups": 2, "images": 4, "across_splits": one, "train_and_test": nothing, "conflicting_labels": one},
        "pixel": {"groups": 3, "images": 6, "across_splits": one, "train_and_test": nothing, "conflicting_labels": one},
        "near": {
            "groups": 4,
            "images": 8,
            "across_splits": {"groups": 2, "images": 4},
            "train_and_test": one,
            "conflicting_labels": one,
        },
    }
    assert numbers["clean_test"] == {"images": 6, "share": round(6 / 7, 6)}
    assert audit_table.clean_test(table) == set(
        audit_table.usable(table).query("split == 'test'")["path"]
    ) - {f"{TEST}/lake/near.jpg"}  # fmt: skip


def test_the_summary_holds_numbers_alone(faulty):
    def leaves(value):
        return [leaf for item in value.values() for leaf in leaves(item)] if isinstance(value, dict) else [value]

    assert {type(leaf) for leaf in leaves(json.loads(json.dumps(faulty[1])))} == {int, float}


def test_the_table_survives_its_file(faulty, tmp_path):
    table = faulty[0].copy()
    # What pandas would take for numbers, or for nothing at all.
    table["label"] = table["label"].replace({"lake": "NA", "moor": "007"})
    table.loc[0, ["path", "sha256", "phash"]] = ['a,"b"\u00e9.jpg', "1" * 64, "12345678e1234567"]
    audit_table.write(table, tmp_path / "a.csv")
    read = audit_table.read(tmp_path / "a.csv")
    assert read.equals(table)
    audit_table.write(read, tmp_path / "b.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert b"\r" not in (tmp_path / "a.csv").read_bytes()


@pytest.mark.parametrize("processes", PROCESSES)
def test_workers_and_the_order_of_the_archive_change_nothing(faulty, tmp_path, processes):
    files = faulty_files()
    if processes > 1:  # which take 64 at a time
        files |= {f"{TRAIN}/moor/more{number}.jpg": jpeg(5000 + number) for number in range(120)}
    alone = audited(tmp_path / "a.zip", files) if processes > 1 else faulty
    table, numbers = audited(tmp_path / "b.zip", dict(reversed(files.items())), processes=processes)
    assert table.equals(alone[0])
    assert numbers == alone[1]


def test_a_killed_audit_goes_on_where_it_was(faulty, tmp_path, monkeypatch):
    """Killed in the comparison of near duplicates, it does not decode every image again."""

    def killed(job, shards):
        if job.name != "audit":
            raise KeyboardInterrupt
        return run(job, shards)

    with opened(pack(tmp_path / "a.zip", faulty_files())) as archive:
        with pytest.raises(KeyboardInterrupt), executor.kept(tmp_path / "kept", "code") as run:
            audit(archive, tmp_path, **OPTIONS, run=killed)
        (tmp_path / "a.npy").unlink()
        monkeypatch.setattr("scenes.audit.inspection.inspect", None)
        with executor.kept(tmp_path / "kept", "code") as run:
            assert audit(archive, tmp_path, **OPTIONS, run=run).table.equals(faulty[0])
    assert not (tmp_path / "kept").exists()


def test_groups_do_not_depend_on_where_the_files_lie(faulty, tmp_path):
    moved, _ = audited(tmp_path / "a.zip", {f"top/{name}": data for name, data in faulty_files().items()})
    assert moved["group"].tolist() == faulty[0]["group"].tolist()


def test_damaged_members_are_left_out(tmp_path):
    files = sound_files()
    name = next(iter(files))
    path = pack(tmp_path / "a.zip", files, zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(files[name][-60:-10], bytes(50)))
    with opened(path) as archive:
        row = audit(archive, tmp_path, **OPTIONS, processes=1).table.set_index("path").loc[name]
    assert row[["problem", "sha256", "pixel_sha256", "phash", "mode"]].tolist() == ["corrupt", "", "", "", ""]
    assert row["bytes"] == len(files[name])
    assert row["group"]


def test_hostile_images_are_rows(tmp_path):
    files = sound_files()
    hostile_files = {f"{PRED}/{number}.jpg": file for number, file in enumerate(hostile.FILES)}
    table, _ = audited(tmp_path / "a.zip", files | {name: file.data for name, file in hostile_files.items()})
    problems = table.set_index("path")["problem"]
    for name, file in hostile_files.items():
        refused = problems[name] in audit_table.FATAL
        # A width of 10,799 pixels, by which a GIF is a script as well, is more than this archive takes.
        assert refused == bool(file.sentence or file.name == "script as well.gif"), file.name


def test_blank_images_are_exact_duplicates_of_their_own_kind_only(tmp_path):
    blanks = {f"{TRAIN}/lake/{shade}.png": encode(Image.new("RGB", (48, 48), (shade,) * 3), "PNG") for shade in (0, 9)}
    table, numbers = audited(
        tmp_path / "a.zip", sound_files() | blanks | {f"{TEST}/lake/0.bmp": encode(Image.new("RGB", (48, 48)), "BMP")}
    )
    group = table.set_index("path")["group"]
    assert group[f"{TRAIN}/lake/0.png"] == group[f"{TEST}/lake/0.bmp"] != group[f"{TRAIN}/lake/9.png"]
    assert numbers["without_phash"] == 3


def test_no_size_is_odd_where_none_is_usual(tmp_path):
    files = sound_files()
    files = {name: encode(picture(row, 40 + row % 3, 40)) for row, name in enumerate(files)}
    table, _ = audited(tmp_path / "a.zip", files)
    assert set(table["problem"]) == {""}


@pytest.mark.parametrize("processes", PROCESSES)
def test_a_size_that_lies_is_refused(tmp_path, processes):
    files = sound_files() | {f"{TRAIN}/moor/more{number}.jpg": jpeg(5000 + number) for number in range(100)}
    path = pack(tmp_path / "a.zip", files)
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"more99.jpg") - len(f"{TRAIN}/moor/") - 46
    data[entry + 24 : entry + 28] = bytes(4)
    path.write_bytes(data)
    with opened(path) as archive, pytest.raises(InputError, match=r"more99\.jpg' unpacks to more than"):
        audit(archive, tmp_path, **OPTIONS, processes=processes)


@pytest.mark.process
def test_no_process_outlives_a_killed_audit(tmp_path):
    """Killing dvc kills the stage alone; what it started must notice."""
    files = sound_files() | {f"{TRAIN}/moor/more{number}.jpg": jpeg(5000 + number) for number in range(1500)}
    path = pack(tmp_path / "a.zip", files, zipfile.ZIP_STORED)
    script = tmp_path / "long.py"
    script.write_text(
        "from scenes.layout.layout import Archive\nfrom scenes.audit.inspection import inspect_all\n"
        "from pathlib import Path\n"
        "if __name__ == '__main__':\n"
        f"    with Archive({str(path)!r}, {LAYOUT!r}, 10**7, 200) as archive:\n"
        "        while True:\n"
        f"            inspect_all(archive, Path({str(tmp_path)!r}), max_pixels=10**6, processes=2)\n"
        f"            Path({str(tmp_path / 'a.npy')!r}).unlink()\n"
    )
    with subprocess.Popen([sys.executable, script], env=os.environ | {"PYTHONPATH": str(ROOT)}) as process:
        children = []
        deadline = time.monotonic() + 30
        while len(children) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
            children = _workers_of(process.pid)
        os.kill(process.pid, signal.SIGKILL)
    assert len(children) >= 2
    deadline = time.monotonic() + 10
    while any(_runs(child) for child in children) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(_runs(child) for child in children)


def _workers_of(pid: int) -> list[int]:
    try:
        found = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        pytest.skip("needs Linux's list of child processes")
    return [child for child in found if b"spawn_main" in _command(child)]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _runs(pid: int) -> bool:
    return b"spawn_main" in _command(pid)


# Archives whose truth is known


@pytest.fixture(scope="module")
def looked_at(planted, tmp_path_factory):
    with opened(planted.path) as archive:
        table = audit(archive, tmp_path_factory.mktemp("planted"), **OPTIONS, processes=1).table
        return table, summary(table, archive)


def test_planted_faults_are_found_and_nothing_else(planted, looked_at):
    table, numbers = looked_at
    words = {
        "truncated": "corrupt", "not_an_image": "not_an_image", "png_named_jpg": "wrong_format",
        "cmyk": "odd_mode", "sixteen_bit": "odd_mode", "grey": "odd_mode", "odd_size": "odd_size",
    }  # fmt: skip
    expected = {row["path"]: words.get(row["fault"], "") for row in planted.rows.values() if row["fault"] != "litter"}
    assert dict(zip(table["path"], table["problem"], strict=True)) == expected
    assert set(expected.values()) == {"", *words.values()}
    assert numbers["ignored"] == {
        "litter": sum(row["fault"] == "litter" for row in planted.rows.values()),
        "outside_layout": 0,
        "other_suffixes": 1,
    }


def test_planted_duplicates_are_found_and_nothing_else(planted, looked_at):
    table, _ = looked_at
    copies = {row["path"]: row["duplicate_of"] for row in planted.rows.values() if row["duplicate_of"]}
    assert len(copies) > 15
    found = {frozenset(paths) for paths in table.groupby("group")["path"].apply(list) if len(paths) > 1}
    assert found == {frozenset(pair) for pair in copies.items()}


def test_the_real_images():
    if not SUBSET.exists():
        pytest.skip(NO_SUBSET)
    with Archive(SUBSET, LAYOUT, 50_000_000, 200) as archive:
        assert (archive.litter, archive.outside, archive.case_collisions) == (0, 0, 0)
        # The whole audit takes 15 s; a hundredth shows that real files are what they seem.
        sample = [member for member in archive.members if member.path.endswith("77.jpg")]
        rows = [inspect(member.path, archive.read(member.path), max_pixels=50_000_000) for member in sample]
    assert len(rows) > 100
    assert {row.mode for row in rows} == {"RGB"}
    assert {row.problem for row in rows} == {""}
    assert all(row.structured for row in rows)
