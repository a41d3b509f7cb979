"""Bytes become the pixels that an independent way of reading them gives, or a word that says why not."""

import io
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps, PngImagePlugin

from scenes.images.decode import ImageProblem, decode
from tests.helpers.decoded import LIMIT, pixels, problem
from tests.helpers.image_bytes import exif, png, scanlines
from tests.helpers.pictures import encode, picture


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "WEBP"])
def test_lossless_formats_give_the_pixels_back(kind):
    image = decode(encode(picture(1, 40, 30), kind, **({"lossless": True} if kind == "WEBP" else {})), max_pixels=LIMIT)
    assert np.array_equal(image.pixels, picture(1, 40, 30))
    assert (image.format, image.mode) == (kind, "RGB")


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"subsampling": 2}])
def test_jpeg_gives_the_pixels_that_tensorflow_gives(deterministic, options):
    # Another decoder around the same arithmetic: the accurate integer transform, smooth upsampling of colour.
    tensorflow = pytest.importorskip("tensorflow")
    data = encode(picture(2, 50, 37), quality=85, **options)
    reference = tensorflow.io.decode_jpeg(data, channels=3, dct_method="INTEGER_ACCURATE", fancy_upscaling=True)
    assert np.array_equal(pixels(data), reference.numpy())
    assert decode(data, max_pixels=LIMIT).format == "JPEG"


def test_sixteen_bits_keep_their_high_byte():
    values = np.random.default_rng(0).integers(0, 65536, (20, 30), np.uint16)
    image = decode(png(30, 20, 16, 0, scanlines(values.astype(">u2"))), max_pixels=LIMIT)
    assert np.array_equal(image.pixels, np.repeat((values >> 8).astype(np.uint8)[..., None], 3, axis=2))
    assert image.mode.startswith("I")
    tiff = encode(Image.fromarray(values), "TIFF")
    assert np.array_equal(pixels(tiff), image.pixels)


def test_sixteen_bit_colours_keep_their_high_byte():
    values = np.random.default_rng(0).integers(0, 65536, (20, 30, 3), np.uint16)
    assert np.array_equal(pixels(png(30, 20, 16, 2, scanlines(values.astype(">u2")))), (values >> 8).astype(np.uint8))


def test_grey_is_repeated():
    grey = picture(3)[..., 0]
    image = decode(png(48, 48, 8, 0, scanlines(grey)), max_pixels=LIMIT)
    assert np.array_equal(image.pixels, np.repeat(grey[..., None], 3, axis=2))
    assert image.mode == "L"


def test_one_bit_is_black_and_white():
    bits = np.random.default_rng(0).integers(0, 2, (8, 16), np.uint8)
    image = decode(png(16, 8, 1, 0, scanlines(np.packbits(bits, axis=1))), max_pixels=LIMIT)
    assert np.array_equal(image.pixels, np.repeat(bits[..., None] * 255, 3, axis=2))


def test_a_palette_is_looked_up():
    paletted = Image.fromarray(picture(4)).quantize(16)
    table = np.array(paletted.getpalette(), np.uint8).reshape(-1, 3)
    for kind in ("PNG", "GIF"):
        image = decode(encode(paletted, kind), max_pixels=LIMIT)
        assert np.array_equal(image.pixels, table[np.asarray(paletted)])
        assert image.mode == "P"


def test_what_is_transparent_lies_on_white():
    values = np.random.default_rng(0).integers(0, 256, (20, 30, 4), np.uint8)
    colour, alpha = values[..., :3].astype(float), values[..., 3:] / 255
    on_white = colour * alpha + 255 * (1 - alpha)
    image = decode(png(30, 20, 8, 6, scanlines(values)), max_pixels=LIMIT)
    assert np.abs(image.pixels - on_white).max() <= 1
    assert image.mode == "RGBA"
    grey = np.repeat(values[..., :1], 2, axis=2)
    grey[..., 1] = values[..., 3]
    expected = grey[..., :1] * alpha + 255 * (1 - alpha)
    assert np.abs(pixels(png(30, 20, 8, 4, scanlines(grey))) - expected).max() <= 1


@pytest.mark.parametrize("mode", ["P", "RGB", "L"])
def test_a_transparent_colour_becomes_white(mode):
    image = Image.new(mode, (8, 8))
    image.putpixel((3, 3), {"P": 5, "RGB": (9, 9, 9), "L": 9}[mode])
    if mode == "P":
        image.putpalette([value for index in range(16) for value in (index, index, index)])
    data = encode(image, "PNG", transparency=(0, 0, 0) if mode == "RGB" else 0)
    result = pixels(data)
    assert result[0, 0].tolist() == [255, 255, 255]
    assert result[3, 3].max() < 10


