"""README.md, CONTRIBUTING.md and docs/: links lead somewhere, and what is named exists."""

import re
from pathlib import Path

import pytest

from scenes.own import estimates
from tests.code_facts import ROOT

DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS]


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_a_page_and_a_heading(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8").replace("\n", " ")):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        linked = page.parent / name if name else page
        assert linked.is_file(), target
        assert not anchor or anchor in anchors(linked), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_named_exists(page):
    targets = set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE)) <= targets


def test_the_readme_lists_every_page_and_each_says_for_whom_it_is():
    readme = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## Pages\n")[2]
    for page in DOCS:
        assert f"](docs/{page.name})" in readme
        assert page.read_text(encoding="utf-8").splitlines()[2].startswith("For "), page.name


def test_the_costs_are_those_that_look_computes_with():
    text = (ROOT / "docs/scale.md").read_text(encoding="utf-8")
    for number in (
        f"{1000 * estimates.COPIED:g} ms an image, and 1 s for each {1e-6 / estimates.COPIED_BYTE:.0f} MB",
        f"{1000 * estimates.AUDITED:g} ms an image, and {1000 * estimates.AUDITED_MEGAPIXEL:g} ms a megapixel",
        f"{1000 * estimates.RECORDED_MEGAPIXEL:g} ms a megapixel read, {estimates.RECORDED_OUTPUT_MEGAPIXEL:g} s a",
        f"{estimates.TRAINED_MEGAPIXELS:g} megapixels a second, on both cores",
        f"{estimates.FEATURE_MEGAPIXELS:g} megapixels a second, on both cores",
        f"{estimates.FINETUNED_MEGAPIXELS:g} megapixels a second and epoch",
        f"{estimates.FIXED_SECONDS} s, and {estimates.FIXED_BYTES / 1e6:.0f} MB of disk",
        f"{estimates.FEATURE_BYTES / 1000:.1f} KB",
    ):
        assert number in text, number
