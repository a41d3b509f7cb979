"""The campaign of random faults: its judgement, and a few kills in the small pipeline."""

import re
import shutil
import tempfile

import pytest
import yaml

from scenes.commands import verify
from scenes.common.errors import InputError
from tests.campaign import faults, judge
from tests.campaign.__main__ import can_mount, main
from tests.campaign.campaign import Campaign
from tests.campaign.faults import Fault
from tests.code_facts import ROOT
from tests.helpers import dvc_cli, git
from tests.helpers.killed import Run


def test_a_seed_gives_the_same_faults_and_each_kind_has_its_turn():
    drawn = faults.draw(1, ["audit", "split"], kills=8, full=2, damages=6)
    assert drawn == faults.draw(1, ["audit", "split"], kills=8, full=2, damages=6)
    assert drawn != faults.draw(2, ["audit", "split"], kills=8, full=2, damages=6)
    assert {fault.kind for fault in drawn} == {*faults.KILLS, faults.DISK_FULL, *faults.DAMAGES}


@pytest.mark.parametrize(
    ("text", "status", "complaints"),
    [
        ("error: the disk is full\nERROR: failed to reproduce 'audit'\n", 1, []),
        ("Data and pipelines are up to date.\n", 0, []),
        ("Killed\n", 137, ["exit status 137 and no sentence"]),
        ("Traceback (most recent call last):\n  File 1\nKeyError: 'path'\n", 1, ["a traceback, of KeyError:"]),
        ("Traceback (most recent call last):\n  File 1\nEOFError\nerror: no\n", 0, ["a traceback, of EOFError"]),
    ],
)
def test_output(text, status, complaints):
    assert judge.output(text, status) == complaints


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A pipeline: `write` makes a number, `read` reads it, and writes the time too unless there is a file `same`."""
    folder = tmp_path_factory.mktemp("campaign") / "finished"
    (folder / "stages").mkdir(parents=True)
    (folder / "stages/write.py").write_text("import time\ntime.sleep(1)\nopen('one', 'w').write('1')\n")
    (folder / "stages/read.py").write_text(
        "import os, time\nnumber = int(open('one').read())\nmoment = 0 if os.path.exists('same') else time.time_ns()\n"
        "open('two', 'w').write(f'{number} {moment}')\n"
    )
    stages = {
        "write": {"cmd": "python -m stages.write", "deps": ["stages/write.py"], "outs": ["one"]},
        "read": {"cmd": "python -m stages.read", "deps": ["one"], "outs": ["two"]},
    }
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    (folder / "same").touch()
    # For `scenes repair`, which finds a whole dvc.lock in git.
    (folder / "scenes").symlink_to(ROOT / "scenes")
    (folder / "params.yaml").touch()
    git.init(folder)
    dvc_cli.succeed(folder, "init --quiet", "repro", environment=verify.environment())
    git.commit(folder)
    return folder


@pytest.fixture(scope="module")
def campaign(finished, tmp_path_factory):
    return Campaign(finished, tmp_path_factory.mktemp("campaign"))


def append(path):
    path.chmod(0o644)  # an object in the cache is read-only
    path.write_text(path.read_text() + " ")


@pytest.mark.process
def test_what_differs_from_the_finished_pipeline_is_noticed(finished, tmp_path):
    def complaints(change):
        folder = tmp_path / "copy"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(finished, folder)
        change(folder)
        return judge.result(folder, finished)

    assert complaints(lambda folder: None) == []
    assert complaints(lambda folder: append(folder / "one")) == ["other bytes in one"]
    assert complaints(lambda folder: (folder / "two").unlink()) == ["other bytes in two"]
    assert complaints(lambda folder: (folder / ".tmp-two").touch()) == [".tmp-two is left"]
    assert complaints(lambda folder: (folder / ".dvc/tmp/rwlock").write_text("")) == [".dvc/tmp/rwlock is left empty"]
    (missing,) = complaints(lambda folder: next(folder.glob(".dvc/cache/files/md5/*/*")).unlink())
    assert missing.endswith("is missing or damaged")
    (damaged,) = complaints(lambda folder: append(next(folder.glob(".dvc/cache/files/md5/*/*"))))
    assert damaged.endswith("is missing or damaged")
    assert (
        complaints(lambda folder: faults.unmake(folder, "read"))[0] == "read is in the finished run and not in this one"
    )
    with pytest.raises(InputError, match=r"dvc\.lock is not a lock"):
        complaints(lambda folder: (folder / "dvc.lock").write_text(""))


@pytest.mark.process
def test_a_process_that_outlives_its_command_is_noticed(tmp_path):
    run = Run(tmp_path, "sh", "-c", "sleep 60 &", log=tmp_path / "log")
    run.end(0)
    (complaint,) = judge.orphans([run], seconds=0)
    assert re.match(r"process \d+ outlives its command: .*sleep 60", complaint)
    run.stop()
    assert judge.orphans([run]) == []


@pytest.mark.process
def test_what_the_next_run_makes_again_is_mended(campaign):
    outcome = campaign.attempt(1, Fault("kill both", "write", 0.9))
    assert (outcome.verdict, outcome.complaints) == ("mended", [])
    assert (campaign.work / "one").read_text() == "1"


@pytest.mark.process
def test_other_bytes_after_a_kill_are_a_failure(campaign):
    (campaign.work / "same").unlink()
    outcome = campaign.attempt(2, Fault("kill dvc", "read", 0.5))
    assert outcome.verdict == "failed"
    assert "read gives other bytes (two)" in outcome.complaints[0]


@pytest.mark.process
def test_a_traceback_is_a_failure_though_the_next_run_mends_it(campaign):
    outcome = campaign.attempt(3, Fault("emptied", "write", 0.5))
    assert outcome.what == "one, read by read"
    assert (outcome.verdict, outcome.complaints) == ("failed", ["a traceback, of ValueError:"])


@pytest.mark.process
def test_a_full_disk_ends_in_a_sentence(campaign, tmp_path):
    if not can_mount(tmp_path):
        pytest.skip("mounting a disk needs root")
    outcome = campaign.attempt(4, Fault("disk full", "write", 0.0))
    assert outcome.what == "0 bytes free"
    assert (outcome.verdict, outcome.complaints) == ("sentence", [])


@pytest.mark.process
@pytest.mark.timeout(900)  # it may be the one that makes the pipeline
def test_three_kills(pipeline, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    status = main(["--kills=3", "--full=0", "--damages=0", "--seed=2", f"--folder={pipeline.one}"])
    said = capsys.readouterr().out
    assert status == 0, said
    assert "| all | 3 | 3 | 0 | 0 |" in said
