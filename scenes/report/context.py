"""What the report says: nested dicts for the templates, gathered from metrics/, plots/ and two tables in data/.

What every run of the pipeline writes must be there. What only some runs have is left out where it is missing: pictures,
the truth about a drawn archive, unlabelled images.
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import urlsplit

from scenes.common.errors import InputError
from scenes.download.source import parse
from scenes.report import embedded_image

SHOWN = 10  # label issues named one by one
SIGNIFICANT = 0.05  # a McNemar p below it is called a difference

# In the order of the page: the file in plots/<model>/, its title, and what is to be seen on it.
PICTURES = {
    "confusion_matrix": ("Confusion matrix", "which class the test images of each class were taken for"),
    "per_class": ("Precision and recall of each class", "bars of precision and recall, two a class"),
    "reliability": ("Reliability", "accuracy against confidence, before and after temperature scaling"),
    "training_curves": ("Training", "accuracy and crossentropy on training and validation images by epoch"),
    "errors": ("Errors it was surest of", "test images with file, true class, prediction and confidence"),
    "uncertain": ("Images it was least sure of", "test images with file, true class, prediction and confidence"),
    "gradcam": ("Where it looks (Grad-CAM)", "test images, overlaid with what speaks for the class predicted"),
}
_AUDIT_PICTURES = {
    "class_balance": ("Images of each class", "bars of the number of images, by class and split"),
    "findings": ("Findings", "examples of odd, broken and duplicate images"),
    "sizes": ("Sizes", "how many images there are of each size"),
}
_LABEL_ISSUE_PICTURES = {
    "contact_sheet": ("The likeliest of them", "images with the label they have and the one they may deserve"),
    "feature_map": (
        "All labelled images by their features",
        "a point an image in two principal components, coloured by class, label issues ringed",
    ),
}
_PROBLEMS = {
    "corrupt": "truncated or damaged, left out",
    "not_an_image": "no image at all, left out",
    "too_many_pixels": "too many pixels, left out",
    "wrong_format": "of another format than the name says, used",
    "odd_mode": "not stored as 8-bit RGB (grey, CMYK, ...), used",
    "odd_size": "of another size than most, used",
}
_METHODS = {
    "large_loss_rejection": "single-positive loss (large loss rejection)",
    "naive": "naive loss",
    "softmax": "softmax threshold",
}

# How "does the photo contain a ...?" is measured, and by which score above all; the columns of its tables.
_MULTILABEL = {"composites": "f1", "ground_truth": "mean_average_precision"}
_MULTILABEL_COLUMNS = ("mean_average_precision", "recall", "precision", "f1", "all_found", "threshold")


def context(
    root: str | Path,
    *,
    title: str,
    published: Sequence[Mapping[str, str]],
    source: str,
    backbone: Mapping[str, Any],
    label_issue_features: str,
    models: Mapping[str, Mapping[str, Any]],
) -> dict:
    """Return everything that the templates show.

    Args:
        root: the folder that holds metrics/, plots/ and data/.
        title: of the report.
        published: scores that others report, each with ``model``, ``accuracy``, ``remark``: text, as they are quoted.
        source: of the archive, see ``scenes.download.source``; nothing of it is shown that may be private.
        backbone: ``name``, ``weights``, ``image_size`` (pixels) and ``finetune_epochs``.
        label_issue_features: ``cnn`` or ``features``, by which the labels were judged.
        models: by name, what params.yaml says of each.

    Raises:
        InputError: what the pipeline always writes is missing.
    """
    root = Path(root)
    audit = _numbers(root, "metrics/audit.json")
    production = _numbers(root, "metrics/production.json")
    rows = [_model(root, name, description, backbone) for name, description in models.items()]
    chosen = next((row for row in rows if row["name"] == production["model"]), None)
    if chosen is None:
        raise InputError("metrics/production.json names a model that params.yaml does not have; run `dvc repro`")
    return {
        "title": title,
        "drawn": source == "synthetic",
        "source": _where_from(source),
        "classes": list(audit["classes"]),
        "audit": audit,
        "split": dict(Counter(row["split"] for row in _rows(root, "data/split.csv"))),
        "findings": _findings(audit),
        "audit_pictures": _pictures(root, "plots/audit", _AUDIT_PICTURES),
        "models": rows,
        "pictures_of": _by_kind(rows),
        "comparison": _comparison(_numbers(root, "metrics/comparison.json")),
        "published": published,
        "label_issues": _label_issues(root)
        | {"features_learned": label_issue_features == "cnn" or backbone["finetune_epochs"] > 0},
        "multilabel": [table for row in rows for table in _multilabel(row)],
        "predictions": _predictions(root),
        "production": production,
        "chosen": chosen,
        "why": _why(production),
    }


def format_summary(context: Mapping[str, Any]) -> str:
    """Return a line for a person on what :func:`context` holds."""
    chosen, models = context["chosen"], ", ".join(model["name"] for model in context["models"])
    return f"report on {models}; in production: {chosen['name']}, test accuracy {chosen['scores']['accuracy']:.4f}"


def _numbers(root: Path, name: str) -> dict:
    return json.loads(_text(root, name))


def _text(root: Path, name: str) -> str:
    try:
        return (root / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{name} is missing, which the report is made of; run `dvc repro`") from None


def _rows(root: Path, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(_text(root, name), newline="")))


def _where_from(source: str) -> str:
    """What may be said of a source in public: a path or an address can tell more than its reader should know."""
    parsed = parse(source)
    if parsed.kind == "kaggle":
        version = f"version {parsed.version}" if parsed.version else "the latest version"
        return f"from Kaggle's data set {parsed.place} ({version})"
    if parsed.kind == "web":
        return f"from {urlsplit(parsed.place).hostname}"
    return (
        f"from the file {PurePath(parsed.place).name}"
        if parsed.kind == "file"
        else "drawn by code, with planted faults"
    )


def _findings(audit: Mapping[str, Any]) -> list[dict]:
    """What the audit found, in words: ``what``, ``images``, ``note``; what there is none of is left out."""
    near, clean = audit["duplicates"]["near"], audit["clean_test"]
    exact = audit["duplicates"]["exact"]
    found = [
        {"what": _PROBLEMS.get(word, word), "images": number, "note": ""} for word, number in audit["problems"].items()
    ]
    found += [
        {
            "what": "duplicates of another image, exact or near",
            "images": near["images"],
            "note": f"{near['groups']:,} groups; {exact['images']:,} images are the same file",
        },
        {
            "what": "of these, in groups that are in both training and test",
            "images": near["train_and_test"]["images"],
            "note": "where to have learned them by heart would help",
        },
        {
            "what": "of these, in groups with several labels",
            "images": near["conflicting_labels"]["images"],
            "note": "one of the labels must be wrong, or the classes overlap",
        },
        {
            "what": "clean test images, which no duplicate spoils",
            "images": clean["images"],
            "note": f"{100 * clean['share']:.1f} % of the test images",
        },
        {"what": "other files in the archive, skipped", "images": sum(audit["ignored"].values()), "note": ""},
    ]
    return [finding for finding in found if finding["images"]]


def _model(root: Path, name: str, description: Mapping[str, Any], backbone: Mapping[str, Any]) -> dict:
    """All about one model."""
    scores = _numbers(root, f"metrics/{name}.json")
    merged = scores["merged_pairs"]
    pairs = sorted(scores["most_confused_pairs"].items(), key=lambda pair: (-pair[1]["errors"], pair[0]))
    return {
        "name": name,
        "kind": _kind(description, backbone),
        "scores": scores,
        "pairs": [{"name": pair, "errors": entry["errors"], **merged[pair]} for pair, entry in pairs],
        "abstention": [
            {"wanted": int(key.rpartition("_")[2]) / 100, **entry}
            for key, entry in sorted(scores["abstention"].items())
        ],
        "parameters": [{"key": key, "value": value} for key, value in _leaves(description)],
        "pictures": _pictures(root, f"plots/{name}", PICTURES, after=f": {name}"),
    }


def _kind(description: Mapping[str, Any], backbone: Mapping[str, Any]) -> str:
    """What sort of model it is, in words."""
    if description["kind"] == "cnn":
        return "CNN trained from scratch"
    if description["kind"] != "head":
        return description["kind"]
    origin = {"random": "random weights: a floor, no transfer learning", "imagenet": "pretrained on ImageNet"}
    weights = origin.get(backbone["weights"], "pretrained weights from a file")
    state = "fine-tuned" if backbone["finetune_epochs"] else "frozen"
    return f"head on {state} {backbone['name']} ({weights}) that sees {backbone['image_size']} pixels a side"


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return (dotted key, value as in params.yaml) of nested parameters, in their order."""
    found = []
    for key, value in tree.items():
        if isinstance(value, Mapping):
            found += _leaves(value, f"{prefix}{key}.")
        else:
            found.append((f"{prefix}{key}", value if isinstance(value, str) else json.dumps(value)))
    return found


