"""The split keeps what it promises, for every audit there can be."""

import random

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenes.common.errors import InputError
from scenes.dataset.audit_table import COLUMNS, FATAL, NOTED, clean_test, usable
from scenes.dataset.split import read, split, write

OPTIONS = {
    "val_fraction": 0.2,
    "seed": 42,
    "drop_train_duplicates_of_test": True,
    "drop_conflicting_duplicates": True,
}


def table(rows) -> pd.DataFrame:
    """Return an audit of (path, split, label, content, group, problem)."""
    frame = pd.DataFrame(rows, columns=["path", "split", "label", "sha256", "group", "problem"])
    fillers = {"bytes": 1, "width": 8, "height": 8, "mode": "RGB", "phash": ""}
    return frame.assign(pixel_sha256=frame["sha256"], **fillers)[list(COLUMNS)].sort_values("path", ignore_index=True)


def plain_rows(train: int, test: int = 3, labels=("lake", "moor")) -> list[tuple]:
    """Return rows of images that are nobody's duplicates."""
    return [
        (f"{name}/{label}/{number}", name, label, f"{name}{label}{number}", f"{name}{label}{number}", "")
        for name, count in (("train", train), ("test", test))
        for label in labels
        for number in range(count)
    ] + [(f"pred/{number}", "pred", "", f"pred{number}", f"pred{number}", "") for number in range(2)]


@st.composite
def audits(draw):
    """Draw an audit with enough sound images for any split, and duplicates of every kind among the rest."""
    rows = plain_rows(4, 1)
    for number in range(draw(st.integers(0, 30))):
        name = draw(st.sampled_from(["train", "train", "train", "test", "pred"]))
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
            )
        )
    return table(rows)


def by_split(result: pd.DataFrame, name: str) -> pd.DataFrame:
    return result[result["split"] == name]


@settings(max_examples=35, deadline=None)
@given(audits(), st.booleans(), st.booleans(), st.floats(0.05, 0.6), st.integers(0, 3))
def test_what_holds_for_every_audit(audit, drop_test, drop_conflict, fraction, seed):
    result = split(
        audit,
        val_fraction=fraction,
        seed=seed,
        drop_train_duplicates_of_test=drop_test,
        drop_conflicting_duplicates=drop_conflict,
    )
    known = audit.set_index("path")
    good = usable(audit)

    # A partition: each path once, sorted, known, with its own label and group.
    assert result.columns.tolist() == ["path", "split", "label", "group"]
    assert result["path"].tolist() == sorted(set(result["path"]))
    assert set(result["split"]) <= {"train", "val", "test", "pred"}
    for column in ("label", "group"):
        assert result[column].tolist() == known.loc[result["path"], column].tolist()

    # Test and pred are the archive's own; train and val come from its train.
    for name in ("test", "pred"):
        assert set(by_split(result, name)["path"]) == set(good.loc[good["split"] == name, "path"])
    assert set(by_split(result, "pred")["label"]) == {""}
    learn = result[result["split"].isin(["train", "val"])]
    assert set(known.loc[learn["path"], "split"]) == {"train"}

    # Whole groups, and what is dropped is what was asked to be dropped.
    assert not set(by_split(result, "train")["group"]) & set(by_split(result, "val")["group"])
    trained = good[good["split"] == "train"]
    spoilt = trained["group"].isin(good.loc[good["split"] == "test", "group"])
    disputed = trained.groupby("sha256")["label"].transform("nunique") > 1
    dropped = (spoilt & drop_test) | (disputed & drop_conflict)
    assert set(learn["path"]) == set(trained.loc[~dropped, "path"])
    if drop_test:
        assert not set(learn["group"]) & set(by_split(result, "test")["group"])

    # The order of the rows does not matter.
    shuffled = audit.sample(frac=1, random_state=seed)
    options = {"val_fraction": fraction, "seed": seed}
    again = split(
        shuffled, drop_train_duplicates_of_test=drop_test, drop_conflicting_duplicates=drop_conflict, **options
    )
    assert again.equals(result)

    # Any test image is clean or has a partner that spoils it.
    clean = clean_test(audit)
    assert clean <= set(by_split(result, "test")["path"])
    for row in by_split(result, "test").itertuples():
        others = good[(good["group"] == row.group) & (good["path"] != row.path) & (good["split"] != "pred")]
        assert (row.path in clean) == ("train" not in set(others["split"]) and set(others["label"]) <= {row.label})


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 9), st.floats(0.05, 0.5), st.lists(st.integers(1, 5), min_size=12, max_size=60))
def test_each_class_has_its_share_to_within_a_group(seed, fraction, sizes):
    rows = plain_rows(0)
    rows += [
        (f"train/{label}/{group}-{number}", "train", label, f"{label}{group}-{number}", f"{label}{group}", "")
        for label in ("lake", "moor")
        for group, size in enumerate(sizes)
        for number in range(size)
    ]
    result = split(table(rows), **OPTIONS | {"seed": seed, "val_fraction": fraction})
    for label in ("lake", "moor"):
        got = ((result["split"] == "val") & (result["label"] == label)).sum()
        assert round(fraction * sum(sizes)) <= got < round(fraction * sum(sizes)) + max(sizes)


