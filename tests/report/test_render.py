"""The report as a page and as Markdown: it needs nothing else, and its data cannot break it."""

import re

import pytest

from tests.helpers import reported
from tests.helpers.report_page import Page, rendered, tables


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return reported.folder(tmp_path_factory.mktemp("pipeline"))


def test_the_page_is_well_formed_and_its_contents_lead_somewhere(folder):
    page = Page(rendered(folder)[0])
    ids = page.ids()
    assert len(ids) == len(set(ids))
    links = [link["href"] for link in page.all("a")]
    assert {link[1:] for link in links if link.startswith("#")} == set(ids)


def test_the_page_loads_nothing(folder):
    html, _ = rendered(folder)
    page = Page(html)
    loaded = [value for tag, attrs in page.tags for name, value in attrs.items() if name in ("src", "srcset", "poster")]
    assert loaded
    assert all(value.startswith("data:image/") for value in loaded)
    assert not any(page.all(tag) for tag in ("script", "link", "iframe", "object", "base"))
    style = html[html.index("<style>") : html.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    assert "default-src 'none'" in html


def test_markup_in_names_stays_text(tmp_path):
    classes = ("<script>alert(1)</script>", 'a"b&c', "x|y*z_[u](http://v)")
    folder = reported.folder(tmp_path, classes=classes)
    html, markdown = rendered(folder, title="<b>Ours</b> & *yours*")
    page = Page(html)
    assert not page.all("script")
    for name in classes:
        assert name in page.text
    assert "<b>Ours</b> & *yours*" in page.text
    assert markdown.startswith("# \\<b\\>Ours\\</b\\> \\& \\*yours\\*\n")
    for name in classes:
        assert name not in markdown
    for lines in tables(markdown):
        # As many cells in each row: no name has ended one.
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1, lines


def test_markdown_has_tables_and_no_pictures(folder):
    _, markdown = rendered(folder)
    assert len(tables(markdown)) == 9  # two of them for each model, on what a photo contains
    assert all(re.fullmatch(r"\|(-+:?\|)+", lines[1]) for lines in tables(markdown))
    assert "data:" not in markdown
    assert len(markdown) < 6_000


def test_the_same_files_give_the_same_bytes_wherever_they_are(tmp_path, monkeypatch):
    pages = []
    for name in ("one", "another folder"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        pages.append(rendered(reported.folder(tmp_path / name)))
    assert pages[0] == pages[1]
    assert str(tmp_path) not in pages[0][0] + pages[0][1]
