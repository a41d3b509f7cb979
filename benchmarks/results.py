"""The tables of results in README.md, generated from metrics files.

    make results      # or: python benchmarks/results.py
    python benchmarks/results.py --show      # print the main scores in metrics/
    python benchmarks/results.py --seed      # on profile intel: keep the scores in metrics/ as those of one more seed

Rows come from metrics/ (the demo, as committed) and from benchmarks/intel-subset/ (the run on the real subset that
README.md describes). If params.yaml has the profile intel, `make results` copies metrics/ to benchmarks/intel-subset/
instead of writing the tables; with any other profile than demo it does nothing. `--show` is for every profile. The
scores of other seeds are in benchmarks/intel-subset/seed<n>/; the table has their mean and range.
"""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from scenes.config.params import parse_yaml  # noqa: E402
from scenes.report.models import kind_in_words  # noqa: E402

BEGIN, END = "<!-- results: written by `make results` -->", "<!-- end of results -->"
SUBSET = ROOT / "benchmarks" / "intel-subset"
MODELS = ("baseline", "transfer", "finetuned")
COPIED = ("audit", "comparison", "export", "label_issues", "production")
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


def lines() -> Iterator[tuple[str, str, str, dict]]:
    """Yield the lines of the tables: data, model, what it is, metrics; only those of models that were trained."""
    demo = read_params() | {"profile": "demo"}
    described = ((REAL, SUBSET, read(SUBSET / KINDS)), (DEMO, ROOT / "metrics", kinds(demo)))
    for data, folder, words in described:
        for name in MODELS:
            file = folder / f"{name}.json"
            if scores := read(file) if file.is_file() else {}:
                yield data, name, words[name], scores


def seeds(model: str) -> list[dict]:
    """Return the metrics of a model on the real subset, a seed each."""
    return [read(file) for file in sorted(SUBSET.glob(f"seed*/{model}.json"))]


def mean_and_range(values: list[float]) -> str:
    """Return e.g. '0.934 (0.931 to 0.938)'."""
    return f"{sum(values) / len(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def worst_recall(scores: dict) -> float:
    """Return the lowest recall of a class; older metrics do not have it as a number of its own."""
    return min(entry["recall"] for entry in scores["per_class"].values() if entry["support"])


def main_columns(scores: dict) -> dict[str, str]:
    """Return the columns of the main table, by name, for the metrics of one model."""
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
        "most confused pairs (errors)": ", ".join(f"{pair} ({entry['errors']})" for pair, entry in confused),
    }


def multilabel_columns(scores: dict) -> dict[str, str]:
    """Return the columns of the second output's table, by name, for the metrics of one model."""
    multilabel = scores["multilabel"]
    methods = {"softmax": "softmax", "naive": "naive loss", "large_loss_rejection": "large loss rejection"}
    composites, ground_truth = multilabel["composites"], multilabel.get("ground_truth", {})
    columns = {f"composites, F1: {text}": f"{composites[method]['f1']:.3f}" for method, text in methods.items()}
    rejection = composites["large_loss_rejection"]
    columns["its recall"], columns["its precision"] = f"{rejection['recall']:.3f}", f"{rejection['precision']:.3f}"
    for method, text in methods.items():
        precision = f"{ground_truth[method]['mean_average_precision']:.3f}" if method in ground_truth else ""
        columns[f"ground truth, mean average precision: {text}"] = precision
    return columns


def markdown(rows: list[list[str]]) -> str:
    """Return a table; the first row is its header."""
    head, *body = ["| " + " | ".join(row).rstrip() + " |" for row in rows]
    return "\n".join((head, "|" + "---|" * len(rows[0]), *body))


def label_issues() -> str:
    """Return a sentence on the label issues of the real subset and of the demo."""
    real, demo = (read(folder / "label_issues.json") for folder in (SUBSET, ROOT / "metrics"))
    planted = demo["planted"]
    return (
        f"Label issues: {real['total']:,} in {real['images']:,} images of the real subset; {demo['total']:,} in "
        f"{demo['images']:,} images of the demo, where {planted['count']:,} wrong labels were planted (precision "
        f"{planted['precision']:.2f}, recall {planted['recall']:.2f}; of the {planted['model']['count']:,} most likely "
        f"ones, {planted['model']['precision_at_count']:.0%} are wrong)."
    )


