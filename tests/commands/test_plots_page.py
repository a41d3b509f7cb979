"""The page that DVC fills with plots: inert, and in a real browser titles in words and two revisions side by side."""

import csv
import json
from html.parser import HTMLParser

import pandas as pd
import pytest
from dvc_render import ImageRenderer, VegaRenderer, render_html

from scenes.commands import plots_page
from scenes.common.tables import write_csv
from tests.helpers import browser
from tests.helpers.pictures import encode, picture

CHART = {
    "data": {"values": "<DVC_METRIC_DATA>"},
    "facet": {"field": "rev", "type": "nominal", "sort": []},
    "spec": {"width": 900, "height": 100, "mark": "bar", "encoding": {"x": {"field": "class"}}},
}
PICTURES = {
    "plots/audit/class_balance.png": "Images per class",
    "plots/baseline/examples/errors.png": "Most confident errors",
    "plots/predictions/old_town.png": "Predicted as old_town",
    "plots/baseline/examples/my_own.png": "My own",
    "elsewhere.png": "Elsewhere.png",
}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """The address of a page that DVC has filled with charts and pictures of two revisions, the workspace first."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "wide.json").write_text(json.dumps(CHART))
    plots_page.main([str(folder / "page.html")])
    (folder / "wide.png").write_bytes(encode(picture(1, 1800, 300), "PNG"))
    rows = [{"rev": rev, "class": "a"} for rev in ("workspace", "HEAD")]
    charts = {"plots/baseline/predictions.csv": rows, "plots/transfer/predictions.csv": []}
    renderers = [
        *(VegaRenderer(found, name, template=str(folder / "wide.json")) for name, found in charts.items()),
        *(ImageRenderer([{"rev": row["rev"], "src": "wide.png"} for row in rows], name) for name in PICTURES),
    ]
    render_html(renderers, folder / "index.html", html_template=folder / "page.html")
    return (folder / "index.html").as_uri()


class Scripts(HTMLParser):
    """The texts of the scripts of a page."""

    def __init__(self, page: str):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag == "script":
            self.found.append("")

    def handle_data(self, data):
        if self.cdata_elem == "script":
            self.found[-1] += data


@pytest.mark.parametrize("own", [True, False], ids=["this page", "DVC's page"])
def test_a_class_ends_no_script(tmp_path, own):
    name = "</script><script>alert(1)</script>"

    def scripts(classes: list[str]) -> list[str]:
        write_csv(tmp_path / "predictions.csv", pd.DataFrame({"actual": classes, "predicted": classes}))
        with (tmp_path / "predictions.csv").open(encoding="utf-8", newline="") as file:  # as DVC reads it
            rows = [{"rev": "workspace", **row} for row in csv.DictReader(file)]
        chart = VegaRenderer(rows, "predictions.csv", template="confusion", x="actual", y="predicted")
        page = tmp_path / "page.html" if own else None
        return Scripts(render_html([chart], tmp_path / "index.html", html_template=page).read_text()).found

    plots_page.main([str(tmp_path / "page.html")])
    expected, found = scripts(["lake", "moor"]), scripts([name, "moor"])
    assert len(found) == len(expected)
    assert "".join(found).replace("'", "").count(json.dumps(name)) == 2


@pytest.mark.process
def test_two_revisions_are_side_by_side_and_no_wider_than_the_page(drawn):
    with browser.launched() as launched:
        for width in (1024, 1920):
            page = browser.page(launched, drawn, width=width)
            page.wait_for_selector("svg.marks")
            browser.screenshot(page, f"plots-page-{width}")
            check(page, width)


def check(page, width: int) -> None:
    sections = page.locator("h2").all_inner_texts()
    assert sections == ["Baseline", "Other", "Data", "Images without a label"]
    assert page.locator("nav a").all_inner_texts() == sections
    assert {*page.locator("h3").all_inner_texts()} == {*PICTURES.values()}
    rows = page.locator(".revisions").all()
    assert len(rows) == len(PICTURES)
    for row in rows:
        assert row.locator("p").all_inner_texts() == ["HEAD", "workspace"]
        before, after = (image.bounding_box() for image in row.locator("img").all())
        assert before["y"] == after["y"]
        assert before["x"] + before["width"] < after["x"]
        assert after["x"] + after["width"] <= width
    (chart,) = page.locator("svg.marks").all()  # none of a table without rows
    assert chart.bounding_box()["x"] + chart.bounding_box()["width"] <= width
    before, after = (chart.get_by_text(rev, exact=True).bounding_box() for rev in ("HEAD", "workspace"))
    assert before["x"] < after["x"]
