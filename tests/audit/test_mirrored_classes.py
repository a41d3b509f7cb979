"""Classes that are mirror images of each other: said of letters and arrows, and of nothing else."""

import numpy as np
import pytest
from PIL import Image

from scenes.audit.mirrored_classes import find
from scenes.duplicates.perceptual_hash import fingerprint
from scenes.synthetic.scenes import CLASSES, render_scene
from tests.helpers import lookalikes
from tests.helpers.pictures import picture


def found_among(images: dict[str, list[np.ndarray]]) -> list[tuple[str, str]]:
    prints = [(fingerprint(pixels), label) for label, pictures in images.items() for pixels in pictures]
    pairs = [(found.thumbnail, label) for found, label in prints if found]
    order = np.random.default_rng(0).permutation(len(pairs))
    return find(np.array([pairs[row][0] for row in order]), [pairs[row][1] for row in order])


@pytest.mark.parametrize(("texts", "expected"), [("bdo", [("b", "d")]), ("←→↑↓", [("←", "→")]), ("pqA", [("p", "q")])])
def test_letters_and_arrows_that_are_mirror_images(texts, expected):
    assert found_among(lookalikes.letters(texts, each=30)) == expected


@pytest.mark.parametrize(("texts", "expected"), [("bdpqX", [("b", "d"), ("p", "q")]), ("←→↑↓", [("←", "→")])])
@pytest.mark.parametrize(("side", "moved"), [(28, 6), (64, 6), (96, 24)])
def test_the_place_in_the_picture_does_not_matter(texts, expected, side, moved):
    assert found_among(lookalikes.letters(texts, each=30, side=side, moved=moved)) == expected


def test_handwritten_digits_are_not_unless_mirrored():
    digits = lookalikes.digits()
    assert found_among(digits) == []
    mirrored = {"mirrored": [pixels[:, ::-1] for pixels in digits["7"][60:120]]}
    assert found_among({text: pixels[:60] for text, pixels in digits.items()} | mirrored) == [("7", "mirrored")]


def test_noise_is_not():
    rng = np.random.default_rng(0)
    for _ in range(20):
        drawn = [Image.fromarray(rng.integers(0, 256, (6, 6, 3), np.uint8)).resize((48, 48)) for _ in range(48)]
        noise = [np.asarray(image) for image in drawn]
        assert found_among({"cat": noise[:24], "dog": noise[24:]}) == []


def test_blank_pictures_are_not():
    blank = np.full((60, 16, 16), 200, np.uint8)
    assert find(blank, ["a"] * 30 + ["b"] * 30) == []


def test_letters_that_are_not():
    assert found_among(lookalikes.letters("ABCEFGHO", each=30)) == []


def test_scenes_are_not():
    def draw(label, number):
        return render_scene(label, np.random.default_rng([CLASSES.index(label), number]))[0]

    assert found_among({label: [draw(label, number) for number in range(20)] for label in CLASSES}) == []


def test_classes_that_resemble_each_other_either_way_are_not():
    images = [picture(seed) for seed in range(80)]
    assert found_among({"lake": images[:40], "moor": images[40:]}) == []


def test_few_images_say_nothing():
    assert found_among(lookalikes.letters("bd", each=19)) == []
    assert found_among(lookalikes.letters("b", each=30)) == []
    assert find(np.empty((0, 16, 16), np.uint8), []) == []


def test_many_classes_take_a_sample():
    rng = np.random.default_rng(0)
    labels = [f"{number % 1000:03}" for number in range(20_000)]
    assert find(rng.integers(0, 256, (20_000, 16, 16), np.uint8), labels) == []
