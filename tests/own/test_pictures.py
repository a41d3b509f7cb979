"""Folders, zips and tars are opened alike; whatever is none of them is named in a sentence."""

import os
import shutil
import tarfile

import pytest

from scenes.common.errors import InputError
from scenes.config.schema import check
from scenes.layout.layout import Archive
from scenes.own.pictures import DEFAULT_ARCHIVE, checked_path, open_pictures
from tests.code_facts import ROOT
from tests.helpers import own_archives
from tests.helpers.pictures import encode, pack, picture, sound_files


def refusal(path) -> str:
    with pytest.raises(InputError) as caught, open_pictures(path, DEFAULT_ARCHIVE):
        pass
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_defaults_are_those_of_params_yaml():
    assert check(ROOT / "params.yaml").archive.model_dump() == DEFAULT_ARCHIVE


@pytest.mark.parametrize("name", ["no_split", "train_valid_test", "images_and_csv", "nested_classes", "upload_litter"])
def test_a_zip_a_folder_and_tars_hold_the_same(tmp_path, name):
    own_archives.write(name, tmp_path)
    folder = own_archives.unpack(name, tmp_path)
    for suffix, mode in ((".tar", "w"), (".tar.gz", "w:gz"), (".tar.xz", "w:xz")):
        with tarfile.open(folder.with_suffix(suffix), mode) as archive:
            archive.add(folder, arcname=".")
    expected = dict(own_archives.ARCHIVES[name]())
    with Archive.from_settings(folder.with_suffix(".zip"), DEFAULT_ARCHIVE) as archive:
        members, classes, notes = set(archive.members), archive.classes, archive.notes
    for suffix in ("", ".zip", ".tar", ".tar.gz", ".tar.xz"):
        with open_pictures(folder.with_suffix(suffix), DEFAULT_ARCHIVE) as pictures:
            assert pictures.kind == {"": "folder", ".zip": "zip"}.get(suffix, "tar")
            assert set(pictures.found.members) == members
            assert (pictures.found.classes, pictures.found.notes) == (classes, notes)
            assert all(pictures.read(member.path) == expected[member.path] for member in members)


def test_names_in_another_encoding(tmp_path):
    path = own_archives.write("gbk_names", tmp_path)
    assert "set archive.name_encoding" in refusal(path)
    with open_pictures(path, {**DEFAULT_ARCHIVE, "name_encoding": "gbk"}) as pictures:
        assert pictures.found.classes == ("杯子", "苹果")


def test_links_to_folders_are_said(tmp_path):
    folder = own_archives.unpack("no_split", tmp_path)
    (tmp_path / "more").mkdir()
    (folder / "linked").symlink_to(tmp_path / "more")
    with open_pictures(folder, DEFAULT_ARCHIVE) as pictures:
        assert pictures.found.notes[-1] == "links to folders are not followed: 'linked'"


def test_one_class_can_be_scored_but_not_learned(tmp_path):
    folder = own_archives.unpack("no_split", tmp_path)
    shutil.rmtree(folder / "pets/dog")
    assert "of one class" in refusal(folder)
    with open_pictures(folder, DEFAULT_ARCHIVE, training=False) as pictures:
        assert pictures.found.classes == ("pets/cat",)


def test_what_is_no_collection(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "1.jpg").write_bytes(encode(picture(1)))
    (tmp_path / "notes.txt").write_text("notes")
    (tmp_path / "broken").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    assert "the path is empty" in refusal(" ")
    assert "cannot be shown; rename it" in refusal("a\0b")
    assert "is no path that can be used" in refusal("x" * 300)
    assert "nowhere does not exist" in refusal("nowhere")
    assert "broken is a link to nothing" in refusal("broken")
    assert "is a single picture; name the folder" in refusal("1.jpg")
    assert "notes.txt is neither a folder nor a zip nor a tar" in refusal("notes.txt")
    (tmp_path / "half.zip").write_bytes(pack(tmp_path / "a.zip", sound_files()).read_bytes()[:-9000])
    assert "half.zip is a zip whose end is missing" in refusal("half.zip")
    assert "is a pipe or a device" in refusal("pipe")
    assert "there is no image, nor any other file" in refusal("empty")
    (tmp_path / "empty/a.doc").touch()
    assert "1 .doc" in refusal("empty")


def test_the_path_is_absolute_and_a_link_keeps_its_name(tmp_path, monkeypatch):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.chdir(tmp_path / "real")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert checked_path("../link") == tmp_path / "link"
    assert checked_path("~/link") == tmp_path / "link"
    assert checked_path(".") == tmp_path / "real"
    assert checked_path("..") == tmp_path
