"""The split keeps what it promises, for every audit there can be."""

import random

import pandas as pd
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from scenes.common.errors import InputError
from scenes.dataset.audit_table import FATAL, NOTED, clean_test, usable
from scenes.dataset.split import REASONS, final_splits, read, split, write
from tests.helpers.audited import plain_rows, table

OPTIONS = {
    "test_fraction": 0.2,
    "val_fraction": 0.2,
    "seed": 42,
    "drop_train_duplicates_of_test": True,
    "drop_conflicting_duplicates": True,
    "drop_damaged": True,
    "without_test": "hold_out",
}


def divided(rows, **options) -> pd.DataFrame:
    return split(table(rows), **OPTIONS | options).table


@st.composite
def audits(draw):
    """Draw an audit with enough sound images for any split, and duplicates of every kind among the rest.

    It has its own test and validation sets, one of them or none, and subjects or none.
    """
    own_val, own_test, subjects = draw(st.booleans()), draw(st.booleans()), draw(st.booleans())
    rows = plain_rows(6, own_test, own_val)
    sides = ["train"] * 3 + ["val"] * own_val + ["test"] * own_test + ["pred"]
    for number in range(draw(st.integers(0, 30))):
        name = draw(st.sampled_from(sides))
        content = draw(st.integers(0, 12))
        rows.append(
            (
                f"{name}/more/{number}",
                name,
                "" if name == "pred" else draw(st.sampled_from(["lake", "moor"])),
                f"content{content}",
                # The same content is one group; a group holds up to three contents.
                f"group{content // 3}",
                draw(st.sampled_from(["", "", "", *FATAL, *NOTED])),
                draw(st.sampled_from(["", "p", "q", "r"])) if subjects and name != "pred" else "",
            )
        )
    return table(rows)


def by_split(result: pd.DataFrame, name: str) -> pd.DataFrame:
    return result[result["split"] == name]


@settings(max_examples=20)
@given(
    audits(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["hold_out", "drop"]),
    st.floats(0.05, 0.4),
    st.integers(0, 3),
)
def test_what_holds_for_every_audit(audit, drop_test, drop_conflict, drop_damaged, without_test, fraction, seed):
    options = {
        "test_fraction": fraction,
        "val_fraction": fraction,
        "seed": seed,
        "drop_train_duplicates_of_test": drop_test,
        "drop_conflicting_duplicates": drop_conflict,
        "drop_damaged": drop_damaged,
        "without_test": without_test,
    }
    try:
        found = split(audit, **options)
    except InputError:  # its duplicates and subjects leave too few images
        reject()
    result, known = found.table, audit.set_index("path")
    good = usable(audit)
    good = good[(good["problem"] != "damaged") | (good["split"] == "pred") | (not drop_damaged)]

    # A partition: each path once, sorted, known, with its own label and group; what has no row has a reason.
    assert result.columns.tolist() == ["path", "split", "label", "group"]
    assert result["path"].tolist() == sorted(set(result["path"]))
    for column in ("label", "group"):
        assert result[column].tolist() == known.loc[result["path"], column].tolist()
    labelled = audit[audit["split"] != "pred"]
    assert set(found.left_out) == set(labelled["path"]) - set(result["path"])
    assert set(found.left_out.values()) <= set(REASONS)

    # The archive's own sets stay, apart from what they share with the test set; the rest comes from its train.
    own = {name: set(good.loc[good["split"] == name, "path"]) for name in ("train", "val", "test", "pred")}
    final = {name: set(by_split(result, name)["path"]) for name in own}
    assert final["pred"] == own["pred"]
    assert own["test"] <= final["test"] <= own["test"] | own["train"]
    assert final["val"] <= own["val"] | own["train"]
    assert final["train"] <= own["train"]
    if own["test"]:
        assert final["test"] == own["test"]
    if final["val"] & own["val"] and {"lake", "moor"} <= set(known.loc[sorted(final["val"] & own["val"]), "label"]):
        assert final["val"] <= own["val"]
    for name in ("train", "val", "test"):
        assert set(by_split(result, name)["label"]) == {"lake", "moor"}

    # No group and no subject on two sides.
    sides = {name: by_split(result, name).assign(subject=lambda rows: known.loc[rows["path"], "subject"].to_numpy())
             for name in ("train", "val", "test")}  # fmt: skip
    pairs = [("train", "val"), *([("train", "test"), ("val", "test")] if drop_test or not own["test"] else [])]
    for one, other in pairs:
        for column in ("group", "subject"):
            assert not set(sides[one][column]) & set(sides[other][column]) - {""}, (one, other, column)

    # What is left out has to be: it shares a group or a subject, or its file is there under another label.
    learned = good[good["split"].isin(["train", "val"])]
    disputed = set(learned.loc[learned.groupby("sha256")["label"].transform("nunique") > 1, "path"])
    for path in set(learned["path"]) - final["train"] - final["val"] - final["test"]:
        assert found.left_out[path] in {"conflict", "test", "test_subject", "val", "val_subject"}
        assert (found.left_out[path] == "conflict") == (path in disputed and drop_conflict)
    if drop_conflict:
        assert not disputed & (final["train"] | final["val"] | final["test"])

    # The order of the rows does not matter.
    assert split(audit.sample(frac=1, random_state=seed), **options).table.equals(result)

    # Any test image is clean or has a partner that spoils it.
    final_audit = final_splits(audit, result)
    clean, good = clean_test(final_audit), usable(final_audit)
    for row in good[good["split"] == "test"].itertuples():
        others = good[(good["group"] == row.group) & (good["path"] != row.path) & (good["split"] != "pred")]
        alone = set(others["split"]) <= {"test"} and set(others["label"]) <= {row.label}
        assert (row.path in clean) == alone