def seed_columns(runs: list[dict]) -> dict[str, str]:
    """Return the columns about several seeds, by name, for the metrics of one model."""
    accuracies, losses = ([scores[key] for scores in runs] for key in ("accuracy", "crossentropy"))
    return {
        "seeds": str(len(runs)),
        "accuracy": mean_and_range(accuracies),
        "crossentropy": mean_and_range(losses),
    }


def tables() -> str:
    """Return the tables and the sentence on label issues as Markdown, and a table of several seeds if there are any."""
    main, multilabel, several, datasets = [], [], [], set()
    for data, model, kind, scores in lines():
        columns, second = main_columns(scores), multilabel_columns(scores)
        if data not in datasets:
            datasets.add(data)
            share = f"{scores['majority_class_accuracy']:.3f}"
            main.append([data, "best constant answer", share, *[""] * (len(columns) - 1)])
        main.append([data, f"{model}: {kind}", *columns.values()])
        multilabel.append([data, model, *second.values()])
        if data == REAL and (runs := seeds(model)):
            third = seed_columns(runs)
            several.append([data, model, *third.values()])
    written = [(columns, main), (second, multilabel), *([(third, several)] if several else [])]
    return "\n\n".join([*(markdown([["data", "model", *names], *rows]) for names, rows in written), label_issues()])


def rendered(readme: str) -> str:
    """Return ``readme`` with the text between its two markers replaced."""
    head, rest = readme.split(BEGIN)
    _, tail = rest.split(END)
    return f"{head}{BEGIN}\n{tables()}\n{END}{tail}"


def show() -> str:
    """Return the main scores of every model in metrics/, one line each; `dvc metrics show` is complete but wide.

    The first line names the data.
    """
    import pandas as pd

    params = read_params()
    rows, count = {}, 0
    for file in sorted((ROOT / "metrics").glob("*.json")):
        scores = read(file)
        if "accuracy" in scores:
            count = scores["count"]
            rows[file.stem] = {
                "test accuracy": scores["accuracy"],
                "clean": scores["clean"]["accuracy"],
                "val": scores["val"]["accuracy"],
                "balanced": scores["balanced_accuracy"],
                "worst class": worst_recall(scores),
                "best constant": scores["majority_class_accuracy"],
                "crossentropy": scores["crossentropy"],
                "macro F1": scores["macro_f1"],
                "ECE": scores["calibration"]["ece"],
            }
    title = params["profiles"][params["profile"]]["title"]
    table = pd.DataFrame(rows).T.to_string(float_format="{:.3f}".format)
    return f"{title} (profile {params['profile']}), {count:,} test images\n{table}"


def copy(folder: Path, names: tuple[str, ...]) -> None:
    """Copy metrics by name to a folder; those that this run does not have are left out."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        file = ROOT / "metrics" / f"{name}.json"
        if file.is_file() and read(file):
            shutil.copyfile(file, folder / file.name)


def main() -> None:
    if sys.argv[1:] == ["--show"]:
        print(show())
        return
    params = read_params()
    if params["profile"] not in ("demo", "intel"):
        sys.exit(f"README.md has the scores of the demo, and params.yaml the profile {params['profile']}")
    if params["profile"] == "intel":
        seed = sys.argv[1:] == ["--seed"]
        folder = SUBSET / f"seed{params['seed']}" if seed else SUBSET
        copy(folder, MODELS if seed else (*MODELS, *COPIED))
        if not seed:
            (folder / KINDS).write_text(json.dumps(kinds(params), indent=2) + "\n", encoding="utf-8")
        print(f"copied the metrics of profile intel to {folder}; now go back to demo and run this again")
        return
    readme = ROOT / "README.md"
    readme.write_text(rendered(readme.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
