"""The stage as DVC runs it: a process of its own, params.yaml in, data/raw/archive.zip out, whole or not at all."""

import contextlib
import hashlib
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import termios
from pathlib import Path

import pytest
import yaml

from scenes.download.source import parse_source
from tests.loopback import (
    DOWNLOAD,
    INTROSPECT,
    ROOT,
    SIGNATURE,
    STORED,
    TOKEN,
    Reply,
    as_json,
    make_zip,
    one_sentence_of,
    run_python,
    wait_until,
    web_page,
)

KAGGLE = "kaggle:someone/pictures/versions/2"
WEB = f"https://files.example/pictures.zip?sig={SIGNATURE}"
SMALL = make_zip()
LARGE = make_zip(member_bytes=1_000_000)


class Project:
    """A folder with a params.yaml in which the stage is run."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.archive = folder / "data/raw/archive.zip"

    def write_params(self, source: str, **active) -> None:
        block = {"source": source, "archive_bytes": None, "archive_sha256": None, "synthetic": None, **active}
        text = yaml.safe_dump({"profile": "demo", "seed": 42, "profiles": {"demo": block}})
        (self.folder / "params.yaml").write_text(text)

    def run(self, env: dict[str, str], source: str, **active) -> subprocess.CompletedProcess:
        self.write_params(source, **active)
        return run_python("-m", "stages.download", cwd=self.folder, env=env)

    def start(self, env: dict[str, str], source: str) -> subprocess.Popen:
        self.write_params(source)
        command = [sys.executable, "-m", "stages.download"]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=env,
            stderr=subprocess.PIPE,
            text=True,
            # Who runs the tests in a shell's background has Ctrl-C ignored, and hands that on.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def left(self) -> list[str]:
        """Return the paths of all files there are but params.yaml."""
        files = (path for path in self.folder.rglob("*") if path.is_file() and path.name != "params.yaml")
        return sorted(str(path.relative_to(self.folder)) for path in files)


@pytest.fixture
def project(tmp_path):
    (tmp_path / "project").mkdir()
    return Project(tmp_path / "project")


@pytest.fixture
def env(loopback, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    return loopback.environment(home, KAGGLE_API_TOKEN=TOKEN, VERBOSE="1")


@pytest.fixture
def small_disk(tmp_path):
    """A project on a disk of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not shutil.which("mount") or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("this system does not let root mount a small disk")
    yield Project(folder)
    subprocess.run(["umount", str(folder)], check=True)


def test_file(project, env, tmp_path):
    (tmp_path / "some.zip").write_bytes(SMALL)
    result = project.run(env, "file:../some.zip")
    assert result.returncode == 0, result.stderr
    assert project.archive.read_bytes() == SMALL
    assert project.left() == ["data/raw/archive.zip"]
    assert not (project.folder / ".partial").exists()
    assert "data/raw/archive.zip: 6 members" in result.stdout


def test_log_gives_the_lines_to_pin(project, env, tmp_path):
    (tmp_path / "some.zip").write_bytes(SMALL)
    result = project.run(env, "file:../some.zip")
    pins = yaml.safe_load("\n".join(re.findall(r"^    archive_.*$", result.stdout, re.M)))
    assert pins == {"archive_bytes": len(SMALL), "archive_sha256": hashlib.sha256(SMALL).hexdigest()}
    pinned = project.run(env, "file:../some.zip", **pins)
    assert pinned.returncode == 0
    assert "pin" not in pinned.stdout


def test_file_source_loads_nothing_heavy(project, env, tmp_path):
    (tmp_path / "some.zip").write_bytes(SMALL)
    project.write_params(f"file:{tmp_path / 'some.zip'}")
    code = "import sys, stages.download as stage; stage.main(); print(*{n.partition('.')[0] for n in sys.modules})"
    result = run_python("-c", code, cwd=project.folder, env=env)
    assert result.returncode == 0, result.stderr
    loaded = set(result.stdout.splitlines()[-1].split())
    assert "ruamel" in loaded
    heavy = {"tensorflow", "keras", "kaggle", "kagglesdk", "requests", "urllib3", "tqdm", "numpy", "pandas", "PIL"}
    assert not heavy & loaded


