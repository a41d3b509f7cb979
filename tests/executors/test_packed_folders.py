"""Folders that travel."""

from scenes.executors.packed_folders import pack, unpacked


def test_folders_and_files_arrive_under_their_names_and_leave_nothing(tmp_path):
    for name in ("x/model", "y/model"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "weights").write_text(name)
    (tmp_path / "file").write_text("file")
    (tmp_path / "y/model/link").symlink_to(tmp_path / "file")
    packed = pack([tmp_path / "x/model", tmp_path / "file", *[tmp_path / "y/model"] * 10])
    with unpacked(packed) as paths:
        assert [path.name for path in paths] == ["model", "file", *["model"] * 10]
        assert [(path / "weights").read_text() for path in (paths[0], paths[-1])] == ["x/model", "y/model"]
        assert paths[1].read_text() == (paths[-1] / "link").read_text() == "file"
        assert not (paths[-1] / "link").is_symlink()
    assert not paths[0].exists()
    with unpacked(pack([])) as paths:
        assert paths == []
