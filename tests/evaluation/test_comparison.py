"""Paired comparison: by hand, and against SciPy's binomial distribution."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from scenes.common.errors import InputError
from scenes.evaluation import comparison

# Both right on 3 images, one model alone on 6 and on 1, neither on 2.
A = np.array([True] * 3 + [True] * 6 + [False] * 1 + [False] * 2)
B = np.array([True] * 3 + [False] * 6 + [True] * 1 + [False] * 2)


def test_a_pair_by_hand():
    found = comparison.pair(A, B)
    interval = found.pop("accuracy_difference_interval")
    assert found == {
        "count": 12,
        "both_right": 3,
        "only_a": 6,
        "only_b": 1,
        "both_wrong": 2,
        "accuracy_difference": pytest.approx(5 / 12, abs=1e-6),
        # Of seven tosses, as uneven as 6 to 1 or more: (1 + 7 + 7 + 1) of 128.
        "mcnemar_p": 0.125,
    }
    # Bonett & Price: of 14 images, 7 and 2 on which one model alone is right.
    margin = 1.959964 * np.sqrt((9 / 14 - (5 / 14) ** 2) / 14)
    assert (interval["low"], interval["high"]) == pytest.approx((5 / 14 - margin, 5 / 14 + margin), abs=1e-6)


def test_the_other_way_round_the_signs_change():
    there, back = comparison.pair(A, B), comparison.pair(B, A)
    assert (back["only_a"], back["only_b"]) == (there["only_b"], there["only_a"])
    assert back["accuracy_difference"] == -there["accuracy_difference"]
    assert back["mcnemar_p"] == there["mcnemar_p"]


@given(only_a=st.integers(0, 300), only_b=st.integers(0, 300))
def test_mcnemar_is_twice_the_smaller_tail(only_a, only_b):
    tail = stats.binom.cdf(min(only_a, only_b), only_a + only_b, 0.5)
    assert comparison.mcnemar(only_a, only_b) == pytest.approx(min(2 * tail, 1), rel=1e-9)


def test_a_small_p_is_not_rounded_to_0():
    assert comparison.pair(np.ones(80, bool), np.zeros(80, bool))["mcnemar_p"] == pytest.approx(2 * 0.5**80, rel=1e-5)


def test_models_that_agree_differ_by_nothing():
    found = comparison.pair(A, A)
    assert found["mcnemar_p"] == 1
    assert found["accuracy_difference"] == 0
    assert found["accuracy_difference_interval"]["low"] == -found["accuracy_difference_interval"]["high"] < 0


def write(folder, name, answers, actual=("NA", "007", "sea")):
    """``answers`` per key; the true classes in the order of the keys' names."""
    truth = dict(zip(sorted(answers), actual, strict=True))
    rows = [(key, truth[key], answer, 0.5) for key, answer in answers.items()]
    table = pd.DataFrame(rows, columns=["key", "actual", "predicted", "confidence"])
    table.to_csv(folder / f"{name}.csv", index=False)


def test_answers_are_matched_by_key_and_classes_are_text(tmp_path):
    write(tmp_path, "b", {"t/1": "NA", "t/2": "7", "t/3": "sea"})
    write(tmp_path, "a", {"t/3": "NA", "t/1": "NA", "t/2": "007"})
    write(tmp_path, "gone", {"t/9": "NA", "t/1": "NA", "t/2": "007"})
    right = comparison.correct_answers(tmp_path, ["b", "a"])
    assert right.to_dict("list") == {"a": [True, True, False], "b": [True, False, True]}
    assert list(right.index) == ["t/1", "t/2", "t/3"]


@pytest.mark.parametrize(
    ("answers", "actual"),
    [
        ({"t/1": "NA", "t/2": "NA"}, ("NA", "007")),
        ({"t/1": "NA", "t/2": "NA", "t/4": "NA"}, ("NA", "007", "sea")),
        ({"t/1": "NA", "t/2": "NA", "t/3": "NA"}, ("NA", "007", "lake")),
    ],
)
def test_other_images_or_labels_are_refused(tmp_path, answers, actual):
    write(tmp_path, "a", {"t/1": "NA", "t/2": "NA", "t/3": "NA"})
    write(tmp_path, "b", answers, actual)
    with pytest.raises(InputError, match="the predictions of a and b cover different images"):
        comparison.correct_answers(tmp_path, ["a", "b"])


def test_every_two_models_are_a_pair():
    right = pd.DataFrame({"a": A, "b": B, "c": ~A})
    found = comparison.pairs(right)
    assert list(found) == ["a/b", "a/c", "b/c"]
    assert found["a/b"] == comparison.pair(A, B)
    assert found["a/c"]["both_right"] == found["a/c"]["both_wrong"] == 0
    assert len(comparison.format_summary(found).splitlines()) == 3


def test_a_model_without_predictions_is_left_out(tmp_path):
    """Its feature set is not enabled in the profile."""
    for name in "ac":
        write(tmp_path, name, {"t/1": "NA", "t/2": "NA", "t/3": "NA"})
    (tmp_path / "b.csv").write_text("key,actual,predicted,confidence\n")
    assert list(comparison.correct_answers(tmp_path, "abc")) == ["a", "c"]


def test_one_model_has_no_pairs(tmp_path):
    write(tmp_path, "a", {"t/1": "NA", "t/2": "NA", "t/3": "NA"})
    found = comparison.pairs(comparison.correct_answers(tmp_path, ["a"]))
    assert found == {}
    assert "nothing to compare" in comparison.format_summary(found)
