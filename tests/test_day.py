"""docs/day.md held against the project: each of its commands, as written and in order, in clones of one repository."""

import re
import shutil
import subprocess
import tempfile
import time
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import yaml

from scenes.commands import verify
from tests.code_facts import ROOT
from tests.helpers import needed
from tests.helpers.day_page import COMMANDS

pytestmark = [pytest.mark.process, pytest.mark.timeout(900)]
# The `dvc repro` after a pull, of which the page says that it takes seconds; to compute all takes this pipeline longer.
QUICK = next((where, line) for where, line, _ in COMMANDS if where and line.startswith("dvc repro  #"))


ALONE = "fresh clone without a remote"


def run(command: str, folder: Path, timeout: float = 300, **variables: str) -> str:
    """Run a command and return what it says, by way of a file: a worker that it leaves behind keeps a pipe open."""
    who = {f"GIT_{who}_{what}": "test@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env=verify.environment(**who, **variables),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            timeout=timeout,
        )
        file.seek(0)
        said = file.read()
    assert done.returncode == 0, f"{command}\n{said[-3000:]}"
    return said


@pytest.fixture(scope="module")
def day(pipeline, tmp_path_factory):
    """A repository whose tiny pipeline is committed and pushed, and the clones that the page speaks of, by name."""
    parent = tmp_path_factory.mktemp("day")
    mine = parent / "repo"
    shutil.copytree(pipeline.one, mine, symlinks=True)
    (mine / ".venv").symlink_to(ROOT / ".venv")
    run("echo .venv >> .git/info/exclude && git checkout --quiet -B main && git add --all", mine)
    run("git commit --quiet --message 'a tiny pipeline' && git clone --quiet --bare . ../origin.git", mine)
    run("git remote set-url origin ../origin.git", mine)
    run("dvc push", mine)  # into ../scenes-remote, from which every clone beside it pulls
    places = {"": mine}
    for name in ("fresh clone", "another fresh clone"):
        places[name] = parent / name.replace(" ", "-")
    places[ALONE] = parent / "elsewhere" / "clone"
    for place in places.values():
        if place != mine:
            run(f"git clone --quiet origin.git {place}", parent)
            (place / ".venv").symlink_to(ROOT / ".venv")
            run("echo .venv >> .git/info/exclude", place)
    for name in ("installed", "installed-dev"):  # for make, which compares times, and the clones are new
        (ROOT / ".venv" / name).touch()
    run("make install", mine)
    assert run("git status --short", mine) == ""
    yield SimpleNamespace(places=places, mine=mine, said={})
    for worker in workers(mine):
        worker.kill()


def workers(folder: Path) -> list[psutil.Process]:
    """The processes that work through the queue of experiments in ``folder``."""
    found = []
    for file in (folder / ".dvc/tmp/exps/celery").glob("dvc-exp-worker-*.pid"):
        try:
            process = psutil.Process(int(file.read_text()))
            if "queue-worker" in process.cmdline():
                found.append(process)
        except psutil.Error:
            continue
    return found


def wait_until(condition, seconds: float, say=lambda: "") -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, say()
        time.sleep(0.2)


def queue(folder: Path) -> str:
    return run("dvc queue status", folder)


@pytest.mark.parametrize(
    ("where", "line", "says"), COMMANDS, ids=[f"{number}: {line}" for number, (_, line, _) in enumerate(COMMANDS)]
)
def test_a_command_of_the_page(where, line, says, day):
    if line.startswith("make experiments"):  # the page says to wait before it
        wait_until(lambda: not re.search("Running|Queued", queue(day.mine)), 600, lambda: queue(day.mine))
        assert queue(day.mine).count("Success") == 2, run("dvc queue logs penalty-1", day.mine)
    began = time.monotonic()
    variables = verify.ENVIRONMENTS[1] if where == ALONE else {}
    said = run(line, day.places[where], timeout=800, **variables)
    day.said.setdefault(where, []).append(said)
    assert says in re.sub(r" +", " ", said)
    if (where, line) == QUICK:
        assert time.monotonic() - began < 30


