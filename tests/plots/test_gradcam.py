"""Grad-CAM as pictures: which images are explained, and each one beside its overlay."""

import numpy as np
import pandas as pd

from scenes.plots import gradcam
from tests.helpers.pictures import picture, texts_beyond_the_edge

COLUMNS = ["key", "actual", "predicted", "confidence"]


def test_an_overlay_is_brighter_where_the_heat_is():
    heat = np.tile(np.linspace(0, 1, 32), (32, 1))
    laid = gradcam.overlay(np.full((32, 32, 3), 128, np.uint8), heat)
    assert laid.shape == (32, 32, 3)
    assert laid.dtype == np.uint8
    luminance = laid.astype(float) @ [0.299, 0.587, 0.114]
    assert (np.diff(luminance, axis=1) > 0).mean() > 0.95


def rows(*triples) -> pd.DataFrame:
    return pd.DataFrame(
        [(f"{actual}/{number}", actual, said, sure) for number, (actual, said, sure) in enumerate(triples)],
        columns=COLUMNS,
    )


def test_examples_are_the_surest_of_each_class_right_and_wrong():
    table = rows(
        ("sea", "sea", 0.5),
        ("sea", "sea", 0.8),
        ("sea", "sea", 0.8),
        ("sea", "ice", 0.4),
        ("ice", "sea", 0.6),
        ("ice", "sea", 0.9),
        ("ice", "sea", 0.7),
    )
    expected = ["ice/5", "ice/6", "sea/1", "sea/2", "sea/3"]
    assert list(gradcam.select_examples(table)["key"]) == expected
    assert list(gradcam.select_examples(table.iloc[::-1])["key"]) == expected


def test_of_many_classes_those_with_the_most_errors():
    triples = [(f"class{number:02d}", "sea" if number % 2 else f"class{number:02d}", 0.5) for number in range(24)]
    assert set(gradcam.select_examples(rows(*triples))["actual"]) == {
        f"class{number:02d}" for number in range(1, 24, 2)
    }


def test_a_row_a_class_image_beside_overlay():
    table = rows(("a class with a rather long name, really", "sea", 0.5), ("sea", "sea", 0.8), ("sea", "ice", 0.4))
    chosen = gradcam.select_examples(table)
    images = {key: picture(number, 32, 32) for number, key in enumerate(chosen["key"])}
    heats = {key: np.full((32, 32), 0.5) for key in images}
    figure = gradcam.figure(chosen, images, heats, title="t")
    assert texts_beyond_the_edge(figure) == []
    texts = [text.get_text() for text in figure.texts]
    assert {"sea: correct", "sea: wrong"} <= set(texts)
    assert sum("none correct" in text for text in texts) == 1
    for key, axes in zip(chosen["key"], figure.axes, strict=True):
        shown = axes.images[0].get_array()
        np.testing.assert_array_equal(shown[:, :32], images[key])
        np.testing.assert_array_equal(shown[:, -32:], gradcam.overlay(images[key], heats[key]))
