"""Records as shards: the same files however they are divided, also by a stage that was killed."""

from itertools import chain

import pytest

from scenes.common.errors import InputError
from scenes.dataset import record_job, record_writer, records
from scenes.executors import executor
from scenes.layout.layout import Archive
from tests.helpers import ray_driver
from tests.helpers.pictures import pack, sound_files
from tests.helpers.written_records import write

SETTINGS = {"image_size": 40, "fit": "crop"}  # not the size of the images: they are recorded as PNG


@pytest.fixture
def archive(tmp_path):
    with Archive.from_settings(pack(tmp_path / "a.zip", sound_files(train=12)), ray_driver.LIMITS) as archive:
        yield archive


@pytest.fixture
def splits(archive):
    members = [(member.path, member.label) for member in archive.members]
    return {"pred": [(path, label) for path, label in members if not label], "train": members}


def planned(archive, splits):
    numbers = {member.path: member.archive for member in archive.members}
    return record_writer.plan(splits, numbers, classes=archive.classes, seed=3, shard_size=20)


def job(archive):
    return record_job.record_job(classes=archive.classes, max_pixels=10**6, **SETTINGS)


def record_one_by_one(archive, splits, folder):
    """Write the records as they are without shards."""
    folder.mkdir()
    options = {"classes": archive.classes, "seed": 3, "shard_size": 20, **SETTINGS}
    write(
        folder,
        splits,
        lambda key: record_writer.record_image(archive.read(key), 40, max_pixels=10**6),
        **options,
    )
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(("images", "size"), [(250, 1 << 26), (7, 1 << 26), (250, 3000), (1, 1)])
def test_files_do_not_depend_on_the_parts(archive, splits, tmp_path, monkeypatch, images, size):
    monkeypatch.setattr(record_job, "_IMAGES", images)
    monkeypatch.setattr(record_job, "_PACKED_BYTES", size)
    plan = planned(archive, splits)
    parts = record_job.file_parts(archive, chain(*plan.values()))
    for part in chain(*parts):
        assert 1 <= part.size <= images
        assert part.size == 1 or sum(packed.packed_bytes for packed in part.spec.packed) <= size
    (tmp_path / "parts").mkdir()
    results = executor.run(job(archive), [*chain(*parts)])
    index = record_writer.write(
        tmp_path / "parts", plan, record_job.contents(parts, results), classes=archive.classes, **SETTINGS
    )
    expected = record_one_by_one(archive, splits, tmp_path / "whole")
    assert {path.name: path.read_bytes() for path in (tmp_path / "parts").iterdir()} == expected
    assert {name: entry["count"] for name, entry in index["splits"].items()} == {
        name: len(members) for name, members in splits.items()
    }
    for name, members in splits.items():
        assert records.open_records(tmp_path / "parts", name).count == len(members)


def test_a_killed_stage_records_what_is_missing(archive, splits, tmp_path, monkeypatch):
    monkeypatch.setattr(record_job, "_IMAGES", 9)
    parts = record_job.file_parts(archive, chain(*planned(archive, splits).values()))
    shards = [*chain(*parts)]
    seen = []

    def all_kept():
        with executor.kept(tmp_path / "kept", "key") as run:
            return [*run(job(archive), shards)]

    def failing(data, *arguments, **options):
        seen.append(data)
        if len(seen) == 25:
            raise InputError("the disk is full")
        return record_writer.record_image(data, *arguments, **options)

    monkeypatch.setattr(record_job, "record_image", failing)
    with pytest.raises(InputError, match=r"^records: train-0000\d-of-00002.tfrecord, part \d \(.+ to .+\): the disk"):
        all_kept()
    done = len([*(tmp_path / "kept").iterdir()])
    assert sum(shard.size for shard in shards[:done]) <= 24 < sum(shard.size for shard in shards[: done + 1])
    again = all_kept()
    assert len(seen) - 25 == sum(shard.size for shard in shards[done:])
    assert again == [*executor.run(job(archive), shards)]
