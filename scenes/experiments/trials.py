"""The trials in trials.yaml, run as experiments and set beside what their authors report.

    make trials                         # or: python -m scenes trials
    python -m scenes trials --table     # writes the table alone

One after another, each a ``dvc exp run --temp`` of its own name. What is there already is not run again, so an
interrupted round goes on where it was. The table in reports/trials.md is read from the experiments.
"""

import argparse
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from scenes.common.errors import InputError, exit_on_input_error
from scenes.common.files import atomic_write
from scenes.config.params import parse_yaml
from scenes.config.section import ModelName, Section
from scenes.experiments import entries as experiments_entries
from scenes.experiments import runs
from scenes.experiments.settings import absolute_files, applied

FILE = Path("experiments/trials.yaml")
REPORT = Path("reports/trials.md")
README = Path("README.md")
BEGIN, END = "<!-- trials: written by `make trials` -->", "<!-- end of trials -->"
SHOWN = "intel"  # the profile whose table stands in README.md
COLUMNS = ("trial", "model", "accuracy [95 %]", "crossentropy", "epochs", "published accuracy", "code")

HEAD = """# Trials

The trials of `experiments/trials.yaml`, measured on the test images. What is published was measured on the full Kaggle
archive by others. Where an epoch count is a sum, its first part is the backbone's; `code` is the commit that the
experiment derives from.
"""


class Trial(Section):
    """An entry of trials.yaml."""

    stands_for: str
    published: str
    evaluate: ModelName
    set: list[str]

    def settings(self, profile: str) -> list[str]:
        """Return what to run it with."""
        return [setting.replace("{profile}", profile) for setting in self.set]


def load(path: str | Path = FILE) -> dict[str, Trial]:
    """Return the trials by name.

    Raises:
        InputError: the file is not as its head says.
    """
    return experiments_entries.load(path, Trial)


def plan(trial: Trial, given: list[str]) -> tuple[list[str], dict]:
    """Return the settings for one trial, and the parameters that they make.

    Args:
        given: settings for every trial; a trial's own come after them.

    Raises:
        InputError: see :func:`scenes.experiments.settings.applied`; or the trial's model is no model.
    """
    settings = given + trial.settings(applied(given)["profile"])
    params = applied(settings)
    if trial.evaluate not in params["models"]:
        raise InputError(f"{FILE}: `evaluate`: {trial.evaluate!r} is not one of {', '.join(params['models'])}")
    files = absolute_files(params)
    return settings + files, applied(settings + files)


def run(names: list[str], given: list[str], jobs: int) -> list[str]:
    """Run the trials that are not there yet, and return the names of those that failed.

    Raises:
        InputError: before any runs, if one could not; see :func:`plan` and :func:`scenes.experiments.runs.exists`.
    """
    trials = load()
    if unknown := sorted(set(names) - set(trials)):
        raise InputError(f"{unknown[0]} is not a trial; {FILE} has {', '.join(trials)}")
    todo = []
    for name in names or trials:
        settings, params = plan(trials[name], given)
        experiment = f"{params['profile']}-{name}"
        if runs.exists(experiment, params):
            print(f"{experiment}: is there already")
        else:
            todo.append((experiment, f"evaluate@{trials[name].evaluate}", settings))

    def failed(entry) -> bool:
        try:
            runs.run(*entry)
        except runs.Failed:
            return True
        return False

    with ThreadPoolExecutor(jobs) as pool:
        return [entry[0] for entry, bad in zip(todo, pool.map(failed, todo), strict=True) if bad]


