"""A folder as the pipeline leaves it for the report, made up, of any models and classes."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from scenes.report.context import Paths

MODELS = {
    "baseline": {"kind": "cnn", "input": "records", "network": {"filters": [8, 16]}, "training": {"epochs": 3}},
    "transfer": {"kind": "linear", "input": "features/frozen", "C": [0.01, 0.1], "class_weight": None},
}
FROZEN = {
    "backbone": "EfficientNetV2B0",
    "weights": "imagenet",
    "image_size": 224,
    "levels": "top",
    "test_time_flip": False,
    "finetune": None,
}
CLASSES = ("lake", "moor", "wood")
PICTURES = {
    "scores": ("confusion_matrix", "per_class", "reliability"),
    "curves": ("training_curves",),
    "examples": ("errors", "uncertain", "gradcam"),
}
PUBLISHED = [{"model": "CNN", "accuracy": "81.5 %", "remark": "10 epochs"}]


def paths(root: Path) -> Paths:
    """The paths of what :func:`folder` writes, as the stage passes them."""
    return Paths(
        scores=root / "data/scores",
        plots=root / "plots",
        split=root / "data/split.csv",
        predictions=root / "data/predictions.csv",
        production=root / "models/production",
    )


def settings(**changes) -> dict:
    """The arguments of ``scenes.report.context.context`` beside the paths."""
    values = {"title": "Scenes", "published": PUBLISHED, "source": "kaggle:owner/photos"}
    values |= {"features": {"frozen": FROZEN}, "label_features_learned": False, "models": MODELS}
    return values | changes


def promise(confidence: float | None, coverage: float | None, precision: float | None) -> dict:
    """What ``evaluate`` says of a threshold."""
    interval = None if precision is None else {"low": precision - 0.03, "high": precision + 0.02}
    return {"confidence": confidence, "coverage": coverage, "precision": precision, "precision_interval": interval}


def scores(accuracy: float, classes: Sequence[str] = CLASSES, *, count: int = 240) -> dict:
    """What ``evaluate`` says of one set of images."""
    return {
        "count": count,
        "accuracy": accuracy,
        "accuracy_interval": {"low": accuracy - 0.031, "high": accuracy + 0.029},
        "balanced_accuracy": accuracy - 0.002,
        "min_recall": accuracy - 0.1,
        "top2_accuracy": 0.987654,
        "macro_f1": accuracy - 0.004,
        "majority_class_accuracy": 0.345678,
        "crossentropy": 0.412345,
        "brier_score": 0.198765,
        "calibration": {
            "ece": 0.081234,
            "ece_floor": 0.034567,
            "mce": 0.312345,
            "calibrated": 1,
            "temperature": 0.765432,
            "temperature_scaled": {
                "ece": 0.021234,
                "ece_floor": 0.019876,
                "mce": 0.112345,
                "crossentropy": 0.387654,
                "crossentropy_interval": {"low": 0.356789, "high": 0.421234},
                "brier_score": 0.187654,
            },
        },
        "abstention": {
            "precision_90": promise(0.456789, 0.976543, 0.932345),
            "precision_95": promise(0.678912, 0.854321, 0.945678),
            "precision_99": promise(None, None, None),
        },
        "per_class": {
            name: {
                "precision": 0.9 - index / 100,
                "recall": 0.8 + index / 100,
                "recall_interval": {"low": 0.7 + index / 100, "high": 0.87 + index / 100},
                "f1": 0.85,
                "support": 80 - index,
            }
            for index, name in enumerate(classes)
        },
        "most_confused_pairs": {f"{classes[0]}/{classes[1]}": {"errors": 13}},
        "merged_pairs": {f"{classes[0]}/{classes[1]}": {"accuracy": 0.954321}},
    }


def of_model(accuracy: float, classes: Sequence[str] = CLASSES) -> dict:
    """The content of data/scores/<model>.json."""
    clean, val = scores(accuracy + 0.01, classes, count=222), scores(accuracy - 0.01, classes, count=87)
    return scores(accuracy, classes) | {"clean": clean, "val": val, "presence": presence(classes)}


def audit(classes: Sequence[str] = CLASSES) -> dict:
    """The content of data/scores/audit.json."""
    groups = {"groups": 4, "images": 9}
    duplicates = groups | dict.fromkeys(("across_splits", "conflicting_labels", "train_and_test"), groups)
    numbers = {"train": 900, "val": 0, "test": 240, "pred": 60, "total": 1200}
    return {
        "case_collisions": 0,
        "classes": {name: {"train": 300 + index, "test": 80} for index, name in enumerate(classes)},
        "clean_test": {"images": 222, "share": 0.925},
        "duplicates": dict.fromkeys(("exact", "near", "pixel"), duplicates),
        "ignored": {"litter": 3, "outside_layout": 0},
        "images": numbers | {"total": 1234},
        "problems": {"corrupt": 1, "odd_mode": 16, "too_many_pixels": 0},
        "usable": numbers,
        "without_phash": 0,
    }


def compared(a: str, b: str) -> dict:
    """The entry of a pair of models in data/scores/comparison.json."""
    entry = {
        "count": 240,
        "both_right": 120,
        "only_a": 83,
        "only_b": 17,
        "both_wrong": 20,
        "accuracy_difference": 0.275,
        "accuracy_difference_interval": {"low": 0.2, "high": 0.35},
        "mcnemar_p": 0.0000123,
    }
    return {f"{a}/{b}": entry}


def production(models: Sequence[str], **changes) -> dict:
    """The content of data/scores/production.json."""
    val = {name: 0.866543 - index / 20 for index, name in enumerate(models)}
    parameters = {name: 1_600_000 + index for index, name in enumerate(models)}
    facts = {"model": models[0], "metric": "accuracy", "reason": "score", "margin": 0.05, "unsure_below": 0.678912}
    return facts | {"val": val, "parameters": parameters, "novelty": novelty()} | changes


def novelty(**changes) -> dict:
    """The section ``novelty`` of data/scores/production.json."""
    left_out = {"mean": 0.7717, "min": 0.5368, "max": 0.9825}
    scores = {"images": 1000, "unlike_above": 0.087654, "share": 0.05, "left_out": left_out}
    return scores | {"drawings": {"auroc": 0.96923, "unlike": 0.78333}} | changes


def label_issues(classes: Sequence[str] = CLASSES) -> dict:
    """The content of data/scores/label_issues.json."""
    return {
        "images": 1140,
        "total": 57,
        "reason": {"model": 50, "near_duplicate": 7},
        "confused": {f"{classes[0]}/{classes[1]}": 0.093},
        "given": dict.fromkeys(classes, 19),
    }


def planted() -> dict:
    """What is added if wrong labels were planted."""
    model = {"count": 31, "precision": 0.6, "recall": 0.5, "precision_at_count": 0.58}
    return {"count": 34, "precision": 0.56, "recall": 0.7, "model": model}


def presence(classes: Sequence[str] = CLASSES) -> dict:
    """The section ``presence`` of data/scores/<model>.json."""
    of_class = {"images": 37, "average_precision": 0.8765, "precision": 0.7654, "recall": 0.734, "f1": 0.75}
    return {
        "images": 150,
        "mean_average_precision": 0.8123,
        "softmax_mean_average_precision": 0.7989,
        "macro_f1": 0.7531,
        "per_class": dict.fromkeys(classes, of_class),
    }


def odd_classes(count: int) -> list[str]:
    """Names of classes as people may have them: markup, formulas, 60 characters, Chinese."""
    kinds = ("<script>alert({0})</script>", '=cmd("{0}")', "a name of sixty characters without a reason {0:016d}")
    kinds += ("x|y*z_[u](http://v){0}", "山" * 20 + "{0}")
    return [kinds[number % len(kinds)].format(number) for number in range(count)]


def answers(classes: Sequence[str] = CLASSES) -> list[tuple[str, str, str, str]]:
    """The rows of plots/<model>/predictions.csv: of four images of each class one is taken for the class before."""
    return [
        (f"test/{index}/{number}.jpg", name, classes[index - (number == 3)], "0.9")
        for index, name in enumerate(classes)
        for number in range(4)
    ]


def provenance(model: str) -> dict:
    """The content of models/production/provenance.json."""
    made = {"archive_sha256": "a" * 64, "split_sha256": "b" * 64, "code_sha256": "c" * 64}
    made |= {"data_params": {"profile.image_size": 96, "profile.fit": "pad"}}
    made |= {"params": {"select": {"unsure_below": "precision_95"}}}
    weights = {"package": "a-package 1.0", "license": "Apache-2.0"}
    parts = {} if model == "baseline" else {"features": {"code_sha256": "d" * 64, "weights": weights}}
    return {**made, "model": {**made, "code_sha256": "e" * 64, **parts}}


def picture(path: Path, width: int = 120, height: int = 80) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (width, height), "#9ecae9").save(path)


def write_json(path: Path, value) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


def folder(root: Path, *, models: Sequence[str] = tuple(MODELS), classes: Sequence[str] = CLASSES) -> Path:
    """Write all that the report may show, and return ``root``."""
    write_json(root / "data/scores/audit.json", audit(classes))
    for index, name in enumerate(models):
        write_json(root / f"data/scores/{name}.json", of_model(0.876543 - index / 20, classes))
        write_csv(
            root / f"plots/{name}/predictions.csv", ("key", "actual", "predicted", "confidence"), answers(classes)
        )
        for part, kinds in PICTURES.items():
            for kind in kinds:
                picture(root / f"plots/{name}/{part}/{kind}.png")
    pairs = {}
    for index, a in enumerate(models):
        for b in models[index + 1 :]:
            pairs |= compared(a, b)
    write_json(root / "data/scores/comparison.json", {**pairs, "clean": pairs})
    write_json(root / "data/scores/production.json", production(models))
    write_json(root / "data/scores/label_issues.json", label_issues(classes))
    write_csv(
        root / "data/label_issues.csv",
        ("key", "given_label", "suggested_label", "score", "reason"),
        [(f"train/{classes[0]}/{index}.jpg", classes[0], classes[1], f"0.{index:06}", "model") for index in range(57)],
    )
    splits = ["train"] * 70 + ["val"] * 9 + ["test"] * 30
    rows = [(f"{n}.jpg", split, classes[n % len(classes)], f"{n}.jpg") for n, split in enumerate(splits)]
    write_csv(root / "data/split.csv", ("path", "split", "label", "group"), rows)
    write_csv(
        root / "data/predictions.csv",
        ("key", "class", "confidence", *(f"probability_{name}" for name in classes), "unsure", "unlike_training"),
        [
            (f"p/{n}.jpg", classes[n % 2], "0.9", *["0.1" for _ in classes], str(n % 3 == 0), str(n % 4 == 0))
            for n in range(60)
        ],
    )
    write_json(root / "models/production/provenance.json", provenance(models[0]))
    for name in ("class_balance", "findings", "sizes"):
        picture(root / f"plots/audit/{name}.png")
    for name in ("contact_sheet", "feature_map"):
        picture(root / f"plots/label_issues/{name}.png")
    picture(root / "plots/predictions/sheet.png")
    return root
