"""Features of records: shard by shard, as a network gives them for all images, resumed, and refused if useless."""

import functools
import io
import tempfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from scenes.backbones import extraction
from scenes.backbones.extraction import Extractor
from scenes.backbones.features import Features, load_features
from scenes.common.errors import InputError
from scenes.common.outputs import write_sums
from scenes.dataset import records
from scenes.executors import executor, reuse
from tests.helpers.small_records import BYTES, CLASSES, SPLITS, write

pytestmark = pytest.mark.usefixtures("deterministic")
WIDTH = 6


def means(images):
    """Features without a network: the means and the deviations of the colours."""
    mean, variance = tf.nn.moments(tf.cast(images, tf.float32), axes=[1, 2])
    return tf.concat([mean, tf.sqrt(variance)], axis=1)


def job(graph=means, batch_size=4):
    return extraction.extraction_job(lambda: Extractor(None, graph, WIDTH), (), batch_size)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "records"
    write(folder, shard_size=7)
    return folder


def test_they_are_those_of_all_images_a_file_for_each_shard(data, tmp_path):
    extraction.extract_features(tmp_path, data, job())
    for split in SPLITS:
        opened = records.open_records(data, split)
        found, expected = load_features(tmp_path, split), records.load(opened)
        assert found.key.tolist() == expected["key"].tolist()
        assert found.label.tolist() == expected["label"].tolist()
        np.testing.assert_allclose(found.features[:], means(expected["image"]), rtol=1e-5)
        assert found.classes == CLASSES
        names = {path.stem for path in tmp_path.glob(f"{split}-*.npy")}
        assert names == {Path(path).stem for path in opened.files}


