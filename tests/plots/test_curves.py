"""Training curves as a picture: whole, the same every time, the best epoch or C where it is."""

import pandas as pd
import pytest

from scenes.plots import curves
from tests.helpers.pictures import assert_same_and_whole

SCORES = {
    "accuracy": [0.3, 0.6, 0.7, 0.9],
    "val_accuracy": [0.4, 0.6, 0.6, 0.5],
    "crossentropy": [2.0, 1.0, 0.8, 0.3],
    "val_crossentropy": [1.9, 1.3, 1.1, 1.6],
    "val_calibrated_crossentropy": [1.8, 1.2, 1.1, 1.0],
}
TABLES = {
    "epochs": pd.DataFrame({"epoch": [1, 2, 3, 4]} | SCORES),
    "one epoch": pd.DataFrame({"epoch": [1, 2, 3, 4]} | SCORES).head(1),
    "C": pd.DataFrame({"C": [0.0001, 0.001, 0.01, 1.0]} | SCORES),
}


@pytest.mark.parametrize("name", TABLES)
def test_the_same_curves_every_time_and_whole(tmp_path, name):
    assert_same_and_whole(lambda path: curves.plot(path, TABLES[name], title="baseline"), tmp_path)


@pytest.mark.parametrize(
    ("name", "rows", "labels"),
    [
        ("epochs", (1, 3), ["best: epoch 2, 60.0 %", "best: epoch 4, 1.000"]),
        ("C", (3, 3), ["in use: C 1, 50.0 %", "in use: C 1, 1.000"]),
    ],
)
def test_the_first_best_epoch_or_the_c_in_use_is_marked(tmp_path, monkeypatch, name, rows, labels):
    figures = []
    monkeypatch.setattr(curves.style, "save", lambda figure, path: figures.append(figure))
    curves.plot(tmp_path / "a.png", TABLES[name], title="t")
    marks = [axes.lines[-1] for axes in figures[0].axes]
    for mark, row, column in zip(marks, rows, ("val_accuracy", "val_calibrated_crossentropy"), strict=True):
        table = TABLES[name]
        assert (mark.get_xdata()[0], mark.get_ydata()[0]) == (table.iloc[row, 0], table.loc[row, column])
    assert [mark.get_label() for mark in marks] == labels
    assert {axes.get_xscale() for axes in figures[0].axes} == {"log" if name == "C" else "linear"}
