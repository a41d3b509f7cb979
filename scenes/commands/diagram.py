"""``scenes diagram``: draw the stages of dvc.yaml as a Mermaid diagram, in README.md and docs/pipeline.md.

    make docs

A stage that runs for each model or feature set is one node. An arrow that others imply is left out.
"""

import argparse
from collections.abc import Collection
from pathlib import Path

from scenes.common.errors import InputError
from scenes.common.files import atomic_write

PAGES = (Path("README.md"), Path("docs/pipeline.md"))
BEGIN, END = "<!-- pipeline: written by `make docs` -->", "<!-- end of pipeline -->"
GROUPS = {
    "Data": ("code", "download", "audit", "split", "records"),
    "Features": ("weights", "finetune", "features"),
    "Models": ("train",),
    "Judgement": ("evaluate", "compare", "label_issues"),
    "Delivery": ("select", "export", "predict", "report"),
}


def main(argv: list[str] | None = None) -> int:
    """Return the exit status."""
    description = f"Draw the stages of dvc.yaml in {' and '.join(map(str, PAGES))}."
    argparse.ArgumentParser(prog="scenes diagram", description=description).parse_args(argv)
    text = diagram(*pipeline())
    for path in PAGES:
        page = replaced(path.read_text(encoding="utf-8"), text)
        with atomic_write(path) as file:
            file.write_text(page, encoding="utf-8")
    return 0


def pipeline() -> tuple[list[str], list[tuple[str, str]]]:
    """Return the stages of dvc.yaml in the current folder, and pairs of a stage and one that depends on it."""
    from dvc.repo import Repo

    with Repo() as repo:
        graph = repo.index.graph
        return [stage.name for stage in graph], [(before.name, after.name) for after, before in graph.edges]


def diagram(stages: Collection[str], edges: Collection[tuple[str, str]]) -> str:
    """Return a Mermaid flowchart.

    Args:
        stages: their names, such as ``audit`` or ``train@baseline``.
        edges: pairs of names: a stage, and one that depends on it.

    Raises:
        InputError: a stage is in none of ``GROUPS``.
    """
    import networkx as nx  # DVC's own library for graphs

    each = {base for base, at, _ in (name.partition("@") for name in stages) if at}
    after: dict[str, set[str]] = {name.partition("@")[0]: set() for name in stages}
    if missing := sorted(set(after) - {name for names in GROUPS.values() for name in names}):
        raise InputError(f"dvc.yaml: stage {missing[0]} is in no group of the diagram; add it to {__name__}.GROUPS")
    for first, second in nx.transitive_reduction(nx.DiGraph(edges)).edges:
        after[first.partition("@")[0]].add(second.partition("@")[0])
    lines = ["flowchart TB"]
    for group, names in GROUPS.items():
        nodes = [f"{name}[[{name}]]" if name in each else name for name in names if name in after]
        lines.append(f"  subgraph {group}; {'; '.join(nodes)}; end")
    for names in GROUPS.values():
        arrows = [f"{name} --> {' & '.join(sorted(after[name]))}" for name in names if after.get(name)]
        lines.append(f"  {'; '.join(arrows)}")
    return "\n".join(lines)


def replaced(page: str, text: str) -> str:
    """Return ``page`` with the diagram between its two markers replaced."""
    head, rest = page.split(BEGIN)
    _, tail = rest.split(END)
    return f"{head}{BEGIN}\n```mermaid\n{text}\n```\n{END}{tail}"
