"""Bytes become the pixels that an independent way of reading them gives, or a word that says why not."""

import io
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps, PngImagePlugin

from scenes.images.decode import FIT_METHODS, PADDING, ImageProblem, decode, fit, is_web_page
from tests.helpers.damaged_jpegs import SOUND
from tests.helpers.image_bytes import HEIC, chunk, exif, netpbm, png, scanlines
from tests.helpers.pictures import encode, picture

LIMIT = 1_000_000


def pixels(data: bytes) -> np.ndarray:
    result = decode(data, max_pixels=LIMIT).pixels
    assert (result.dtype, result.ndim, result.shape[2]) == (np.uint8, 3, 3)
    return result


def problem(data: bytes, max_pixels: int = LIMIT) -> ImageProblem:
    with pytest.raises(ImageProblem) as caught:
        decode(data, max_pixels=max_pixels)
    return caught.value


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


# One shape


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 64))
def test_fit_gives_the_one_shape(width, height, size):
    result = fit(picture(1, width, height), size)
    assert (result.shape, result.dtype) == ((size, size, 3), np.uint8)


def test_fit_takes_the_centre_and_keeps_a_fitting_image():
    whole = picture(1, 60, 60)
    assert fit(whole, 60) is whole
    wide = np.zeros((60, 100, 3), np.uint8)
    wide[:, 20:80] = whole
    assert np.array_equal(fit(wide, 60), whole)
    assert np.array_equal(fit(wide.transpose(1, 0, 2), 60), whole.transpose(1, 0, 2))


def test_fit_smooths_when_it_shrinks():
    checkers = np.indices((64, 64)).sum(axis=0) % 2 * 255
    small = fit(np.repeat(checkers[..., None], 3, axis=2).astype(np.uint8), 8)
    assert np.abs(small[1:-1, 1:-1].astype(int) - 127).max() < 10


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 64))
def test_padding_shows_the_whole_picture_on_grey(width, height, size):
    result = fit(np.full((height, width, 3), 200, np.uint8), size, "pad")
    rows, columns = (np.flatnonzero((result != PADDING).any(axis=(axis, 2))) for axis in (1, 0))
    longest = max(width, height)
    assert (len(rows), len(columns)) == (max(round(height * size / longest), 1), max(round(width * size / longest), 1))
    for found in (rows, columns):  # in one piece, in the middle
        assert np.array_equal(found, np.arange(found[0], found[0] + len(found)))
        assert abs(found[0] - (size - 1 - found[-1])) <= 1
    assert (result[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] == 200).all()


# Pillow resizes the rows of tall pictures first, which rounds differently; columns come first here.
@pytest.mark.parametrize("shape", [(100, 60), (90, 90), (31, 200)])
def test_fit_is_what_pillow_offers_under_other_names(shape):
    image = Image.fromarray(picture(1, *shape))
    bicubic = {"method": Image.Resampling.BICUBIC}
    references = {
        "crop": ImageOps.fit(image, (40, 40), **bicubic),
        "pad": ImageOps.pad(image, (40, 40), color=(PADDING,) * 3, **bicubic),
        "squash": image.resize((40, 40), Image.Resampling.BICUBIC),
    }
    for method, reference in references.items():
        away = fit(np.asarray(image), 40, method).astype(int) - np.asarray(reference)
        assert np.abs(away).max() <= 1
    assert set(references) == set(FIT_METHODS)


def test_fit_refuses_another_method():
    with pytest.raises(ValueError, match="'stretch' is none of crop, pad, squash"):
        fit(picture(1), 20, "stretch")


# What is damaged


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


# Other formats


@pytest.mark.parametrize("magic", [b"P2", b"P5", b"P3", b"P6"])
@pytest.mark.parametrize("largest", [1, 15, 255, 1000, 65535])
def test_netpbm_gives_pillows_pixels(magic, largest):
    shape = (13, 17) if magic in (b"P2", b"P5") else (13, 17, 3)
    samples = np.random.default_rng(largest).integers(0, largest + 1, shape)
    data = netpbm(magic, samples, largest)
    with Image.open(io.BytesIO(data)) as reference:
        expected = np.asarray(reference)
    if expected.dtype != np.uint8:
        expected = (expected >> 8).astype(np.uint8)
    if expected.ndim == 2:
        expected = np.repeat(expected[..., None], 3, axis=2)
    assert np.array_equal(pixels(data), expected)
    assert decode(data, max_pixels=LIMIT).format == "PPM"


def test_bits_of_netpbm_are_black_where_they_are_set():
    bits = np.random.default_rng(0).integers(0, 2, (5, 9))
    expected = np.repeat(255 * (1 - bits)[..., None], 3, axis=2)
    assert np.array_equal(pixels(netpbm(b"P1", bits, 1)), expected)
    assert np.array_equal(pixels(netpbm(b"P1", bits, 1).replace(b" 1 ", b"1")), expected)  # no blanks are needed
    packed = np.packbits(bits, axis=1).tobytes()
    assert np.array_equal(pixels(b"P4\n9 5\n" + packed), expected)


@pytest.mark.parametrize(
    "data",
    [
        b"P2\n2 2\n9\n1 2 3",
        b"P2\n2 2\n9\n1 2 3 x",
        b"P2\n2 2\n9\n1 2 3 10",
        b"P2\n2 2\n9\n1 2 3 -1",
        b"P5\n2 2\n9\n123",
        b"P6\n2 2\n65535\n123",
        b"P1\n2 2\n101",
        b"P1\n2 2\n1012",
        b"P4\n9 2\n123",
    ],
)
def test_netpbm_with_samples_missing_or_out_of_range_is_corrupt(data):
    found = problem(data)
    assert (found.reason, found.height) == ("corrupt", 2)


def test_text_that_begins_like_netpbm_is_no_image():
    for data in (b"P3 is a road", b"P1", b"P5\n", b"PyTorch models", b"P7\nWIDTH 2\n"):
        assert problem(data).reason == "not_an_image"


def test_avif_is_read_with_its_orientation_and_transparency():
    image = decode(encode(picture(1, 40, 24), "AVIF", quality=95, exif=exif(6)), max_pixels=LIMIT)
    assert (image.format, image.mode, image.pixels.shape) == ("AVIF", "RGB", (40, 24, 3))
    upright = np.rot90(picture(1, 40, 24), -1).astype(int)
    assert np.abs(image.pixels - upright).mean() < 6
    glass = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    assert pixels(encode(glass, "AVIF")).min() > 250
    assert problem(encode(picture(1, 40, 30), "AVIF"), max_pixels=1199).reason == "too_many_pixels"


def test_heic_is_read_where_its_decoder_is_installed():
    pytest.importorskip("pi_heif", reason="pi-heif is not installed")
    image = decode(HEIC, max_pixels=LIMIT)
    assert (image.format, image.mode, image.pixels.shape) == ("HEIF", "RGB", (30, 40, 3))
    assert np.abs(image.pixels.astype(int) - picture(1, 40, 30)).mean() < 12
    assert problem(HEIC, max_pixels=1199).reason == "too_many_pixels"
    assert problem(HEIC[:-100]).reason == "corrupt"


@pytest.mark.parametrize(
    ("found", "data"),
    [
        (True, b"<!DOCTYPE html><title>404</title>"),
        (True, b"\xef\xbb\xbf\n  <HTML lang='en'>"),
        (False, b"<svg xmlns=''/>"),
        (False, b"a <html>"),
        (False, encode(picture(1))),
        (False, b""),
    ],
)
def test_web_pages(found, data):
    assert is_web_page(data) is found
