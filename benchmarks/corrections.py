"""What corrected labels are worth: a linear classifier on frozen features, before and after.

    python -m benchmarks.corrections CHECKOUT...
    python -m benchmarks.corrections --judged benchmarks/intel-subset/label_judgements.csv CHECKOUT

Each CHECKOUT has run the pipeline. The label issues that it found are corrected, where the label is wrong: by the
answer sheet of drawn images, or as judged by eye. Training and validation labels are corrected, as by
``corrections/``; the test labels stay as they are, and a second pair of columns counts against the corrected ones.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss

from scenes.audit import audit_table
from scenes.backbones.features import Features, load_features
from scenes.config.params import parse_yaml
from scenes.dataset import split
from scenes.evaluation import label_issues
from scenes.layout.layout import Archive
from scenes.models import linear, temperature
from scenes.process.runtime import configure
from scenes.synthetic import ground_truth
from scenes.training import logistic_regression

NOT_CORRECTED = ("none", "both")  # judged so: none of the classes fits, or both labels do


def right_labels(root: Path, judged: Path | None) -> dict[str, str]:
    """Return the right label by path, of drawn images or of those judged by eye."""
    if judged is not None:
        table = pd.read_csv(judged, dtype=str, keep_default_na=False)
        table = table[~table["judged"].isin(NOT_CORRECTED)]
        return dict(zip(table["path"], table["judged"], strict=True))
    settings = parse_yaml((root / "params.yaml").read_text(encoding="utf-8"))["archive"]
    with Archive.from_settings(root / "data/raw/archive.zip", settings) as archive:
        drawn = ground_truth.read(archive)
    if drawn is None:
        sys.exit(f"{root}: the images are not drawn; name a file of judgements with --judged")
    return dict(zip(drawn["path"], drawn["ground_truth"], strict=True))


def corrected(images: Features, right: dict[str, str], listed: set[str]) -> Features:
    """Return the images with the right label where it is known and the list of label issues names the image."""
    number = {name: index for index, name in enumerate(images.classes)}
    labels = images.label.copy()
    for row, key in enumerate(np.char.decode(images.key)):
        if key in listed and right.get(key) in number:
            labels[row] = number[right[key]]
    return replace(images, label=labels)


def measure(root: Path, judged: Path | None) -> list[dict[str, float]]:
    """Return a row of scores before, and one after the corrections."""
    parts = {name: load_features(root / "data/features/frozen", name).sample() for name in ("train", "val", "test")}
    right = right_labels(root, judged)
    listed = set(label_issues.read(root / "data/label_issues.csv")["key"])
    fixed = {name: corrected(images, right, listed) for name, images in parts.items()}
    audit = split.final_splits(audit_table.read(root / "data/audit.csv"), split.read(root / "data/split.csv"))
    clean = np.isin(np.char.decode(parts["test"].key), list(audit_table.clean_test(audit)))
    model = parse_yaml((root / "params.yaml").read_text(encoding="utf-8"))["models"]["transfer"]
    rows = []
    for name, train, val in (("before", parts["train"], parts["val"]), ("after", fixed["train"], fixed["val"])):
        network = linear.build(train.features.shape[1], len(train.classes))
        logistic_regression.fit_best(network, train, val, C=model["C"], class_weight=model["class_weight"])
        of_val, of_test = (network.predict(each.features, verbose=0).astype(float) for each in (val, parts["test"]))
        scaled = temperature.scale(of_test, temperature.calibrate(val.label, of_val).temperature)
        given, after = parts["test"].label, fixed["test"].label
        right_answer = scaled.argmax(axis=1) == given
        rows.append(
            {
                "labels": name,
                "corrected": sum(int((fixed[each].label != parts[each].label).sum()) for each in ("train", "val")),
                "accuracy": right_answer.mean(),
                "clean": right_answer[clean].mean(),
                "crossentropy": log_loss(given, scaled),
                "accuracy, test corrected": (scaled.argmax(axis=1) == after).mean(),
                "crossentropy, test corrected": log_loss(after, scaled),
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--judged", type=Path, help="CSV with path, given, suggested and judged")
    parser.add_argument("checkouts", nargs="+", type=Path, metavar="CHECKOUT")
    arguments = parser.parse_args()
    configure(seed=0, threads=2)
    table = pd.DataFrame([row for root in arguments.checkouts for row in measure(root, arguments.judged)])
    print(table.round(4).to_string(index=False))
    numbers = table.groupby("labels", sort=False).mean()
    change = table[table["labels"] == "after"].iloc[:, 2:].to_numpy() - table[table["labels"] == "before"].iloc[:, 2:]
    print(
        "\nmeans\n", numbers.round(4).to_string(), "\n\nchange, mean and standard deviation over the checkouts", sep=""
    )
    print(pd.DataFrame({"mean": change.mean(), "deviation": change.std(ddof=1)}).round(4).to_string())


if __name__ == "__main__":
    main()