def test_a_clone_that_computes_everything_gets_the_same_results(day, pipeline):
    """With another folder name, and other settings of everything that must not matter."""
    place = day.places[ALONE]
    stages = yaml.safe_load((pipeline.one / "dvc.lock").read_text())["stages"]
    ran = set(re.findall("^Running stage '(.+)'", "".join(day.said[ALONE]), re.MULTILINE))
    # The first writes nothing that git does not hold, and the other the same weights as the stage before it.
    present = {"code", "weights@finetuned"}
    assert set(stages) - ran == present
    run(f"dvc repro --single-item --force {' '.join(sorted(present))}", place, **verify.ENVIRONMENTS[1])
    assert run("git status --short", place) == ""
    for pattern in ("dvc.lock", "metrics/*.json", "data/scores/*.json", "reports/*"):
        for file in pipeline.one.glob(pattern):
            assert file.read_bytes() == (place / file.relative_to(pipeline.one)).read_bytes(), file


def test_what_was_tried_in_other_folders_left_the_working_tree_alone(day):
    """After the page's `dvc exp apply` only what the experiment changed differs from the commit."""
    for place in ("", "fresh clone"):
        changed = run("git diff --name-only", day.places[place]).split()
        assert changed == ["dvc.lock", "metrics/transfer.json", "params.yaml"]
        committed = yaml.safe_load(run("git show HEAD:params.yaml", day.places[place]))
        committed["models"]["transfer"]["C"] = [0.0001]
        assert yaml.safe_load((day.places[place] / "params.yaml").read_text()) == committed


def test_the_workers_of_the_queue_end_by_themselves(day):
    wait_until(lambda: not workers(day.mine), 60)


class Sources(HTMLParser):
    """What a page loads when it opens."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found += [value for name, value in attrs if name in ("src", "href", "data", "srcset")]


def test_the_charts_open_offline(day):
    page = day.mine / "dvc_plots/index.html"
    text = page.read_text(encoding="utf-8")
    sources = Sources()
    sources.feed(text)
    # Pictures, beside the page.
    assert len(sources.found) > 15
    assert all((page.parent / source).is_file() for source in sources.found)
    charts = len(re.findall(r"^\s*vegaEmbed\('#", text, re.MULTILINE))
    assert charts > 5
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND")
    profile = f"--user-data-dir={page.parent / 'browser'}"
    drawn = subprocess.run(
        [needed.chromium(), *options, profile, "--virtual-time-budget=20000", "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
    ).stdout
    assert drawn.count('class="marks"') == charts
    assert drawn.count("mark-line role-mark") >= 2  # training curves: a model each


def training(folder: Path) -> psutil.Process | None:
    """The process that trains in a folder of experiments."""
    for process in psutil.process_iter():
        try:
            if "stages.train_cnn" in process.cmdline() and (folder / ".dvc/tmp/exps") in Path(process.cwd()).parents:
                return process
        except psutil.Error:
            continue
    return None


LONG = "-S models.baseline.training.epochs=1000 train@baseline"


def test_a_training_in_a_folder_of_its_own_ends_with_its_dvc(day):
    folder = day.places["another fresh clone"]
    with (folder.with_suffix(".log")).open("w") as log:
        dvc = subprocess.Popen(
            ["dvc", "exp", "run", "--temp", *LONG.split()], cwd=folder, env=verify.environment(), stdout=log, stderr=log
        )
    try:
        wait_until(lambda: training(folder), 120, folder.with_suffix(".log").read_text)
        process = training(folder)
    finally:
        dvc.kill()
        dvc.wait()
    process.wait(30)


def test_a_training_in_the_queue_ends_when_its_run_is_killed(day):
    folder = day.places["another fresh clone"]
    run(f"dvc exp run --queue --name long {LONG} && dvc queue start", folder)
    try:
        wait_until(lambda: training(folder), 120, lambda: queue(folder))
        process = training(folder)
        run("dvc queue kill --force long", folder)
        process.wait(30)
        wait_until(lambda: "Failed" in queue(folder), 60, lambda: queue(folder))
    finally:
        run("dvc queue stop --kill", folder)
        for worker in workers(folder):
            worker.kill()
