"""Each planted fault is what ground_truth.csv says it is, looked at from outside."""

import hashlib
import io
from collections import Counter

import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps, UnidentifiedImageError

from scenes.synthetic.archive import CONFUSED
from scenes.synthetic.faults import BROKEN, CHANGES, RATED, WORDS, Place, near_copy, plan, shuffled_number
from tests.helpers.pictures import picture
from tests.helpers.planted import COUNTS, RATES, SIZE, Planted


def having(archive: Planted, fault: str) -> list[dict]:
    rows = [row for row in archive.rows.values() if row["fault"] == fault]
    assert rows, f"no {fault} was planted"
    return rows


def image(archive: Planted, path: str) -> Image.Image:
    picture = Image.open(io.BytesIO(archive.files[path]))
    picture.load()
    return picture


def split_of(path: str) -> str:
    return path.split("/")[0].removeprefix("seg_")


def test_every_fault_is_there_as_often_as_asked(planted):
    counts = Counter((split_of(row["path"]), row["fault"]) for row in planted.rows.values())
    assert {fault for _, fault in counts} == {"", *WORDS}
    for fault, splits in RATED.items():
        for split, count in COUNTS.items():
            asked = RATES[fault] * count if split in splits else 0
            # Stretches are cut off at the end, and what finds no free place there is left out.
            assert abs(counts[split, fault] - asked) <= (2 if asked else 0), (split, fault)
    for fault in BROKEN:
        assert counts["train", fault] == 1


def test_sound_images_are_sound(planted):
    hashes = Counter()
    for row in having(planted, ""):
        picture = image(planted, row["path"])
        assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (SIZE, SIZE))
        assert row["label"] in (row["ground_truth"], "") and row["duplicate_of"] == ""
        assert row["ground_truth"] in row["classes"].split()
        hashes[hashlib.sha256(planted.files[row["path"]]).hexdigest()] += 1
    assert max(hashes.values()) == 1


def test_wrong_labels_are_those_of_the_class_most_often_confused(planted):
    rows = having(planted, "wrong_label")
    for row in rows:
        assert row["label"] == CONFUSED[row["ground_truth"]] == row["path"].split("/")[2]
    within = [CONFUSED[row["label"]] == row["ground_truth"] for row in rows]
    assert sum(within) > len(rows) / 2, "mostly within the two pairs"
    assert {split_of(row["path"]) for row in rows} == {"train", "test"}


def test_exact_duplicates_have_the_same_bytes_and_label(planted):
    rows = having(planted, "exact_duplicate")
    for row in rows:
        source = planted.rows[row["duplicate_of"]]
        assert planted.files[row["path"]] == planted.files[source["path"]]
        assert row["label"] == source["label"] == row["ground_truth"] and source["fault"] == ""
        assert row["classes"] == source["classes"]
    across = [split_of(row["duplicate_of"]) == "test" for row in rows]
    assert abs(sum(across) - len(rows) / 2) <= 1


def test_near_duplicates_are_their_source_changed(planted):
    rows = having(planted, "near_duplicate")
    for row in rows:
        source = planted.rows[row["duplicate_of"]]
        copy, original = image(planted, row["path"]), image(planted, source["path"])
        assert (np.asarray(copy) != np.asarray(original)).any()
        if row["change"] == "mirrored":
            copy = ImageOps.mirror(copy)
        elif row["change"] == "cropped":
            # Something between no crop and one of 6 % brings the two together.
            crops = [original.crop((edge, edge, SIZE - edge, SIZE - edge)) for edge in range(3)]
            original = min(crops, key=lambda crop: imagehash.phash(copy) - imagehash.phash(crop))
        assert imagehash.phash(copy) - imagehash.phash(original) <= 4
        assert row["label"] == source["label"] == row["ground_truth"] and source["fault"] == ""
    assert {row["change"] for row in planted.rows.values()} == {"", *CHANGES}
    across = [split_of(row["duplicate_of"]) == "test" for row in rows]
    assert abs(sum(across) - len(rows) / 2) <= 1


def test_the_changes_of_near_duplicates_take_turns_and_cross_the_splits_alike():
    counts = {"train": 2000, "test": 500, "pred": 0}
    rates = dict.fromkeys(RATED, 0.0) | {"near_duplicate": 0.02, "broken": False}
    copies = [place for place in plan(1, counts, CONFUSED, rates) if place.fault == "near_duplicate"]
    by_change = Counter((place.change, place.source.split) for place in copies)
    assert set(by_change.values()) == {5}
    assert {change for change, _ in by_change} == set(CHANGES)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("size", [32, 96])
def test_near_copies_keep_their_size_and_change_little(change, size):
    pixels = picture(0, size, size)
    place = Place("train", "sea", 5, "sea", "near_duplicate", None, change)
    copy, quality = near_copy(pixels, place, 90)
    assert copy.shape == pixels.shape and copy.dtype == np.uint8 and quality == 78
    expected = pixels[:, ::-1] if change == "mirrored" else pixels
    assert np.abs(copy.astype(int) - expected).mean() < 12
    assert np.array_equal(copy, expected) == (change in ("reencoded", "mirrored"))


