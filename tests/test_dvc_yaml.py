"""dvc.yaml held against the code: every import is a dependency, every parameter read is declared, and no more."""

import re
from pathlib import PurePosixPath

import pytest
import yaml
from dvc.repo import Repo

from scenes.training import curves
from tests.code_facts import ROOT, module_files, params_read, template_files

DVC_YAML = yaml.safe_load((ROOT / "dvc.yaml").read_text())
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text())


@pytest.fixture(scope="module")
def stages():
    """Every stage as DVC resolves it, by its name, such as train@baseline."""
    with Repo(ROOT) as repo:
        return {stage.addressing: stage for stage in repo.index.stages}


def modules_run(stage) -> list[str]:
    return [match for line in stage.cmd for match in re.findall(r"^python -m (\S+)", line)]


def code_deps(stage) -> set[str]:
    return {dep.def_path for dep in stage.deps if dep.def_path and dep.def_path.endswith((".py", ".jinja"))}


def leaves(tree, prefix: str) -> set[str]:
    if not isinstance(tree, dict):
        return {prefix}
    return set().union(*(leaves(value, f"{prefix}.{key}") for key, value in tree.items()))


def under(path: str) -> set[str]:
    """The leaves of params.yaml at or below a dotted path."""
    tree = PARAMS
    for part in path.split("."):
        tree = tree[part]
    return leaves(tree, path)


def test_every_stage_checks_params_first_and_then_runs_its_own_module(stages):
    for name, stage in stages.items():
        first, second = modules_run(stage)
        assert first == "scenes.config.schema", name
        assert second.startswith(f"stages.{name.split('@')[0]}"), name


def test_deps_are_exactly_the_project_modules_imported_and_the_templates_rendered(stages):
    for name, stage in stages.items():
        module = modules_run(stage)[1]
        assert code_deps(stage) == module_files(module) | template_files(module), name


def test_every_template_is_a_dependency(stages):
    templates = {path.relative_to(ROOT).as_posix() for path in (ROOT / "scenes/report/templates").iterdir()}
    assert templates <= set().union(*map(code_deps, stages.values()))


def test_params_are_exactly_those_read(stages):
    for name, stage in stages.items():
        module, *arguments = stage.cmd[1].removeprefix("python -m ").split()
        key = arguments[0] if arguments else ""
        read = {path.replace("${profile}", PARAMS["profile"]).replace("${key}", key) for path in params_read(module)}
        declared = {param for dep in stage.deps if hasattr(dep, "params") for param in dep.params}
        # `models.<name>.kind` stands in the command, so DVC adds it to the params by itself.
        declared = {path for path in declared if path not in ("profile",)}
        leaves_read = set().union(*map(under, read))
        leaves_declared = set().union(*map(under, declared)) if declared else set()
        assert leaves_declared == leaves_read, name


def test_no_dependency_is_a_folder_of_code(stages):
    for name, stage in stages.items():
        for dep in stage.deps:
            top = PurePosixPath(dep.def_path or "params.yaml").parts[0]
            data = top in {"data", "metrics", "models", "params.yaml", "plots"}
            assert data or dep.def_path.endswith((".py", ".jinja")), name


def test_every_stage_says_what_it_does(stages):
    assert all(stage.desc for stage in stages.values())


def test_every_parameter_is_read_by_a_stage(stages):
    declared = {
        param for stage in stages.values() for dep in stage.deps if hasattr(dep, "params") for param in dep.params
    }
    used = set().union(*map(under, declared)) | {"profile"}
    active = f"profiles.{PARAMS['profile']}."
    every = {leaf for key in PARAMS for leaf in under(key)}
    assert {leaf for leaf in every if not leaf.startswith("profiles.") or leaf.startswith(active)} == used


def test_every_parameter_has_a_reason_beside_it_or_a_name_that_says_it_all():
    """Each top-level block and each leaf that is not obvious carries a comment: most of them do."""
    lines = (ROOT / "params.yaml").read_text().splitlines()
    values = [line for line in lines if re.match(r"^\s*\w[\w-]*: \S", line)]
    assert sum("#" in line for line in values) >= 0.6 * len(values)


def test_every_model_is_one_line_of_the_one_chart():
    (chart,) = DVC_YAML["plots"]
    ((name, definition),) = chart.items()
    files = {f"plots/{model}/training/curves.tsv": list(curves.TABLES["curves"]) for model in PARAMS["models"]}
    assert definition["y"] == files, name
    lines = (ROOT / "dvc.yaml").read_text().splitlines()
    for model in PARAMS["models"]:
        assert sum(re.search(rf"\b{model}\b", line) is not None for line in lines) == 1, model


def test_metrics_stay_in_git(stages):
    metrics = [out for stage in stages.values() for out in stage.outs if out.metric]
    assert metrics
    assert not any(out.use_cache for out in metrics)
