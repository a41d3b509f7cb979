"""Images that decode although a part of them is missing or wrong: known, with the same pixels for everybody."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from scenes.images import jpeg
from scenes.images.decode import ImageProblem, decode
from tests.helpers.damaged_jpegs import SOUND, variants
from tests.helpers.decoded import LIMIT, pixels
from tests.helpers.image_bytes import chunk, exif
from tests.helpers.pictures import encode, picture


def test_a_jpeg_is_damaged_where_libjpeg_warns():
    data = encode(picture(2), quality=90)
    scan = data.rindex(b"\xff\xda") + 14
    sound = decode(data, max_pixels=LIMIT)
    assert (sound.damaged, sound.portable) == (False, True)
    half = data[: (scan + len(data)) // 2] + b"\xff\xd9"
    image = decode(half, max_pixels=LIMIT)
    assert (image.damaged, image.portable, image.mode) == (True, False, "RGB")
    with Image.open(io.BytesIO(half)) as reference:
        assert np.array_equal(image.pixels, reference)
    assert np.array_equal(image.pixels[:8], sound.pixels[:8])  # what comes before the cut


def test_plain_jpegs_are_what_they_are_with_pillow(monkeypatch):
    """Whatever is done to a JPEG, the short cut finds what Pillow and simplejpeg find together."""

    def outcomes():
        for _, data in variants(900, seed=1):
            try:
                image = decode(data, max_pixels=LIMIT)
            except ImageProblem as problem:
                yield vars(problem)
            else:
                yield vars(image) | {"pixels": image.pixels.tobytes(), "shape": image.pixels.shape}

    with_it = list(outcomes())
    plain = [jpeg.plain_frame(data) is not None for _, data in variants(900, seed=1)]
    assert 300 < sum(plain) < 800
    assert sum(not outcome.get("damaged", True) for outcome in with_it) > 50
    monkeypatch.setattr(jpeg, "plain_frame", lambda data: None)
    assert list(outcomes()) == with_it


@pytest.mark.parametrize("kind", SOUND)
def test_sound_jpegs_of_every_kind_are_not_damaged(kind):
    image = decode(SOUND[kind], max_pixels=LIMIT)
    assert not image.damaged
    assert image.portable == (kind not in ("grey", "CMYK", "turned"))
    with Image.open(io.BytesIO(SOUND[kind])) as reference:
        assert np.array_equal(image.pixels, ImageOps.exif_transpose(reference).convert("RGB"))


def test_a_cmyk_jpeg_can_be_damaged_too():
    data = SOUND["CMYK"]
    cut = data[: len(data) * 3 // 4] + b"\xff\xd9"
    assert decode(cut, max_pixels=LIMIT).damaged


def test_a_jpeg_of_several_frames_is_sound_and_not_portable():
    data = encode(picture(1), "MPO", save_all=True, append_images=[Image.fromarray(picture(2))])
    image = decode(data, max_pixels=LIMIT)
    assert (image.format, image.damaged, image.portable) == ("MPO", False, False)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF"])
def test_other_formats_are_not_portable(kind):
    image = decode(encode(picture(1), kind), max_pixels=LIMIT)
    assert (image.format, image.damaged, image.portable) == (kind, False, False)


def test_a_changed_byte_in_the_pixels_of_a_png_is_damage():
    data = encode(picture(1, 20, 20), "PNG")
    start, stop = data.index(b"IDAT") + 4, data.index(b"IEND") - 4
    outcomes = set()
    for place in range(start, stop, 5):
        try:
            image = decode(data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :], max_pixels=LIMIT)
        except ImageProblem as found:
            outcomes.add(found.reason)
        else:
            outcomes.add("damaged" if image.damaged else "unnoticed")
    assert outcomes == {"corrupt", "damaged"}
    image = decode(data[:33] + chunk(b"tEXt", b"a\0") + data[33:] + b"trailing", max_pixels=LIMIT)
    assert not image.damaged
    assert np.array_equal(image.pixels, picture(1, 20, 20))


def test_the_pixels_cannot_be_changed_by_accident():
    for data in (encode(picture(1)), encode(picture(1), "PNG"), encode(picture(1), exif=exif(6))):
        assert not pixels(data).flags.writeable