def test_one_image_more_moves_next_to_nothing():
    rows = plain_rows(300)
    before = split(table(rows), **OPTIONS).set_index("path")["split"]
    extra = ("train/lake/extra", "train", "lake", "extra", "extra", "")
    after = split(table([*rows, extra]), **OPTIONS).set_index("path")["split"].drop("train/lake/extra")
    assert (after != before).sum() <= 1
    fewer = split(table(rows[1:]), **OPTIONS).set_index("path")["split"]
    assert (fewer != before.drop(rows[0][0])).sum() <= 1


def test_the_seed_and_nothing_else_chooses():
    audit = table(plain_rows(100))
    first, second = split(audit, **OPTIONS), split(audit, **OPTIONS | {"seed": 43})
    assert split(audit, **OPTIONS).equals(first)
    assert not second.equals(first)
    assert second["split"].value_counts().equals(first["split"].value_counts())


def test_the_choice_is_what_it_was():
    """A change of the rule would change every number of the project: it must not happen unnoticed."""
    result = split(table(plain_rows(10)), **OPTIONS)
    assert by_split(result, "val")["path"].tolist() == ["train/lake/5", "train/lake/7", "train/moor/2", "train/moor/9"]


def test_one_picture_under_two_labels_leaves_by_its_pixels_too():
    rows = [
        *plain_rows(10),
        ("train/lake/a", "train", "lake", "a", "g", ""),
        ("train/moor/b", "train", "moor", "b", "g", ""),
    ]
    audit = table(rows)
    assert {"train/lake/a", "train/moor/b"} <= set(split(audit, **OPTIONS)["path"])
    audit.loc[audit["group"] == "g", "pixel_sha256"] = "same"
    assert not {"train/lake/a", "train/moor/b"} & set(split(audit, **OPTIONS)["path"])
    kept = split(audit, **OPTIONS | {"drop_conflicting_duplicates": False})
    assert {"train/lake/a", "train/moor/b"} <= set(kept["path"])


def test_the_labels_of_the_test_set_have_no_say_in_training():
    rows = [
        *plain_rows(10),
        ("train/lake/a", "train", "lake", "a", "g", ""),
        ("test/moor/a", "test", "moor", "a", "g", ""),
    ]
    assert "train/lake/a" not in set(split(table(rows), **OPTIONS)["path"])
    kept = split(table(rows), **OPTIONS | {"drop_train_duplicates_of_test": False})
    assert "train/lake/a" in set(kept["path"])


def refused(rows, **options) -> str:
    with pytest.raises(InputError) as caught:
        split(table(rows), **OPTIONS | options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_impossible_results_are_refused():
    assert "'lake' has no images left for val" in refused(plain_rows(1))
    one_group = [
        (*row[:4], "one" if row[:3:2] == (f"train/lake/{row[0][-1]}", "lake") else row[4], "") for row in plain_rows(5)
    ]
    assert "'lake' has no images left for val" in refused(one_group)
    all_in_test = [(*row[:4], row[4].replace("trainlake", "testlake"), "") for row in plain_rows(3)]
    assert "'lake' has no images left for train" in refused(all_in_test)
    split(table(all_in_test), **OPTIONS | {"drop_train_duplicates_of_test": False})
    undecodable = [(*row[:5], "corrupt" if row[1:3] == ("test", "moor") else "") for row in plain_rows(5)]
    assert "'moor' has no images left for test" in refused(undecodable)


def test_the_split_survives_its_file(tmp_path):
    rows = plain_rows(5, labels=("NA", "007"))
    random.Random(0).shuffle(rows)
    result = split(table(rows), **OPTIONS)
    write(result, tmp_path / "split.csv")
    assert read(tmp_path / "split.csv").equals(result)
    assert (tmp_path / "split.csv").read_bytes().startswith(b"path,split,label,group\n")
    assert b"\r" not in (tmp_path / "split.csv").read_bytes()
