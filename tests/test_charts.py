"""The charts that DVC draws of the tables of each model, by the templates in .dvc/plots."""

import json
import re
import shutil

import pandas as pd
import pytest
import vl_convert
import yaml
from dvc.render.match import match_defs_renderers
from dvc.repo import Repo

from scenes.commands.plots_page import VEGA_LITE
from scenes.plots import per_class, reliability, style
from tests.code_facts import ROOT
from tests.helpers import git

PER_CLASS = {
    "sea": {"precision": 0.9, "recall": 0.8, "f1": 0.847, "support": 40},
    "moor: a class": {"precision": 0.5, "recall": 1.0, "f1": 0.667, "support": 10},
}
BINS = pd.DataFrame(
    {"lower": [0.0, 0.5], "upper": [0.5, 1.0], "count": [3, 9], "confidence": [0.4, 0.9], "accuracy": [1 / 3, 0.8]}
)
PREDICTIONS = pd.DataFrame(
    [("a.jpg", "sea", "sea", 0.9), ("b.jpg", "sea", "moor", 0.8), ("c.jpg", "moor", "moor", 0.7)],
    columns=["key", "actual", "predicted", "confidence"],
)
ROWS = {"reliability": 4, "per_class": 2, "predictions": 3}  # by table


def declared(table: str) -> dict:
    """How dvc.yaml has a table of each model drawn."""
    plots = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]["evaluate"]["do"]["plots"]
    (entry,) = (plot for plot in plots if isinstance(plot, dict) and f"plots/${{key}}/{table}.csv" in plot)
    return json.loads(json.dumps(*entry.values()).replace("${key}", "baseline"))


@pytest.fixture(scope="module")
def charts(tmp_path_factory):
    """Each table's filled template, by name."""
    folder = tmp_path_factory.mktemp("charts")
    shutil.copytree(ROOT / ".dvc/plots", folder / ".dvc/plots")
    shutil.copy(ROOT / ".dvc/config", folder / ".dvc/config")
    reliability.write(folder / "reliability.csv", {"before": BINS, "after": BINS})
    per_class.write(folder / "per_class.csv", PER_CLASS)
    PREDICTIONS.to_csv(folder / "predictions.csv", index=False)
    plots = [{f"{name}.csv": declared(name)} for name in ROWS]
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"plots": plots}))
    git.init(folder)
    with Repo(folder) as repo:
        rendered = match_defs_renderers(repo.plots.show(), templates_dir=repo.plots.templates_dir)
    return {chart.renderer.name: json.loads(chart.renderer.partial_html()) for chart in rendered}


@pytest.mark.parametrize("name", ROWS)
def test_every_row_is_in_the_chart_and_every_anchor_is_filled(charts, name):
    chart = charts[f"{name}.csv"]
    assert "<DVC_METRIC_" not in json.dumps(chart)
    assert chart["title"]["text"] == declared(name)["title"]
    points = chart["data"]["values"]
    assert len(points) == ROWS[name]
    # What the template names is in the data, or made of it by the template.
    made = set(re.findall(r'"as": "(\w+)"', json.dumps(chart)))
    made |= {made for step in chart["transform"] if "fold" in step for made in step["as"]}
    fields = set(re.findall(r'"field": "(\w+)"', json.dumps(chart)))
    assert fields <= made | set(points[0])


def test_the_axes_are_confidence_and_accuracy(charts):
    first, second = (step["calculate"] for step in charts["reliability.csv"]["transform"][:2])
    assert (first, second) == ("toNumber(datum['confidence'])", "toNumber(datum['accuracy'])")


def test_the_colours_are_those_of_all_figures(charts):
    text = json.dumps(charts)
    assert set(re.findall(r"#[0-9A-F]{6}", text)) <= {*style.COLOURS, style.FAINT}


def drawn(chart: dict) -> list[dict]:
    """The marks of a chart, as Vega draws them."""
    marks, waiting = [], [vl_convert.vegalite_to_scenegraph(chart, vl_version=VEGA_LITE)]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            marks.append(part)
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    return marks


def filled(template: str, rows: list[dict], **anchors: str) -> dict:
    text = (ROOT / f".dvc/plots/{template}.json").read_text()
    for anchor, value in anchors.items():
        text = text.replace(f"<DVC_METRIC_{anchor}>", value)
    return json.loads(text) | {"data": {"values": rows}}


@pytest.mark.parametrize(("classes", "labels"), [(3, True), (12, True), (13, False), (300, False)])
def test_a_cell_of_the_matrix_has_its_numbers_up_to_twelve_classes(classes, labels):
    """Each class has three images; one of them is taken for the next class."""
    rows = [
        {"rev": "workspace", "actual": f"{true:03d}", "predicted": f"{(true + (image == 0)) % classes:03d}"}
        for true in range(classes)
        for image in range(3)
    ]
    marks = drawn(filled("confusion_matrix", rows, X="predicted", Y="actual", X_LABEL="p", Y_LABEL="a", TITLE="t"))
    texts = [mark["text"] for mark in marks if isinstance(mark.get("text"), list)]
    assert sorted(texts) == ([["33%", "1"]] * classes + [["67%", "2"]] * classes if labels else [])


@pytest.mark.parametrize(("classes", "shown"), [(3, 3), (1000, 40)])
def test_of_many_classes_those_of_the_lowest_recall_have_bars(classes, shown):
    rows = [
        {"rev": "workspace", "class": f"{number:03d}", "precision": "0.5", "recall": f"{number / 1000}", "support": "9"}
        for number in reversed(range(classes))
    ]
    marks = drawn(filled("per_class", rows, X="recall", Y="class", TITLE="t"))
    names = {mark["text"] for mark in marks if re.fullmatch(r"\d{3}", str(mark.get("text")))}
    assert names == {f"{number:03d}" for number in range(shown)}
