"""The galleries show what they say, in an order that depends on the predictions alone."""

import html
import re
from urllib.parse import unquote

import pandas as pd
import pytest
from dvc_render import ImageRenderer, render_html
from hypothesis import given
from hypothesis import strategies as st

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


def test_a_sheet_is_named_after_its_class():
    names = {"old town": "old town.png", "7": "class 7.png", "kind/5": "kind - 5.png", ".a": "_a.png"}
    assert galleries.sheet_names(names) == names
    assert list(galleries.sheet_names(["a?", "A#", "a%"]).values()) == ["a_.png", "A_ (2).png", "a_ (3).png"]


CLASSES = st.text("\u00b2\u066310.aA_/ ", min_size=1, max_size=3) | st.text('<>"&;lt#%41?\\\n a', min_size=1)


@given(st.lists(CLASSES | st.text(min_size=1) | st.integers(1, 300).map("\u00e4".__mul__), unique=True))
def test_dvc_shows_the_sheets_of_any_classes(tmp_path_factory, classes):
    page = tmp_path_factory.getbasetemp() / "sheets" / "index.html"
    names = galleries.sheet_names(classes)
    assert list(names) == classes
    assert len({name.casefold() for name in names.values()}) == len(classes)
    files = {f"plots/predictions/{name}" for name in names.values()}
    assert all("/" not in name[:-4] and not name.startswith(".") for name in names.values())
    assert all(len(name.encode()) <= 220 for name in names.values())
    render_html([ImageRenderer([{"rev": "workspace", "src": file}], file) for file in files], page)
    addresses = re.findall('<img src="(.*?)">', page.read_text(encoding="utf-8"))
    assert {unquote(html.unescape(address)) for address in addresses} == files
    assert not [address for address in addresses if set(address) & set("?#\\")]
