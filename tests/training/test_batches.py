"""What the CNN is fed: its augmentation against NumPy and SciPy, and epochs that are functions of (seed, epoch)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from scenes.dataset import records
from scenes.dataset.batch_shares import ONE_DEVICE, Devices
from scenes.training import batches as training_batches
from tests.helpers.small_records import write

pytestmark = pytest.mark.usefixtures("deterministic")


AUGMENTATION = {"flip": True, "min_area": 0.4, "colour": 0.3}


def by_scipy(image, box, factors):
    """Cut and enlarge each channel, then change saturation, contrast and brightness, in float64."""
    height, width, _ = image.shape
    rows = np.linspace(box[0], box[2], height) * (height - 1)
    columns = np.linspace(box[1], box[3], width) * (width - 1)
    grid = np.meshgrid(rows, columns, indexing="ij")
    cut = np.stack([map_coordinates(image[..., channel].astype(float), grid, order=1) for channel in range(3)], axis=2)
    brightness, contrast, saturation = factors
    grey = cut.mean(axis=2, keepdims=True)
    saturated = grey + (cut - grey) * saturation
    contrasted = saturated.mean() + (saturated - saturated.mean()) * contrast
    return np.clip(contrasted * brightness, 0, 255)


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 1000),
    height=st.integers(4, 12),
    width=st.integers(4, 12),
    min_area=st.floats(0.1, 1),
    colour=st.floats(0, 0.9),
    flip=st.booleans(),
)
def test_each_image_is_cut_mirrored_and_recoloured_as_drawn(seed, height, width, min_area, colour, flip):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (5, height, width, 3), np.uint8)
    draws = training_batches.sample_augmentation(rng, 5, flip=flip, min_area=min_area, colour=colour)
    found = training_batches.augment(images, draws).numpy()
    assert found.dtype == np.float32
    for number in range(5):
        expected = by_scipy(images[number], draws["box"][number], draws["colour"][number])
        np.testing.assert_allclose(found[number], expected, atol=2e-3)


@settings(deadline=None)
@given(seed=st.integers(0, 1000), min_area=st.floats(0.05, 1), colour=st.floats(0, 0.99), flip=st.booleans())
def test_draws_stay_within_their_limits(seed, min_area, colour, flip):
    draws = training_batches.sample_augmentation(
        np.random.default_rng(seed), 200, flip=flip, min_area=min_area, colour=colour
    )
    box = draws["box"].astype(float)
    height, width = box[:, 2] - box[:, 0], box[:, 3] - box[:, 1]
    assert box.min() >= 0 and box.max() <= 1 + 1e-6
    assert (width < 0).any() == flip
    assert 0.2 < (width < 0).mean() < 0.8 or not flip
    # Where a side would be longer than the image's, it is cut to that, so the area may fall below the least.
    assert (height * abs(width) >= min_area * 0.75 - 1e-6).all()
    assert abs(draws["colour"] - 1).max() <= colour + 1e-6
    if min_area == 1:
        np.testing.assert_array_equal(np.sort(box), np.broadcast_to([0, 0, 1, 1], (200, 4)))


@pytest.fixture(scope="module")
def split(tmp_path_factory, deterministic):
    folder = tmp_path_factory.mktemp("batches") / "records"
    write(folder)
    return records.open_records(folder, "train")


def batches(split, **options):
    arguments = {"batch_size": 8, "epochs": 3, "seed": 5, "cache_mb": 100, "augmentation": AUGMENTATION} | options
    return list(training_batches.training_images(split, **arguments).as_numpy_iterator())


def assert_same(first, second):
    for one, other in zip(first, second, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_two_trainings_see_the_same_and_one_that_resumes_sees_the_rest(split):
    whole = batches(split)
    assert_same(batches(split), whole)
    assert_same(batches(split, start=1), whole[len(whole) // 3 :])


def test_another_seed_sees_another_order(split):
    assert any((a[0][:1] != b[0][:1]).any() for a, b in zip(batches(split), batches(split, seed=6), strict=True))


def test_without_augmentation_the_images_are_those_recorded(split):
    recorded = {image.tobytes() for image in records.load(split)["image"]}
    unchanged = batches(split, augmentation={"flip": False, "min_area": 1.0, "colour": 0.0})
    seen = {np.rint(image).astype(np.uint8).tobytes() for images, _ in unchanged for image in images}
    assert seen == recorded


def test_validation_keeps_the_stored_order(split):
    stored = records.load(split)
    found = list(training_batches.validation_images(split, 16).as_numpy_iterator())
    np.testing.assert_array_equal(np.concatenate([images for images, _ in found]), stored["image"])
    np.testing.assert_array_equal(np.concatenate([labels for _, labels in found]).argmax(axis=1), stored["label"])


@pytest.mark.parametrize("cache_mb", [100, 0.05])
@pytest.mark.parametrize(("count", "processes"), [(3, 1), (4, 2), (4, 4)])
def test_the_shares_of_several_devices_make_the_batches_of_one(split, cache_mb, count, processes):
    """The last batch of an epoch has one image."""
    whole = batches(split, cache_mb=cache_mb)
    own = [batches(split, cache_mb=cache_mb, devices=Devices(count, processes, n)) for n in range(processes)]
    for number, (images, labels) in enumerate(whole):
        rows, targets = (np.concatenate([shares[number][part] for shares in own]) for part in (0, 1))
        assert len(rows) % count == 0
        np.testing.assert_array_equal(rows[: len(images)], images)
        np.testing.assert_array_equal(targets[: len(labels)], labels)


@pytest.mark.parametrize("batch_size", [16, 18])  # of 41 images: 9 or 5 are left for the last batch
def test_the_shares_of_a_validation_are_those_of_its_batches(split, batch_size):
    whole, *own = (
        list(training_batches.validation_images(split, batch_size, devices).as_numpy_iterator())
        for devices in (ONE_DEVICE, Devices(4, 2, 0), Devices(4, 2, 1))
    )
    for expected, first, second in zip(whole, *own, strict=True):
        for value, *parts in zip(expected, first, second, strict=True):
            np.testing.assert_array_equal(np.concatenate(parts)[: len(value)], value)