def _pictures(
    root: Path, folder: str, known: Mapping[str, tuple[str, str]], *, before: str = "", after: str = ""
) -> dict[str, dict]:
    """Return the pictures in a folder by their files' names: those known first, then others by name."""
    stems = sorted(path.stem for path in (root / folder).glob("*.png"))
    order = [stem for stem in known if stem in stems] + [stem for stem in stems if stem not in known]
    found = {}
    for stem in order:
        title, seen = known.get(stem, (stem.replace("_", " "), ""))
        title = f"{before}{title}{after}"
        alt = f"{title}; {seen}" if seen else title
        found[stem] = embedded_image.embed(root / folder / f"{stem}.png", title=title, alt=alt)
    return found


def _by_kind(models: Sequence[Mapping[str, Any]]) -> dict[str, list[dict]]:
    """Return the pictures of all models together: those of one kind side by side, ``others`` those of no known kind."""
    kinds = {kind: [model["pictures"][kind] for model in models if kind in model["pictures"]] for kind in PICTURES}
    others = [picture for model in models for kind, picture in model["pictures"].items() if kind not in PICTURES]
    return {**kinds, "others": others}


def _comparison(scores: dict[str, dict]) -> list[dict]:
    """Return what metrics/comparison.json says of each pair of models, with a ``verdict``."""
    clean = scores.pop("clean", {})
    return [
        {"a": a, "b": b, **entry, "clean": clean.get(pair), "verdict": _verdict(a, b, entry)}
        for pair, entry in sorted(scores.items())
        for a, b in [pair.split("/")]
    ]