def row(trial: Trial, commit: str, baseline: str) -> str:
    """Return a line of the table, read from an experiment."""
    params = parse_yaml(runs.read(commit, "params.yaml"))
    scores = json.loads(runs.read(commit, f"metrics/{trial.evaluate}.json"))
    model, profile = params["models"][trial.evaluate], params["profiles"][params["profile"]]
    name, epochs = trial.evaluate, str(_epochs(commit, trial.evaluate))
    if model["input"] == "features":
        weights = {"random": ", random weights", "imagenet": ""}.get(profile["weights"], "")
        name = f"{profile['backbone']} at {profile['backbone_image_size']} px{weights}"
        if profile["finetune"]["epochs"]:
            epochs = f"{_epochs(commit, 'finetune')} + {epochs}"
    interval = scores["accuracy_interval"]
    cells = (
        trial.stands_for,
        name,
        f"{scores['accuracy']:.3f} [{interval['low']:.3f}, {interval['high']:.3f}]",
        f"{scores['crossentropy']:.3f}",
        epochs,
        trial.published,
        f"`{baseline[:7]}`",
    )
    return f"| {' | '.join(cells)} |"


def _epochs(commit: str, folder: str) -> int:
    return len(runs.read(commit, f"plots/{folder}/training/curves.tsv").splitlines()) - 1


def tables() -> dict[str, str]:
    """Return a table for each profile that has any of the trials, as Markdown."""
    found, trials = {}, load()
    revisions = runs.revisions()
    profiles = parse_yaml(Path("params.yaml").read_text(encoding="utf-8"))["profiles"]
    for profile in profiles:
        entries = [(trial, revisions.get(f"{profile}-{name}")) for name, trial in trials.items()]
        if rows := [row(trial, *revision) for trial, revision in entries if revision]:
            count = next(_test_images(trial, revision[0]) for trial, revision in entries if revision)
            head = (
                f"On profile {profile}, {count:,} test images:\n\n| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|"
            )
            found[profile] = "\n".join((head, *rows))
    return found


def _test_images(trial: Trial, commit: str) -> int:
    return json.loads(runs.read(commit, f"metrics/{trial.evaluate}.json"))["count"]


def report(text: str, tables: dict[str, str]) -> str:
    """Return reports/trials.md with the tables of some profiles renewed; the others stay as they are."""
    parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)[1:]
    sections = dict(zip(parts[::2], (part.strip() for part in parts[1::2]), strict=True)) | tables
    return HEAD + "".join(f"\n## {profile}\n\n{table}\n" for profile, table in sorted(sections.items()))


def shown(text: str) -> str:
    """Return the table of reports/trials.md that README.md shows, if it is there."""
    found = re.search(rf"^## {SHOWN}\n\n(.+?)(?=^## |\Z)", text, flags=re.MULTILINE | re.DOTALL)
    return found[1].strip() + "\n" if found else ""


def rendered(readme: str, text: str) -> str:
    """Return ``readme`` with the table between its two marks renewed from the ``text`` of reports/trials.md."""
    head, rest = readme.split(BEGIN)
    _, tail = rest.split(END)
    return f"{head}{BEGIN}\n{shown(text)}{END}{tail}"


def write() -> None:
    """Write the table of every profile that has experiments into reports/trials.md, and one into README.md."""
    text = report(REPORT.read_text(encoding="utf-8") if REPORT.exists() else "", tables())
    readme = rendered(README.read_text(encoding="utf-8"), text)
    with atomic_write(REPORT, README) as (report_file, readme_file):
        report_file.write_text(text, encoding="utf-8")
        readme_file.write_text(readme, encoding="utf-8")
    print(f"wrote {REPORT}")


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="scenes trials", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="trial", help="those to run; none: all")
    parser.add_argument("-S", dest="settings", action="append", default=[], metavar="key=value", help="for every trial")
    parser.add_argument("--jobs", type=int, default=1, help="so many at a time; each trains on params.yaml's threads")
    parser.add_argument("--table", action="store_true", help="run nothing, write the table")
    arguments = parser.parse_args(argv)
    failed = [] if arguments.table else run(arguments.names, arguments.settings, arguments.jobs)
    write()
    if failed:
        raise InputError(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    with exit_on_input_error():
        main()
