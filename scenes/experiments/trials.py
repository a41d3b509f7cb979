"""The trials in trials.yaml, run as experiments, and the table of their results beside the published ones.

Each trial is a ``dvc exp run --temp`` with a name of its own. Experiments that exist are not run again, so an
interrupted round continues where it was.
"""

import json
import re
import statistics
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from scenes.common.errors import InputError
from scenes.common.files import atomic_write
from scenes.config.params import parse_yaml
from scenes.config.section import ModelName, Section
from scenes.experiments import entries, repository, runs
from scenes.experiments.settings import PARAMS, absolute_files, applied

FILE = Path("scenes/experiments/trials.yaml")
REPORT = Path("reports/trials.md")
PAGE = Path("docs/results.md")
BEGIN, END = "<!-- trials: written by `make trials` -->", "<!-- end of trials -->"
SHOWN = "intel"  # the profile whose table is in docs/results.md
PUBLISHED = "published accuracy"
COLUMNS = ("trial", "model", "seeds", "accuracy", "crossentropy", "epochs", PUBLISHED, "code")

HEAD = f"""# Trials

The trials of `{FILE}`, measured on the test images. In brackets: of one training, the 95 %
interval; of several seeds, the lowest and the highest after the mean. Published scores were measured by others. A model
on features has the epochs of its backbone's fine-tuning. `code` is the commit that the experiment derives from.
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
    kind, key = params["models"][trial.evaluate]["input"].partition("/")[::2]
    if kind == "features" and not params["profiles"][params["profile"]]["features"][key]["enabled"]:
        raise InputError(f"{FILE}: {trial.evaluate} learns from {kind}/{key}, which profile {params['profile']} lacks")
    files = absolute_files(params)
    return settings + files, applied(settings + files) if files else params


def run(names: list[str], settings: list[str], *, jobs: int, seeds: int) -> list[str]:
    """Run the trials that have no experiment yet, and return the names of the experiments that failed.

    Args:
        names: the trials; all of them if empty.
        settings: ``key=value``, for every trial.
        jobs: how many run at a time.
        seeds: how many seeds each trial is run with, from that in params.yaml on.

    Raises:
        InputError: one of them cannot run, found before any runs; see :func:`plan` and
            :func:`scenes.experiments.runs.exists`.
    """
    trials = load()
    if unknown := sorted(set(names) - set(trials)):
        raise InputError(f"{unknown[0]} is not a trial; {FILE} has {', '.join(trials)}")
    first = applied(settings)["seed"]
    endings = {f"-seed{seed}": [f"seed={seed}"] for seed in range(first, first + seeds)} if seeds > 1 else {"": []}
    repository.check()
    todo: list[tuple[str, str, list[str]]] = []
    for name in names or trials:
        for ending, seed in endings.items():
            trial_settings, params = plan(trials[name], settings + seed)
            experiment = f"{params['profile']}-{name}{ending}"
            if runs.exists(experiment, params):
                print(f"{experiment}: exists already")
            else:
                todo.append((experiment, f"evaluate@{trials[name].evaluate}", trial_settings))

    def fails(experiment: tuple[str, str, list[str]]) -> bool:
        try:
            runs.run(*experiment)
        except runs.Failed as error:
            print(error, file=sys.stderr)
            return True
        return False

    with ThreadPoolExecutor(jobs) as pool:
        return [name for (name, *_), failed in zip(todo, pool.map(fails, todo), strict=True) if failed]


def write_tables() -> None:
    """Write the table of each profile that has experiments into reports/trials.md, and one into docs/results.md."""
    text = report(REPORT.read_text(encoding="utf-8") if REPORT.exists() else "", tables())
    page = update_page(PAGE.read_text(encoding="utf-8"), text)
    with atomic_write(REPORT, PAGE) as (report_file, page_file):
        report_file.write_text(text, encoding="utf-8")
        page_file.write_text(page, encoding="utf-8")
    print(f"wrote {REPORT}")


def tables() -> dict[str, str]:
    """Return a Markdown table for each profile on which trials were run."""
    result: dict[str, str] = {}
    trials, revisions = load(), runs.revisions()
    for profile, block in parse_yaml(Path(PARAMS).read_text(encoding="utf-8"))["profiles"].items():
        found = {name: experiments(f"{profile}-{name}", revisions) for name in trials}
        rows = [row(trials[name], commits) for name, commits in found.items() if commits]
        if rows:
            # What others published is of their data.
            columns = [column for column in COLUMNS if block["published"] or column != PUBLISHED]
            title = f"On profile {profile}, {rows[0]['images']} test images:"
            lines = [f"| {' | '.join(columns)} |", f"{'|---' * len(columns)}|"]
            lines += [f"| {' | '.join(cells[column] for column in columns)} |" for cells in rows]
            result[profile] = "\n".join([title, "", *lines])
    return result


def experiments(title: str, revisions: dict[str, tuple[str, str]]) -> list[tuple[str, str]]:
    """Return commit and base commit of the experiments ``<title>-seed<seed>``, or of ``title`` if there are none.

    Args:
        title: profile and trial.
        revisions: see :func:`scenes.experiments.runs.revisions`.
    """
    seeds = sorted(int(match[1]) for name in revisions if (match := re.fullmatch(rf"{title}-seed(\d+)", name)))
    names = [f"{title}-seed{seed}" for seed in seeds] or [title]
    return [revisions[name] for name in names if name in revisions]


def row(trial: Trial, commits: list[tuple[str, str]]) -> dict[str, str]:
    """Return a line of the table, by ``COLUMNS``, and the number of test ``images``.

    Args:
        trial: the trial.
        commits: pairs of commits: that of an experiment, and the one that it was started from.
    """
    scores = [json.loads(runs.read(commit, f"data/scores/{trial.evaluate}.json")) for commit, _ in commits]
    name, curves = _model(trial.evaluate, parse_yaml(runs.read(commits[0][0], PARAMS)))
    epochs = [len(runs.read(commit, curves).splitlines()) - 1 for commit, _ in commits]
    accuracy, crossentropy = (_spread([score[key] for score in scores]) for key in ("accuracy", "crossentropy"))
    if len(scores) == 1:
        interval = scores[0]["accuracy_interval"]
        accuracy = f"{scores[0]['accuracy']:.3f} [{interval['low']:.3f}, {interval['high']:.3f}]"
        crossentropy = f"{scores[0]['crossentropy']:.3f}"
    return {
        "trial": trial.title,
        "model": name,
        "seeds": str(len(scores)),
        "accuracy": accuracy,
        "crossentropy": crossentropy,
        "epochs": " to ".join(str(number) for number in sorted({min(epochs), max(epochs)})),
        PUBLISHED: trial.published,
        "code": ", ".join(sorted({f"`{baseline[:7]}`" for _, baseline in commits})),
        "images": f"{scores[0]['count']:,}",
    }


def _model(name: str, params: dict[str, Any]) -> tuple[str, str]:
    """Return what the table calls a model, and the file with the epochs of its network."""
    model = params["models"][name]
    if model["kind"] == "cnn":
        return name, f"plots/{name}/training/curves.tsv"
    key = model["input"].removeprefix("features/")
    features = params["profiles"][params["profile"]]["features"][key]
    weights = ", random weights" if features["weights"] == "random" else ""
    return f"{features['backbone']} at {features['image_size']} px{weights}", f"plots/finetune/{key}/curves.tsv"


def _spread(values: list[float]) -> str:
    return f"{statistics.mean(values):.3f} [{min(values):.3f}, {max(values):.3f}]"


def report(text: str, tables: dict[str, str]) -> str:
    """Return the ``text`` of reports/trials.md with the tables of some profiles replaced; the others stay."""
    parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)[1:]
    sections = dict(zip(parts[::2], (part.strip() for part in parts[1::2]), strict=True)) | tables
    return HEAD + "".join(f"\n## {profile}\n\n{table}\n" for profile, table in sorted(sections.items()))


def table_for_page(text: str) -> str:
    """Return the table in the ``text`` of reports/trials.md that docs/results.md shows; '' if it has none."""
    match = re.search(rf"^## {SHOWN}\n\n(.+?)(?=^## |\Z)", text, flags=re.MULTILINE | re.DOTALL)
    return match[1].strip() + "\n" if match else ""


def update_page(page: str, text: str) -> str:
    """Return ``page`` with the table between its two marks replaced by that in the ``text`` of reports/trials.md."""
    head, rest = page.split(BEGIN)
    _, tail = rest.split(END)
    return f"{head}{BEGIN}\n{table_for_page(text)}{END}{tail}"
