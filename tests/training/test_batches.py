"""What the CNN is fed: flips and shifts against NumPy, and epochs that are functions of (seed, epoch)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenes.dataset import records
from scenes.training import batches as training_batches
from tests.helpers.small_records import write

pytestmark = pytest.mark.usefixtures("deterministic")


def by_numpy(image, flip, dy, dx):
    """Pad by reflection, cut the window that the shift shows, mirror it."""
    height, width, _ = image.shape
    padded = np.pad(image, ((abs(dy), abs(dy)), (abs(dx), abs(dx)), (0, 0)), mode="reflect")
    window = padded[abs(dy) - dy : abs(dy) - dy + height, abs(dx) - dx : abs(dx) - dx + width]
    return window[:, ::-1] if flip else window


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 1000),
    height=st.integers(4, 12),
    width=st.integers(4, 12),
    max_shift=st.floats(0, 0.49),
    flip=st.booleans(),
)
def test_each_image_is_flipped_and_shifted_as_drawn(seed, height, width, max_shift, flip):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (5, height, width, 3), np.uint8)
    draws = training_batches.sample_augmentation(rng, 5, (height, width, 3), flip=flip, max_shift=max_shift)
    assert abs(draws["dy"]).max() <= height * max_shift
    assert abs(draws["dx"]).max() <= width * max_shift
    assert flip or not draws["flip"].any()
    found = training_batches.augment(images, draws).numpy()
    assert found.dtype == np.uint8
    for number in range(5):
        expected = by_numpy(images[number], draws["flip"][number], draws["dy"][number], draws["dx"][number])
        np.testing.assert_array_equal(found[number], expected)


@pytest.fixture(scope="module")
def split(tmp_path_factory, deterministic):
    folder = tmp_path_factory.mktemp("batches") / "records"
    write(folder)
    return records.open_records(folder, "train")


def batches(split, **options):
    augmentation = {"flip": True, "max_shift": 0.1}
    arguments = {"batch_size": 8, "epochs": 3, "seed": 5, "cache_mb": 100, "augmentation": augmentation} | options
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
    unchanged = batches(split, augmentation={"flip": False, "max_shift": 0.0})
    seen = {image.tobytes() for images, _ in unchanged for image in images}
    assert seen == recorded


def test_validation_keeps_the_stored_order(split):
    stored = records.load(split)
    found = list(training_batches.validation_images(split, 16).as_numpy_iterator())
    np.testing.assert_array_equal(np.concatenate([images for images, _ in found]), stored["image"])
    np.testing.assert_array_equal(np.concatenate([labels for _, labels in found]).argmax(axis=1), stored["label"])
