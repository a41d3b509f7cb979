"""Whether two images are one picture: copies are, and pictures that share a layout are not."""

import io
from itertools import combinations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from scenes.duplicates.perceptual_hash import WHOLE
from scenes.duplicates.same_picture import Comparison, Picture, compare, edge_motions
from scenes.synthetic.scenes import CLASSES, render_scene
from tests.helpers import lookalikes
from tests.helpers.pictures import encode, picture


def scene(number: int, side: int = 150) -> Image.Image:
    """Return a drawn scene, full of detail like a photograph."""
    rng = np.random.default_rng(number)
    pixels, _ = render_scene(CLASSES[number % len(CLASSES)], rng)
    grain = rng.integers(-6, 7, (side, side, 3))
    image = Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC)
    return Image.fromarray(np.clip(np.asarray(image) + grain, 0, 255).astype(np.uint8))


SCENES = [scene(number) for number in range(18)]


def packed(image: Image.Image, quality: int = 85) -> np.ndarray:
    with Image.open(io.BytesIO(encode(image, quality=quality))) as again:
        return np.asarray(again.convert("RGB"))


def compared(first, second, box=WHOLE) -> Comparison | None:
    return compare(*(Picture.from_pixels(np.asarray(image)) for image in (first, second)), box)


def scaled(image: Image.Image, factor: float) -> Image.Image:
    return image.resize((round(image.width * factor), round(image.height * factor)), Image.Resampling.BICUBIC)


def lit(image: Image.Image, factor: float, offset: float) -> Image.Image:
    return Image.fromarray(np.clip(np.asarray(image) * factor + offset, 0, 255).astype(np.uint8))


def shifted(image: Image.Image) -> Image.Image:
    pixels = np.asarray(image).astype(int)
    return Image.fromarray(((pixels * 3 + np.roll(pixels, 1, axis=1)) // 4).astype(np.uint8))


COPIES = {
    "strongly compressed": lambda image: packed(image, 30),
    "compressed": lambda image: packed(image, 75),
    "half as large": lambda image: packed(scaled(image, 0.5)),
    "twice as large": lambda image: packed(scaled(image, 2)),
    "brighter": lambda image: packed(lit(image, 1.05, 8)),
    "darker": lambda image: packed(lit(image, 0.8, 0)),
    "grey": lambda image: packed(image.convert("L")),
    "shifted": lambda image: packed(shifted(image)),
    "cropped": lambda image: packed(image.crop((4, 2, 147, 149))),
}


@pytest.mark.parametrize("change", COPIES)
def test_copies_are_the_same_picture(change):
    results = [compared(image, COPIES[change](image)) for image in SCENES]
    assert all(result is not None and result.same_scene for result in results)
    assert np.mean([result.same_picture for result in results]) >= 0.75


@pytest.mark.parametrize("change", ["compressed", "twice as large", "darker", "grey"])
def test_light_changes_are_the_same_everywhere(change):
    results = [compared(image, COPIES[change](image)) for image in SCENES]
    assert np.mean([result is not None and result.same_everywhere for result in results]) >= 0.9


@pytest.mark.parametrize("amount", [0.02, 0.05, 0.1])
def test_cropped_copies_are_aligned(amount):
    rng = np.random.default_rng(1)
    for image in SCENES:
        left, top = rng.uniform(0, amount, 2) * image.width
        right, bottom = left + image.width * (1 - amount), top + image.height * (1 - amount)
        copy = image.crop(tuple(round(edge) for edge in (left, top, right, bottom)))
        start = (amount / 2, amount / 2, 1 - amount / 2, 1 - amount / 2)
        result = compared(image, packed(copy), start)
        assert result and result.same_scene and result.least > 0.7, result


def test_a_crop_is_no_stretched_part_unless_it_has_the_shape_of_the_whole():
    for image in SCENES[:6]:
        strip = image.crop((0, 7, 150, 143))
        assert compared(image, strip).same_picture
        assert compared(image, strip.resize((150, 150))) is None
        even = image.crop((6, 7, 144, 143)).resize((150, 150), Image.Resampling.BICUBIC)
        assert compared(image, even).same_scene


def test_only_what_is_not_cropped_is_the_same_view():
    for image in SCENES[:6]:
        assert compared(image, packed(image)).same_view
        copy = compared(image, image.crop((5, 5, 145, 145)))
        assert copy.same_scene and not copy.same_view


def test_different_scenes_are_obviously_different():
    for first, second in combinations(SCENES[:8], 2):
        result = compared(first, second)
        assert result is None or not result.same_scene


def test_a_caption_is_the_same_scene_but_not_the_same_everywhere():
    for image in SCENES:
        copy = image.copy()
        ImageDraw.Draw(copy).text((8, 130), "winter 2019", fill=(255, 255, 0))
        result = compared(image, packed(copy))
        assert result.same_scene and not result.same_everywhere


def test_a_recoloured_copy_is_the_same_picture_but_not_the_same_everywhere():
    for image in SCENES[:6]:
        pixels = np.asarray(image)[..., [2, 0, 1]]
        result = compared(image, pixels)
        assert result is None or not result.same_everywhere


def test_mirrored_pictures_are_the_same_once_mirrored_back():
    for image in SCENES[:6]:
        first, second = Picture.from_pixels(np.asarray(image)), Picture.from_pixels(np.asarray(image)[:, ::-1])
        assert compare(first, second.mirrored()).same_everywhere
        result = compare(first, second)
        assert result is None or not result.same_scene


def test_edges_move_by_as_much_as_was_cropped_in_any_light():
    boxes = [(0.04, 0, 0.98, 0.97), (0, 0.03, 1, 1), WHOLE]
    smooth = [image.filter(ImageFilter.GaussianBlur(6)).convert("F") for image in SCENES]
    for light in (1, 0.6):
        for box in boxes:
            crops = [image.resize((64, 64), box=[150 * edge for edge in box]) for image in smooth]
            shown, target = (
                np.stack([np.asarray(image, float) for image in images])
                for images in ([image.resize((64, 64)) for image in smooth], crops)
            )
            moved = edge_motions(shown, light * target + 20)
            assert np.abs(np.median(moved, axis=0) - np.subtract(box, WHOLE)).max() < 0.005


# What shares a layout


def test_no_card_is_another_card():
    drawn = lookalikes.cards(each=1, size=128)
    for first, second in combinations(drawn, 2):
        if first[:-1] == second[:-1] or first[-1] == second[-1]:  # the likeliest: of one rank, or of one suit
            result = compared(drawn[first][0], drawn[second][0])
            assert result is None or not result.same_everywhere, (first, second)


def test_no_digit_is_another_digit():
    digits = lookalikes.digits()
    for one, other in combinations(digits, 2):
        for first, second in zip(digits[one][:6], digits[other][:6], strict=True):
            result = compared(first, second)
            assert result is None or not result.same_picture, (one, other)


def test_x_rays_of_different_people_are_different_pictures():
    drawn = lookalikes.x_rays(12)
    results = [compared(*pair) for pair in combinations(drawn, 2)]
    assert sum(result is not None for result in results) > 20, "they do share a layout"
    assert not any(result.same_picture for result in results if result)
    copies = [compared(image, packed(Image.fromarray(image), 60)) for image in drawn]
    assert all(result.same_picture for result in copies)


def test_pictures_of_a_few_pixels_say_nothing():
    assert compared(picture(0, 15, 40), picture(0, 15, 40)) is None
    assert compared(picture(0, 16, 40), picture(0, 16, 40)).same_everywhere
