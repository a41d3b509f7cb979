"""The tables of results in README.md and docs/results.md, generated from files of scores.

    make results      # or: python benchmarks/results.py
    python benchmarks/results.py --seed      # on profile intel: keep the scores of this run as those of one more seed

README.md has the headlines of the demo, from metrics/ as committed, and of the real subset. docs/results.md has all
scores of the real subset, from benchmarks/intel-subset/. If params.yaml has the profile intel, `make results` copies
data/scores/ there instead of writing the tables; with any other profile than demo it refuses. The scores of other seeds
are in benchmarks/intel-subset/seed<n>/; their table has mean and range.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from scenes.config.params import parse_yaml  # noqa: E402
from scenes.evaluation.metrics import headlines  # noqa: E402
from scenes.report.models import kind_in_words  # noqa: E402

SUBSET = ROOT / "benchmarks" / "intel-subset"
MODELS = ("baseline", "transfer", "finetuned")
COPIED = ("label_issues",)
KINDS = "kinds.json"  # what each model was in the run on the real subset, in words
REAL, DEMO = "real subset, test 3,000", "demo (drawn), test 240"


def read(file: Path) -> dict:
    return json.loads(file.read_text(encoding="utf-8"))


def read_params() -> dict:
    return parse_yaml((ROOT / "params.yaml").read_text(encoding="utf-8"))


def kinds(params: dict) -> dict[str, str]:
    """Return what each model is in the selected profile, in words."""
    features = params["profiles"][params["profile"]]["features"]
    return {name: kind_in_words(params["models"][name], features) for name in MODELS}


def trained(folder: Path) -> Iterator[tuple[str, dict]]:
    """Yield model and scores, of the models that were trained."""
    for name in MODELS:
        file = folder / f"{name}.json"
        if scores := read(file) if file.is_file() else {}:
            yield name, scores


def summary() -> str:
    """Return the table of headlines, of the real subset and the demo, as Markdown."""
    real = {name: headlines(scores) for name, scores in trained(SUBSET)}
    demo, demo_kinds = dict(trained(ROOT / "metrics")), kinds(read_params() | {"profile": "demo"})
    rows = [["data", "model", "val accuracy", "val crossentropy", "test accuracy", "95 % interval"]]
    for data, models, words in ((REAL, real, read(SUBSET / KINDS)), (DEMO, demo, demo_kinds)):
        for name, found in models.items():
            accuracies = [f"{found[key]:.3f}" for key in ("val_accuracy", "val_crossentropy", "test_accuracy")]
            interval = f"{found['test_accuracy_low']:.3f} to {found['test_accuracy_high']:.3f}"
            rows.append([data, f"{name}: {words[name]}", *accuracies, interval])
    return markdown(rows)


def seeds(model: str) -> list[dict]:
    """Return the scores of a model on the real subset, a seed each."""
    return [read(file) for file in sorted(SUBSET.glob(f"seed*/{model}.json"))]


def mean_and_range(values: list[float]) -> str:
    """Return e.g. '0.934 (0.931 to 0.938)'."""
    return f"{sum(values) / len(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def worst_recall(scores: dict) -> float:
    """Return the lowest recall of a class; older metrics do not have it as a number of its own."""
    return min(entry["recall"] for entry in scores["per_class"].values() if entry["support"])


def three_decimals(value: float | None) -> str:
    """Return a score, or nothing for one that older files of scores do not have."""
    return "" if value is None else f"{value:.3f}"


def main_columns(scores: dict) -> dict[str, str]:
    """Return the columns of the table of all scores, by name, for one model."""
    interval, calibration = scores["accuracy_interval"], scores["calibration"]
    confused = sorted(scores["most_confused_pairs"].items(), key=lambda item: -item[1]["errors"])
    return {
        "accuracy": f"**{scores['accuracy']:.3f}** [{interval['low']:.3f}, {interval['high']:.3f}]",
        "clean": f"{scores['clean']['accuracy']:.3f}",
        "val": f"{scores['val']['accuracy']:.3f}",
        "balanced": f"{scores['balanced_accuracy']:.3f}",
        "worst class": f"{worst_recall(scores):.3f}",
        "crossentropy": f"{scores['crossentropy']:.3f}",
        "top-2": f"{scores['top2_accuracy']:.3f}",
        "macro F1": f"{scores['macro_f1']:.3f}",
        "ECE": f"{calibration['ece']:.3f}",
        "ECE, scaled": f"{calibration['temperature_scaled']['ece']:.3f}",
        "ECE, perfect": three_decimals(calibration["temperature_scaled"].get("ece_floor")),
        "most confused pairs (errors)": ", ".join(f"{pair} ({entry['errors']})" for pair, entry in confused),
    }


def presence_columns(presence: dict) -> dict[str, str]:
    """Return the columns of the table on what photos contain, by name, for one model."""
    return {
        "mAP": f"{presence['mean_average_precision']:.3f}",
        "mAP, softmax": f"{presence['softmax_mean_average_precision']:.3f}",
        "F1": f"{presence['macro_f1']:.3f}",
        **{f"F1, {name}": f"{entry['f1']:.3f}" for name, entry in presence["per_class"].items()},
    }


def markdown(rows: list[list[str]]) -> str:
    """Return a table; the first row is its header."""
    head, *body = ["| " + " | ".join(row).rstrip() + " |" for row in rows]
    return "\n".join((head, "|" + "---|" * len(rows[0]), *body))


def seed_columns(runs: list[dict]) -> dict[str, str]:
    """Return the columns about several seeds, by name, for one model."""
    accuracies, losses = ([scores[key] for scores in runs] for key in ("accuracy", "crossentropy"))
    return {
        "seeds": str(len(runs)),
        "accuracy": mean_and_range(accuracies),
        "crossentropy": mean_and_range(losses),
    }


def details() -> str:
    """Return all scores on the real subset as Markdown: the models, what photos contain, several seeds if there are."""
    models = dict(trained(SUBSET))
    share = next(iter(models.values()))["majority_class_accuracy"]
    issues = read(SUBSET / "label_issues.json")
    parts = [
        table({name: main_columns(scores) for name, scores in models.items()}),
        f"The best constant answer has an accuracy of {share:.3f}.",
    ]
    # Models that were scored before photos were judged by eye have no `presence`.
    judged = {name: scores["presence"] for name, scores in models.items() if scores.get("presence")}
    if judged:
        parts.append(table({name: presence_columns(found) for name, found in judged.items()}))
    parts.append(f"Label issues: {issues['total']:,} in {issues['images']:,} images.")
    if several := {name: seed_columns(runs) for name in models if (runs := seeds(name))}:
        parts.append(table(several))
    return "\n\n".join(parts)


def table(rows: dict[str, dict[str, str]]) -> str:
    """Return a table with a line for each model; its columns are those of the first."""
    return markdown([["model", *next(iter(rows.values()))], *([name, *row.values()] for name, row in rows.items())])


def printed() -> str:
    """Return what `make repro` ends with, as a block."""
    command = [sys.executable, "-m", "dvc", "metrics", "show"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return "\n".join(["```text", *(line.rstrip() for line in done.stdout.splitlines()), "```"])


PAGES = {"README.md": {"printed": printed, "results": summary}, "docs/results.md": {"results": details}}


def rendered(page: str) -> str:
    """Return the text of one of PAGES with what is between each two markers replaced."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for name, write in PAGES[page].items():
        begin, end = f"<!-- {name}: written by `make results` -->", f"<!-- end of {name} -->"
        head, rest = text.split(begin)
        _, tail = rest.split(end)
        text = f"{head}{begin}\n{write()}\n{end}{tail}"
    return text


def copy(folder: Path, names: tuple[str, ...]) -> None:
    """Copy scores by name to a folder; those that this run does not have are left out."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        file = ROOT / "data/scores" / f"{name}.json"
        if file.is_file() and read(file):
            shutil.copyfile(file, folder / file.name)


def main() -> None:
    params = read_params()
    if params["profile"] not in ("demo", "intel"):
        sys.exit(f"README.md has the scores of the demo, and params.yaml the profile {params['profile']}")
    if params["profile"] == "intel":
        seed = sys.argv[1:] == ["--seed"]
        folder = SUBSET / f"seed{params['seed']}" if seed else SUBSET
        copy(folder, MODELS if seed else (*MODELS, *COPIED))
        if not seed:
            (folder / KINDS).write_text(json.dumps(kinds(params), indent=2) + "\n", encoding="utf-8")
        print(f"copied the scores of profile intel to {folder}; now go back to demo and run this again")
        return
    for page in PAGES:
        (ROOT / page).write_text(rendered(page), encoding="utf-8")


if __name__ == "__main__":
    main()
