"""The galleries show what they say, in an order that depends on the predictions alone."""

import pandas as pd
import pytest

from scenes.plots import galleries
from tests.helpers.pictures import picture, texts_beyond_the_edge

COLUMNS = ["key", "actual", "predicted", "confidence"]
ROWS = [
    ("d", "sea", "sea", 0.9),
    ("c", "sea", "street", 0.9),
    ("b", "sea", "street", 0.7),
    ("a", "street", "sea", 0.9),
    ("f", "street", "street", 0.5),
    ("e", "street", "sea", 0.5),
]
PREDICTIONS = pd.DataFrame(ROWS, columns=COLUMNS)


def test_errors_come_surest_first_then_by_key():
    assert list(galleries.most_confident_errors(PREDICTIONS)["key"]) == ["a", "c", "b", "e"]
    assert list(galleries.most_confident_errors(PREDICTIONS, 2)["key"]) == ["a", "c"]


def test_the_least_confident_come_first_right_or_wrong():
    assert list(galleries.least_confident(PREDICTIONS, 3)["key"]) == ["e", "f", "b"]


@pytest.mark.parametrize("order", [[5, 4, 3, 2, 1, 0], [2, 0, 4, 1, 5, 3]])
def test_the_order_of_the_table_does_not_matter(order):
    other = PREDICTIONS.iloc[order]
    for choose in (galleries.most_confident_errors, galleries.least_confident):
        assert list(choose(other)["key"]) == list(choose(PREDICTIONS)["key"])


def test_the_caption_says_it_all():
    row = pd.Series({"key": "seg_test/sea/20.jpg", "actual": "sea", "predicted": "street", "confidence": 0.876})
    assert galleries.prediction_caption(row) == "✗ street 87.6%\nactual: sea\n20.jpg"
    assert galleries.prediction_caption(row.replace("street", "sea")) == "✓ sea 87.6%\nactual: sea\n20.jpg"


def test_every_image_is_shown_with_its_caption_and_no_text_is_cut():
    name = "a class with a rather long name"
    rows = [(f"x/{'long' * 20}{number}.jpg", name, name + "r", 0.5 + number / 100) for number in range(9)]
    chosen = pd.DataFrame(rows, columns=COLUMNS)
    images = {row[0]: picture(number) for number, row in enumerate(rows)}
    figure = galleries.predictions_figure(chosen, images, title="$ome errors_of {it}")
    assert texts_beyond_the_edge(figure) == []
    texts = [text.get_text() for text in figure.texts]
    assert texts == ["$ome errors_of {it}", *map(galleries.prediction_caption, chosen.itertuples())]
    for axes, row in zip(figure.axes, rows, strict=True):
        assert (axes.images[0].get_array() == images[row[0]]).all()


def test_a_model_without_errors_has_an_empty_gallery():
    right = PREDICTIONS[PREDICTIONS["actual"] == PREDICTIONS["predicted"]]
    figure = galleries.predictions_figure(galleries.most_confident_errors(right), {}, title="none")
    assert not figure.axes
    assert texts_beyond_the_edge(figure) == []