def test_cmyk_is_subtracted_from_white():
    ink = Image.fromarray(np.random.default_rng(0).integers(0, 256, (16, 16, 4), np.uint8), "CMYK")
    image = decode(encode(ink, "TIFF"), max_pixels=LIMIT)
    cyan_to_yellow, black = np.asarray(ink)[..., :3].astype(float), np.asarray(ink)[..., 3:]
    assert np.abs(image.pixels - (255 - cyan_to_yellow) * (1 - black / 255)).max() <= 1
    assert image.mode == "CMYK"
    # In a JPEG the inks are stored inverted: white paper must not come out black.
    assert pixels(encode(Image.new("CMYK", (8, 8)), "JPEG")).min() > 250


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_orientation_is_applied(kind, orientation):
    data = encode(picture(5, 40, 24), kind, exif=exif(orientation))
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    assert expected.shape == ((24, 40, 3) if orientation < 5 else (40, 24, 3))
    assert np.array_equal(pixels(data), expected)


@pytest.mark.parametrize(
    "damage", [b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0", b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12"]
)
def test_metadata_in_disorder_is_no_harm(damage):
    data = encode(picture(6), exif=damage)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert pixels(data).shape == (48, 48, 3)


def test_the_first_of_several_frames_is_taken():
    frames = [Image.fromarray(picture(seed)) for seed in (7, 8)]
    data = encode(frames[0], "TIFF", save_all=True, append_images=frames[1:])
    assert np.array_equal(pixels(data), picture(7))
    jpegs = encode(frames[0], "MPO", save_all=True, append_images=frames[1:])
    assert decode(jpegs, max_pixels=LIMIT).format == "MPO"


@pytest.mark.parametrize(
    "data", [b"", b"\0", b"a text file\n", b"<svg/>", b"%PDF-1.4", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"\xff\xd8"]
)
def test_what_is_not_an_image(data):
    found = problem(data)
    assert (found.reason, found.width, found.height, found.mode) == ("not_an_image", 0, 0, "")


def test_formats_that_are_not_photographs():
    for kind in ("EPS", "PDF", "ICO", "TGA"):
        assert problem(encode(picture(1), kind)).reason == "not_an_image"
    assert problem(encode(Image.new("F", (8, 8)), "TIFF")).reason == "not_an_image"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_truncated_images(kind, share):
    data = encode(np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8), kind)
    found = problem(data[: int(len(data) * share)])
    assert found.reason == "corrupt"
    # The header of a WebP says nothing before the file is whole.
    assert (found.width, found.height, found.mode) == ((0, 0, "") if kind == "WEBP" else (80, 60, found.mode))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF"])
def test_images_cut_within_their_header(kind):
    assert problem(encode(picture(1), kind)[:14]).reason == "corrupt"


def test_too_many_pixels_are_told_by_the_header():
    data = encode(picture(1, 40, 30), "PNG")
    assert decode(data, max_pixels=1200).pixels.shape == (30, 40, 3)
    found = problem(data, max_pixels=1199)
    assert (found.reason, found.width, found.height, found.mode) == ("too_many_pixels", 40, 30, "RGB")


@pytest.mark.parametrize("side", [5_000, 12_000, 60_000])
def test_pixel_bombs_are_never_decoded(side, monkeypatch):
    """At 5,000 Pillow is silent, at 12,000 it warns, at 60,000 it refuses by itself."""
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda self: pytest.fail("decoded"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert problem(png(side, side, 8, 2, b"")).reason == "too_many_pixels"


def test_text_bombs_are_a_problem_and_no_memory():
    info = PngImagePlugin.PngInfo()
    info.add_text("comment", "x" * 80_000_000, zip=True)
    assert problem(encode(picture(1), "PNG", pnginfo=info)).reason in ("not_an_image", "corrupt")


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF"]), st.data())
def test_damaged_bytes_give_pixels_or_a_word(kind, data):
    damaged = bytearray(encode(picture(1, 24, 20), kind))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert pixels(bytes(damaged)).size
    except ImageProblem as found:
        assert found.reason in ("not_an_image", "corrupt", "too_many_pixels")


def test_a_palette_that_is_not_there_is_damage():
    found = problem(png(4, 4, 8, 3, bytes(5 * 4)))
    assert (found.reason, found.width, found.height, found.mode) == ("corrupt", 4, 4, "P")


@pytest.mark.parametrize(("raised", "word"), [(ValueError, "not_an_image"), (AssertionError, "corrupt")])
def test_what_decodes_but_has_no_colours(monkeypatch, raised, word):
    data = encode(picture(1)[..., 0], "PNG")

    def convert(*_):
        raise raised

    monkeypatch.setattr(Image.Image, "convert", convert)
    found = problem(data)
    assert (found.reason, found.width, found.height, found.mode) == (word, 48, 48, "L")


def test_lack_of_memory_is_no_damage(monkeypatch):
    def convert(*_):
        raise MemoryError

    monkeypatch.setattr(Image.Image, "convert", convert)
    with pytest.raises(MemoryError):
        decode(encode(picture(1)[..., 0], "PNG"), max_pixels=LIMIT)
