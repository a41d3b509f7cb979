"""The report as a reader gets it: the page taken apart, and the tables of its Markdown."""

import re
from html.parser import HTMLParser
from pathlib import Path

from scenes.report import context, render
from tests.helpers import reported

VOID = {"meta", "img", "br", "hr", "link", "input"}


class Page(HTMLParser):
    """What a page consists of: ``tags`` (name, attributes), ``text``, and whether each tag is closed in its place."""

    def __init__(self, source: str):
        super().__init__()
        self.tags, self.text, self.open = [], "", []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def all(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.tags if name == tag]

    def ids(self) -> list[str]:
        return [attributes["id"] for _, attributes in self.tags if "id" in attributes]


def facts(folder: Path, **changes) -> dict:
    """The context of what ``reported.folder`` wrote, with settings changed."""
    return context.context(reported.paths(folder), **reported.settings(**changes))


def rendered(folder: Path, **changes) -> tuple[str, str]:
    """The page and the Markdown of what ``reported.folder`` wrote, with settings changed."""
    found = facts(folder, **changes)
    return render.html(found), render.markdown(found)


def tables(markdown: str) -> list[list[str]]:
    """The lines of each table."""
    blocks = re.split(r"\n{2,}", markdown)
    return [block.splitlines() for block in blocks if block.startswith("|")]
