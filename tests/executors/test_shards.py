"""The inputs of a shard, and its name in messages."""

import pytest

from scenes.executors.shards import ByteRange, Shard, first_and_last, read_all


def test_parts_of_files_are_read(tmp_path):
    (tmp_path / "a").write_bytes(b"0123456789")
    (tmp_path / "b").write_bytes(b"abc")
    a, b = str(tmp_path / "a"), str(tmp_path / "b")
    parts = [ByteRange(a, 2, 3), ByteRange(b), ByteRange(a, 8), ByteRange(a, 9, 5), ByteRange(a, 0, 0)]
    assert read_all(parts) == [part.read() for part in parts] == [b"234", b"abc", b"89", b"9", b""]


@pytest.mark.parametrize(("keys", "text"), [("", "no images"), ("a", "a"), ("abc", "3 images from a to c")])
def test_the_images_of_a_shard_in_a_message(keys, text):
    assert str(Shard("x", (), None, 1, first_and_last([*keys]))) == f"x ({text})"
