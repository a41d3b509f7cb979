"""Several archives: each gives its own share to validation and test, and one more moves no image of the others."""

from hashlib import sha256

import pandas as pd
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from scenes.common.errors import InputError
from scenes.dataset.corrections import DROP
from scenes.dataset.hold_out import units
from scenes.dataset.split import split, split_corrected
from tests.helpers.audited import OPTIONS, by_split, plain_rows, table


def archive(number: int, rows: list[tuple]) -> list[tuple]:
    """Return the rows of an archive, whose paths, contents, groups and subjects no other one has."""
    return [
        (
            f"{number}/{path}",
            side,
            label,
            f"{number}{content}",
            f"{number}{group}",
            problem,
            subject and f"{number}{subject}",
            number,
        )
        for path, side, label, content, group, problem, subject in ((*row, "")[:7] for row in rows)
    ]


@st.composite
def audits(draw) -> pd.DataFrame:
    """Draw two to four archives, with sets of their own or without, that share pictures, subjects and classes."""
    rows = archive(1, plain_rows(draw(st.integers(5, 12)), 0))
    for number in range(1, draw(st.integers(2, 4)) + 1):
        sides = ["train", "train", "train", *draw(st.lists(st.sampled_from(["val", "test", "pred"]), max_size=2))]
        if draw(st.booleans()):
            rows += archive(number, plain_rows(draw(st.integers(4, 12)), 0, labels=["wood"], pred=0))
        for image in range(draw(st.integers(0, 25))):
            side, content = draw(st.sampled_from(sides)), draw(st.integers(0, 40))
            label = draw(st.sampled_from(["lake", "lake", "moor"]))
            subject = "" if side == "pred" else draw(st.sampled_from(["", "", "", *"pqrst"]))
            problem = draw(st.sampled_from(["", "", "", "", "", "damaged", "corrupt"]))
            path, digest = f"{number}/{side}/more{image}", sha256(f"{content}".encode()).hexdigest()
            label = "" if side == "pred" else label
            rows.append((path, side, label, digest, f"near{content // 2}", problem, subject, number))
    return table(rows)


def until(audit: pd.DataFrame, number: int) -> pd.DataFrame:
    """Return the audit of the archives up to this one, its groups named as the audit names them."""
    rows = audit[audit["archive"] <= number].reset_index(drop=True)
    return rows.assign(group=rows.groupby("group")["sha256"].transform("min").str[:16])


def outcome(found, audit) -> dict[str, tuple[str, str]]:
    """Return, by path, the final split of an image, or that it is left out and why."""
    kept = found.table.set_index("path")["split"]
    return {path: (kept.get(path, "out"), found.left_out.get(path, "")) for path in audit["path"]}


ANY_OPTIONS = st.fixed_dictionaries(
    {
        "without_test": st.sampled_from(["hold_out", "drop"]),
        "drop_train_duplicates_of_test": st.booleans(),
        "drop_conflicting_duplicates": st.booleans(),
        "test_fraction": st.floats(0.1, 0.4),
    }
)


@settings(max_examples=10)
@given(audits(), ANY_OPTIONS)
def test_one_more_archive_moves_no_image_of_the_others(audit, options):
    before: dict[str, tuple[str, str]] = {}
    for number in range(1, audit["archive"].max() + 1):
        known = until(audit, number)
        try:
            found = split(known, **OPTIONS | options)
        except InputError:  # too few images of a class, so far
            continue
        after = outcome(found, known)
        unit = units(known[known["split"] != "pred"]).set_axis(known.loc[known["split"] != "pred", "path"])
        joined = set(unit[~unit.index.isin(before)])
        for path, was in before.items():
            assert after[path] == was or (after[path][0] == "out" != was[0] and unit[path] in joined)
        before = after

        # What belongs together is on one side, but for what the archives' own test images share with the rest.
        final = known.merge(found.table[["path", "split"]], on="path", suffixes=("_stated", ""))
        final = final[final["split"] != "pred"]
        if not options["drop_train_duplicates_of_test"]:
            final = final[final["split_stated"] != "test"]
        for column in ("group", "subject"):
            assert final.loc[final[column] != "", [column, "split"]].drop_duplicates()[column].is_unique
        labels = found.table[found.table["split"] != "pred"].groupby("split")["label"].unique().map(set)
        assert labels["train"] == labels["val"] == labels["test"]
        stated = known.set_index("path")["split"]
        assert all(stated[path] in ("train", side) for path, (side, _) in after.items() if side != "out")