def test_conflicting_duplicates_have_two_labels(planted):
    for row in having(planted, "conflicting_duplicate"):
        source = planted.rows[row["duplicate_of"]]
        assert planted.files[row["path"]] == planted.files[source["path"]]
        assert source["label"] == source["ground_truth"] == row["ground_truth"] and source["fault"] == ""
        assert row["label"] == CONFUSED[row["ground_truth"]]
        assert split_of(row["path"]) == split_of(source["path"]) == "train"


def test_no_image_is_copied_twice(planted):
    sources = [row["duplicate_of"] for row in planted.rows.values() if row["duplicate_of"]]
    assert len(sources) == len(set(sources))
    bytes_seen = Counter(planted.files[row["path"]] for row in planted.rows.values() if row["ground_truth"])
    assert max(bytes_seen.values()) == 2


def test_odd_sizes_and_grey_images(planted):
    shapes = {image(planted, row["path"]).size for row in having(planted, "odd_size")}
    assert (SIZE, SIZE) not in shapes and len(shapes) >= 3
    assert {image(planted, row["path"]).mode for row in having(planted, "grey")} == {"L"}
    assert {split_of(row["path"]) for row in having(planted, "grey")} == set(COUNTS)


def test_broken_files(planted):
    path = {fault: having(planted, fault)[0]["path"] for fault in BROKEN}
    assert Image.open(io.BytesIO(planted.files[path["truncated"]])).size == (SIZE, SIZE)
    with pytest.raises(OSError, match="truncated"):
        image(planted, path["truncated"])
    named = image(planted, path["png_named_jpg"])
    assert named.format == "PNG" and path["png_named_jpg"].endswith(".jpg")
    assert (image(planted, path["cmyk"]).format, image(planted, path["cmyk"]).mode) == ("JPEG", "CMYK")
    deep = np.asarray(image(planted, path["sixteen_bit"]))
    assert deep.dtype == np.uint16 and deep.max() > 255 and path["sixteen_bit"].endswith(".png")
    assert len(set(path.values())) == 4


def test_members_that_are_no_images(planted):
    (note,) = having(planted, "not_an_image")
    assert (
        note["path"].startswith("seg_train/seg_train/sea/")
        and planted.files[note["path"]].decode().isprintable() is False
    )
    names = [row["path"] for row in having(planted, "litter")]
    assert any(name.startswith("__MACOSX/") for name in names)
    assert any(name.endswith("/.DS_Store") and not name.startswith("__MACOSX/") for name in names)
    for name in (note["path"], *names):
        with pytest.raises(UnidentifiedImageError):
            image(planted, name)
        assert set(planted.rows[name].values()) == {name, planted.rows[name]["fault"], ""}


@st.composite
def wishes(draw):
    counts = {"train": draw(st.integers(24, 900)), "test": draw(st.integers(6, 300)), "pred": draw(st.integers(0, 99))}
    parts = draw(st.lists(st.integers(0, 100), min_size=6, max_size=6))
    total = draw(st.floats(0, 0.5))
    rates = {fault: total * part / max(sum(parts), 1) for fault, part in zip(RATED, parts, strict=True)}
    return draw(st.integers(0, 2**32)), counts, {**rates, "broken": draw(st.booleans())}


@given(wishes())
@settings(max_examples=60, deadline=None)
def test_any_plan_is_balanced_and_consistent(wish):
    seed, counts, rates = wish
    places = plan(seed, counts, CONFUSED, rates)
    by_key = {place.key: place for place in places}
    assert len(by_key) == len(places) == sum(counts.values())
    for split in counts:
        folders = Counter(place.folder for place in places if place.split == split)
        assert max(folders.values(), default=0) - min((folders[name] for name in CONFUSED), default=0) <= 1
    for fault in RATED:
        faulty = [place for place in places if place.fault == fault]
        for split in counts:
            here = sum(place.split == split for place in faulty)
            assert here <= rates[fault] * counts[split] + 1 if split in RATED[fault] else here == 0
    for place in places:
        assert bool(place.source) == place.fault.endswith("duplicate")
        if place.source:
            assert by_key[place.source.key] is place.source or by_key[place.source.key] == place.source
            assert place.source.fault == "" and place.source.subject == place.subject
        wrong = place.fault in ("wrong_label", "conflicting_duplicate")
        assert place.folder == (CONFUSED[place.subject] if wrong else place.subject)
    assert sum(place.fault in BROKEN for place in places) == (4 if rates["broken"] else 0)


@given(wishes(), st.integers(1, 200))
@settings(max_examples=40, deadline=None)
def test_more_training_images_leave_the_plan_of_the_others(wish, more):
    seed, counts, rates = wish
    before = plan(seed, counts, CONFUSED, rates)
    after = {place.key: place for place in plan(seed, counts | {"train": counts["train"] + more}, CONFUSED, rates)}
    assert all(after[place.key] == place for place in before)


def test_numbers_are_shuffled_without_loss():
    codes = range(0, 2**20, 61)
    numbers = [shuffled_number(42, code) for code in codes]
    assert len(set(numbers)) == len(codes) and 0 <= min(numbers) < 1000 and 2**20 - 1000 < max(numbers) < 2**20
    assert abs(np.corrcoef(codes, numbers)[0, 1]) < 0.03
