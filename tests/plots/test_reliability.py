"""The reliability diagram shows and writes the bins it is given, and no others."""

import numpy as np
import pandas as pd
import pytest

from scenes.plots import reliability
from tests.helpers.pictures import assert_same_and_whole

EDGES = np.arange(11) / 10
COUNT = np.array([0, 0, 0, 1, 4, 10, 20, 15, 30, 120])
RIGHT = np.array([0, 0, 0, 0, 3, 5, 11, 9, 21, 119])


def table(shift: float = 0.0) -> pd.DataFrame:
    """A diagram of ten bins, three of them empty; the confidence of the others is their middle plus ``shift``."""
    filled = np.where(COUNT > 0, COUNT, np.nan)
    columns = {"lower": EDGES[:-1], "upper": EDGES[1:], "count": COUNT}
    return pd.DataFrame(
        columns | {"confidence": (EDGES[:-1] + 0.05 + shift) * filled / filled, "accuracy": RIGHT / filled}
    )


BOTH = {"before": table(0.04), "after": table()}


@pytest.mark.parametrize("names", [["before", "after"], ["after"]])
def test_the_same_diagrams_every_time_and_whole(tmp_path, names):
    diagrams = {name: BOTH[name] for name in names}
    assert_same_and_whole(lambda path: reliability.plot(path, diagrams, title="baseline"), tmp_path)


def test_dots_bars_and_the_expected_error_are_those_of_the_table(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(reliability.style, "save", lambda figure, path: figures.append(figure))
    reliability.plot(tmp_path / "a.png", BOTH, title="t")
    before, after, _, below = figures[0].axes
    filled = BOTH["after"].dropna()
    dots = after.lines[-1].get_xydata()
    np.testing.assert_array_equal(dots, filled[["confidence", "accuracy"]])
    assert [bar.get_height() for bar in below.patches] == pytest.approx(list(filled["count"] / 200))
    # 1*.35 + 4*.3 + 10*.05 + 20*.1 + 15*.15 + 30*.15 + 120*|119/120-.95|, of 200.
    expected = (0.35 + 1.2 + 0.5 + 2.0 + 2.25 + 4.5 + 5.0) / 200
    assert after.get_title(loc="left") == f"after: ECE {expected:.1%}"
    assert before.get_title(loc="left") != after.get_title(loc="left")


def test_the_intervals_are_wilsons(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(reliability.style, "save", lambda figure, path: figures.append(figure))
    reliability.plot(tmp_path / "a.png", {"after": table()}, title="t")
    (lines,) = (artist for artist in figures[0].axes[0].collections)
    low, high = lines.get_segments()[2][:, 1]
    # 5 of 10, z = 1.96: the textbook's 0.237 to 0.763.
    assert (low, high) == pytest.approx((0.2366, 0.7634), abs=1e-4)


def test_empty_bins_are_not_written(tmp_path):
    reliability.write(tmp_path / "a.csv", BOTH)
    assert (
        (tmp_path / "a.csv")
        .read_bytes()
        .startswith(b"diagram,lower,upper,count,confidence,accuracy\nbefore,0.300000,0.400000,1,0.390000,0.000000\n")
    )
    written = pd.read_csv(tmp_path / "a.csv")
    assert list(written["diagram"]) == ["before"] * 7 + ["after"] * 7
    assert written.notna().all(axis=None)
