"""The trials in trials.yaml, run as experiments, and the table of their results beside the published ones.

Each trial is a ``dvc exp run --temp`` with a name of its own. Experiments that exist are not run again, so an
interrupted round continues where it was.
"""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from scenes.common.errors import InputError
from scenes.common.files import atomic_write
from scenes.config.params import parse_yaml
from scenes.config.section import ModelName, Section
from scenes.experiments import entries, runs
from scenes.experiments.settings import PARAMS, absolute_files, applied

FILE = Path("scenes/experiments/trials.yaml")
REPORT = Path("reports/trials.md")
README = Path("README.md")
BEGIN, END = "<!-- trials: written by `make trials` -->", "<!-- end of trials -->"
SHOWN = "intel"  # the profile whose table is in README.md
PUBLISHED = "published accuracy"
COLUMNS = ("trial", "model", "accuracy [95 %]", "crossentropy", "epochs", PUBLISHED, "code")

HEAD = f"""# Trials

The trials of `{FILE}`, measured on the test images. Published scores were measured by others. Where
the number of epochs is a sum, its first part is the backbone's. `code` is the commit that the experiment derives from.
"""


class Trial(Section):
    """An entry of trials.yaml."""

    title: str
    published: str
    evaluate: ModelName
    set: list[str]

    def settings(self, profile: str) -> list[str]:
        """Return its settings on a profile."""
        return [setting.replace("{profile}", profile) for setting in self.set]


def load(path: str | Path = FILE) -> dict[str, Trial]:
    """Return the trials by name.

    Raises:
        InputError: see :func:`scenes.experiments.entries.load`.
    """
    return entries.load(path, TypeAdapter(dict[ModelName, Trial]))


def plan(trial: Trial, settings: list[str]) -> tuple[list[str], dict[str, Any]]:
    """Return the settings of an experiment with one trial, and the parameters that they give.

    Args:
        trial: its settings come after ``settings``.
        settings: ``key=value``, for every trial.

    Raises:
        InputError: see :func:`scenes.experiments.settings.applied`; or the trial's model is not in params.yaml.
    """
    settings = settings + trial.settings(applied(settings)["profile"])
    params = applied(settings)
    if trial.evaluate not in params["models"]:
        raise InputError(f"{FILE}: `evaluate`: {trial.evaluate!r} is not one of {', '.join(params['models'])}")
    settings += absolute_files(params)
    return settings, applied(settings)


def run(names: list[str], settings: list[str], jobs: int) -> list[str]:
    """Run the trials that have no experiment yet, and return the names of the experiments that failed.

    Args:
        names: the trials; all of them if empty.
        settings: ``key=value``, for every trial.
        jobs: how many run at a time.

    Raises:
        InputError: one of them cannot run, found before any runs; see :func:`plan` and
            :func:`scenes.experiments.runs.exists`.
    """
    trials = load()
    if unknown := sorted(set(names) - set(trials)):
        raise InputError(f"{unknown[0]} is not a trial; {FILE} has {', '.join(trials)}")
    todo: list[tuple[str, str, list[str]]] = []
    for name in names or trials:
        trial_settings, params = plan(trials[name], settings)
        experiment = f"{params['profile']}-{name}"
        if runs.exists(experiment, params):
            print(f"{experiment}: exists already")
        else:
            todo.append((experiment, f"evaluate@{trials[name].evaluate}", trial_settings))

    def fails(experiment: tuple[str, str, list[str]]) -> bool:
        try:
            runs.run(*experiment)
        except runs.Failed:
            return True
        return False

    with ThreadPoolExecutor(jobs) as pool:
        return [name for (name, *_), failed in zip(todo, pool.map(fails, todo), strict=True) if failed]


