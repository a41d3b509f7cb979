"""Features in files: what was written comes back, and what cannot be features is refused in one sentence."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenes.backbones.features import BLOCK, Features, blocks, load_features, load_labelled_features
from scenes.backbones.sharded_rows import ShardedRows
from scenes.common.errors import InputError
from tests.helpers.feature_folders import save

GOOD = Features(
    key=np.array([b"a.jpg", b"longer than the others.jpg", b"c.jpg"]),
    label=np.array([0, 1, -1]),
    features=np.arange(6, dtype=np.float32).reshape(3, 2),
    classes=("sea", "street"),
)
FILE = "val-00000-of-00001.npy"


def many(count: int, classes: int = 3) -> Features:
    label = np.arange(count) % classes
    rows = np.arange(2 * count, dtype=np.float32).reshape(count, 2)
    return Features(np.array([f"{n}.jpg".encode() for n in range(count)]), label, rows, tuple("abcdef"[:classes]))


@pytest.mark.parametrize("shard_size", [1, 2, 5])
def test_what_was_saved_comes_back(tmp_path, shard_size):
    save(tmp_path, {"val": GOOD}, shard_size)
    found = load_features(tmp_path, "val")
    for name in ("key", "label"):
        np.testing.assert_array_equal(getattr(found, name), getattr(GOOD, name))
    np.testing.assert_array_equal(np.asarray(found.features), GOOD.features, strict=True)
    assert found.label.dtype == np.int64
    assert found.classes == GOOD.classes
    assert len([*tmp_path.glob("*.npy")]) == -(-3 // shard_size)


def test_numpy_alone_reads_a_file_without_a_pickle(tmp_path):
    save(tmp_path, {"val": GOOD})
    rows = np.load(tmp_path / FILE, mmap_mode="r", allow_pickle=False)
    np.testing.assert_array_equal(rows["features"], GOOD.features)
    assert rows["key"].tolist() == GOOD.key.tolist()


def test_a_split_of_no_images_keeps_its_width(tmp_path):
    save(tmp_path, {"val": Features(GOOD.key[:0], GOOD.label[:0], GOOD.features[:0], GOOD.classes)})
    found = load_features(tmp_path, "val")
    assert found.features.shape == (0, 2)
    assert [rows.shape for rows in blocks(found.features)] == [(0, 2)]


@settings(max_examples=40, deadline=None)
@given(data=st.data(), shard_size=st.integers(1, 25))
def test_any_rows_are_those_of_one_array(tmp_path_factory, data, shard_size):
    folder, expected = tmp_path_factory.mktemp("rows"), many(23)
    save(folder, {"val": expected}, shard_size)
    rows = load_features(folder, "val").features
    assert (len(rows), rows.shape) == (23, (23, 2))
    row = st.integers(-23, 22)
    numbers = np.array(data.draw(st.lists(row)), int)
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=23, max_size=23)))
    part = data.draw(st.slices(23))
    for index in (numbers, mask, part):
        np.testing.assert_array_equal(rows[index], expected.features[index], strict=True)
    twice = ShardedRows.concatenate([rows, rows])
    np.testing.assert_array_equal(twice[23 + numbers % 23], expected.features[numbers % 23])


def test_all_rows_come_in_blocks():
    rows = np.arange(2 * BLOCK + 5)[:, None]
    parts = [*blocks(rows)]
    assert [len(part) for part in parts] == [BLOCK, BLOCK, 5]
    np.testing.assert_array_equal(np.concatenate(parts), rows)


def test_a_sample_is_in_memory_and_all_of_few(tmp_path):
    images = many(30)
    save(tmp_path, {"train": images}, 7)
    stored = load_features(tmp_path, "train")
    few, everything = stored.sample(6), stored.sample(30)
    assert np.bincount(few.label).tolist() == [2, 2, 2]
    for sample in (few, everything):
        assert isinstance(sample.features, np.ndarray)
        rows = [images.key.tolist().index(key) for key in sample.key.tolist()]
        np.testing.assert_array_equal(sample.features, images.features[rows])
        np.testing.assert_array_equal(sample.label, images.label[rows])
    assert len(everything.label) == 30


def test_labelled_images_are_in_the_order_of_the_splits(tmp_path):
    parts = {}
    for number, split in enumerate(("pred", "test", "train", "val")):
        count = number + 2
        keys = np.array([f"{split}/{n}".encode() for n in range(count)])
        rows = np.full((count, 3), number, np.float32)
        parts[split] = Features(keys, np.full(count, number), rows, ("a", "b", "c", "d"))
    save(tmp_path, parts, 2)
    found = load_labelled_features(tmp_path)
    assert found.key.tolist() == [key for split in ("train", "val", "test") for key in parts[split].key.tolist()]
    assert found.label.tolist() == [2] * 4 + [3] * 5 + [1] * 3
    np.testing.assert_array_equal(found.features[:][:, 0], found.label)
    assert found.classes == ("a", "b", "c", "d")


@pytest.mark.parametrize(
    "change",
    [
        {"features": GOOD.features[:, 0]},
        {"features": GOOD.features.astype(np.float64)},
        {"features": np.where(GOOD.features == 3, np.nan, GOOD.features).astype(np.float32)},
        {"label": GOOD.label.astype(np.float32)},
        {"label": GOOD.label + 1},
        {"label": GOOD.label - 1},
        {"label": GOOD.features.astype(int)},
        {"key": GOOD.label},
        {"more": GOOD.label},
    ],
    ids=lambda change: next(iter(change)),
)
def test_other_columns_are_refused(tmp_path, change):
    save(tmp_path, {"val": GOOD})
    columns = {"label": GOOD.label, "key": GOOD.key, "features": GOOD.features} | change
    rows = np.zeros(3, [(name, values.dtype, values.shape[1:]) for name, values in columns.items()])
    for name, values in columns.items():
        rows[name] = values
    np.save(tmp_path / FILE, rows)
    with pytest.raises(InputError, match=r"val-00000-of-00001\.npy is damaged \(.*\); make it again with `dvc repro`"):
        load_features(tmp_path, "val")


@pytest.mark.parametrize("array", [GOOD.features, np.zeros((3, 1), [("label", "<i8")])], ids=["plain", "column"])
def test_another_array_is_refused(tmp_path, array):
    save(tmp_path, {"val": GOOD})
    np.save(tmp_path / FILE, array)
    with pytest.raises(InputError, match=r"\.npy is damaged"):
        load_features(tmp_path, "val")


def test_files_that_do_not_fit_together_are_refused(tmp_path):
    save(tmp_path, {"val": GOOD}, 2)
    index = tmp_path / "index.json"
    entry = json.loads(index.read_text())
    entry["splits"]["val"]["shards"].pop()
    index.write_text(json.dumps(entry))
    with pytest.raises(InputError, match="its files of val do not fit together"):
        load_features(tmp_path, "val")
    (tmp_path / "wider").mkdir()
    save(tmp_path / "wider", {"val": replace(GOOD, features=np.zeros((3, 5), np.float32))}, 2)
    save(tmp_path, {"val": GOOD}, 2)
    (tmp_path / "wider/val-00001-of-00002.npy").rename(tmp_path / "val-00001-of-00002.npy")
    with pytest.raises(InputError, match="its files of val do not fit together"):
        load_features(tmp_path, "val")


@pytest.mark.parametrize("name", ["index.json", FILE])
def test_a_missing_file_is_one_sentence(tmp_path, name):
    save(tmp_path, {"val": GOOD})
    (tmp_path / name).unlink()
    with pytest.raises(InputError, match=rf"{name} is missing; make it with `dvc repro`"):
        load_features(tmp_path, "val")
