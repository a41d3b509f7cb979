"""The benchmark of docs/scale.md: its parts on a few thousand made-up images, its table, and the page's arithmetic."""

import re
import sys

import numpy as np
import pytest

from benchmarks import pieces, scale
from scenes.duplicates import near_duplicate_candidates
from scenes.own import estimates
from tests.code_facts import ROOT

PAGE = (ROOT / "docs/scale.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", pieces.PIECES)
def test_every_piece_runs(name, monkeypatch):
    monkeypatch.chdir(ROOT)
    number, unit = pieces.PIECES[name](5000)().split()
    if unit == "pairs":
        assert int(number) < 50
    else:
        assert unit == "MB" and float(number) > 0.1


@pytest.mark.parametrize("rows", ["0", "-5", "many"])
def test_a_piece_needs_a_number_of_images(rows, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["pieces", "near_duplicates", rows])
    with pytest.raises(SystemExit, match="2"):
        pieces.main()
    assert f"'{rows}' is not a whole number of at least 1" in capsys.readouterr().err


def test_made_up_hashes_differ_like_those_of_photos():
    """Of real photos, 7 pairs in a million differ in at most 12 bits; if the bits were independent, 0.5 would."""
    hashes, thumbnails = pieces.fingerprints(4000, np.random.default_rng(0))
    whole = hashes[:, 0]
    near = sum(int((np.bitwise_count(each ^ whole[row + 1 :]) <= 12).sum()) for row, each in enumerate(whole))
    assert 3 < 1e6 * near / (4000 * 3999 / 2) < 12
    # A picture and its crops are near each other, its mirror image is not.
    distances = np.bitwise_count(hashes ^ whole[:, None]).mean(axis=0)
    assert distances[1] > 25 and distances[2:].max() < 15
    assert not near_duplicate_candidates.share_a_layout(thumbnails)


def test_the_table_says_how_costs_grew():
    measured = {5000: {"a": scale.Cost(2, 300, "1.0 MB"), "b": scale.Cost(0.1, 90)}, 20_000: {}}
    measured[20_000] = {"a": scale.Cost(8, 450, "4.0 MB"), "b": scale.Cost(0.1, 90)}
    *_, row = scale.table(measured)
    assert row == "| a | 2.0 | 300 | 1.0 MB | 8.0 | 450 | 4.0 MB | 4.0x | 0.40 |"


def test_the_costs_on_paper_follow_from_those_that_were_measured():
    photo, record, seen, trained = (side**2 / 1e6 for side in (150, 128, 160, 96))  # megapixels
    cores = estimates.MEASURED_CORES
    expected = {
        "archive: pack, check, hash": estimates.COPIED + 15_000 * estimates.COPIED_BYTE,
        "`audit`": estimates.AUDITED + estimates.AUDITED_MEGAPIXEL * photo,
        "`records`": estimates.RECORDED_MEGAPIXEL * photo + estimates.RECORDED_OUTPUT_MEGAPIXEL * record,
        "`features`": cores * seen / estimates.FEATURE_MEGAPIXELS,
        "`train`, the CNN": cores * 6 * trained / estimates.TRAINED_MEGAPIXELS,
    }
    rows = re.findall(r"^\| (.+?) \| ([\d.]+) \| ([\d.,]+) h \| ([\d.,]+) h \|", PAGE, re.MULTILINE)
    assert [name for name, *_ in rows] == list(expected)
    for name, each, million, hundred in rows:
        assert float(each) == pytest.approx(1000 * expected[name], abs=0.006)
        assert float(million) == pytest.approx(expected[name] * 1e6 / 3600, abs=0.06)
        assert float(hundred.replace(",", "")) == pytest.approx(expected[name] * 1e8 / 3600, abs=0.6)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_stage_is_measured():
    measured, again = scale.measure_stages(240, 6, more=60).values()
    assert set(again) == set(measured)
    assert {"download", "audit", "split", "records", "features@frozen", "train@baseline", "report"} <= set(measured)
    assert all(cost.seconds > 0 and cost.memory > 0 for cost in measured.values())
    assert float(measured["records"].output.removesuffix(" MB")) > 0.1
