"""Classes that are mirror images of each other: said of letters and arrows, and of nothing else."""

import numpy as np
import pytest

from scenes.dataset.mirrored_classes import find
from scenes.dataset.perceptual_hash import fingerprint
from scenes.synthetic.scenes import CLASSES, render_scene
from tests.helpers import lookalikes
from tests.helpers.pictures import picture


def found_among(images: dict[str, list[np.ndarray]]) -> list[tuple[str, str]]:
    pairs = [(fingerprint(pixels).thumbnail, label) for label, pictures in images.items() for pixels in pictures]
    order = np.random.default_rng(0).permutation(len(pairs))
    return find(np.array([pairs[row][0] for row in order]), [pairs[row][1] for row in order])


@pytest.mark.parametrize(("texts", "expected"), [("bdo", [("b", "d")]), ("←→↑↓", [("←", "→")]), ("pqA", [("p", "q")])])
def test_letters_and_arrows_that_are_mirror_images(texts, expected):
    assert found_among(lookalikes.letters(texts, each=30)) == expected


def test_letters_that_are_not():
    assert found_among(lookalikes.letters("ABCEFGHO", each=30)) == []


def test_scenes_are_not():
    def draw(label, number):
        return render_scene(label, np.random.default_rng([CLASSES.index(label), number]))[0]

    assert found_among({label: [draw(label, number) for number in range(15)] for label in CLASSES}) == []


def test_classes_that_resemble_each_other_either_way_are_not():
    images = [picture(seed) for seed in range(80)]
    assert found_among({"lake": images[:40], "moor": images[40:]}) == []


def test_few_images_say_nothing():
    assert found_among(lookalikes.letters("bd", each=7)) == []
    assert found_among(lookalikes.letters("b", each=30)) == []
    assert find(np.empty((0, 16, 16), np.uint8), []) == []


def test_many_classes_take_a_sample():
    rng = np.random.default_rng(0)
    labels = [f"{number % 1000:03}" for number in range(20_000)]
    assert find(rng.integers(0, 256, (20_000, 16, 16), np.uint8), labels) == []