def test_synthetic(project, env):
    pytest.importorskip("scenes.synthetic.archive")
    block = yaml.safe_load((ROOT / "params.yaml").read_text())["profiles"]["demo"]["synthetic"]
    result = project.run(env, "synthetic", synthetic={**block, "train": 24, "test": 12, "pred": 3, "size": 32})
    assert result.returncode == 0, result.stderr
    assert project.left() == ["data/raw/archive.zip"]
    assert "pin" not in result.stdout


@pytest.mark.parametrize(
    ("content", "active", "sentence"),
    [
        (None, {}, "does not exist"),
        (SMALL[:-30], {}, "cut short"),
        (b"<html>", {}, "a web page instead of a zip"),
        (SMALL, {"archive_bytes": 5}, f"it has {len(SMALL)} bytes where 5 are expected"),
        (SMALL, {"archive_sha256": "0" * 64}, "its sha256 is"),
    ],
)
def test_bad_file(project, env, tmp_path, content, active, sentence):
    if content is not None:
        (tmp_path / "some.zip").write_bytes(content)
    assert sentence in one_sentence_of(project.run(env, "file:../some.zip", **active))
    assert project.left() == []


def test_file_that_is_a_folder(project, env):
    assert "file:.. is a folder; name the zip itself" in one_sentence_of(project.run(env, "file:.."))


def test_file_that_may_not_be_read(project, env, tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    (tmp_path / "some.zip").write_bytes(SMALL)
    (tmp_path / "some.zip").chmod(0)
    assert "may not be read" in one_sentence_of(project.run(env, "file:../some.zip"))


def test_file_that_is_a_pipe(project, env, tmp_path):
    os.mkfifo(tmp_path / "some.zip")
    assert "not a regular file" in one_sentence_of(project.run(env, "file:../some.zip"))


def test_bad_source(project, env):
    assert one_sentence_of(project.run(env, "kaggle:someone")).startswith("source: 'kaggle:someone' is not a source")


@pytest.mark.parametrize(("source", "path"), [(KAGGLE, STORED), (WEB, "/pictures.zip")])
def test_download(project, env, loopback, source, path):
    loopback.replies[path] = Reply(body=LARGE)
    result = project.run(env, source, archive_bytes=len(LARGE))
    assert result.returncode == 0, result.stderr
    assert project.archive.read_bytes() == LARGE
    assert project.left() == ["data/raw/archive.zip"]
    assert result.stderr == "", "no bar where stderr is no terminal"
    assert SIGNATURE not in result.stdout
    assert TOKEN not in result.stdout


@pytest.mark.parametrize(("source", "path"), [(KAGGLE, STORED), (WEB, "/pictures.zip")])
def test_person_at_a_terminal_sees_a_bar(project, env, loopback, source, path):
    loopback.replies[path] = Reply(body=LARGE, pause=0.005)
    project.write_params(source)
    ours, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 100))
    command = [sys.executable, "-m", "stages.download"]
    process = subprocess.run(
        command, cwd=project.folder, env=env, stdout=subprocess.DEVNULL, stderr=terminal, timeout=30
    )
    os.close(terminal)
    drawn = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert process.returncode == 0, drawn
    assert re.search(r"\.zip: +[0-9]+%", drawn)
    assert "6.00M/6.00M" in drawn
    assert "ignature" not in drawn
    assert TOKEN not in drawn