@settings(max_examples=5)
@given(audits(), ANY_OPTIONS, st.data())
def test_corrections_leave_the_test_images_of_all_archives(audit, options, data):
    audit = until(audit, 4)
    given_labels = audit[audit["split"] != "pred"].set_index("path")["label"]
    paths = data.draw(st.lists(st.sampled_from(sorted(given_labels.index)), unique=True, max_size=25))
    labels = [data.draw(st.sampled_from(["lake", "moor", DROP])) for _ in paths]
    same, other = (
        pd.DataFrame({"path": paths, "label": each, "remark": ""}, dtype=str)
        for each in (given_labels[paths].tolist(), labels)
    )
    try:
        plain = split(audit, **OPTIONS | options)
        found = split_corrected(audit, other, **OPTIONS | options)
    except InputError:
        reject()
    unchanged = split_corrected(audit, same, **OPTIONS | options)
    assert unchanged.table.equals(plain.table)
    assert (unchanged.left_out, unchanged.held_out) == (plain.left_out, plain.held_out)
    tested, still = (by_split(each.table, "test").reset_index(drop=True) for each in (plain, found))
    assert still.equals(tested)
    assert set(found.left_out) == set(given_labels.index) - set(found.table["path"])


def test_a_later_archive_leaves_out_what_it_shares_and_moves_nothing():
    """Whatever it says of an earlier archive's test images: other labels, or copies in sets of its own."""
    first = table(archive(1, plain_rows(40, 0)))
    alone = split(first, **OPTIONS)
    before = outcome(alone, first)
    held = {name: by_split(alone.table, name)["path"].tolist() for name in ("train", "val", "test")}

    def after(side: str, paths: list[str], label: str = "") -> dict[str, tuple[str, str]]:
        copies = first.set_index("path").loc[paths].reset_index()
        copies = copies.assign(path="2/" + copies["path"], split=side, archive=2, label=label or copies["label"])
        both = pd.concat([first, copies], ignore_index=True)
        found = outcome(split(both, **OPTIONS), both)
        changed = {path: found[path] for path in before if found[path] != before[path]}
        assert all(found[path] == before[path] for path in set(before) - set(paths))
        return changed

    of_lake = [path for path in held["test"] if "lake" in path][:5]
    assert after("train", of_lake, "moor") == dict.fromkeys(of_lake, ("out", "conflict"))
    assert after("test", held["val"][:3]) == dict.fromkeys(held["val"][:3], ("out", "test"))
    assert after("val", held["train"][:3]) == dict.fromkeys(held["train"][:3], ("out", "val"))
    assert after("test", held["test"][:3]) == after("val", held["test"][:3]) == after("train", held["test"]) == {}


def test_each_archive_gives_its_share():
    rows = archive(1, plain_rows(50, 0)) + archive(2, plain_rows(20, 0)) + archive(3, plain_rows(2, 0))
    found = split(table(rows), **OPTIONS)
    assert found.held_out["test"] == {"lake": (14, 72), "moor": (14, 72)}  # 10, 4 and none
    of_archive = found.table[found.table["split"] == "test"]["path"].str[0].value_counts()
    assert of_archive.to_dict() == {"1": 20, "2": 8}


def test_a_stated_test_set_serves_the_archives_after_it():
    rows = archive(1, plain_rows(10, 0)) + archive(2, plain_rows(10, 3)) + archive(3, plain_rows(10, 0))
    found = split(table(rows), **OPTIONS)
    tests = found.table[found.table["split"] == "test"]["path"]
    assert tests.str[0].value_counts().to_dict() == {"2": 6, "1": 4}


@pytest.mark.parametrize("number", [2, 3])
def test_a_class_may_have_one_image_in_each_archive_but_needs_three_in_all(number):
    rows = archive(1, plain_rows(10, 0))
    rare = ("train/rare", "train", "rare", "r", "r", "")
    rows += [row for each in range(1, number + 1) for row in archive(each, [rare])]
    if number == 2:
        with pytest.raises(InputError, match="'rare' has 2 and needs 3"):
            split(table(rows), **OPTIONS)
    else:
        found = split(table(rows), **OPTIONS).table
        assert sorted(found.loc[found["label"] == "rare", "split"]) == ["test", "train", "val"]


def test_a_class_without_test_images_is_dropped_unless_an_archive_before_has_it():
    new = [(f"train/new/{each}", "train", "new", f"n{each}", f"n{each}", "") for each in range(5)]
    rows = archive(1, plain_rows(10, 3)) + archive(2, [*plain_rows(10, 0), *new])
    found = split(table(rows), **OPTIONS | {"without_test": "drop"})
    assert set(found.left_out.values()) == {"class"}
    assert len(found.left_out) == 5
    assert set(found.table["label"]) == {"lake", "moor", ""}
