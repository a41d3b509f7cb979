"""Scores of planted near duplicates, counted by hand."""

import pandas as pd

from scenes.audit.near_duplicate_scores import near_duplicate_scores
from tests.helpers.audited import table


def drawn(rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["path", "duplicate_of", "change"])


def test_scores_are_those_counted_by_hand():
    audit = table(
        [
            ("a", "train", "x", "a", "1", ""),
            ("a2", "train", "x", "a2", "1", ""),  # found
            ("a3", "train", "x", "a", "1", ""),  # the same pixels as a
            ("b", "train", "x", "b", "1", ""),  # wrongly joined
            ("c", "test", "x", "c", "3", ""),
            ("c2", "train", "x", "c2", "4", ""),  # missed
            ("d", "test", "x", "d", "5", "corrupt"),
            ("d2", "train", "x", "d2", "6", ""),  # its original cannot be used
        ]
    )
    truth = drawn(
        [
            ("a", "", ""),
            ("a2", "a", "cropped"),
            ("a3", "a", ""),
            ("b", "", ""),
            ("c", "", ""),
            ("c2", "c", "cropped"),
            ("d", "", ""),
            ("d2", "d", "mirrored"),
            ("litter", "", ""),
        ]
    )
    # The pairs of group 1 with different pixels: a-a2, a2-a3 (one scene each), a-b, a2-b, a3-b.
    assert near_duplicate_scores(audit, truth) == {
        "images": 2,
        "recall": 0.5,
        "pairs": 5,
        "precision": 0.4,
        "cropped": {"images": 2, "recall": 0.5},
    }


def test_nothing_planted_and_nothing_found():
    audit = table([("a", "train", "x", "a", "1", ""), ("b", "train", "x", "b", "2", "")])
    assert near_duplicate_scores(audit, drawn([("a", "", ""), ("b", "", "")])) == {"images": 0, "pairs": 0}
