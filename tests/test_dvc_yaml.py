"""dvc.yaml held against the code: a stage depends on the code it can run and the parameters it reads, and no more."""

import re

import pytest
import yaml
from dvc.repo import Repo

from scenes.dataset.corrections import COLUMNS
from scenes.training import curves
from stages import code
from tests.code_facts import ROOT, modules, params_read

DVC_YAML = yaml.safe_load((ROOT / "dvc.yaml").read_text())
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text())


@pytest.fixture(scope="module")
def all_stages():
    """Every stage as DVC resolves it, by its name, such as train@baseline."""
    with Repo(ROOT) as repo:
        return {stage.addressing: stage for stage in repo.index.stages}


@pytest.fixture
def stages(all_stages):
    """Every stage but the first."""
    return {name: stage for name, stage in all_stages.items() if name != "code"}


def module_run(stage) -> str:
    (module,) = re.findall(r"^python -m (\S+)", stage.cmd)
    return module


def declared_params(stage) -> set[str]:
    return {param for dep in stage.deps if hasattr(dep, "params") for param in dep.params}


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


def test_the_first_stage_checks_params_and_writes_the_code_of_each_stage(all_stages, stages):
    first = all_stages["code"]
    assert first.cmd == ["python -m scenes.config.schema", "python -m stages.code"]
    assert {dep.def_path for dep in first.deps} == {"params.yaml", "scenes", "stages"}
    assert [out.def_path for out in first.outs] == ["code"]
    assert not first.outs[0].use_cache  # it is in git
    assert {module_run(stage) for stage in stages.values()} == {f"stages.{name}" for name in code.texts()}


def test_a_stage_depends_on_the_file_of_its_own_code_and_else_on_data(stages):
    for name, stage in stages.items():
        module = module_run(stage)
        assert module.startswith(f"stages.{name.split('@')[0]}"), name
        own, *data = sorted(dep.def_path for dep in stage.deps if not hasattr(dep, "params"))
        assert own == f"code/{module.removeprefix('stages.')}.txt", name
        assert {path.split("/")[0] for path in data} <= {"corrections", "data", "models", "plots", "presence"}, name


@pytest.mark.parametrize("name", sorted(code.texts()))
def test_a_stage_holds_itself_to_the_file_of_its_own_code(name):
    text = (ROOT / "stages" / f"{name}.py").read_text()
    assert text.endswith(
        f'\n    with checked_stage("{name}"):\n        main({"sys.argv[1]" * ("main(name" in text)})\n'
    )
    assert set(re.findall(r"code_digest\((.*?)\)", text)) <= {f'"{name}"'}


@pytest.mark.parametrize("name", sorted(code.texts()))
def test_the_code_of_a_stage_is_what_pythons_own_modulefinder_finds(name):
    """It reads the bytecode, where `scenes.provenance.code` reads the syntax."""
    names = {line.split("  ")[1] for line in code.texts()[name].splitlines()}
    templates = {path.relative_to(ROOT).as_posix() for path in (ROOT / "scenes").rglob("*.jinja")}
    assert len(templates) > 2
    assert names == modules(f"stages.{name}") | (templates if name == "report" else set())


# A linear model does not read these; it is trained by the same entry of dvc.yaml as a CNN, in seconds.
READ_BY_ONE_KIND = {
    "train": {"augmentation.flip", "precision", "seed", "xla", f"profiles.{PARAMS['profile']}.cnn"},
}


def test_params_are_exactly_those_read(stages):
    for name, stage in stages.items():
        module, _, key = stage.cmd.removeprefix("python -m ").partition(" ")
        read = {path.replace("${profile}", PARAMS["profile"]).replace("${key}", key) for path in params_read(module)}
        leaves_read = set().union(*map(under, read))
        # `models.<name>.kind` is part of the command, so DVC adds it to the params by itself.
        leaves_declared = set().union(*map(under, declared_params(stage)))
        optional = set().union(*map(under, READ_BY_ONE_KIND.get(name.split("@")[0], set())))
        assert leaves_read <= leaves_declared <= leaves_read | optional, name


def test_every_stage_says_what_it_does(all_stages):
    assert all(stage.desc for stage in all_stages.values())


def test_every_parameter_is_read_by_a_stage(stages):
    active = f"profiles.{PARAMS['profile']}."
    used = {leaf for stage in stages.values() for param in declared_params(stage) for leaf in under(param)}
    used |= {"feature_sets", f"{active}icon"}  # dvc.yaml reads the first, the app the icon
    every = {leaf for key in PARAMS for leaf in under(key)}
    assert {leaf for leaf in every if not leaf.startswith("profiles.") or leaf.startswith(active)} == used


def test_most_parameters_have_a_comment():
    """At one of their places: what a block of the first profile says holds for the others."""
    lines = (ROOT / "params.yaml").read_text().splitlines()
    values = [line for line in lines if re.match(r"^\s*\w[\w-]*: \S", line)]
    names = {line.split(":")[0].strip() for line in values}
    assert len({line.split(":")[0].strip() for line in values if "#" in line}) >= 0.7 * len(names)


def test_every_training_by_epochs_is_one_line_of_the_one_chart():
    (chart,) = DVC_YAML["plots"]
    ((name, definition),) = chart.items()
    cnns = [model for model, entry in PARAMS["models"].items() if entry["kind"] == "cnn"]
    tuned = [
        key
        for key in PARAMS["feature_sets"]
        if any(each["features"][key]["finetune"] for each in PARAMS["profiles"].values())
    ]
    files = [f"plots/{model}/training/curves.tsv" for model in cnns] + [
        f"plots/finetune/{key}/curves.tsv" for key in tuned
    ]
    assert set(definition["y"]) == set(files), name
    assert all(set(columns) <= set(curves.TABLES["curves"]) for columns in definition["y"].values())


def test_no_stage_names_a_model_or_a_feature_set():
    """Another one is an entry of params.yaml."""
    text = re.sub(r"#.*|desc: .*", "", (ROOT / "dvc.yaml").read_text().partition("artifacts:")[0])
    for name in (*PARAMS["models"], *PARAMS["feature_sets"]):
        assert not re.search(rf"(?<!data/)\b{name}\b", text), name


@pytest.mark.parametrize("stage", [f"{name}@baseline" for name in ("train", "evaluate")])
def test_what_looks_at_images_depends_on_no_backbone(stages, stage):
    paths = {dep.def_path for dep in stages[stage].deps}
    assert not any(path.startswith(("data/weights", "data/finetuned", "data/features")) for path in paths)
    assert not any("features" in param for param in declared_params(stages[stage]))


def test_only_the_headlines_are_metrics_and_these_stay_in_git(stages):
    """DVC shows every key of every metrics file in one table."""
    metrics = [out for stage in stages.values() for out in stage.outs if out.metric]
    assert {out.def_path for out in metrics} == {f"metrics/{name}.json" for name in PARAMS["models"]}
    assert not any(out.use_cache for out in metrics)


def test_each_profile_has_its_corrections_in_git():
    first_lines = {path.stem: path.read_text().partition("\n")[0] for path in (ROOT / "corrections").iterdir()}
    assert first_lines == dict.fromkeys(PARAMS["profiles"], ",".join(COLUMNS))
