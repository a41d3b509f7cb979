"""The stage `download`: params.yaml in, data/raw/ out, whole or not at all."""

import contextlib
import hashlib
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import termios
import zipfile
from pathlib import Path

import pytest
import yaml

from scenes.common.outputs import sums
from scenes.download.source import parse_source
from stages import download
from tests.code_facts import ROOT
from tests.helpers.loopback import (
    DOWNLOAD,
    SIGNATURE,
    STORED,
    TOKEN,
    Reply,
    as_json,
    make_zip,
    play_only,
    wait_until,
    web_page,
)
from tests.helpers.stage import refusal

KAGGLE = "kaggle:someone/pictures/versions/2"
SIGNED = f"https://files.example/pictures.zip?sig={SIGNATURE}"
WEB = "env:SCENES_URL"
WRITTEN = ["data/raw/SHA256SUMS", "data/raw/archive.zip"]
SMALL = make_zip()
LARGE = make_zip(member_bytes=1_000_000)
# Kaggle's client is a process of its own.
BOTH = [
    pytest.param(KAGGLE, STORED, marks=pytest.mark.process, id="kaggle"),
    pytest.param(WEB, "/pictures.zip", id="web"),
]


class Project:
    """A folder with a params.yaml in which the stage is run, here or in a process of its own."""

    def __init__(self, folder: Path, home: Path, run, monkeypatch):
        self.folder = folder
        self.home = home
        self.archive = folder / "data/raw/archive.zip"
        self._run = run
        monkeypatch.chdir(folder)

    def write_params(self, source: str | list[str], *, watch: str = "params.yaml", **active) -> None:
        block = {"source": source, "archive_bytes": None, "archive_sha256": None, "synthetic": None, **active}
        text = yaml.safe_dump({"profile": "demo", "watch": watch, "profiles": {"demo": block}})
        (self.folder / "params.yaml").write_text(text)

    def run(self, source: str | list[str], **active):
        """Run the stage in this process; it tells no secret."""
        self.write_params(source, **active)
        done = self._run(download.main)
        for text in (done.stdout, done.stderr):
            assert SIGNATURE not in text
            assert TOKEN not in text
        return done

    def start(self, loopback, source: str | list[str]) -> subprocess.Popen:
        """Start the stage in a process of its own."""
        self.write_params(source)
        return subprocess.Popen(
            [sys.executable, "-m", "stages.download"],
            cwd=self.folder,
            env=loopback.environment(self.home, KAGGLE_API_TOKEN=TOKEN, SCENES_URL=SIGNED),
            stderr=subprocess.PIPE,
            text=True,
            # Who runs the tests in a shell's background has Ctrl-C ignored, and hands that on.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def left(self) -> list[str]:
        """Return the paths of all files there are but params.yaml and the locks of stages."""
        files = (path for path in self.folder.rglob("*") if path.is_file() and path.name != "params.yaml")
        files = (path for path in files if path.parent.name != ".resume")
        return sorted(str(path.relative_to(self.folder)) for path in files)


@pytest.fixture
def home(loopback, tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    play_only(loopback, home, monkeypatch, KAGGLE_API_TOKEN=TOKEN, SCENES_URL=SIGNED, VERBOSE="1")
    return home


@pytest.fixture
def project(tmp_path, home, run, monkeypatch):
    (tmp_path / "project").mkdir()
    return Project(tmp_path / "project", home, run, monkeypatch)


@pytest.fixture
def small_disk(tmp_path, home, run, monkeypatch):
    """A project on a disk of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not shutil.which("mount") or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("this system does not let root mount a small disk")
    with monkeypatch.context() as inside:
        yield Project(folder, home, run, inside)
    subprocess.run(["umount", str(folder)], check=True)


def test_file(project, tmp_path):
    (tmp_path / "some.zip").write_bytes(SMALL)
    result = project.run("file:../some.zip")
    assert (result.returncode, result.stderr) == (0, "")
    assert project.archive.read_bytes() == SMALL
    assert project.left() == WRITTEN
    assert not (project.folder / ".partial").exists()
    assert "data/raw/archive.zip: 6 files, " in result.stdout


def test_log_gives_the_lines_to_pin(project, tmp_path):
    (tmp_path / "some.zip").write_bytes(SMALL)
    result = project.run("file:../some.zip")
    pins = yaml.safe_load("".join(re.findall(r"^    (?:archive_|-).*\n", result.stdout, re.M)))
    assert pins == {"archive_bytes": [len(SMALL)], "archive_sha256": [hashlib.sha256(SMALL).hexdigest()]}
    pinned = project.run("file:../some.zip", **pins)
    assert pinned.returncode == 0
    assert "pin" not in pinned.stdout


def test_synthetic(project):
    block = yaml.safe_load((ROOT / "params.yaml").read_text())["profiles"]["demo"]["synthetic"]
    result = project.run("synthetic", synthetic={**block, "train": 24, "test": 12, "pred": 3, "size": 32})
    assert (result.returncode, result.stderr) == (0, "")
    assert project.left() == WRITTEN
    assert "pin" not in result.stdout


@pytest.mark.parametrize(
    ("content", "active", "sentence"),
    [
        (None, {}, "does not exist"),
        (SMALL[:-30], {}, "cut short"),
        (b"<html>", {}, "a web page instead of a zip"),
        (SMALL, {"archive_bytes": 5}, f"it has {len(SMALL)} bytes instead of the expected 5"),
        (SMALL, {"archive_sha256": "0" * 64}, "its sha256 is"),
    ],
)
def test_bad_file(project, tmp_path, content, active, sentence):
    if content is not None:
        (tmp_path / "some.zip").write_bytes(content)
    assert sentence in refusal(project.run("file:../some.zip", **active))
    assert project.left() == []


@pytest.fixture
def folder(tmp_path):
    """Pictures of two classes and a file that is neither a picture nor a table."""
    folder = tmp_path / "a [b], 'c' é"
    for name in ("cat/1.jpg", "cat/2.png", "dog/1.jpg", "labels.csv", "dog/1.cfg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return folder


def test_folder(project, folder):
    result = project.run(f"file:{folder}", watch=str(folder))
    assert (result.returncode, result.stderr) == (0, "")
    with zipfile.ZipFile(project.archive) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            name: name.encode() for name in ("cat/1.jpg", "cat/2.png", "dog/1.jpg", "labels.csv")
        }
    assert project.left() == WRITTEN
    assert "left out, as neither pictures nor tables: 1 .cfg\n" in result.stdout
    assert "pin" not in result.stdout, "what is watched is there to be changed"


@pytest.mark.parametrize("watch", ["params.yaml", "{folder}/cat"])
def test_folder_whose_changes_nobody_would_notice(project, folder, watch):
    said = refusal(project.run(f"file:{folder}", watch=watch.format(folder=folder)))
    assert "DVC would not notice changes in the folder" in said
    assert "make own DATA=<folder>" in said
    assert project.left() == []


def test_folder_that_is_watched_with_its_parent(project, folder, tmp_path):
    assert project.run(f"file:../{folder.name}", watch="..").returncode == 0


# Several sources


def names_of(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def test_each_source_gives_an_archive_in_order(project, folder, loopback, tmp_path):
    (tmp_path / "some.zip").write_bytes(SMALL)
    loopback.replies["/pictures.zip"] = Reply(body=LARGE)
    sources = [f"file:{folder}", WEB, "file:../some.zip"]
    done = project.run(sources, watch=str(folder))
    assert (done.returncode, done.stderr) == (0, "")
    raw = project.archive.parent
    assert "cat/1.jpg" in names_of(project.archive)
    assert (raw / "archive-2.zip").read_bytes() == LARGE
    assert (raw / "archive-3.zip").read_bytes() == SMALL
    assert (raw / "SHA256SUMS").read_text() == sums(raw)
    # Not for the folder, because it is there to be changed.
    pins = yaml.safe_load("".join(re.findall(r"^    (?:archive_|-).*\n", done.stdout, re.M)))
    assert pins == {
        "archive_bytes": ["", len(LARGE), len(SMALL)],
        "archive_sha256": ["", *(hashlib.sha256(each).hexdigest() for each in (LARGE, SMALL))],
    }


def test_one_more_source_costs_its_own_download_alone(project, loopback):
    loopback.replies |= {"/1.zip": Reply(body=SMALL), "/2.zip": Reply(body=LARGE)}
    first, second = "https://files.example/1.zip", "https://files.example/2.zip"
    assert project.run([first], archive_sha256=None).returncode == 0
    assert project.archive.read_bytes() == SMALL
    # As DVC may leave it: a link to its cache, which nobody may write to.
    cached = project.folder / "cached"
    project.archive.rename(cached)
    cached.chmod(0o444)
    project.archive.symlink_to(cached)
    loopback.requests.clear()
    hashes = [hashlib.sha256(each).hexdigest() for each in (SMALL, LARGE)]

    done = project.run([first, second], archive_sha256=[hashes[0], None])
    assert done.returncode == 0
    assert [request.path for request in loopback.requests] == ["/2.zip"]
    assert "data/raw/archive.zip: kept" in done.stdout
    assert (project.archive.with_name("archive-2.zip")).read_bytes() == LARGE
    # In another order, and without the pin: what is pinned is kept wherever it was, all else may have changed.
    loopback.requests.clear()
    assert project.run([second, first], archive_sha256=[hashes[1], ""], archive_bytes=["", len(SMALL)]).returncode == 0
    assert [request.path for request in loopback.requests] == ["/1.zip"]
    assert project.archive.read_bytes() == LARGE
    assert project.archive.with_name("archive-2.zip").read_bytes() == SMALL
    assert cached.read_bytes() == SMALL
    # Fewer.
    assert project.run([second], archive_sha256=hashes[1]).returncode == 0
    assert project.left() == [*sorted(["cached", *WRITTEN])]


def test_another_hash_than_the_pinned_one_leaves_all_archives_as_they_were(project, loopback):
    loopback.replies |= {"/1.zip": Reply(body=SMALL), "/2.zip": Reply(body=LARGE)}
    sources = ["https://files.example/1.zip", "https://files.example/2.zip"]
    assert project.run(sources).returncode == 0
    before = sums(project.archive.parent)
    said = refusal(project.run(sources, archive_sha256=[None, "0" * 64]))
    assert said.startswith("https://files.example/2.zip: its sha256 is")
    assert sums(project.archive.parent) == before


@pytest.mark.process
def test_a_killed_run_does_not_fetch_again_what_it_had(project, loopback):
    sources = ["https://files.example/1.zip", "https://files.example/2.zip"]
    loopback.replies |= {"/1.zip": Reply(body=SMALL), "/2.zip": Reply(body=LARGE, pause=0.1)}
    body = project.folder / ".partial" / parse_source(sources[1]).key / "archive.zip.part"
    process = project.start(loopback, sources)
    try:
        wait_until(lambda: body.exists() and body.stat().st_size)
    finally:
        process.kill()
        process.communicate()
    loopback.requests.clear()
    loopback.replies["/2.zip"] = Reply(body=LARGE)
    assert project.run(sources).returncode == 0
    assert [request.path for request in loopback.requests] == ["/2.zip"]
    assert len(loopback.ranges("/2.zip")) == 1
    assert project.left() == sorted([*WRITTEN, "data/raw/archive-2.zip"])


def test_every_folder_must_be_watched(project, folder, tmp_path):
    (tmp_path / "more/bird").mkdir(parents=True)
    (tmp_path / "more/bird/1.jpg").write_bytes(b"1")
    sources = [f"file:{folder}", "file:../more"]
    said = refusal(project.run(sources, watch=str(folder)))
    assert "changes in the folder '../more'; set watch in params.yaml to a folder that holds all of those" in said
    assert project.run(sources, watch=str(tmp_path)).returncode == 0


def test_folder_that_cannot_be_packed(project, folder):
    (folder / "cat/3.jpg").symlink_to("nowhere")
    assert "cat/3.jpg points to nothing" in refusal(project.run(f"file:{folder}", watch=str(folder)))
    assert project.left() == []


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_tar(project, folder, tmp_path, mode):
    with tarfile.open(tmp_path / "some.tar", mode) as archive:
        archive.add(folder, arcname=".")
    result = project.run("file:../some.tar")
    assert (result.returncode, result.stderr) == (0, "")
    assert "data/raw/archive.zip: 4 files, " in result.stdout
    assert "archive_sha256:" in result.stdout


@pytest.mark.parametrize(
    ("head", "sentence"), [(b"Rar!\x1a\x07\x01\0", "a RAR archive"), (b"7z\xbc\xaf\x27\x1c", "a 7z archive")]
)
def test_archive_of_another_kind(project, tmp_path, head, sentence):
    (tmp_path / "some.zip").write_bytes(head + bytes(1000))
    said = refusal(project.run("file:../some.zip"))
    assert f"this is {sentence}, not a zip; unpack it and name the folder" in said


def test_file_that_may_not_be_read(project, tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    (tmp_path / "some.zip").write_bytes(SMALL)
    (tmp_path / "some.zip").chmod(0)
    assert "cannot be read" in refusal(project.run("file:../some.zip"))


def test_file_that_is_a_pipe(project, tmp_path):
    os.mkfifo(tmp_path / "some.zip")
    assert "not a regular file" in refusal(project.run("file:../some.zip"))


def test_address_with_a_harmless_query(project, loopback):
    loopback.replies["/pictures.zip"] = Reply(body=SMALL)
    assert project.run("https://files.example/pictures.zip?download=1").returncode == 0
    assert loopback.requests[0].path == "/pictures.zip?download=1"


def test_signed_address_belongs_in_a_variable(project, loopback):
    said = refusal(project.run(SIGNED))
    assert "use env:SCENES_URL" in said
    assert loopback.requests == []
    loopback.replies["/pictures.zip"] = Reply(body=SMALL)
    assert project.run(WEB).returncode == 0
    assert loopback.requests[0].path == f"/pictures.zip?sig={SIGNATURE}"
    for file in project.folder.rglob("*"):
        assert not file.is_file() or SIGNATURE.encode() not in file.read_bytes()


def test_bad_source(project):
    assert refusal(project.run("kaggle:someone")).startswith("source: 'kaggle:someone' is not a source")


@pytest.mark.parametrize(("source", "path"), BOTH)
def test_download(project, loopback, source, path):
    loopback.replies[path] = Reply(body=LARGE)
    result = project.run(source, archive_bytes=len(LARGE))
    assert (result.returncode, result.stderr) == (0, ""), "no bar where stderr is no terminal"
    assert project.archive.read_bytes() == LARGE
    assert project.left() == WRITTEN


@pytest.mark.parametrize(("source", "path"), BOTH)
def test_person_at_a_terminal_sees_a_bar(project, loopback, monkeypatch, source, path):
    loopback.replies[path] = Reply(body=LARGE, pause=0.005)
    project.write_params(source)
    ours, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 100))
    with os.fdopen(terminal, "w") as stderr, monkeypatch.context() as at_terminal:
        at_terminal.setattr(sys, "stderr", stderr)
        download.main()
        stderr.flush()
        drawn = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert re.search(r"\.zip: +[0-9]+%", drawn)
    assert "6.00M/6.00M" in drawn
    assert "ignature" not in drawn
    assert TOKEN not in drawn


@pytest.mark.parametrize(
    ("source", "replies", "active", "sentence"),
    [
        pytest.param(
            KAGGLE,
            {DOWNLOAD: as_json(403, code=403, message="rules")},
            {},
            "accept the rules",
            marks=pytest.mark.process,
        ),
        pytest.param(KAGGLE, {STORED: web_page()}, {}, "a web page instead of a zip", marks=pytest.mark.process),
        (WEB, {"/pictures.zip": Reply(403)}, {}, "refuses access (403)"),
        (WEB, {"/pictures.zip": web_page()}, {}, "a web page instead of a file"),
        (WEB, {"/pictures.zip": Reply(body=LARGE, announce=False, etag=None, cut=3_000_000)}, {}, "cut short"),
        (WEB, {"/pictures.zip": Reply(body=LARGE)}, {"archive_bytes": 5}, "instead of the expected 5"),
        (WEB, {"/pictures.zip": Reply(body=LARGE)}, {"archive_sha256": "0" * 64}, "its sha256 is"),
    ],
    ids=["kaggle refuses", "kaggle's page", "web refuses", "web's page", "cut short", "other size", "other hash"],
)
def test_failing_download_leaves_nothing(project, loopback, source, replies, active, sentence):
    loopback.replies |= replies
    assert sentence in refusal(project.run(source, **active))
    assert project.left() == []


@pytest.mark.process
@pytest.mark.parametrize(
    ("source", "path", "partial", "kept_at_least"),
    [(KAGGLE, STORED, "pictures.zip", 1 << 20), (WEB, "/pictures.zip", "archive.zip.part", 1)],
    ids=["kaggle", "web"],
)
def test_killed_download_is_continued(project, loopback, source, path, partial, kept_at_least):
    loopback.replies[path] = Reply(body=LARGE, pause=0.1)  # so that a busy machine sees a part of it
    body = project.folder / ".partial" / parse_source(source).key / partial
    process = project.start(loopback, source)
    try:
        wait_until(lambda: body.exists() and body.stat().st_size >= kept_at_least)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert not project.archive.exists()
    assert SIGNATURE not in "".join(project.left())
    loopback.requests.clear()
    loopback.replies[path] = Reply(body=LARGE)
    assert project.run(source).returncode == 0
    assert len(loopback.ranges(path)) == 1
    assert project.archive.read_bytes() == LARGE
    assert project.left() == WRITTEN


@pytest.mark.process
def test_interrupted_download_keeps_what_it_has(project, loopback):
    # Slow enough for a second one to begin meanwhile, on a busy machine too.
    loopback.replies["/pictures.zip"] = Reply(body=LARGE, pause=0.2)
    process = project.start(loopback, WEB)
    try:
        # An empty part would be removed.
        wait_until(
            lambda: any(name.endswith(".part") and (project.folder / name).stat().st_size for name in project.left())
        )
        assert "another download from this source is running" in refusal(project.run(WEB))
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=15)[1] == "interrupted\n"
        assert process.returncode == 130
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.communicate()
    assert [Path(name).name for name in project.left()] == ["archive.zip.part", "archive.zip.part.json"]


@pytest.mark.process
@pytest.mark.parametrize(
    ("source", "path", "announce", "sentence"),
    [
        (KAGGLE, STORED, False, "if less, 90% of the free disk"),
        (WEB, "/pictures.zip", False, "if less, 90% of the free disk"),
        (WEB, "/pictures.zip", True, "the server announces"),
    ],
    ids=["kaggle", "web", "web, announced"],
)
def test_full_disk(small_disk, loopback, source, path, announce, sentence):
    loopback.replies[path] = Reply(body=LARGE, announce=announce)
    assert sentence in refusal(small_disk.run(source))
    assert small_disk.left() == []


@pytest.mark.process
def test_full_disk_for_a_file(small_disk, tmp_path):
    (tmp_path / "some.zip").write_bytes(LARGE)
    assert f"{len(LARGE)} needed" in refusal(small_disk.run("file:../some.zip"))
    assert small_disk.left() == []
