"""Candidates for near duplicates: the copies are among them, and there are never too many."""

import tracemalloc

import numpy as np
from PIL import Image

from scenes.duplicates.near_duplicate_candidates import VIEWS, find, share_a_layout
from scenes.duplicates.perceptual_hash import fingerprint
from tests.helpers.lookalikes import x_rays
from tests.helpers.pictures import picture


def searched(images, distance: int = 4) -> dict[tuple[int, int], int]:
    found = [fingerprint(np.ascontiguousarray(pixels)) for pixels in images]
    hashes, thumbnails = np.stack([one.hashes for one in found]), np.stack([one.thumbnail for one in found])
    first, second, view = find(hashes, thumbnails, distance)
    return {pair: number for *pair_, number in zip(first, second, view, strict=True) for pair in [tuple(pair_)]}


def test_copies_are_candidates_and_other_pictures_are_not():
    pixels = [picture(seed, 150, 150) for seed in range(40)]
    cropped = Image.fromarray(pixels[2]).crop((4, 4, 146, 146)).resize((150, 150))
    images = [*pixels, pixels[0] // 2 + 60, pixels[1][:, ::-1], np.asarray(cropped)]
    found = searched(images)
    assert set(found) == {(0, 40), (1, 41), (2, 42)}
    assert not VIEWS[found[0, 40]].mirrored and VIEWS[found[1, 41]].mirrored
    left, top, right, bottom = VIEWS[found[2, 42]].box
    assert min(left, top, 1 - right, 1 - bottom) > 0


def test_pictures_that_agree_only_if_an_edge_moves_far_are_no_candidates():
    down, across = np.mgrid[:16, :16] / 16
    pictures = [np.rint(120 + 100 * np.sin(2 * across + zoom * down)).astype(np.uint8) for zoom in (2, 2.05, 2.5)]
    assert np.corrcoef(pictures[0].ravel(), pictures[2].ravel())[0, 1] > 0.95
    first, second, _ = find(np.zeros((3, len(VIEWS)), np.uint64), np.stack(pictures), 4)
    assert {*zip(first, second, strict=True)} <= {(0, 1), (1, 0)} and len(first) == 1


def test_no_images_have_no_candidates():
    assert len(find(np.empty((0, len(VIEWS)), np.uint64), np.empty((0, 16, 16), np.uint8), 4).first) == 0


def test_many_images_with_one_hash_have_few_candidates_each():
    count = 6_000
    rng = np.random.default_rng(0)
    base = rng.integers(0, 200, (16, 16))
    # Each is a little brighter than the one before, so that it is clear which are most alike.
    thumbnails = (base + (np.arange(count) % 50)[:, None, None] + rng.integers(0, 6, (count, 16, 16))).astype(np.uint8)
    hashes = np.full((count, len(VIEWS)), 0x0123456789ABCDEF, np.uint64)
    tracemalloc.start()
    first, second, _ = find(hashes, thumbnails, 4)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count / 2 < len(first) <= 6 * count
    assert len(set(zip(first.tolist(), second.tolist(), strict=True))) == len(first)
    assert peak < 300_000_000


def test_many_copies_of_one_picture_stay_together():
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pixels = picture(0, 100, 100)
    rng = np.random.default_rng(0)
    copies = [np.clip(pixels + rng.integers(-6, 7, pixels.shape), 0, 255).astype(np.uint8) for _ in range(300)]
    pairs = np.array(list(searched(copies)))
    graph = coo_array((np.ones(len(pairs)), pairs.T), shape=(300, 300))
    assert connected_components(graph, directed=False)[0] == 1


def test_what_shares_a_layout():
    def thumbnails(images):
        return np.stack([fingerprint(image).thumbnail for image in images])

    assert share_a_layout(thumbnails(x_rays(20)))
    assert not share_a_layout(thumbnails([picture(seed) for seed in range(20)]))
    assert not share_a_layout(np.empty((0, 16, 16), np.uint8))
