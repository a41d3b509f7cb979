"""The table of results in README.md, written from metrics files: no number in it is typed.

    make results      # or: python benchmarks/results.py
    python benchmarks/results.py --show      # the scores in metrics/, for a person at a terminal

Rows come from metrics/ (the demo, as committed) and from benchmarks/intel-subset/ (the metrics of the run on the real
subset that README.md describes, copied there by `make results` from metrics/ when those are of the profile intel).
"""

import json
import shutil
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- results: written by `make results` -->", "<!-- end of results -->"
SUBSET = ROOT / "benchmarks" / "intel-subset"
COLUMNS = ("accuracy", "clean", "val", "crossentropy", "top-2", "macro F1", "ECE", "hardest pairs (errors)")


def row(data: str, model: str, file: Path) -> str:
    """Return a line of the table for one metrics file."""
    scores = json.loads(file.read_text(encoding="utf-8"))
    most_first = sorted(scores["hardest_pairs"].items(), key=lambda item: -item[1]["errors"])
    pairs = ", ".join(f"{pair} ({entry['errors']})" for pair, entry in most_first)
    numbers = (
        f"**{scores['accuracy']:.3f}**",
        f"{scores['clean']['accuracy']:.3f}",
        f"{scores['val']['accuracy']:.3f}",
        f"{scores['crossentropy']:.3f}",
        f"{scores['top2_accuracy']:.3f}",
        f"{scores['macro_f1']:.3f}",
        f"{scores['calibration']['ece']:.3f}",
    )
    return " | ".join(("", data, model, *numbers, pairs, "")).strip()


def floor(data: str, file: Path) -> str:
    """Return the line of the score that always answering the most frequent class gets."""
    share = json.loads(file.read_text(encoding="utf-8"))["majority_class_accuracy"]
    return " | ".join(("", data, "largest class, always", f"{share:.3f}", *[""] * 7, "")).strip()


def table() -> str:
    """Return the whole table as Markdown."""
    lines = ["| measured on | model | " + " | ".join(COLUMNS) + " |", "|---|---|" + "---|" * len(COLUMNS)]
    subset = "real subset, test 3,000"
    demo = "demo (drawn), test 240"
    lines.append(floor(subset, SUBSET / "baseline.json"))
    lines.append(row(subset, "baseline: CNN from scratch", SUBSET / "baseline.json"))
    lines.append(row(subset, "efficientnetv2l: head on frozen EfficientNetV2B0, pretrained", SUBSET / "frozen.json"))
    lines.append(
        row(subset, "efficientnetv2l: head on fine-tuned EfficientNetV2B0, pretrained", SUBSET / "efficientnetv2l.json")
    )
    lines.append(floor(demo, ROOT / "metrics" / "baseline.json"))
    lines.append(row(demo, "baseline: CNN from scratch", ROOT / "metrics" / "baseline.json"))
    lines.append(
        row(
            demo,
            "efficientnetv2l: head on **random** EfficientNetV2B0 (a floor)",
            ROOT / "metrics" / "efficientnetv2l.json",
        )
    )
    return "\n".join(lines)


def rendered(readme: str) -> str:
    """Return ``readme`` with the table between its two marks renewed."""
    head, rest = readme.split(BEGIN)
    _, tail = rest.split(END)
    return f"{head}{BEGIN}\n{table()}\n{END}{tail}"


def show() -> str:
    """Return the main scores of every model in metrics/, a line each: `dvc metrics show` shows all, and is wide."""
    import pandas as pd

    rows = {}
    for file in sorted((ROOT / "metrics").glob("*.json")):
        scores = json.loads(file.read_text(encoding="utf-8"))
        if "accuracy" in scores:
            rows[file.stem] = {
                "test accuracy": scores["accuracy"],
                "clean": scores["clean"]["accuracy"],
                "val": scores["val"]["accuracy"],
                "largest class": scores["majority_class_accuracy"],
                "crossentropy": scores["crossentropy"],
                "macro F1": scores["macro_f1"],
                "ECE": scores["calibration"]["ece"],
            }
    return pd.DataFrame(rows).T.to_string(float_format="{:.3f}".format)


def main() -> None:
    if sys.argv[1:] == ["--show"]:
        print(show())
        return
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    if params["profile"] == "intel":
        SUBSET.mkdir(exist_ok=True)
        transfer = "efficientnetv2l" if params["profiles"]["intel"]["finetune"]["epochs"] else "frozen"
        for name, copy in (("audit", "audit"), ("baseline", "baseline"), ("efficientnetv2l", transfer)):
            shutil.copyfile(ROOT / "metrics" / f"{name}.json", SUBSET / f"{copy}.json")
        print(
            f"copied the metrics of profile intel to {SUBSET.relative_to(ROOT)}; now go back to demo and run this again"
        )
        return
    readme = ROOT / "README.md"
    readme.write_text(rendered(readme.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
