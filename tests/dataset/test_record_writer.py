"""What is recorded for a picture, however damaged: the pixels that everybody else sees, in bytes that decode."""

import collections
import io

import numpy as np
import pytest
from PIL import Image

from scenes.dataset import record_writer, records
from scenes.images import decode
from tests.helpers import written_records
from tests.helpers.damaged_jpegs import SIDE, SOUND, variants
from tests.helpers.image_bytes import exif
from tests.helpers.pictures import encode, jpeg, picture

pytestmark = pytest.mark.usefixtures("deterministic")
LIMIT = 10**6


def test_3000_damaged_jpegs_have_the_same_pixels_for_audit_records_and_training(tmp_path):
    """The audit, the app and the command see what ``decode`` gives; both readers of records must see it too."""
    expected, encoded, outcomes = {}, {}, collections.Counter()
    for name, data in variants(3000):
        try:
            image = decode.decode(data, max_pixels=LIMIT)
        except decode.ImageProblem:
            outcomes["refused"] += 1
            with pytest.raises(decode.ImageProblem):
                record_writer.record_image(data, SIDE, max_pixels=LIMIT)
            continue
        outcomes["damaged" if image.damaged else "sound"] += 1
        expected[name] = decode.fit(image.pixels, SIDE)
        encoded[name] = record_writer.record_image(data, SIDE, max_pixels=LIMIT)
        assert not (image.damaged and encoded[name] == data)  # libjpeg's warnings never reach training
    assert min(outcomes.values()) > 300
    members = [(name, "a") for name in expected]
    written_records.write(
        tmp_path, {"train": members}, encoded.__getitem__, classes=["a"], image_size=SIDE, seed=0, shard_size=1000
    )
    split = records.open_records(tmp_path, "train")
    loaded = records.load(split)
    for key, pixels in zip(loaded["key"], loaded["image"], strict=True):
        np.testing.assert_array_equal(pixels, expected[key.decode()])
    for batch in records.ordered_batches(split, 500).as_numpy_iterator():
        for key, pixels in zip(batch["key"], batch["image"], strict=True):
            np.testing.assert_array_equal(pixels, expected[key.decode()])


@pytest.mark.parametrize(
    ("kept", "data"),
    [
        (True, encode(picture(1))),
        (True, encode(picture(1), progressive=True)),
        (True, encode(picture(1), exif=exif(1))),
        (True, SOUND["restarts"]),
        (False, encode(picture(1), exif=exif(6))),
        (False, encode(picture(1), exif=exif(3))),
        (False, encode(picture(1, 48, 47))),
        (False, encode(picture(1, 96, 96))),
        (False, encode(picture(1)[..., 0])),
        (False, SOUND["CMYK"]),
        (False, encode(picture(1), "MPO", save_all=True, append_images=[Image.fromarray(picture(2))])),
        (False, encode(picture(1)) + b"\0"),
        (False, jpeg(1)[: len(jpeg(1)) * 3 // 4] + b"\xff\xd9"),
    ],
)
def test_a_file_is_kept_as_it_is_only_if_any_decoder_reads_it_so(kept, data):
    stored = record_writer.record_image(data, SIDE, max_pixels=LIMIT)
    assert (stored == data) is kept
    with Image.open(io.BytesIO(stored)) as image:
        assert (image.format, image.size) == ("JPEG" if kept else "PNG", (SIDE, SIDE))
        seen = decode.fit(decode.decode(data, max_pixels=LIMIT).pixels, SIDE)
        np.testing.assert_array_equal(np.asarray(image), seen)


def test_padding_before_a_marker_is_allowed():
    data = encode(picture(1))
    padded = data[:2] + b"\xff\xff" + data[2:]
    assert record_writer.record_image(padded, SIDE, max_pixels=LIMIT) == padded


@pytest.mark.parametrize("fit", decode.FIT_METHODS)
def test_the_whole_or_the_middle_is_recorded(fit, tmp_path):
    wide = encode(picture(1, 90, 40), "PNG")
    data = record_writer.record_image(wide, SIDE, fit=fit, max_pixels=LIMIT)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), decode.fit(picture(1, 90, 40), SIDE, fit))
    options = {"classes": ["a"], "image_size": SIDE, "seed": 0, "shard_size": 10}
    written_records.write(tmp_path, {"train": [("x", "a")]}, lambda _: data, fit=fit, **options)
    assert records.open_records(tmp_path, "train").fit == fit
