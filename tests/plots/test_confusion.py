"""The confusion matrix as a picture: the same bytes twice, legible, and no larger for a thousand classes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.backends import backend_agg
from PIL import Image

from scenes.plots import confusion
from tests.helpers.pictures import assert_same_and_whole, texts_beyond_the_edge

CLASSES = ("buildings", "forest", "a class with a rather long name")
LONGEST = 2000  # pixels of a side


def many(count: int) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Labels and predictions, a quarter of them the next class, of classes with long names."""
    labels = np.repeat(np.arange(count), 8)
    wrong = np.arange(len(labels)) % 4 == 0
    names = [f"class with a rather long name, number {number:03d}" for number in range(count)]
    return labels, np.where(wrong, (labels + 1) % count, labels), names


def figure_of(monkeypatch, labels, predicted, names):
    figures = []
    monkeypatch.setattr(confusion.style, "save", lambda figure, path: figures.append(figure))
    confusion.plot("unused.png", labels, predicted, names, title="baseline")
    return figures[0]


@pytest.mark.parametrize("count", [2, 102])
def test_the_same_matrix_gives_the_same_bytes_and_nothing_is_cut(count, tmp_path):
    labels, predicted, names = many(count)
    assert_same_and_whole(lambda path: confusion.plot(path, labels, predicted, names, title="baseline"), tmp_path)
    with Image.open(tmp_path / "a.png") as image:
        assert 400 < min(image.size) <= max(image.size) < LONGEST


@pytest.mark.parametrize("count", [2, 12, 13, 61])
def test_cells_have_numbers_or_a_list_stands_beside_the_matrix(count, monkeypatch):
    figure = figure_of(monkeypatch, *many(count))
    matrix, *others = (axes for axes in figure.axes if axes.get_label() != "<colorbar>")
    assert texts_beyond_the_edge(figure) == []
    shown = [label.get_text() for label in matrix.get_yticklabels()]
    if count <= 12:
        assert len(matrix.texts) == count**2
        assert matrix.texts[0].get_text() == "75.0%\n6"
        assert others == []
    else:
        assert not matrix.texts
        texts = [text.get_text() for text in others[0].texts]
        assert texts[:2] == ["2 of 8", "class with a…e, number 000\nclass with a…e, number 001"]
        assert texts.count("→") == min(count, 24)
    assert len(shown) == (count if count <= 60 else 31)
    assert all(name.startswith("class with") and len(name) <= 30 for name in shown)


def test_one_renderer_measures_all_names(monkeypatch, tmp_path):
    """Each name used to get one of the size of the figure: 115 GB at 102 classes."""
    made = []

    class Counted(backend_agg.RendererAgg):
        def __init__(self, *arguments):
            made.append(arguments)
            super().__init__(*arguments)

    monkeypatch.setattr(backend_agg, "RendererAgg", Counted)
    confusion.plot(tmp_path / "a.png", *many(30), title="baseline")
    assert len(made) <= 2


def test_a_class_without_test_images_is_drawn_as_zero(monkeypatch):
    figure = figure_of(monkeypatch, np.array([0, 0]), np.array([0, 1]), CLASSES)
    assert [text.get_text() for text in figure.axes[0].texts] == ["50.0%\n1", "50.0%\n1", "0.0%\n0"] + ["0.0%\n0"] * 6


@given(arrays(np.int64, (5, 5), elements=st.integers(0, 3)), st.integers(1, 30))
def test_the_most_frequent_confusions_come_first(counts, limit):
    pairs = confusion.most_frequent_confusions(counts, limit)
    expected = sorted((-int(counts[i, j]), i, j) for i in range(5) for j in range(5) if i != j and counts[i, j])
    assert pairs == [(i, j) for _, i, j in expected[:limit]]
