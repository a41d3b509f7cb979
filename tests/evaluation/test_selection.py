"""Choosing a model: the best score wins, equals are told apart by cost, and no order of a file counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenes.evaluation.selection import choose, format_summary, score

NAMES = st.text("abcd", min_size=1, max_size=3)
MODELS = st.dictionaries(NAMES, st.tuples(st.integers(0, 20), st.integers(1, 5)), min_size=1)


def split(models):
    return {name: score / 20 for name, (score, _) in models.items()}, {name: cost for name, (_, cost) in models.items()}


def test_the_best_score_wins_by_its_margin():
    choice = choose({"a": 0.90, "b": 0.94, "c": 0.91}, {"a": 1, "b": 9, "c": 1}, metric="accuracy", tolerance=0.01)
    assert (choice.name, choice.reason) == ("b", "score")
    assert choice.margin == pytest.approx(0.03)


def test_of_a_crossentropy_the_lowest_is_best():
    choice = choose({"a": 0.30, "b": 0.25}, {"a": 1, "b": 9}, metric="crossentropy", tolerance=0.0)
    assert (choice.name, choice.reason) == ("b", "score")
    assert choice.margin == pytest.approx(0.05)


def test_a_tie_goes_to_the_cheaper_one_whose_margin_may_be_negative():
    choice = choose({"a": 0.936, "b": 0.94}, {"a": 1, "b": 9}, metric="accuracy", tolerance=0.005)
    assert (choice.name, choice.reason) == ("a", "cost")
    assert choice.margin == pytest.approx(-0.004)


@pytest.mark.parametrize("scores", [(0.95, 0.945), (0.9, 0.895), (0.94, 0.935)])
def test_a_difference_equal_to_the_tolerance_is_a_tie_despite_rounding(scores):
    choice = choose(dict(zip("ab", scores, strict=True)), {"a": 9, "b": 1}, metric="accuracy", tolerance=0.005)
    assert (choice.name, choice.reason) == ("b", "cost")


def test_a_score_is_that_of_the_calibrated_model():
    val = {"accuracy": 0.9, "crossentropy": 0.5, "calibration": {"temperature_scaled": {"crossentropy": 0.4}}}
    assert score(val, "accuracy") == 0.9
    assert score(val, "crossentropy") == 0.4


def test_one_model_has_no_rival():
    choice = choose({"a": 0.5}, {"a": 1}, metric="accuracy", tolerance=0.0)
    assert (choice.name, choice.reason, choice.margin) == ("a", "only", 0.0)


@given(MODELS, st.sampled_from(["accuracy", "crossentropy"]), st.integers(0, 4), st.randoms())
def test_nothing_within_the_tolerance_is_cheaper_in_any_order(models, metric, tolerance, random):
    scores, costs = split(models)
    choice = choose(scores, costs, metric=metric, tolerance=tolerance / 20)
    best = (min if metric == "crossentropy" else max)(scores.values())
    assert abs(scores[choice.name] - best) <= tolerance / 20 + 1e-6
    assert all(
        costs[choice.name] <= costs[name]
        for name, score in scores.items()
        if abs(score - best) <= tolerance / 20 + 1e-12
    )
    names = list(scores)
    random.shuffle(names)
    again = choose({name: scores[name] for name in names}, costs, metric=metric, tolerance=tolerance / 20)
    assert again == choice


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ({"a": 0.9, "b": 0.95}, "in production: b, accuracy 0.9500 on validation, 0.0500 better than the next"),
        ({"a": 0.949, "b": 0.95}, "in production: a, accuracy 0.9490 on validation, within 0.01 of the best "
         "and the smallest of these with 1,000 parameters"),
        ({"a": 0.5}, "in production: a, accuracy 0.5000 on validation; there is no other model"),
    ],
)  # fmt: skip
def test_the_reason_in_words(scores, said):
    costs = {"a": 1000, "b": 2000}
    choice = choose(scores, costs, metric="accuracy", tolerance=0.01)
    assert format_summary(choice, scores, costs, metric="accuracy", tolerance=0.01) == said
