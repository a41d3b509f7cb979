"""The tables of results in README.md, generated from metrics files.

    make results      # or: python benchmarks/results.py
    python benchmarks/results.py --show      # print the main scores in metrics/

Rows come from metrics/ (the demo, as committed) and from benchmarks/intel-subset/ (the run on the real subset that
README.md describes). If params.yaml has the profile intel, `make results` copies metrics/ to benchmarks/intel-subset/
instead of writing the tables; with any other profile than demo it does nothing. `--show` is for every profile.
"""

import json
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from scenes.config.params import parse_yaml  # noqa: E402

BEGIN, END = "<!-- results: written by `make results` -->", "<!-- end of results -->"
SUBSET = ROOT / "benchmarks" / "intel-subset"
COPIED = ("audit", "baseline", "comparison", "export", "label_issues", "production")
REAL, DEMO = "real subset, test 3,000", "demo (drawn), test 240"


def read(file: Path) -> dict:
    return json.loads(file.read_text(encoding="utf-8"))


def read_params() -> dict:
    return parse_yaml((ROOT / "params.yaml").read_text(encoding="utf-8"))


def describe_head(profile: dict) -> str:
    """Return what the head of a profile learns from, such as ``head on frozen EfficientNetLite0, pretrained``."""
    state = "fine-tuned" if profile["finetune"]["epochs"] else "frozen"
    if profile["weights"] == "random":
        return f"head on {state} **random** {profile['backbone']} (a floor)"
    return f"head on {state} {profile['backbone']}, pretrained"


def lines() -> tuple[tuple[str, str, Path], ...]:
    """Return the lines of the tables: data, model, metrics."""
    demo = describe_head(read_params()["profiles"]["demo"])
    return (
        (REAL, "baseline: CNN from scratch", SUBSET / "baseline.json"),
        (REAL, "efficientnetv2l: head on frozen EfficientNetV2B0, pretrained", SUBSET / "frozen.json"),
        (REAL, "efficientnetv2l: head on fine-tuned EfficientNetV2B0, pretrained", SUBSET / "efficientnetv2l.json"),
        (DEMO, "baseline: CNN from scratch", ROOT / "metrics" / "baseline.json"),
        (DEMO, f"efficientnetv2l: {demo}", ROOT / "metrics" / "efficientnetv2l.json"),
    )


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


def tables() -> str:
    """Return both tables and the sentence on label issues as Markdown."""
    main, multilabel, datasets = [], [], set()
    for data, model, file in lines():
        scores = read(file)
        columns, second = main_columns(scores), multilabel_columns(scores)
        if data not in datasets:
            datasets.add(data)
            share = f"{scores['majority_class_accuracy']:.3f}"
            main.append([data, "best constant answer", share, *[""] * (len(columns) - 1)])
        main.append([data, model, *columns.values()])
        multilabel.append([data, model, *second.values()])
    both = [markdown([["data", "model", *names], *rows]) for names, rows in ((columns, main), (second, multilabel))]
    return "\n\n".join((*both, label_issues()))


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


def main() -> None:
    if sys.argv[1:] == ["--show"]:
        print(show())
        return
    params = read_params()
    if params["profile"] not in ("demo", "intel"):
        sys.exit(f"README.md has the scores of the demo, and params.yaml the profile {params['profile']}")
    if params["profile"] == "intel":
        SUBSET.mkdir(exist_ok=True)
        transfer = "efficientnetv2l" if params["profiles"]["intel"]["finetune"]["epochs"] else "frozen"
        shutil.copyfile(ROOT / "metrics" / "efficientnetv2l.json", SUBSET / f"{transfer}.json")
        if transfer == "efficientnetv2l":  # of the frozen backbone's run, only its own scores are kept
            for name in COPIED:
                shutil.copyfile(ROOT / "metrics" / f"{name}.json", SUBSET / f"{name}.json")
        print(
            f"copied the metrics of profile intel to {SUBSET.relative_to(ROOT)}; now go back to demo and run this again"
        )
        return
    readme = ROOT / "README.md"
    readme.write_text(rendered(readme.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
