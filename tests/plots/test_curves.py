"""Training curves as a picture: whole, the same every time, the best epoch where it is."""

import pandas as pd
import pytest

from scenes.plots import curves
from tests.helpers.pictures import assert_same_and_whole

CURVES = pd.DataFrame(
    {
        "epoch": [1, 2, 3, 4],
        "accuracy": [0.3, 0.6, 0.7, 0.9],
        "val_accuracy": [0.4, 0.6, 0.6, 0.5],
        "crossentropy": [2.0, 1.0, 0.8, 0.3],
        "val_crossentropy": [1.9, 1.3, 1.1, 1.2],
    }
)


@pytest.mark.parametrize("epochs", [1, 4])
def test_the_same_curves_every_time_and_whole(tmp_path, epochs):
    assert_same_and_whole(lambda path: curves.plot(path, CURVES.head(epochs), title="baseline"), tmp_path)


def test_the_best_epoch_is_the_first_of_the_best_on_validation(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(curves.style, "save", lambda figure, path: figures.append(figure))
    curves.plot(tmp_path / "a.png", CURVES, title="t")
    marks = [axes.lines[-1] for axes in figures[0].axes]
    assert [(mark.get_xdata()[0], mark.get_ydata()[0]) for mark in marks] == [(2, 0.6), (3, 1.1)]
    assert [mark.get_label() for mark in marks] == ["best: 0.600, epoch 2", "best: 1.100, epoch 3"]
