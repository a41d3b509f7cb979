"""Perceptual hashes, against the package ImageHash."""

import io

import imagehash
import numpy as np
import pytest
from PIL import Image

from scenes.duplicates.perceptual_hash import CROPS, THUMBNAIL_SIDE, area_weights, fingerprint
from tests.helpers.pictures import encode, picture


def reference(pixels: np.ndarray) -> int:
    return int(str(imagehash.phash(Image.fromarray(pixels))), 16)


def bits_between(first: int, second: int) -> int:
    return (int(first) ^ int(second)).bit_count()


def test_the_hash_is_imagehash_s():
    for seed in range(20):
        pixels = picture(seed, 150, 100)
        assert fingerprint(pixels).hashes[0] == reference(pixels)


def test_the_hash_is_imagehash_s_with_next_to_no_structure():
    """One pixel differs by one: the frequencies are close to their median."""
    rng = np.random.default_rng(0)
    hashed = 0
    for shade in range(200):
        pixels = np.full((32, 32, 3), shade, np.uint8)
        pixels[tuple(rng.integers(0, 32, 2))] += 1
        if found := fingerprint(pixels):
            assert found.hashes[0] == reference(pixels)
            hashed += 1
    assert hashed > 150


def test_the_second_hash_is_that_of_the_mirror_image():
    for seed in range(20):
        pixels = picture(seed, 150, 100)
        assert fingerprint(pixels).hashes[1] == reference(pixels[:, ::-1])


def test_the_other_hashes_are_near_those_of_cropped_pictures():
    apart = []
    for seed in range(20):
        pixels = picture(seed, 200, 200)
        found = fingerprint(pixels)
        assert len(found.hashes) == 2 + len(CROPS)
        for box, cropped in zip(CROPS, found.hashes[2:], strict=True):
            left, top, right, bottom = (round(edge * 200) for edge in box)
            apart.append(bits_between(cropped, reference(pixels[top:bottom, left:right])))
    assert np.mean(np.array(apart) <= 4) > 0.98
    assert max(apart) <= 8


def test_pictures_packed_again_or_brighter_are_near_and_no_others():
    hashes = []
    for seed in range(20):
        pixels = picture(seed, 150, 150)
        with Image.open(io.BytesIO(encode(pixels, quality=30))) as packed:
            again = np.asarray(packed)
        smaller = np.asarray(Image.fromarray(pixels).resize((75, 75), Image.Resampling.LANCZOS))
        brighter = (pixels * 0.8 + 30).astype(np.uint8)
        hashes.append(fingerprint(pixels).hashes[0])
        for other in (again, smaller, brighter):
            assert bits_between(hashes[-1], fingerprint(other).hashes[0]) <= 4
    assert min(bits_between(one, other) for one in hashes for other in hashes if one != other) > 4


@pytest.mark.parametrize(
    "shade",
    [
        np.full((60, 60), 0),
        np.full((60, 60), 255),
        np.full((60, 60), 77),
        np.tile(np.arange(60) * 4, (60, 1)),
        np.tile(np.arange(60) * 4, (60, 1)).T,
        np.zeros((1, 1)),
    ],
)
def test_pictures_without_structure_have_no_hash(shade):
    assert fingerprint(np.repeat(shade.astype(np.uint8)[..., None], 3, axis=2)) is None


def test_the_thumbnail_is_the_mean_of_each_cell():
    pixels = picture(3, 128, 128)
    grey = np.asarray(Image.fromarray(pixels).convert("L"), float)
    cells = grey.reshape(THUMBNAIL_SIDE, 8, THUMBNAIL_SIDE, 8).mean(axis=(1, 3))
    assert np.abs(fingerprint(pixels).thumbnail - cells).max() <= 1.5  # rounded three times


@pytest.mark.parametrize(("start", "end"), [(0, 1), (0.03, 1), (0.2, 0.7)])
def test_area_weights_average(start, end):
    """The mean of a straight line over a cell is its value in the middle of the cell."""
    line = np.arange(64) + 0.5
    middles = (start + (end - start) * (np.arange(8) + 0.5) / 8) * 64
    weights = area_weights(start, end, 64, 8)
    assert np.allclose(weights.sum(axis=1), 1)
    assert np.abs(weights @ line - middles).max() < 0.5
