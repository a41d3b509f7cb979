"""The content of the report: nested dicts for the templates, from metrics, tables and pictures of the pipeline.

What every run of the pipeline writes must exist. What only some runs have may be missing: pictures, the ground truth of
drawn images, unlabelled images.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenes.common.errors import InputError
from scenes.common.tables import flatten, read_csv, read_json
from scenes.evaluation.metrics import why_uncalibrated
from scenes.report import data
from scenes.report.models import kind_in_words
from scenes.report.pictures import (
    AUDIT_PICTURES,
    LABEL_ISSUE_PICTURES,
    load_pictures,
    model_pictures,
    pictures_by_kind,
)

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 10  # label issues listed
SHOWN_CLASSES = 30  # rows of a table with a row per class; the other classes are in the files that the page names
SIGNIFICANT = 0.05  # McNemar's p below which two models differ

_METHODS = {
    "large_loss_rejection": "single-positive loss (large loss rejection)",
    "naive": "naive loss",
    "softmax": "softmax threshold",
}
# The measurements of the second output, and the main score of each; the columns of their tables.
_MULTILABEL = {"composites": "f1", "ground_truth": "mean_average_precision"}
_MULTILABEL_COLUMNS = ("mean_average_precision", "recall", "precision", "f1", "all_found", "threshold")


@dataclass(frozen=True)
class Paths:
    """The files and folders that the report is made from.

    Attributes:
        audit, comparison, production, label_issues: metrics, JSON.
        scores: metrics by model, JSON; ``{}`` of a model whose feature set is not enabled.
        split, label_issue_table, predictions: tables, CSV.
        audit_plots, label_issue_plots, prediction_plots: folders of PNG files.
        model_plots: by model, folders of folders of PNG files.
    """

    audit: Path
    comparison: Path
    production: Path
    label_issues: Path
    scores: Mapping[str, Path]
    split: Path
    label_issue_table: Path
    predictions: Path
    audit_plots: Path
    label_issue_plots: Path
    prediction_plots: Path
    model_plots: Mapping[str, Path]


def context(
    paths: Paths,
    *,
    title: str,
    published: Sequence[Mapping[str, str]],
    source: str,
    features: Mapping[str, Mapping[str, Any]],
    label_features_learned: bool,
    models: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Return everything that the templates show.

    Args:
        paths: of the results.
        title: of the report.
        published: scores that others report on this data, each with ``model``, ``accuracy`` and ``remark``, as quoted
            text.
        source: of the archive, see ``scenes.download.source``; its private parts are not shown.
        features: the feature sets of the profile.
        label_features_learned: whether the features that the labels were judged by were learned from them.
        models: parameters by model.

    Raises:
        InputError: a file that the pipeline always writes is missing.
    """
    audit = _read(read_json, paths.audit)
    production = _read(read_json, paths.production)
    scores = {name: _read(read_json, path) for name, path in paths.scores.items()}
    rows = [_model(paths, name, models[name], features, each, production) for name, each in scores.items() if each]
    production_model = next((row for row in rows if row["name"] == production["model"]), None)
    if production_model is None:
        raise InputError(f"{paths.production} names a model that has no scores; run `dvc repro`")
    test = production_model["scores"]
    split = _read(read_csv, paths.split)
    classes = list(test["per_class"])
    counts = data.images_per_class(split, classes)
    return {
        "title": title,
        "drawn": source == "synthetic",
        "source": data.describe_source(source),
        "classes": classes,
        "smallest": _first(classes, lambda name: counts[name]["train"]),
        "worst": _first(classes, lambda name: _recall(test["per_class"][name])),
        "images_per_class": counts,
        "audit": audit,
        "split": dict.fromkeys(("train", "val", "test", "pred"), 0) | split["split"].value_counts().to_dict(),
        "left_out": audit["usable"]["total"] - len(split),
        "held_out": data.held_out(audit, counts),
        "findings": data.findings(audit, test),
        "audit_pictures": load_pictures(paths.audit_plots, AUDIT_PICTURES),
        "models": rows,
        "not_run": [name for name, each in scores.items() if not each],
        "pictures_of": pictures_by_kind([row["pictures"] for row in rows]),
        "comparison": _comparison(_read(read_json, paths.comparison)),
        "published": published,
        "label_issues": _label_issues(paths) | {"features_learned": label_features_learned},
        "multilabel": [table for row in rows for table in _multilabel(row)],
        "predictions": _predictions(_read(_read_predictions, paths.predictions), paths.prediction_plots),
        "production": production,
        "production_model": production_model,
        "why": _explain_choice(production),
    }


def format_summary(context: Mapping[str, Any]) -> str:
    """Return one line on the report of :func:`context`."""
    model, names = context["production_model"], ", ".join(model["name"] for model in context["models"])
    return f"report on {names}; in production: {model['name']}, test accuracy {model['scores']['accuracy']:.4f}"


def _first(classes: Sequence[str], key: Callable[[str], float]) -> list[str]:
    """Return all classes, or of too many those with the smallest ``key``, the smallest first, then by name."""
    if len(classes) <= SHOWN_CLASSES:
        return list(classes)
    return sorted(classes, key=lambda name: (key(name), name))[:SHOWN_CLASSES]


def _recall(scores: Mapping[str, float]) -> float:
    """Return the recall of a class; without test images it is undefined, and the class comes last."""
    return scores["recall"] if scores["support"] else math.inf


def _read_predictions(path: Path) -> "pd.DataFrame":
    """Return ``class`` and ``unsure``: the table also has two columns for each class, which would fill the memory."""
    return read_csv(path, columns=("class", "unsure"))


