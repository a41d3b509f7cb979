"""Near duplicates in an archive: confirmed by the pictures, whatever their number, names or workers."""

import numpy as np
import pytest
from PIL import Image

from scenes.audit.inspection import pixel_hash
from scenes.duplicates import near_duplicates
from scenes.duplicates.perceptual_hash import fingerprint
from tests.helpers import lookalikes
from tests.helpers.pictures import encode, opened, pack, picture, sound_files

OPTIONS = {"distance": 4, "max_pixels": 100_000}


def found_in(path, images: dict[str, tuple[set[str], np.ndarray]], processes: int = 1) -> set[frozenset[str]]:
    """Return the pairs of near duplicates among pictures with these labels."""
    pack(path, sound_files() | {name: encode(pixels, "PNG") for name, (_, pixels) in images.items()})
    listed = [
        near_duplicates.Image(name, pixel_hash(pixels), frozenset(labels), fingerprint(pixels))
        for name, (labels, pixels) in images.items()
    ]
    names = {image.pixels: image.path for image in listed}
    with opened(path) as archive:
        compared = near_duplicates.find(archive, listed, **OPTIONS, processes=processes)
    near_duplicates.write(path.with_suffix(".csv"), compared)
    assert near_duplicates.read(path.with_suffix(".csv")) == compared
    assert len({frozenset((pair.first, pair.second)) for pair in compared}) == len(compared)
    return {frozenset((names[pair.first], names[pair.second])) for pair, same in compared.items() if same}


def darker(pixels: np.ndarray) -> np.ndarray:
    return (pixels * 0.9).astype(np.uint8)


def captioned(pixels: np.ndarray) -> np.ndarray:
    changed = pixels.copy()
    changed[-24:-12, 10:60] = 255
    return changed


def test_copies_are_found_whatever_was_done_to_them(tmp_path):
    originals = {f"{number}.png": ({"a"}, picture(number, 120, 120)) for number in range(12)}
    copies = {
        "dark.png": ({"a"}, darker(originals["0.png"][1])),
        "mirrored.png": ({"a"}, np.ascontiguousarray(originals["1.png"][1][:, ::-1])),
        "cropped.png": ({"a"}, np.asarray(Image.fromarray(originals["2.png"][1]).crop((3, 3, 117, 117)))),
        "unlabelled.png": (set(), darker(originals["3.png"][1])),
        "also a.png": ({"a", "b"}, darker(originals["4.png"][1])),
    }
    pairs = {frozenset(pair) for pair in zip([f"{number}.png" for number in range(5)], copies, strict=True)}
    assert found_in(tmp_path / "a.zip", originals | copies) == pairs


def test_under_two_labels_only_what_differs_nowhere(tmp_path):
    pixels = picture(0, 120, 120)
    dark, caption = darker(pixels), captioned(picture(1, 120, 120))
    others = {f"{number}.png": ({"a"}, picture(number, 120, 120)) for number in range(2, 9)}
    images = {"0.png": ({"a"}, pixels), "dark.png": ({"b"}, dark)} | others
    assert found_in(tmp_path / "a.zip", images) == {frozenset({"0.png", "dark.png"})}
    images = {"1.png": ({"a"}, picture(1, 120, 120)), "caption.png": ({"b"}, caption)} | others
    assert found_in(tmp_path / "b.zip", images) == set()


@pytest.mark.parametrize(
    "changed",
    [lambda pixels: np.ascontiguousarray(pixels[:, ::-1]), lambda pixels: pixels[3:-3, 3:-3]],
    ids=["mirrored", "cropped"],
)
def test_a_copy_under_another_label_is_one_only_as_it_is(tmp_path, changed):
    others = {f"{number}.png": ({"a"}, picture(number, 120, 120)) for number in range(2, 9)}
    for label, pairs in (("a", {frozenset({"2.png", "copy.png"})}), ("b", set())):
        copy = {"copy.png": ({label}, changed(others["2.png"][1]))}
        assert found_in(tmp_path / f"{label}.zip", others | copy) == pairs


def test_letters_are_no_duplicates_of_their_mirror_images(tmp_path):
    images = {
        f"{text}/{number}.png": ({text}, pixels)
        for text, pictures in lookalikes.letters("bdpqX", each=30, side=64, moved=6).items()
        for number, pixels in enumerate(pictures)
    }
    pairs = found_in(tmp_path / "a.zip", images)
    assert pairs
    assert all(len({name[0] for name in pair}) == 1 for pair in pairs)


def test_scans_of_bars_of_different_widths_are_different_pictures(tmp_path):
    images = {}
    for number in range(6):
        pixels = np.full((250, 250, 3), 255, np.uint8)
        pixels[23:117, 31 + 5 * number : 109] = 0
        images[f"{number}.png"] = ({"cat" if number < 3 else "dog"}, pixels)
    assert found_in(tmp_path / "a.zip", images) == set()


def test_digits_in_one_font_are_no_duplicates_of_other_digits(tmp_path):
    drawn = lookalikes.letters("0123456789", each=12, side=28)
    images = {
        f"{digit}/{number}.png": ({digit}, pixels)
        for digit, pictures in drawn.items()
        for number, pixels in enumerate(pictures)
    }
    pairs = found_in(tmp_path / "a.zip", images)
    assert pairs, "a digit at one place in two shades is one picture"
    assert all(len({name[0] for name in pair}) == 1 for pair in pairs)


def test_cards_are_no_duplicates_of_other_cards(tmp_path):
    images = {f"{name}.png": ({name}, pixels) for name, (pixels,) in lookalikes.cards(each=1).items()}
    assert found_in(tmp_path / "a.zip", images) == set()


@pytest.mark.process
def test_the_number_of_processes_does_not_matter(tmp_path, monkeypatch):
    monkeypatch.setattr(near_duplicates, "_FEW", 0)
    monkeypatch.setattr(near_duplicates, "_SHARD", 3)
    images = {f"{number}.png": ({"a"}, picture(number, 60, 60)) for number in range(20)}
    images |= {f"{number} again.png": ({"a"}, darker(picture(number, 60, 60))) for number in range(20)}
    alone = found_in(tmp_path / "a.zip", images)
    assert len(alone) == 20
    assert found_in(tmp_path / "b.zip", images, processes=3) == alone


def test_no_images_have_no_duplicates(tmp_path):
    assert found_in(tmp_path / "a.zip", {}) == set()
