"""The charts that DVC draws of the tables of each model, by the templates in .dvc/plots."""

import json
import re
import shutil

import pandas as pd
import pytest
import yaml
from dvc.render.match import match_defs_renderers
from dvc.repo import Repo

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
    plots = [{f"{name}.csv": declared(name)} for name in ("reliability", "per_class")]
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"plots": plots}))
    git.init(folder)
    with Repo(folder) as repo:
        rendered = match_defs_renderers(repo.plots.show(), templates_dir=repo.plots.templates_dir)
    return {chart.renderer.name: json.loads(chart.renderer.partial_html()) for chart in rendered}


@pytest.mark.parametrize("name", ["reliability", "per_class"])
def test_every_row_is_in_the_chart_and_every_anchor_is_filled(charts, name):
    chart = charts[f"{name}.csv"]
    assert "<DVC_METRIC_" not in json.dumps(chart)
    assert chart["title"]["text"] == declared(name)["title"]
    points = chart["data"]["values"]
    assert len(points) == (4 if name == "reliability" else 2)
    # What the template names is in the data, or made of it by the template.
    made = {made for step in chart["transform"] for made in ([step["as"]] if "calculate" in step else step["as"])}
    fields = set(re.findall(r'"field": "(\w+)"', json.dumps(chart)))
    assert fields <= made | set(points[0])


def test_the_axes_are_confidence_and_accuracy(charts):
    first, second = (step["calculate"] for step in charts["reliability.csv"]["transform"][:2])
    assert (first, second) == ("toNumber(datum['confidence'])", "toNumber(datum['accuracy'])")


def test_the_colours_are_those_of_all_figures(charts):
    text = json.dumps(charts)
    assert set(re.findall(r"#[0-9A-F]{6}", text)) <= {*style.COLOURS, style.FAINT}
