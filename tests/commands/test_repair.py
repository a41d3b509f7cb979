"""What a killed dvc leaves is mended, and no whole file is touched: real kills, and dvc.lock cut at any byte."""

import re
import shutil
import signal
import subprocess
import sys

import dvc.lock
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from scenes.commands.main import USE_DVC
from scenes.commands.repair import repair
from scenes.common.errors import InputError
from tests.code_facts import ROOT
from tests.helpers import dvc_cli, git
from tests.helpers.command import in_folder, run_module

STAGES = {
    "one": {"cmd": "cat params.yaml > one.txt", "params": ["number"], "outs": ["one.txt"]},
    "two": {"cmd": "mkdir two; cp one.txt two", "deps": ["one.txt"], "outs": ["two"]},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project whose dvc.lock is newer than the one in git."""
    folder = tmp_path_factory.mktemp("made")
    git.init(folder)
    (folder / "scenes").mkdir()
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": STAGES}, sort_keys=False))
    (folder / "params.yaml").write_text("number: 1\n")
    dvc_cli.succeed(folder, "init --quiet", "repro")
    git.commit(folder)
    (folder / "params.yaml").write_text("number: 2\n")
    dvc_cli.succeed(folder, "repro")
    return folder


@pytest.fixture
def project(made, tmp_path, monkeypatch):
    shutil.copytree(made, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


@pytest.fixture(scope="module")
def copy(made, tmp_path_factory):
    folder = tmp_path_factory.mktemp("copy") / "project"
    return shutil.copytree(made, folder)


@given(st.data())
@settings(max_examples=12)
def test_a_dvc_lock_cut_at_any_byte_is_put_back_or_ends_between_two_entries(made, copy, data):
    whole = (made / "dvc.lock").read_bytes()
    length = data.draw(st.integers(0, len(whole) - 1))
    (copy / "dvc.lock").write_bytes(whole[:length])
    with in_folder(copy):
        repair()
    if (copy / "dvc.lock").read_bytes() == whole[:length]:
        assert whole[:length].endswith(b"\n")
        assert len(yaml.safe_load(whole[:length])["stages"]) >= 1
    else:
        assert git.changed(copy) == ["params.yaml"]


@pytest.mark.parametrize(
    "end",
    ["  two:\n", "      md5:", "      size: ", "      size: 10\n"],
)
def test_after_a_cut_the_run_ends_in_the_bytes_that_dvc_lock_had_and_no_stage_runs(end, made, copy):
    whole = (made / "dvc.lock").read_text()
    (copy / "dvc.lock").write_text(whole[: whole.rindex(end) + len(end)])
    with in_folder(copy):
        repair()
    assert "Running stage" not in dvc_cli.succeed(copy, "repro")
    assert (copy / "dvc.lock").read_text() == whole


def test_an_empty_dvc_lock_comes_back_from_git_and_a_line_says_so(project, capsys):
    (project / "dvc.lock").write_text("")
    repair()
    line = (
        "mended: dvc.lock was empty or cut short, as a killed dvc leaves it; put back from git, and the run cache has"
    )
    assert capsys.readouterr().out.startswith(line)
    assert git.changed(project) == ["params.yaml"]


@pytest.mark.parametrize("text", ["", '{"write": {}, "read": {"a'], ids=["empty", "cut"])
def test_a_broken_rwlock_is_removed_and_a_line_says_so(text, project, capsys):
    (project / ".dvc/tmp/rwlock").write_text(text)
    repair()
    assert not (project / ".dvc/tmp/rwlock").exists()
    sentence = "mended: .dvc/tmp/rwlock was empty or cut short, as a killed dvc leaves it; removed\n"
    assert capsys.readouterr().out == sentence
    dvc_cli.succeed(project, "repro")


CONFLICT = "<<<<<<< HEAD\nschema: '2.0'\n=======\n>>>>>>> other\n"


@pytest.mark.parametrize(
    "text", [None, CONFLICT, "schema: '2.0'\nstages: {}\n"], ids=["as run", "conflict", "no stage"]
)
def test_what_is_whole_or_for_people_to_resolve_is_left(text, project, capsys):
    lock = project / "dvc.lock"
    if text is not None:
        lock.write_text(text)
    before = lock.read_bytes(), lock.stat().st_ino, lock.stat().st_mtime_ns
    repair()
    assert (lock.read_bytes(), lock.stat().st_ino, lock.stat().st_mtime_ns) == before
    assert capsys.readouterr().out == ""


def test_what_was_added_and_not_committed_is_put_back(project):
    whole = (project / "dvc.lock").read_bytes()
    subprocess.run(["git", "add", "dvc.lock"], check=True)
    (project / "dvc.lock").write_text("")
    repair()
    assert (project / "dvc.lock").read_bytes() == whole


@pytest.mark.parametrize("git_there", [True, False])
def test_one_that_git_does_not_have_is_moved_aside(git_there, project, capsys, monkeypatch):
    subprocess.run(["git", "rm", "--cached", "--quiet", "dvc.lock"], check=True)
    shutil.rmtree(project / ".git/refs")
    (project / "dvc.lock").write_text("")
    with monkeypatch.context() as patch:
        if not git_there:
            patch.setenv("PATH", "")
        repair()
    assert "moved to .dvc/tmp/dvc.lock, as git has none, and the run cache has" in capsys.readouterr().out
    assert (project / ".dvc/tmp/dvc.lock").read_text() == ""
    assert "Running stage" not in dvc_cli.succeed(project, "repro")


FAKE_DVC = "import sys, time; print('runs', flush=True); time.sleep(60)"


@pytest.mark.process
def test_beside_a_running_dvc_nothing_is_touched(project):
    (project / ".dvc/tmp/rwlock").write_text("")
    (project / "dvc").write_text(FAKE_DVC)
    process = subprocess.Popen([sys.executable, "dvc"], stdout=subprocess.PIPE)
    try:
        process.stdout.readline()
        with pytest.raises(
            InputError, match=rf"rwlock is empty or cut short, and a dvc runs here \(process {process.pid}\)"
        ):
            repair()
        assert (project / ".dvc/tmp/rwlock").read_text() == ""
    finally:
        process.kill()
        process.communicate()
    repair()
    assert not (project / ".dvc/tmp/rwlock").exists()


def test_a_dvc_that_holds_the_lock_is_named(project, monkeypatch):
    monkeypatch.setattr(dvc.lock, "DEFAULT_TIMEOUT", 0.1)
    (project / "dvc.lock").write_text("")
    with (
        dvc.lock.Lock(".dvc/tmp/lock"),
        pytest.raises(InputError, match="this folder can't be mended: Unable to acquire lock"),
    ):
        repair()
    assert (project / "dvc.lock").read_text() == ""


# DVC's own code, killed where it has emptied a file and not yet written it.
KILLED = """
import json, os, signal, sys
import ruamel.yaml
module, name = {json: (json, "dump"), ruamel: (ruamel.yaml.YAML, "dump")}[eval(sys.argv.pop())]
setattr(module, name, lambda *args, **settings: os.kill(os.getpid(), signal.SIGKILL))
from dvc.cli import main
main(["repro", "--force"])
"""


@pytest.mark.process
def test_a_dvc_killed_before_it_writes_into_the_run_cache(project):
    (project / "params.yaml").write_text("number: 3\n")
    killed = "from dvc.stage import cache; cache.fs.utils.tmp_fname = lambda: os.kill(os.getpid(), signal.SIGKILL)\n"
    main = "from dvc.cli import main; main(['repro'])"
    done = subprocess.run([sys.executable, "-c", f"import os, signal; {killed}{main}"], capture_output=True)
    assert done.returncode == -signal.SIGKILL
    assert "NoneType" in dvc_cli.run(project, "repro").text, "DVC skips empty folders: `RUNS` is no longer needed"
    said = run_module("scenes", "repair", folder=project).stdout
    assert re.fullmatch(r"mended: \.dvc/cache/runs/../\w+ was empty or cut short, .*; removed\n", said)
    dvc_cli.succeed(project, "repro")


@pytest.mark.process
@pytest.mark.parametrize(("writer", "file"), [("json", ".dvc/tmp/rwlock"), ("ruamel", "dvc.lock")])
def test_a_dvc_killed_while_it_writes(writer, file, project):
    done = subprocess.run([sys.executable, "-c", KILLED, writer], capture_output=True)
    assert done.returncode == -signal.SIGKILL
    assert (project / file).read_bytes() == b"", "DVC writes beside and renames: this module is no longer needed"
    assert dvc_cli.run(project, "repro").status
    assert run_module("scenes", "repair", folder=project).stdout.startswith(f"mended: {file} was empty or cut short")
    dvc_cli.succeed(project, "repro")


def test_sub_commands_that_use_dvc_mend_first(project, capsys):
    (project / "dvc.lock").write_text("")
    done = run_module("scenes", "provenance", "nosuch", folder=project)
    assert done.stdout.startswith("mended: dvc.lock")
    assert done.stderr.startswith("error: dvc.lock has no model 'nosuch'")


def test_each_that_uses_dvc_is_listed():
    """What a sub-command imports or starts shows in its text, or in that of scenes.experiments."""
    using = {
        path.stem
        for path in (*(ROOT / "scenes/commands").glob("*.py"), *(ROOT / "scenes/own").glob("*.py"))
        if re.search(r"\b(import dvc|from dvc|dvc_lock|scenes\.experiments)\b|\[\"dvc\"", path.read_text())
    }
    assert using - {"repair"} == USE_DVC