def write_tables() -> None:
    """Write the table of each profile that has experiments into reports/trials.md, and one into README.md."""
    text = report(REPORT.read_text(encoding="utf-8") if REPORT.exists() else "", tables())
    readme = update_readme(README.read_text(encoding="utf-8"), text)
    with atomic_write(REPORT, README) as (report_file, readme_file):
        report_file.write_text(text, encoding="utf-8")
        readme_file.write_text(readme, encoding="utf-8")
    print(f"wrote {REPORT}")


def tables() -> dict[str, str]:
    """Return a Markdown table for each profile on which trials were run."""
    result: dict[str, str] = {}
    trials, revisions = load(), runs.revisions()
    for profile, block in parse_yaml(Path(PARAMS).read_text(encoding="utf-8"))["profiles"].items():
        experiments = [
            (trial, *revisions[f"{profile}-{name}"])
            for name, trial in trials.items()
            if f"{profile}-{name}" in revisions
        ]
        if experiments:
            trial, commit, _ = experiments[0]
            title = f"On profile {profile}, {_scores(trial, commit)['count']:,} test images:"
            # What others published is of their data.
            columns = [column for column in COLUMNS if block["published"] or column != PUBLISHED]
            head = ["", f"| {' | '.join(columns)} |", f"{'|---' * len(columns)}|"]
            rows = [f"| {' | '.join(row(*entry)[column] for column in columns)} |" for entry in experiments]
            result[profile] = "\n".join([title, *head, *rows])
    return result


def row(trial: Trial, commit: str, baseline: str) -> dict[str, str]:
    """Return a line of the table, by ``COLUMNS``.

    Args:
        trial: the trial.
        commit: its experiment.
        baseline: the commit that the experiment derives from.
    """
    params, scores = parse_yaml(runs.read(commit, PARAMS)), _scores(trial, commit)
    model, profile = params["models"][trial.evaluate], params["profiles"][params["profile"]]
    name, epochs = trial.evaluate, str(_epochs(commit, trial.evaluate))
    if model["input"] == "features":
        weights = {"random": ", random weights", "imagenet": ""}.get(profile["weights"], "")
        name = f"{profile['backbone']} at {profile['backbone_image_size']} px{weights}"
        if profile["finetune"]["epochs"]:
            epochs = f"{_epochs(commit, 'finetune')} + {epochs}"
    interval = scores["accuracy_interval"]
    cells = (
        trial.title,
        name,
        f"{scores['accuracy']:.3f} [{interval['low']:.3f}, {interval['high']:.3f}]",
        f"{scores['crossentropy']:.3f}",
        epochs,
        trial.published,
        f"`{baseline[:7]}`",
    )
    return dict(zip(COLUMNS, cells, strict=True))


def _scores(trial: Trial, commit: str) -> dict[str, Any]:
    return json.loads(runs.read(commit, f"metrics/{trial.evaluate}.json"))


def _epochs(commit: str, folder: str) -> int:
    return len(runs.read(commit, f"plots/{folder}/training/curves.tsv").splitlines()) - 1


def report(text: str, tables: dict[str, str]) -> str:
    """Return the ``text`` of reports/trials.md with the tables of some profiles replaced; the others stay."""
    parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)[1:]
    sections = dict(zip(parts[::2], (part.strip() for part in parts[1::2]), strict=True)) | tables
    return HEAD + "".join(f"\n## {profile}\n\n{table}\n" for profile, table in sorted(sections.items()))


def table_for_readme(text: str) -> str:
    """Return the table in the ``text`` of reports/trials.md that README.md shows; '' if it has none."""
    match = re.search(rf"^## {SHOWN}\n\n(.+?)(?=^## |\Z)", text, flags=re.MULTILINE | re.DOTALL)
    return match[1].strip() + "\n" if match else ""


def update_readme(readme: str, text: str) -> str:
    """Return ``readme`` with the table between its two marks replaced by that in the ``text`` of reports/trials.md."""
    head, rest = readme.split(BEGIN)
    _, tail = rest.split(END)
    return f"{head}{BEGIN}\n{table_for_readme(text)}{END}{tail}"
