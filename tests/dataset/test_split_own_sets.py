"""What becomes of the archive's own validation and test sets, of subjects, and of classes that a set lacks."""

import pytest

from scenes.dataset.split import split
from tests.helpers.audited import OPTIONS, by_split, divided, plain_rows, table


def test_without_a_test_set_both_are_held_out():
    rows = plain_rows(50, 0)
    found = split(table(rows), **OPTIONS)
    assert found.table.groupby(["split", "label"]).size().to_dict() == {
        ("pred", ""): 2,
        **{("test", label): 10 for label in ("lake", "moor")},
        **{("train", label): 32 for label in ("lake", "moor")},
        **{("val", label): 8 for label in ("lake", "moor")},
    }
    assert found.held_out == {
        "test": {"lake": (10, 50), "moor": (10, 50)},
        "val": {"lake": (8, 40), "moor": (8, 40)},
    }
    # It says nothing about classes without test images where there are none at all.
    assert divided(rows, without_test="drop").equals(found.table)


def test_the_archive_s_own_validation_set_validates():
    rows = plain_rows(20, 3, 5)
    found = split(table(rows), **OPTIONS)
    assert found.held_out == {"test": {}, "val": {}}
    for name in ("train", "val", "test"):
        assert {path.split("/")[0] for path in by_split(found.table, name)["path"]} == {name}
    # Without a test set, test images come from train alone.
    found = split(table(plain_rows(20, 0, 5)), **OPTIONS)
    assert found.held_out["test"] == {"lake": (4, 20), "moor": (4, 20)}
    assert len(by_split(found.table, "val")) == 10


@pytest.mark.parametrize("drop", [True, False])
def test_what_validation_shares_leaves_train_always_and_test_by_the_parameter(drop):
    rows = [
        *plain_rows(20, 3, 5),
        ("train/lake/of val", "train", "lake", "a", "vallake0", ""),
        ("train/lake/of test", "train", "lake", "b", "testlake0", ""),
        ("val/lake/of test", "val", "lake", "c", "testlake1", ""),
    ]
    found = split(table(rows), **OPTIONS | {"drop_train_duplicates_of_test": drop})
    of_test = {"train/lake/of test": "test", "val/lake/of test": "test"} if drop else {}
    assert found.left_out == {"train/lake/of val": "val"} | of_test


def test_a_subject_is_on_one_side_also_of_the_archive_s_own_sets():
    rows = [
        *plain_rows(20, 3, 5),
        ("train/lake/p1", "train", "lake", "a", "a", "", "p"),
        # Of the subject p by a duplicate of an image of p.
        ("train/lake/q1", "train", "lake", "b", "c", "", "q"),
        ("train/lake/q2", "train", "lake", "d", "d", "", "q"),
        ("train/lake/p2", "train", "lake", "c", "c", "", "p"),
        ("test/lake/p3", "test", "lake", "e", "e", "", "p"),
        ("val/lake/r1", "val", "lake", "f", "f", "", "r"),
        ("train/lake/r2", "train", "lake", "g", "g", "", "r"),
    ]
    found = split(table(rows), **OPTIONS)
    assert found.left_out == {
        **dict.fromkeys(("train/lake/p1", "train/lake/p2", "train/lake/q1", "train/lake/q2"), "test_subject"),
        "train/lake/r2": "val_subject",
    }


@pytest.mark.parametrize("seed", range(5))
def test_whole_subjects_are_held_out_and_a_large_one_stays_in_train(seed):
    sizes = [80, *[6] * 20]
    rows = [
        (path := f"train/{label}/{subject}-{number}", "train", label, path, path, "", f"{label}{subject}")
        for label in ("lake", "moor")
        for subject, size in enumerate(sizes)
        for number in range(size)
    ]
    result = divided(rows, seed=seed).set_index("path")
    sides = result["split"].groupby(result.index.str.rpartition("-").get_level_values(0)).nunique()
    assert set(sides) == {1}
    sizes = result.groupby(["label", "split"]).size()
    for label in ("lake", "moor"):
        assert sizes[label, "test"] in range(36, 45)  # of 200
        assert sizes[label, "val"] in range(28, 37)  # of some 160
        assert result.loc[f"train/{label}/0-0", "split"] == "train"


def test_a_class_without_test_images_is_held_out_or_left_out():
    rows = [*plain_rows(10), *plain_rows(20, 0, labels=["owl"], pred=0)]
    found = split(table(rows), **OPTIONS)
    assert found.held_out["test"] == {"owl": (4, 20)}
    assert found.table["label"].value_counts()["owl"] == 20
    dropped = split(table(rows), **OPTIONS | {"without_test": "drop"})
    assert "owl" not in set(dropped.table["label"])
    assert dropped.left_out == {row[0]: "class" for row in rows if row[2] == "owl"}
    # The others are divided as if it were not there.
    assert dropped.table.equals(divided(plain_rows(10)))


def test_a_test_set_that_cannot_be_used_is_none():
    rows = [(*row[:5], "corrupt" if row[1] == "test" else "") for row in plain_rows(20)]
    found = split(table(rows), **OPTIONS)
    assert set(found.held_out["test"]) == {"lake", "moor"}
    assert {reason for path, reason in found.left_out.items() if path.startswith("test")} == {"unusable"}


def test_damaged_images_are_left_out_or_kept():
    damaged = ("train/lake/0", "test/moor/0", "val/moor/1", "pred/0")
    rows = [(*row[:5], "damaged" if row[0] in damaged else row[5]) for row in plain_rows(10, 3, 3)]
    found = split(table(rows), **OPTIONS)
    assert found.left_out == dict.fromkeys(damaged[:3], "damaged")
    assert "pred/0" in set(found.table["path"])
    assert not split(table(rows), **OPTIONS | {"drop_damaged": False}).left_out
