"""Faults in a copy of a finished pipeline; after each, what a person runs next must end in the same result."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from scenes.common.errors import InputError
from scenes.provenance import dvc_lock
from tests.campaign import faults, judge
from tests.campaign.faults import DISK_FULL, KILLS, UP_TO_DATE, Fault
from tests.helpers.killed import Run

TIMEOUT = 600  # seconds, for a command
RERUN = "python -m scenes repair && dvc repro"  # as `make repro` does


@dataclass
class Outcome:
    """What came of a fault.

    Attributes:
        log: the output of all commands.
        what: what was done.
        sentence: whether a command refused to work, in one sentence.
        complaints: what is wrong; if nothing is, the next run has mended the fault.
        runs: the commands.
    """

    fault: Fault
    log: Path
    what: str = ""
    sentence: bool = False
    complaints: list[str] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        return "failed" if self.complaints else "sentence" if self.sentence else "mended"


class Campaign:
    """Faults in a copy of the pipeline in ``finished``, which stays as it is.

    Args:
        finished: a folder in which ``dvc repro`` has ended.
        folder: a new one, for the copy and the logs.
    """

    def __init__(self, finished: Path, folder: Path):
        self.finished, self.work, self.logs = finished, folder / "work", folder / "logs"
        self.stages = dvc_lock.read(finished / "dvc.lock")
        self.logs.mkdir(parents=True)
        self._copy()
        begin = time.monotonic()
        status = Run(self.work, "dvc", "status", log=self.logs / "status.log")
        status.end(0)
        assert "up to date" in status.text(), status.text()
        start = time.monotonic() - begin  # DVC takes this long before a stage begins
        self.seconds = {name: start + usual for name, usual in faults.usual_seconds(finished, self.stages).items()}
        self.seconds[UP_TO_DATE] = 2 * start

    def attempt(self, number: int, fault: Fault) -> Outcome:
        """Let a fault happen, run again, and judge."""
        outcome = Outcome(fault, self.logs / f"{number:03} {fault.kind} {fault.stage}.log")
        try:
            if fault.kind in KILLS:
                self._kill(outcome)
                self._run_again(outcome)
            elif fault.kind == DISK_FULL:
                with self._own_disk():
                    self._fill_disk(outcome)
                    self._run_again(outcome)
            else:
                self._damage(outcome)
                self._run_again(outcome)
            outcome.complaints += judge.orphans(outcome.runs)
        except (InputError, subprocess.TimeoutExpired) as error:
            outcome.complaints.append(str(error))
        finally:
            for run in outcome.runs:
                run.stop()
        if outcome.complaints:
            self._copy()
        return outcome

    def _kill(self, outcome: Outcome) -> None:
        """Start the stage and kill it when its time has come; in another run, earlier, if it was over by then."""
        fault = outcome.fault
        seconds = fault.place * self.seconds[fault.stage]
        while True:
            if fault.stage == UP_TO_DATE:
                run = self._run(outcome, "exec dvc repro")
            else:
                faults.unmake(self.work, fault.stage)
                run = self._run(outcome, f"exec dvc repro --single-item {fault.stage}")
            try:
                if run.process.wait(seconds):
                    raise InputError("the run failed before it was killed")
            except subprocess.TimeoutExpired:
                break
            seconds *= 0.8
        stage = run.stage()
        outcome.what = f"after {seconds:.2f} s{'' if stage else ', outside the stage'}"
        if fault.kind == "kill group":
            os.killpg(run.process.pid, signal.SIGKILL)
        if fault.kind in ("kill stage", "kill both") and stage:
            stage.kill()
        if fault.kind in ("kill dvc", "kill both") or not stage:
            run.process.kill()
        run.process.wait(TIMEOUT)  # a dvc whose stage was killed ends by itself

    def _fill_disk(self, outcome: Outcome) -> None:
        """Run the stage with room for a part of what it and DVC write, then make room."""
        stage = outcome.fault.stage
        faults.unmake(self.work, stage)
        # In the folder and in the cache, and dvc.lock.
        room = 2 * sum(out["size"] for out in dvc_lock.files(self.stages[stage], "outs").values())
        free = int(outcome.fault.place * (room + (self.work / "dvc.lock").stat().st_size))
        outcome.what = f"{free} bytes free"
        self._mount(f"remount,size={shutil.disk_usage(self.work).used + free}")
        self._succeeds(outcome, f"dvc repro --single-item {stage}")
        self._mount("remount,size=100%")

    @contextmanager
    def _own_disk(self) -> Iterator[None]:
        """Put the copy on a disk in memory."""
        self._mount("size=100%")
        try:
            self._copy()
            yield
        finally:
            subprocess.run(["umount", "--lazy", self.work], check=True)

    def _mount(self, options: str) -> None:
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", self.work], check=True)

    def _damage(self, outcome: Outcome) -> None:
        """Damage an output, and run a stage that reads it by hand, without DVC, which would notice."""
        fault = outcome.fault
        path = faults.damage(self.work, self.stages[fault.stage], fault).relative_to(self.work)
        outcome.what = str(path)
        readers = [name for name, stage in self.stages.items() if faults.reads(stage, path)]
        if readers:
            reader = readers[int(fault.place * len(readers))]
            outcome.what += f", read by {reader}"
            if self._succeeds(outcome, faults.command(self.stages[reader])):
                outcome.complaints += judge.outputs(self.work, self.finished, [reader])

    def _run_again(self, outcome: Outcome) -> None:
        """Run what a person would, a second time if it ends in a sentence, and judge the result."""
        if self._succeeds(outcome, RERUN) or self._succeeds(outcome, RERUN):
            outcome.complaints += judge.result(self.work, self.finished)
        else:
            outcome.complaints.append("the second run fails, too")

    def _succeeds(self, outcome: Outcome, command: str) -> bool:
        """Run a command, judge what it says, and return whether it succeeds."""
        run = self._run(outcome, command)
        status = run.process.wait(TIMEOUT)
        outcome.complaints += judge.output(run.text(), status)
        outcome.sentence |= status != 0
        return status == 0

    def _run(self, outcome: Outcome, command: str) -> Run:
        run = Run(self.work, "sh", "-c", command, log=outcome.log)
        outcome.runs.append(run)
        return run

    def _copy(self) -> None:
        shutil.rmtree(self.work, ignore_errors=True)  # all but the folder itself if a disk is mounted there
        shutil.copytree(self.finished, self.work, symlinks=True, dirs_exist_ok=True)