def _verdict(a: str, b: str, entry: Mapping[str, Any]) -> str:
    if entry["mcnemar_p"] >= SIGNIFICANT:
        return "no more difference than chance may make"
    return f"{a if entry['accuracy_difference'] > 0 else b} is better"


def _label_issues(root: Path) -> dict:
    """Return the numbers of metrics/label_issues.json, the first of the suspects and their pictures."""
    numbers = _numbers(root, "metrics/label_issues.json")
    return {
        "total": numbers["total"],
        "images": numbers["images"],
        "reasons": [{"name": name.replace("_", " "), "count": number} for name, number in numbers["reason"].items()],
        "planted": numbers.get("planted"),
        "first": _rows(root, "data/label_issues.csv")[:SHOWN],
        "pictures": _pictures(root, "plots/label_issues", _LABEL_ISSUE_PICTURES),
    }


def _multilabel(model: Mapping[str, Any]) -> list[dict]:
    """Return a table, with a ``verdict``, for each way in which "does the photo contain a ...?" was measured.

    It stands in the metrics as ``multilabel.<way>.<method>.<score>``; what is nested deeper is left out.
    """
    found = []
    for way, main in _MULTILABEL.items():
        methods = model["scores"]["multilabel"].get(way, {})
        if not methods:  # only of drawn images is the truth known
            continue
        rows = [{"name": text, "scores": _flat_numbers(methods[method])} for method, text in _METHODS.items()]
        columns = [name for name in _MULTILABEL_COLUMNS if name in rows[0]["scores"]]
        verdict = _multilabel_verdict(main.replace("_", " "), *(row["scores"][main] for row in rows))
        found.append({"model": model["name"], "name": way, "columns": columns, "rows": rows, "verdict": verdict})
    return found


def _multilabel_verdict(name: str, chosen: float, naive: float, softmax: float) -> str:
    other, best = max(("naive loss", naive), ("softmax threshold", softmax), key=lambda entry: entry[1])
    if chosen > best:
        return (
            f"The second output beats both others, the next being the {other}: {name} {chosen:.3f} against {best:.3f}."
        )
    return f"The second output is no better than the {other}: {name} {chosen:.3f} against {best:.3f}."


def _flat_numbers(scores: Mapping[str, Any]) -> dict[str, float]:
    return {name: value for name, value in scores.items() if isinstance(value, int | float)}


def _predictions(root: Path) -> dict | None:
    """Return counts of the unlabelled images by the class predicted, and their contact sheets; None without images."""
    rows = _rows(root, "data/predictions.csv")
    if not rows:
        return None
    counts = {}
    for row in rows:
        entry = counts.setdefault(row["class"], {"name": row["class"], "images": 0, "unsure": 0})
        entry["images"] += 1
        entry["unsure"] += row["unsure"].lower() in ("true", "1")
    return {
        "images": len(rows),
        "unsure": sum(entry["unsure"] for entry in counts.values()),
        "classes": [counts[name] for name in sorted(counts)],
        "pictures": _pictures(root, "plots/predictions", {}, before="Taken for "),
    }


def _why(production: Mapping[str, Any]) -> str:
    """Say why the production model was chosen, see ``scenes.evaluation.selection.Choice``."""
    name = production["model"]
    said = f"Its {production['metric'].replace('_', ' ')} on the validation images is {production['val'][name]:.4f}"
    if production["reason"] == "only":
        return f"{said}; there is no other model."
    margin = production["margin"]
    if production["reason"] == "score":
        return f"{said}, {margin:.4f} better than that of the next model."
    apart = "better than" if margin >= 0 else "behind"
    return (
        f"{said}, {abs(margin):.4f} {apart} the best other, which counts as a tie, and of those in the tie it has the "
        f"fewest parameters: {production['parameters'][name]:,}."
    )