@pytest.mark.parametrize(
    ("source", "replies", "active", "sentence"),
    [
        (KAGGLE, {INTROSPECT: as_json(404, code=404, message="bad")}, {}, "the token or key (401)"),
        (KAGGLE, {DOWNLOAD: as_json(403, code=403, message="rules")}, {}, "accept the rules"),
        (KAGGLE, {STORED: web_page()}, {}, "a web page instead of a zip"),
        (KAGGLE, {STORED: Reply(body=LARGE, announce=False, etag=None, cut=3_000_000)}, {}, "cut short"),
        (KAGGLE, {STORED: Reply(body=LARGE)}, {"archive_sha256": "0" * 64}, "its sha256 is"),
        (WEB, {"/pictures.zip": Reply(403)}, {}, "refuses access (403)"),
        (WEB, {"/pictures.zip": web_page()}, {}, "a web page instead of a file"),
        (WEB, {"/pictures.zip": Reply(body=LARGE, announce=False, etag=None, cut=3_000_000)}, {}, "cut short"),
        (WEB, {"/pictures.zip": Reply(body=LARGE)}, {"archive_bytes": 5}, "where 5 are expected"),
    ],
)
def test_failing_download_leaves_nothing(project, env, loopback, source, replies, active, sentence):
    loopback.replies |= replies
    assert sentence in one_sentence_of(project.run(env, source, **active))
    assert project.left() == []


def test_no_credentials(project, env):
    del env["KAGGLE_API_TOKEN"]
    assert "no Kaggle credentials found" in one_sentence_of(project.run(env, KAGGLE))
    assert project.left() == []


@pytest.mark.parametrize(
    ("source", "path", "partial", "kept_at_least"),
    [(KAGGLE, STORED, "pictures.zip", 1 << 20), (WEB, "/pictures.zip", "archive.zip.part", 1)],
)
def test_killed_download_is_continued(project, env, loopback, source, path, partial, kept_at_least):
    loopback.replies[path] = Reply(body=LARGE, pause=0.02)
    body = project.folder / ".partial" / parse_source(source).key / partial
    process = project.start(env, source)
    try:
        wait_until(lambda: body.exists() and body.stat().st_size >= kept_at_least)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert not project.archive.exists()
    assert SIGNATURE not in "".join(project.left())
    loopback.requests.clear()
    loopback.replies[path] = Reply(body=LARGE)
    result = project.run(env, source)
    assert result.returncode == 0, result.stderr
    assert len(loopback.ranges(path)) == 1
    assert project.archive.read_bytes() == LARGE
    assert project.left() == ["data/raw/archive.zip"]


def test_interrupted_download_keeps_what_it_has(project, env, loopback):
    # Slow enough for a second process to start meanwhile, on a busy machine too.
    loopback.replies["/pictures.zip"] = Reply(body=LARGE, pause=0.2)
    process = project.start(env, WEB)
    try:
        wait_until(lambda: any(name.endswith(".part") for name in project.left()))
        second = project.run(env, WEB)
        assert "another download from this source is running" in one_sentence_of(second)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=15)[1] == "interrupted\n"
        assert process.returncode == 130
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.communicate()
    assert [Path(name).name for name in project.left()] == ["archive.zip.part", "archive.zip.part.json"]


@pytest.mark.parametrize("announce", [True, False])
@pytest.mark.parametrize(("source", "path"), [(KAGGLE, STORED), (WEB, "/pictures.zip")])
def test_full_disk(small_disk, env, loopback, source, path, announce):
    loopback.replies[path] = Reply(body=LARGE, announce=announce)
    said = one_sentence_of(small_disk.run(env, source))
    assert said.startswith("the disk is full")
    assert "needed" in said if announce and source is WEB else "free" in said
    assert not small_disk.archive.exists()


def test_full_disk_for_a_file(small_disk, env, tmp_path):
    (tmp_path / "some.zip").write_bytes(LARGE)
    assert f"{len(LARGE)} needed" in one_sentence_of(small_disk.run(env, "file:../some.zip"))
    assert small_disk.left() == []