def _read(reader: Callable[[Path], Any], path: Path) -> Any:
    try:
        return reader(path)
    except FileNotFoundError:
        raise InputError(f"{path} is missing, and the report needs it; run `dvc repro`") from None


def _model(
    paths: Paths,
    name: str,
    description: Mapping[str, Any],
    features: Mapping[str, Mapping[str, Any]],
    scores: Mapping[str, Any],
    production: Mapping[str, Any],
) -> dict[str, Any]:
    """Return scores, parameters and pictures of one model."""
    merged = scores["merged_pairs"]
    pairs = sorted(scores["most_confused_pairs"].items(), key=lambda pair: (-pair[1]["errors"], pair[0]))
    return {
        "name": name,
        "kind": kind_in_words(description, features),
        "parameter_count": production["parameters"][name],
        "scores": scores,
        "calibrated": bool(scores["calibration"]["calibrated"]),
        "why_uncalibrated": why_uncalibrated(scores["val"]["count"]),
        "pairs": [{"name": pair, "errors": entry["errors"], **merged[pair]} for pair, entry in pairs],
        "abstention": [
            {"target": int(key.rpartition("_")[2]) / 100, **entry}
            for key, entry in sorted(scores["abstention"].items())
        ],
        "parameters": [
            {"key": key, "value": value if isinstance(value, str) else json.dumps(value)}
            for key, value in flatten(description).items()
        ],
        "pictures": load_pictures(paths.model_plots[name], model_pictures(description["kind"]), suffix=f": {name}"),
    }


def _comparison(scores: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the scores of each pair of models, with a ``verdict``."""
    clean = scores.pop("clean", {})
    return [
        {"a": a, "b": b, **entry, "clean": clean.get(pair), "verdict": _compare(a, b, entry)}
        for pair, entry in sorted(scores.items())
        for a, b in [pair.split("/")]
    ]


def _compare(a: str, b: str, entry: Mapping[str, Any]) -> str:
    if entry["mcnemar_p"] >= SIGNIFICANT:
        return "no significant difference"
    return f"{a if entry['accuracy_difference'] > 0 else b} is better"


def _label_issues(paths: Paths) -> dict[str, Any]:
    """Return the counts of label issues, the first of them, and their pictures."""
    counts, table = _read(read_json, paths.label_issues), _read(read_csv, paths.label_issue_table)
    return {
        "total": counts["total"],
        "images": counts["images"],
        "reasons": [{"name": name.replace("_", " "), "count": count} for name, count in counts["reason"].items()],
        "planted": counts.get("planted"),
        "first": table.head(SHOWN).to_dict("records"),
        "pictures": load_pictures(paths.label_issue_plots, LABEL_ISSUE_PICTURES),
    }


def _multilabel(model: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a table, with a ``verdict``, of each measurement of the second output."""
    tables = []
    for name, main_score in _MULTILABEL.items():
        methods = model["scores"]["multilabel"].get(name)
        if not methods:  # only drawn images have a ground truth, and composites need three classes
            continue
        rows = [{"name": text, "scores": methods[method]} for method, text in _METHODS.items()]
        columns = [column for column in _MULTILABEL_COLUMNS if column in rows[0]["scores"]]
        verdict = _compare_methods(main_score.replace("_", " "), *(row["scores"][main_score] for row in rows))
        tables.append(
            {"model": model["name"], "name": name.replace("_", " "), "columns": columns, "rows": rows}
            | {"verdict": verdict}
        )
    return tables


def _compare_methods(score: str, rejection: float, naive: float, softmax: float) -> str:
    other, best = max(("naive loss", naive), ("softmax threshold", softmax), key=lambda entry: entry[1])
    verdict = "beats both others; the next is" if rejection > best else "does not beat"
    return f"The second output {verdict} the {other}: {score} {rejection:.3f} against {best:.3f}."


def _predictions(table: "pd.DataFrame", plots: Path) -> dict[str, Any] | None:
    """Return counts of the unlabelled images by predicted class, and their contact sheets; None without images."""
    if table.empty:
        return None
    unsure = table["unsure"].str.lower().isin(("true", "1"))
    counts = unsure.groupby(table["class"]).agg(["size", "sum"])
    if len(counts) > SHOWN_CLASSES:
        counts = counts.sort_values("size", ascending=False, kind="stable").head(SHOWN_CLASSES)
    return {
        "images": len(table),
        "unsure": int(unsure.sum()),
        "classes": [
            {"name": name, "images": int(row["size"]), "unsure": int(row["sum"])} for name, row in counts.iterrows()
        ],
        "others": table["class"].nunique() - len(counts),
        "pictures": load_pictures(plots, {}, prefix="Predicted as "),
    }


def _explain_choice(production: Mapping[str, Any]) -> str:
    """Return why the production model was chosen, see ``scenes.evaluation.selection.Choice``."""
    name, margin = production["model"], production["margin"]
    text = f"Its {production['metric'].replace('_', ' ')} on the validation images is {production['val'][name]:.4f}"
    if production["reason"] == "only":
        return f"{text}; there is no other model."
    if production["reason"] == "score":
        return f"{text}, {margin:.4f} better than the next model."
    relation = "better than" if margin >= 0 else "behind"
    return (
        f"{text}, {abs(margin):.4f} {relation} the best other model. Such a difference is within the tolerance, and of "
        f"the models within it, this one has the fewest parameters: {production['parameters'][name]:,}."
    )
