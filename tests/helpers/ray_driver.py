"""A driver: a process that computes shards as stages do. ``python -m tests.helpers.ray_driver <function> <folder>``."""

import faulthandler
import hashlib
import json
import os
import sys
from itertools import chain
from pathlib import Path

from scenes.common.errors import InputError
from scenes.dataset import record_job, record_writer
from scenes.executors import executor
from scenes.executors.shards import ByteRange, Job, Shard
from scenes.layout.layout import Archive
from scenes.process.runtime import configure
from tests.helpers import shard_work

LIMITS = {"max_member_bytes": 10**6, "max_ratio": 100, "layout": {}}
NOTES = 24


def records(folder):
    """Return the hash of each file of the records of ``archive.zip``."""
    with Archive.from_settings(folder / "archive.zip", LIMITS) as archive:
        members = [(member.path, member.label) for member in archive.members]
        numbers = {member.path: member.archive for member in archive.members}
        planned = record_writer.plan({"train": members}, numbers, classes=archive.classes, seed=0, shard_size=10)
        parts = record_job.file_parts(archive, chain(*planned.values()))
        job = record_job.record_job(classes=archive.classes, image_size=32, fit="crop", max_pixels=10**6)
        results = executor.run(job, [*chain(*parts)])
    return [hashlib.sha256(content).hexdigest() for content in record_job.contents(parts, results)]


def read(folder):
    """Return what the shards of a job see of its inputs and folders, and the records."""
    (folder / "model").mkdir(exist_ok=True)
    (folder / "model/weights").write_text("1, 2")
    (folder / "data").write_bytes(b"0123456789")
    inputs = ByteRange("data", 2, 3), ByteRange("data", 9)
    job = Job("read", shard_work.read, load=shard_work.load_texts, folders=(Path("model"),), gpus=1, processes=1)
    os.chdir(folder)  # the workers are elsewhere
    return [*executor.run(job, [Shard(f"shard {number}", inputs, None, 1) for number in range(3)])], records(folder)


def outcomes(folder):
    """Return what :func:`read` does, and what jobs raise."""
    raised = []
    for work in (shard_work.refuse, shard_work.use_up_memory, shard_work.fail, shard_work.die):
        try:
            [*executor.run(Job("audit", work, advice="lower x"), shard_work.shards(1))]
        except (InputError, ZeroDivisionError) as error:
            raised.append(f"{type(error).__name__}: {error}")
    return [*read(folder), raised]


def predictions(folder):
    """Return the hash of what a model says of each shard of records."""
    from scenes.dataset.record_shards import file_shards
    from scenes.dataset.records import open_records
    from scenes.evaluation import inference
    from scenes.models import store
    from tests.helpers import small_model, small_records

    configure(seed=0, threads=1)
    production, written = folder / "production", folder / "records"
    if not written.exists():
        production.mkdir()
        store.save_production(production, small_model.small(1), small_model.DESCRIPTION)
        small_records.write(written)
    shards = file_shards(open_records(written, "train"))
    results = executor.run(inference.prediction_job(production, threads=1), shards)
    return [hashlib.sha256(result).hexdigest() for result in results]


def notes(folder):
    """Print each result when it is there; what a killed run has left is not computed again."""
    (folder / "notes").mkdir(exist_ok=True)
    job = Job("notes", shard_work.slow_note)
    with executor.kept(folder / "kept", "1") as run:
        for result in run(job, shard_work.shards(NOTES, folder / "notes")):
            print(result.decode(), flush=True)


if __name__ == "__main__":
    faulthandler.dump_traceback_later(110, exit=True)
    result = globals()[sys.argv[1]](Path(sys.argv[2]))
    print(json.dumps(result, default=bytes.hex))
