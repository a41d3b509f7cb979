"""What a model says of images without a label: the table's contract, and which images its contact sheets show."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenes.evaluation import abstention, prediction_table
from scenes.plots import galleries
from tests.helpers import pictures

CLASSES = ["forest", "sea"]


def table(first, unsure_below=0.8):
    """One image per probability of the first class."""
    first = np.asarray(first)
    key = [f"pred/{index:03}.jpg" for index in range(len(first))]
    probabilities = np.stack([first, 1 - first], axis=1)
    return prediction_table.build(key, probabilities, probabilities, CLASSES, unsure_below=unsure_below, drawn=False)


def test_a_row_an_image_by_hand():
    probabilities, presence = np.array([[0.9, 0.1], [0.25, 0.75]]), np.array([[1.0, 0.0], [0.7, 0.8]])
    found = prediction_table.build(["b.jpg", "a.jpg"], probabilities, presence, CLASSES, unsure_below=0.9, drawn=True)
    assert found.to_dict("records") == [
        {"key": "b.jpg", "class": "forest", "confidence": 0.9, "probability_forest": 0.9, "probability_sea": 0.1,
         "presence_forest": 1.0, "presence_sea": 0.0, "unsure": False, "learned_from_drawings": True},
        {"key": "a.jpg", "class": "sea", "confidence": 0.75, "probability_forest": 0.25, "probability_sea": 0.75,
         "presence_forest": 0.7, "presence_sea": 0.8, "unsure": True, "learned_from_drawings": True},
    ]  # fmt: skip


def test_no_images_are_an_empty_table_with_all_columns():
    empty = prediction_table.build([], np.empty((0, 2)), np.empty((0, 2)), CLASSES, unsure_below=None, drawn=False)
    scores = ["probability_forest", "probability_sea", "presence_forest", "presence_sea"]
    assert list(empty) == ["key", "class", "confidence", *scores, "unsure", "learned_from_drawings"]
    assert prediction_table.format_summary(empty, unsure_below=0.5) == "there are no images without a label"


def test_the_summary_counts():
    said = prediction_table.format_summary(table([0.9, 0.7, 0.1, 0.95]), unsure_below=0.8)
    assert said == "4 images without a label: forest 3, sea 1; unsure of 25.0%"


def test_the_summary_says_that_a_confidence_is_not_calibrated():
    said = prediction_table.format_summary(table([0.9, 0.7]), unsure_below=0.8, calibrated=False)
    assert said == "2 images without a label: forest 2; unsure of 50.0% (its confidence is not calibrated)"


def test_without_a_threshold_it_says_neither_that_it_is_unsure_nor_that_it_is_not():
    found = table([0.9, 0.5], unsure_below=None)
    assert found["unsure"].tolist() == [None, None]
    said = prediction_table.format_summary(found, unsure_below=None)
    assert said.endswith(f"; {abstention.NO_PROMISE}")


def test_a_known_distance_is_in_the_table_and_in_the_summary():
    rows, known = np.array([[0.9, 0.1], [0.2, 0.8]]), {"unsure_below": None, "drawn": False}
    known["distance"] = np.array([0.1, 0.3])
    without = prediction_table.build(["a.jpg", "b.jpg"], rows, rows, CLASSES, **known)
    assert without["unlike_training"].tolist() == [None, None]
    assert "unlike" not in prediction_table.format_summary(without, unsure_below=None)
    found = prediction_table.build(["a.jpg", "b.jpg"], rows, rows, CLASSES, unlike_above=0.2, **known)
    assert list(found)[-3:] == ["learned_from_drawings", "distance", "unlike_training"]
    assert found["unlike_training"].tolist() == [False, True]
    assert prediction_table.format_summary(found, unsure_below=None).endswith("; unlike the training images: 50.0%")


def many_classes(counts):
    """A table in which class number i is predicted ``counts[i]`` times, and the names of all classes."""
    names = [f"kind/{index:03}" for index in range(len(counts))]
    probabilities = np.eye(len(counts))[np.repeat(np.arange(len(counts)), counts)]
    keys = [f"{index}.jpg" for index in range(len(probabilities))]
    return prediction_table.build(keys, probabilities, probabilities, names, unsure_below=0.5, drawn=False), names


def test_of_many_classes_the_most_frequent_are_named_and_shown():
    counts = [1] * 1000
    counts[500:512] = [2] * 12
    found, names = many_classes(counts)
    said = prediction_table.format_summary(found, unsure_below=0.5)
    listed = ", ".join(f"{name} 2" for name in names[500:512])
    assert said == f"1,012 images without a label: {listed} and 988 other classes; unsure of 0.0%"
    sheets = galleries.class_sheets(found, names)
    assert list(sheets) == names[500:512]
    assert [len(rows) for rows in sheets.values()] == [2] * 12


@pytest.mark.parametrize(("classes", "shown"), [(2, 2), (12, 12), (13, 12)])
def test_without_images_there_are_still_sheets(classes, shown):
    found, names = many_classes([0] * classes)
    assert list(galleries.class_sheets(found, names)) == names[:shown]


@given(st.lists(st.floats(0, 1), max_size=40), st.integers(1, 5), st.randoms())
def test_a_sheet_shows_the_surest_and_the_least_sure(first, count, random):
    found = table(first)
    chosen = galleries.most_and_least_confident(found, "forest", count)
    of_class = found[found["class"] == "forest"]
    assert len(chosen) == min(len(of_class), 2 * count)
    assert chosen["confidence"].is_monotonic_decreasing
    left_out = of_class[~of_class["key"].isin(chosen["key"])]["confidence"]
    if len(left_out):
        assert chosen["confidence"].iloc[:count].min() >= left_out.max()
        assert chosen["confidence"].iloc[-count:].max() <= left_out.min()
    rows = list(range(len(found)))
    random.shuffle(rows)
    assert (
        galleries.most_and_least_confident(found.iloc[rows], "forest", count)["key"].tolist() == chosen["key"].tolist()
    )


@pytest.mark.parametrize(
    ("images", "unsure_below", "titles"),
    [
        (0, 0.8, ["forest: predicted for no image"]),
        (5, None, ["forest: all 5 images, the most confident first"]),
        (60, 0.8, ["forest: the 12 most confident of 60 images", "forest: the 12 least confident"]),
    ],
)
def test_the_sheet_says_how_many_there_are(images, unsure_below, titles):
    found = table(np.linspace(0.55, 0.99, images), unsure_below)
    chosen = galleries.most_and_least_confident(found, "forest")
    shown = {key: np.zeros((8, 8, 3), np.uint8) for key in chosen["key"]}
    figure = galleries.class_figure("forest", chosen, shown, total=images)
    texts = [text.get_text() for text in figure.texts]
    assert [text for text in texts if text.startswith("forest")] == titles
    assert len(figure.axes) == len(chosen)
    assert sum(text.startswith("unsure") for text in texts) == chosen["unsure"].sum()
    assert not pictures.texts_beyond_the_edge(figure)
