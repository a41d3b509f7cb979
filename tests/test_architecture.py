"""The packages of the library import in one direction only, and nothing imports a stage."""

import ast
import graphlib
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# From the ground up: a package imports from those on lines above its own, and within its line from none but itself.
ORDER = [
    ["common"],
    ["process"],
    ["executors"],
    ["download", "provenance"],
    ["archive"],
    ["layout"],
    ["images", "synthetic"],
    ["duplicates"],
    ["audit"],
    ["dataset"],
    ["backbones"],
    ["models"],
    ["config", "training", "evaluation"],
    ["plots", "export"],
    ["serving", "report"],
    ["experiments"],
    ["commands"],
    ["own"],
]
LINE = {package: number for number, packages in enumerate(ORDER) for package in packages}


def imported(file: Path) -> set[str]:
    """Return the dotted names that a file imports, also inside functions."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    return names


def modules() -> dict[str, Path]:
    files = (ROOT / "scenes").rglob("*.py")
    return {".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file for file in files}


def package(module: str) -> str:
    top, name, *_ = [*module.split("."), "", ""]
    return name if top == "scenes" and name in LINE else ""


def test_the_order_names_every_package():
    folders = {path.parent.name for path in (ROOT / "scenes").glob("*/__init__.py")}
    assert set(LINE) == folders


def test_packages_import_in_one_direction():
    wrong = []
    for module, file in modules().items():
        for name in imported(file):
            one, other = package(module), package(name)
            if one and other and one != other and LINE[other] >= LINE[one]:
                wrong.append(f"{module} imports {name}")
    assert wrong == []


def test_no_two_modules_import_each_other():
    graph = defaultdict(set)
    files = modules()
    for module, file in files.items():
        graph[module] |= {name for name in imported(file) if name in files and name != module}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(f"a circle: {' -> '.join(error.args[1])}")


def test_nothing_imports_a_stage():
    files = [file for top in ("scenes", "app", "stages") for file in (ROOT / top).rglob("*.py")]
    stages = {f"stages.{path.stem}" for path in (ROOT / "stages").glob("*.py")}
    assert [file for file in files if imported(file) & stages] == []


def test_only_the_front_knows_params_yaml():
    """Functions of the library take values and paths; params.yaml is read by stages, commands and the app."""
    free = {"config", "commands", "experiments", "own"}
    naming = set()
    for module, file in modules().items():
        if package(module) not in free and imported(file) & {"scenes.config.params", "scenes.config.schema"}:
            naming.add(module)
    assert naming == set()


def test_a_stage_has_60_lines_at_most():
    lines = {path.name: len(path.read_bytes().splitlines()) for path in (ROOT / "stages").glob("*.py")}
    assert {name: count for name, count in lines.items() if count > 60} == {}
