"""Records: the same bytes whoever writes them, the same pixels as Pillow, every image once an epoch."""

import io
import json
import os
import subprocess
import sys
from collections import Counter
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from scenes.common import outputs
from scenes.common.errors import InputError
from scenes.dataset import record_writer, records
from tests.code_facts import ROOT
from tests.helpers.small_records import BYTES, CLASSES, SIZE, SPLITS, picture, write

pytestmark = pytest.mark.usefixtures("deterministic")


@given(keys=st.sets(st.text(min_size=1, max_size=8), max_size=60), seed=st.integers(0, 2**31), size=st.integers(1, 20))
def test_shards_hold_every_item_once_in_the_order_of_its_hash(keys, seed, size):
    items = [record_writer.Item(record_writer.position(key, seed), key, 0) for key in keys]
    parts = record_writer.shards(reversed(items), size)
    assert [item for part in parts for item in part] == sorted(items)
    assert len(parts) == max(-(-len(keys) // size), 1)


def test_one_image_more_changes_one_shard(tmp_path):
    write(tmp_path / "a", {"train": SPLITS["train"][:38]})
    write(tmp_path / "b", {"train": SPLITS["train"][:39]})
    names = sorted(file.name for file in (tmp_path / "a").glob("*.tfrecord"))
    changed = [name for name in names if (tmp_path / "a" / name).read_bytes() != (tmp_path / "b" / name).read_bytes()]
    assert len(names) == 4
    assert len(changed) == 1


@pytest.mark.process
def test_another_process_writes_the_same_bytes(folder, tmp_path):
    code = "import sys, pathlib; from tests.helpers.small_records import write; write(pathlib.Path(sys.argv[1]))"
    environment = {**os.environ, "PYTHONHASHSEED": "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"}
    subprocess.run([sys.executable, "-c", code, tmp_path / "other"], cwd=ROOT, env=environment, check=True)
    one, other = ({file.name: file.read_bytes() for file in place.iterdir()} for place in (folder, tmp_path / "other"))
    assert one == other


def test_the_contract_of_a_record_and_of_the_index(folder):
    import tensorflow as tf

    index = json.loads((folder / "index.json").read_text())
    assert index["classes"] == list(CLASSES)
    assert index["image_shape"] == [SIZE, SIZE, 3]
    assert index["splits"]["train"]["count"] == 41
    assert index["splits"]["train"]["per_class"] == {"sea": 21, "street": 20}
    assert index["splits"]["train"]["shards"][0] == "train-00000-of-00005.tfrecord"
    seen = {}
    for name in index["splits"]["pred"]["shards"] + index["splits"]["train"]["shards"]:
        for raw in tf.data.TFRecordDataset(str(folder / name)).as_numpy_iterator():
            feature = tf.train.Example.FromString(raw).features.feature
            assert set(feature) == {"image/encoded", "image/key", "image/class/label", "image/class/text"}
            key = feature["image/key"].bytes_list.value[0].decode()
            label, text = (
                feature["image/class/label"].int64_list.value[0],
                feature["image/class/text"].bytes_list.value[0],
            )
            assert feature["image/encoded"].bytes_list.value[0] == BYTES[key]
            seen[key] = (label, text.decode())
    expected = {
        key: (CLASSES.index(name), name) if name else (-1, "") for key, name in SPLITS["train"] + SPLITS["pred"]
    }
    assert seen == expected


def test_pixels_are_those_of_pillow(folder):
    arrays = records.load(records.open_records(folder, "train"))
    for key, image in zip(arrays["key"], arrays["image"], strict=True):
        expected = np.asarray(Image.open(io.BytesIO(BYTES[key.decode()])))
        np.testing.assert_array_equal(image, expected)


@pytest.mark.parametrize(
    ("data", "kept"),
    [
        (picture(1), True),
        (picture(1, (SIZE, SIZE + 8)), False),
        (picture(1, (SIZE * 2, SIZE * 2)), False),
        (picture(1, format="PNG"), False),
    ],
)
def test_what_serves_is_recorded_as_it_is_and_the_rest_without_loss(data, kept):
    stored = record_writer.record_image(data, SIZE, max_pixels=10**6)
    assert (stored == data) == kept
    image = Image.open(io.BytesIO(stored))
    assert image.size == (SIZE, SIZE)
    assert image.format == ("JPEG" if kept else "PNG")


def labels_by_key():
    return {key: CLASSES.index(name) if name else -1 for key, name in chain(*SPLITS.values())}


def test_ordered_batches_stream_every_image_once_with_its_label(folder):
    for split, members in SPLITS.items():
        opened = records.open_records(folder, split)
        dataset = records.ordered_batches(opened, 4)
        assert int(dataset.cardinality()) == -(-len(members) // 4)
        pairs = [
            (key.decode(), label)
            for batch in dataset.as_numpy_iterator()
            for key, label in zip(batch["key"], batch["label"], strict=True)
        ]
        assert dict(pairs) == {key: labels_by_key()[key] for key, _ in members}
        assert len(pairs) == len(members)


def epochs_of(folder, cache_mb, **options):
    """Per epoch, the images (as bytes) and labels in order."""
    opened = records.open_records(folder, "train")
    dataset = records.shuffled_batches(opened, batch_size=8, seed=3, cache_mb=cache_mb, **options)
    steps = -(-opened.count // 8)
    batches = list(dataset.as_numpy_iterator())
    assert len(batches) == int(dataset.cardinality())
    flat = [
        [
            (image.tobytes(), int(label.argmax()))
            for images, labels in batches[i : i + steps]
            for image, label in zip(images, labels, strict=True)
        ]
        for i in range(0, len(batches), steps)
    ]
    return flat


@pytest.mark.parametrize("cache_mb", [1000, 0.05], ids=["in memory", "streamed"])
def test_each_epoch_holds_every_image_once_in_an_order_of_its_own(folder, cache_mb):
    arrays = records.load(records.open_records(folder, "train"))
    everything = Counter(
        (image.tobytes(), int(label)) for image, label in zip(arrays["image"], arrays["label"], strict=True)
    )
    epochs = epochs_of(folder, cache_mb, epochs=3)
    assert len(epochs) == 3
    assert all(Counter(epoch) == everything for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


@pytest.mark.parametrize("cache_mb", [1000, 0.05], ids=["in memory", "streamed"])
def test_an_epoch_is_the_same_wherever_the_training_begins(folder, cache_mb):
    whole = epochs_of(folder, cache_mb, epochs=4)
    assert epochs_of(folder, cache_mb, epochs=4) == whole
    assert epochs_of(folder, cache_mb, epochs=4, start=2) == whole[2:]


@pytest.mark.parametrize("name", ["index.json", "val-00000-of-00001.tfrecord"])
def test_a_damaged_file_is_one_sentence(tmp_path, name):
    write(tmp_path / "r")
    file = tmp_path / "r" / name
    good = file.read_bytes()
    for at in range(0, len(good), max(len(good) // 25, 1)):
        file.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        with pytest.raises(InputError, match=rf"{name} is damaged"):
            records.open_records(tmp_path / "r", "val")
    for bad in (b"", good[: len(good) // 2], (tmp_path / "r" / "pred-00000-of-00001.tfrecord").read_bytes()):
        file.write_bytes(bad)
        with pytest.raises(InputError, match=rf"{name} is damaged"):
            records.open_records(tmp_path / "r", "val")
    file.unlink()
    with pytest.raises(InputError, match=rf"{name} is missing"):
        records.open_records(tmp_path / "r", "val")


def test_a_shard_can_be_empty(tmp_path):
    write(tmp_path / "records", shard_size=1)
    split = records.open_records(tmp_path / "records", "train")
    assert not all(Path(file).stat().st_size for file in split.files)
    assert sorted(records.load(split)["key"]) == sorted(key.encode() for key, _ in SPLITS["train"])


def test_an_index_that_counts_wrong_is_noticed(tmp_path):
    write(tmp_path / "r")
    index = json.loads((tmp_path / "r" / "index.json").read_text())
    index["splits"]["val"]["count"] -= 1
    (tmp_path / "r" / "index.json").write_text(json.dumps(index))
    outputs.write_sums(tmp_path / "r")
    with pytest.raises(ValueError, match=r"their index says|argument 2 is longer"):
        records.load(records.open_records(tmp_path / "r", "val"))