@pytest.mark.parametrize("test", [0, 3])
def test_one_image_more_moves_next_to_nothing(test):
    rows = plain_rows(300, test)
    before = divided(rows).set_index("path")["split"]
    extra = ("train/lake/extra", "train", "lake", "extra", "extra", "")
    after = divided([*rows, extra]).set_index("path")["split"].drop("train/lake/extra")
    assert (after != before).sum() <= (1 if test else 2)
    fewer = divided(rows[1:]).set_index("path")["split"]
    assert (fewer != before.drop(rows[0][0])).sum() <= (1 if test else 2)


def test_the_seed_and_nothing_else_chooses():
    rows = plain_rows(100)
    first, second = divided(rows), divided(rows, seed=43)
    assert divided(rows).equals(first)
    assert not second.equals(first)
    assert second["split"].value_counts().equals(first["split"].value_counts())


def test_the_choice_is_what_it_was():
    """A change of the rule would change every number of the project: it must not happen unnoticed.

    These are the validation images of the rule before there were hold-outs for test, subjects or validation sets.
    """
    rows = plain_rows(10)
    assert by_split(divided(rows), "val")["path"].tolist() == [
        "train/lake/5", "train/lake/7", "train/moor/2", "train/moor/9"
    ]  # fmt: skip
    # Groups of two, one of them under two labels, and of four.
    groups = [*(f"g{number // 2}" for number in range(12)), *["h"] * 4, *(f"i{number}" for number in range(24))]
    rows += [
        (f"train/more/{number:02}", "train", "moor" if number == 3 else "lake", f"m{number}", group, "")
        for number, group in enumerate(groups)
    ]
    assert by_split(divided(rows, val_fraction=0.25, seed=0), "val")["path"].tolist() == [
        "train/lake/3", "train/lake/7", "train/moor/7", "train/moor/8",
        *(f"train/more/{number:02}" for number in (0, 1, 2, 3, 12, 13, 14, 15, 16, 38)),
    ]  # fmt: skip


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


def test_one_picture_under_two_labels_leaves_by_its_pixels_too():
    rows = [
        *plain_rows(10),
        ("train/lake/a", "train", "lake", "a", "g", ""),
        ("train/moor/b", "train", "moor", "b", "g", ""),
    ]
    audit = table(rows)
    assert {"train/lake/a", "train/moor/b"} <= set(split(audit, **OPTIONS).table["path"])
    audit.loc[audit["group"] == "g", "pixel_sha256"] = "same"
    assert not {"train/lake/a", "train/moor/b"} & set(split(audit, **OPTIONS).table["path"])
    kept = split(audit, **OPTIONS | {"drop_conflicting_duplicates": False}).table
    assert {"train/lake/a", "train/moor/b"} <= set(kept["path"])


def test_the_labels_of_the_test_set_have_no_say_in_training():
    rows = [
        *plain_rows(10),
        ("train/lake/a", "train", "lake", "a", "g", ""),
        ("test/moor/a", "test", "moor", "a", "g", ""),
    ]
    assert "train/lake/a" not in set(divided(rows)["path"])
    kept = divided(rows, drop_train_duplicates_of_test=False)
    assert "train/lake/a" in set(kept["path"])


def refused(rows, **options) -> str:
    with pytest.raises(InputError) as caught:
        split(table(rows), **OPTIONS | options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_too_few_images_are_refused_with_what_is_needed():
    assert "'lake' has 1 and needs 2, 'moor' has 1 and needs 2; add images" in refused(plain_rows(1))
    assert "'lake' has 2 and needs 3" in refused(plain_rows(2, 0))
    assert set(divided(plain_rows(3, 0), test_fraction=0.9)["split"]) == {"train", "val", "test", "pred"}
    assert set(divided(plain_rows(2))["split"]) == {"train", "val", "test", "pred"}
    assert set(divided(plain_rows(1, 1, 1))["split"]) == {"train", "val", "test", "pred"}
    one_group = [(*row[:4], "one" if row[1:3] == ("train", "lake") else row[4], "") for row in plain_rows(5)]
    assert "'lake' has 1 and needs 2;" in refused(one_group)
    all_in_test = [(*row[:4], row[4].replace("trainlake", "testlake"), "") for row in plain_rows(3)]
    assert "'lake' has 0 and needs 2 (3 left out: duplicate of a test image);" in refused(all_in_test)
    split(table(all_in_test), **OPTIONS | {"drop_train_duplicates_of_test": False})
    only_in_test = [row for row in plain_rows(5) if row[1:3] != ("train", "moor")]
    assert "'moor' has 0 and needs 2;" in refused(only_in_test)


def test_a_class_whose_images_all_belong_to_another_one_s_is_refused():
    rows = [
        *plain_rows(10, 0),
        *((f"train/{label}/{n}", "train", label, f"{label}{n}", f"pair{n}", "")
          for n in range(3) for label in ("heath", "lake", "lake-too")),
    ]  # fmt: skip
    rows = [(*row[:2], row[2].removesuffix("-too"), *row[3:]) for row in rows]
    assert "the class 'heath' has no images left for " in refused(rows, test_fraction=0.05, val_fraction=0.05)


def test_the_split_survives_its_file(tmp_path):
    rows = plain_rows(5, labels=("NA", "007"))
    random.Random(0).shuffle(rows)
    result = divided(rows)
    write(result, tmp_path / "split.csv")
    assert read(tmp_path / "split.csv").equals(result)
    assert (tmp_path / "split.csv").read_bytes().startswith(b"path,split,label,group\n")
    assert b"\r" not in (tmp_path / "split.csv").read_bytes()
