"""A folder is listed whole, and what would stop DVC in it is named."""

import os
import socket
from contextlib import nullcontext
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scenes.common.errors import InputError
from scenes.download.folder import fault_of_name, list_folder


def write(folder: Path, **files: bytes) -> Path:
    for name, content in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def refusal(folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        list_folder(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_files_are_sorted_by_code_points_with_their_sizes(tmp_path):
    write(tmp_path, b__2=b"12", B__1=b"1", b__10=b"", a=b"123", **{".hidden": b"1", ".git__config": b"1"})
    files, links = list_folder(tmp_path)
    assert list(files.items()) == [("B/1", 1), ("a", 3), ("b/10", 0), ("b/2", 2)]
    assert links == []


def test_it_agrees_with_os_walk(tmp_path):
    for number in range(60):
        write(tmp_path, **{f"{number % 7}__{number % 3}__{number}.jpg": b"x" * number})
    walked = {
        Path(folder, name).relative_to(tmp_path).as_posix(): Path(folder, name).stat().st_size
        for folder, _, names in os.walk(tmp_path)
        for name in names
    }
    files, _ = list_folder(str(tmp_path))
    assert files == walked
    assert list(files) == sorted(walked)


def test_names_stay_as_the_disk_has_them(tmp_path):
    names = ["é [1], 'x' \"y\" #$.jpg", "e\u0301.jpg", "猫.jpg"]
    for name in names:
        (tmp_path / name).touch()
    assert sorted(list_folder(tmp_path)[0]) == sorted(names)


def test_links_to_files_are_files_and_links_to_folders_are_named(tmp_path):
    write(tmp_path, outside__1=b"123", own__2=b"1")
    (tmp_path / "own/3").symlink_to(tmp_path / "outside/1")
    (tmp_path / "own/more").symlink_to(tmp_path / "outside")
    assert list_folder(tmp_path / "own") == ({"2": 1, "3": 3}, ["more"])


def test_the_folder_may_be_a_link(tmp_path):
    write(tmp_path, real__1=b"1")
    (tmp_path / "link").symlink_to("real")
    assert list_folder(tmp_path / "link") == ({"1": 1}, [])


def test_link_to_nothing(tmp_path):
    write(tmp_path, a__1=b"1")
    (tmp_path / "a/gone").symlink_to("nowhere")
    assert "a/gone points to nothing; remove or mend it" in refusal(tmp_path)


@pytest.mark.parametrize(
    "links",
    [
        {"a/up": ".."},
        {"a/b/up": "../.."},
        {"a/self": "."},
        {"a/to_c": "../c", "c/to_a": "../a"},
        {"a/to_c": "../c", "c/d/top": "../.."},
    ],
)
def test_links_that_lead_in_a_circle(tmp_path, links):
    write(tmp_path, a__b__1=b"1", c__d__1=b"1")
    for name, target in links.items():
        (tmp_path / name).symlink_to(target)
    assert "leads back to a folder that holds it; remove it" in refusal(tmp_path)


def test_a_link_to_itself(tmp_path):
    (tmp_path / "self").symlink_to("self")
    assert "the link" in refusal(tmp_path)


def test_two_links_to_one_folder_are_no_circle(tmp_path):
    write(tmp_path, a__1=b"1", b__1=b"1", c__1=b"1")
    (tmp_path / "a/c").symlink_to("../c")
    (tmp_path / "b/c").symlink_to("../c")
    assert list_folder(tmp_path)[1] == ["a/c", "b/c"]


def test_pipes_and_sockets(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    assert "pipe is a pipe or a device" in refusal(tmp_path)
    (tmp_path / "pipe").unlink()
    monkeypatch.chdir(tmp_path)  # the path of a socket has 108 characters at most
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
    assert "socket is a pipe or a device" in refusal(tmp_path)


def test_a_name_that_is_not_utf8_is_shown_escaped(tmp_path):
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xe9.jpg")).touch()
    message = refusal(tmp_path)
    assert "\\xe9.jpg: the name is not UTF-8; rename it" in message
    message.encode()


@pytest.mark.parametrize("name", ["a\nb.jpg", "a\x7f.jpg", "a\\b.jpg", "a\u2028.jpg"])
def test_a_name_that_no_archive_may_hold(tmp_path, name):
    (tmp_path / name).touch()
    assert "rename it" in refusal(tmp_path)


def test_what_may_not_be_read(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    write(tmp_path, a__1=b"1")
    (tmp_path / "a/1").chmod(0)
    assert "a/1 cannot be read" in refusal(tmp_path)
    (tmp_path / "a").chmod(0)
    assert "cannot be listed" in refusal(tmp_path)


def test_a_file_that_vanishes_while_it_is_listed(tmp_path, monkeypatch):
    write(tmp_path, a=b"1")
    entries = list(os.scandir(tmp_path))
    (tmp_path / "a").unlink()
    monkeypatch.setattr("scenes.download.folder.os.scandir", lambda _: nullcontext(entries))
    assert "a vanished while its folder was listed; run again" in refusal(tmp_path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=20).filter(lambda name: name[0] != "."))
def test_any_name_is_listed_or_refused_in_a_sentence(tmp_path, name):
    folder = tmp_path / "folder"
    folder.mkdir(exist_ok=True)
    path = folder / name
    try:
        path.touch()
    except (OSError, UnicodeEncodeError):
        return
    try:
        assert list(list_folder(folder)[0]) == [name]
        assert fault_of_name(name) == ""
    except InputError as error:
        assert str(error).isprintable()
        assert fault_of_name(name)
    finally:
        path.unlink()