def test_a_batch_ends_where_its_shard_ends(data, tmp_path):
    """Or the result would depend on which shards one process computes."""
    sizes = []

    def counted(images):
        sizes.append(len(images))
        return means(images)

    extraction.extract_features(tmp_path, data, job(counted))
    counts = [len(np.load(path)) for split in sorted(SPLITS) for path in sorted(tmp_path.glob(f"{split}-*.npy"))]
    assert sizes == [size for count in counts for size in [4] * (count // 4) + [count % 4] * (count % 4 > 0)]


def test_a_shard_without_images_has_a_file_of_the_same_width(tmp_path):
    write(tmp_path / "records", {"train": SPLITS["train"][:4]}, shard_size=1)
    assert any(path.stat().st_size == 0 for path in (tmp_path / "records").glob("*.tfrecord"))
    (tmp_path / "features").mkdir()
    extraction.extract_features(tmp_path / "features", tmp_path / "records", job())
    assert load_features(tmp_path / "features", "train").features[:].shape == (4, WIDTH)


def test_what_a_killed_run_has_computed_is_not_computed_again(data, tmp_path):
    images = 0

    def killed(images_so_far):
        nonlocal images
        if images > 20:
            raise KeyboardInterrupt
        images += len(images_so_far)
        return means(images_so_far)

    def counted(more):
        nonlocal images
        images += len(more)
        return means(more)

    for name in "ab":
        (tmp_path / name).mkdir()
    with pytest.raises(KeyboardInterrupt), executor.kept(tmp_path / "kept", "1") as run:
        extraction.extract_features(tmp_path / "a", data, job(killed), run)
    before = images
    with executor.kept(tmp_path / "kept", "1") as run:
        extraction.extract_features(tmp_path / "a", data, job(counted), run)
    assert images - before < len(BYTES)
    assert not (tmp_path / "kept").exists()
    extraction.extract_features(tmp_path / "b", data, job())
    first, second = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in "ab")
    assert first == second


# The images of "v" as those of a second archive: t/0.jpg to t/40.jpg are a delivery, v/0.jpg to v/4.jpg another.
SECOND = {"train": SPLITS["train"] + SPLITS["val"]}
DELIVERIES = {
    "one": ({"train": SPLITS["train"]}, {}),
    "two": (SECOND, {key: 2 for key, _ in SPLITS["val"]}),
    "one without an image": ({"train": SPLITS["train"][1:]}, {}),
}


@pytest.fixture(scope="module")
def deliveries(tmp_path_factory):
    place = tmp_path_factory.mktemp("deliveries")
    for name, (splits, archives) in DELIVERIES.items():
        write(place / name, splits, shard_size=14, archives=archives)
    return place


def renew(place, data, weight):
    """Return all features that the stage has written, their keys too, and the number of images that it computed."""
    count = 0

    def counted(images):
        nonlocal count
        count += len(images)
        return means(images) * weight

    with reuse.renewed(place / "out", place / "keys.json", extraction.file_keys(data, f"weight {weight}")) as folder:
        extraction.extract_features(folder, data, job(counted))
        write_sums(folder)
    return {path.name: path.read_bytes() for path in (*(place / "out").iterdir(), place / "keys.json")}, count


def test_another_archive_costs_its_own_images_only(deliveries, tmp_path):
    _, count = renew(tmp_path, deliveries / "one", 1)
    assert count == len(SPLITS["train"])
    _, count = renew(tmp_path, deliveries / "two", 1)
    assert count == len(SPLITS["val"])
    found = load_features(tmp_path / "out", "train")
    expected = records.load(records.open_records(deliveries / "two", "train"))
    assert found.key.tolist() == expected["key"].tolist()
    np.testing.assert_allclose(found.features[:], means(expected["image"]), rtol=1e-5)


@pytest.fixture(scope="module")
def fresh(deliveries, tmp_path_factory):
    return functools.cache(lambda data, weight: renew(tmp_path_factory.mktemp("fresh"), deliveries / data, weight)[0])


@given(st.lists(st.tuples(st.sampled_from([*DELIVERIES]), st.sampled_from([1, 1, 2])), min_size=2, max_size=4))
@settings(max_examples=8)
def test_after_any_history_the_bytes_are_those_of_one_run(deliveries, fresh, history):
    with tempfile.TemporaryDirectory() as place:
        before = {}
        for data, weight in history:
            found, count = renew(Path(place), deliveries / data, weight)
            assert found == fresh(data, weight)
            changed = [name for name in found if name.endswith(".npy") and found[name] != before.get(name)]
            assert count == sum(len(np.load(io.BytesIO(found[name]))) for name in changed)
            before = found


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_features_that_overflow_stop_in_one_sentence(data, tmp_path, bad):
    with pytest.raises(InputError, match=r"^features: pred-00000-of-00001\.tfrecord: the backbone gives .* not finite"):
        extraction.extract_features(tmp_path, data, job(lambda images: means(images) * bad))


def test_constant_features_stop_in_one_sentence(data, tmp_path):
    rows = np.tile(np.array([[1.0, 1e6, 0.0]], np.float32), (10, 1))
    constant = Features(np.array([b"k"] * 10), np.zeros(10, int), rows, CLASSES)
    with pytest.raises(InputError, match="the same features for every image"):
        extraction.check_informative(constant)
    rows[0, 0] = 2.0
    extraction.check_informative(constant)
    with pytest.raises(InputError, match="the same features for every image"):
        extraction.extract_features(tmp_path, data, job(lambda images: tf.ones((len(images), WIDTH))))


def test_of_many_images_a_sample_is_computed_in_memory(data):
    split = records.open_records(data, "train")
    everything = extraction.compute_features(means, split, batch_size=4)
    assert (len(everything.key), everything.key.dtype.kind) == (41, "S")
    few = extraction.compute_features(means, split, batch_size=4, size=10)
    rows = [everything.key.tolist().index(key) for key in few.key.tolist()]
    assert rows == sorted(rows)
    assert np.bincount(few.label).tolist() == [6, 5]  # of 21 and 20
    np.testing.assert_allclose(few.features, everything.features[rows], rtol=1e-5)
