"""What is held out: whole units, near the share, and never the last ones of a class."""

import random
from collections import Counter

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenes.common.errors import InputError
from scenes.dataset.hold_out import hold_out, refuse_too_few, units


def images(rows) -> pd.DataFrame:
    """Return images of (label, group, subject), with their units."""
    table = pd.DataFrame(rows, columns=["label", "group", "subject"])
    return table.assign(unit=units(table))


def of_sizes(**sizes) -> pd.DataFrame:
    """Return images without subjects: for each class the sizes of its groups."""
    groups = [(label, f"{label}{number}", size) for label, of in sizes.items() for number, size in enumerate(of)]
    return images([(label, group, "") for label, group, size in groups for _ in range(size)])


def counts(table: pd.DataFrame, held: set[str]) -> dict[str, int]:
    return table[table["unit"].isin(held)]["label"].value_counts().to_dict()


def chosen(table: pd.DataFrame, fraction: float, *, keep: int = 1, seed: int = 42, classes=None) -> set[str]:
    labels = set(table["label"])
    return hold_out(table, fraction, classes or labels, seed=seed, keep=dict.fromkeys(labels, keep))


def joined(rows) -> list[set[int]]:
    """Return the same units in another way: sets of rows, merged until none share a group or a subject."""
    parts = [({row}, {("group", group)} | ({("subject", subject)} if subject else set()))
             for row, (_, group, subject) in enumerate(rows)]  # fmt: skip
    merged = True
    while merged:
        merged = False
        for first in range(len(parts)):
            for second in range(first + 1, len(parts)):
                if parts[first][1] & parts[second][1]:
                    parts[first] = (parts[first][0] | parts[second][0], parts[first][1] | parts[second][1])
                    del parts[second]
                    merged = True
                    break
            if merged:
                break
    return sorted((members for members, _ in parts), key=min)


GROUPS, SUBJECTS = st.sampled_from("012345678"), st.sampled_from(["", "", *"xyzuvw"])
ROWS = st.lists(st.tuples(st.just("a"), GROUPS, SUBJECTS), max_size=14)


@settings(max_examples=50)
@given(ROWS, st.randoms())
def test_units_join_what_shares_a_group_or_a_subject(rows, rng):
    table = pd.DataFrame(rows, columns=["label", "group", "subject"])
    unit = units(table)
    assert sorted((set(part.index) for _, part in table.groupby(unit)), key=min) == joined(rows)
    order = rng.sample(range(len(rows)), len(rows))
    assert units(table.loc[order]).equals(unit.loc[order])


def test_a_unit_without_a_subject_has_the_name_of_its_group():
    assert units(images([("a", "g", ""), ("a", "h", "p")])).tolist() == ["g", "subject p"]


def test_an_image_more_of_a_subject_does_not_rename_its_unit():
    before = images([("a", "5", "p"), ("a", "6", "q")])
    after = images([("a", "5", "p"), ("a", "6", "q"), ("a", "0", "p")])
    assert after["unit"].tolist()[:2] == before["unit"].tolist()


@settings(max_examples=40)
@given(
    st.integers(0, 9),
    st.floats(0.05, 0.6),
    st.lists(st.integers(1, 6), min_size=4, max_size=40),
    st.lists(st.integers(1, 40), min_size=4, max_size=10),
)
def test_each_class_has_its_share_to_within_a_group(seed, fraction, small, large):
    table = of_sizes(lake=small, moor=large)
    held = counts(table, chosen(table, fraction, seed=seed))
    for label, sizes in (("lake", small), ("moor", large)):
        wanted = max(1, round(fraction * sum(sizes)))
        assert abs(held[label] - wanted) < max(sizes)
        assert 0 < held[label] < sum(sizes)


def test_a_share_of_single_images_is_exact():
    table = of_sizes(lake=[1] * 50, moor=[1] * 7)
    assert counts(table, chosen(table, 0.2)) == {"lake": 10, "moor": 1}


@pytest.mark.parametrize("seed", range(20))
def test_one_large_unit_is_passed_over_where_smaller_ones_come_nearer(seed):
    table = of_sizes(lake=[40, *[1] * 60], moor=[40, 40, 20])
    held = counts(table, chosen(table, 0.2, seed=seed))
    assert held == {"lake": 20, "moor": 20}


@pytest.mark.parametrize("seed", range(20))
def test_units_that_are_all_too_large_give_the_smallest(seed):
    table = of_sizes(lake=[50, 41, 45], moor=[1] * 10)
    assert counts(table, chosen(table, 0.1, seed=seed)) == {"lake": 41, "moor": 1}


@settings(max_examples=50)
@given(st.integers(0, 50), st.integers(1, 2), st.floats(0.1, 0.9))
def test_as_many_units_remain_as_are_to_be_kept(seed, keep, fraction):
    table = of_sizes(lake=[3, 1, 1, 5], moor=[1] * 9)
    held = chosen(table, fraction, keep=keep, seed=seed)
    remaining = table[~table["unit"].isin(held)].groupby("label")["unit"].nunique()
    assert remaining.min() >= keep


def test_other_classes_go_only_with_a_unit_of_those_asked_for():
    table = images([("owl", f"o{row}", f"bird{row}") for row in range(10)]
                   + [("cat", f"c{row}", f"bird{row}" if row < 3 else "") for row in range(50)])  # fmt: skip
    held = chosen(table, 0.3, classes={"owl"})
    assert counts(table, held)["owl"] == 3
    assert table.loc[table["unit"].isin(held) & (table["label"] == "cat"), "subject"].ne("").all()


@pytest.mark.parametrize("seed", range(5))
def test_subjects_of_several_classes_are_stratified_by_all_of_them(seed):
    rng = random.Random(seed)
    rows = [
        (label, f"{subject}-{label}-{row}", f"subject {subject}")
        for subject in range(60)
        for label in "abc"
        for row in range(rng.randint(0, 6))
    ]
    table = images(rows)
    held, total = counts(table, chosen(table, 0.2, seed=seed)), table["label"].value_counts()
    for label in "abc":
        assert abs(held[label] - 0.2 * total[label]) < 6


def test_a_picture_under_two_labels_counts_for_the_more_frequent_one():
    table = images([("a", "g", ""), ("a", "g", ""), ("b", "g", ""), *(("b", f"b{row}", "") for row in range(5))])
    # For the share of b, the group g does not exist; were it one of b, it could be the only one held out.
    for seed in range(10):
        held = hold_out(table, 0.2, {"b"}, seed=seed, keep=Counter(a=0, b=1))
        assert len(held) == 1
        assert "g" not in held


def test_too_few_are_named_with_what_they_need():
    refuse_too_few({"a": 3}, {"a": 3})
    with pytest.raises(InputError) as caught:
        refuse_too_few({"a": 3, "b": 1}, {"a": 3, "b": 3, "c": 2}, {"c": "4 left out: damaged"})
    assert str(caught.value) == (
        "too few images for train, val and test, where duplicates and images of one subject count once: 'b' has 1 and "
        "needs 3, 'c' has 0 and needs 2 (4 left out: damaged); add images, or leave the class out by "
        "archive.layout.leave_out"
    )
