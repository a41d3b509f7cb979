"""The content of the report and the model card: nested dicts for the templates, from what the pipeline wrote.

What every run of the pipeline writes must exist. What only some runs have may be missing: pictures, the ground truth of
drawn images, unlabelled images.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenes.common.archives import as_list, by_archive
from scenes.common.errors import InputError
from scenes.common.outputs import damaged
from scenes.common.tables import flatten, read_csv, read_json
from scenes.download.source import is_drawn, parse_sources
from scenes.evaluation import abstention
from scenes.evaluation.metrics import why_uncalibrated
from scenes.provenance import record
from scenes.report import classes, data, novelty
from scenes.report.models import kind_in_words, sentence
from scenes.report.numbers import p_value, percent, points
from scenes.report.pictures import AUDIT_PICTURES, LABEL_ISSUE_PICTURES, load_pictures, model_pictures

if TYPE_CHECKING:
    import pandas as pd

SIGNIFICANT = 0.05  # McNemar's p below which two models differ

# Whether the test images keep a promised precision, see ``scenes.evaluation.abstention.verdict``.
_VERDICTS = {
    "kept": "kept",
    "missed": "not kept",
    "open": "open: the interval contains the target",
}

# How an image is made square, see ``scenes.images.decode.fit``.
_FIT = {
    "crop": "its largest centred square is resized",
    "pad": "it is resized whole, and centred on a grey square",
    "squash": "it is resized whole, whatever its proportions",
}


@dataclass(frozen=True)
class Paths:
    """The files and folders that the report is made from.

    Attributes:
        scores: folder of ``audit``, ``comparison``, ``label_issues``, ``production`` and a file for each model, JSON;
            ``{}`` of a model whose feature set is not enabled.
        plots: folder of ``audit``, ``label_issues``, ``predictions`` and a folder for each model: PNG files, and the
            model's predictions of the test images.
        split, predictions: tables, CSV.
        production: folder of the production model, with its provenance.
    """

    scores: Path
    plots: Path
    split: Path
    predictions: Path
    production: Path


def context(
    paths: Paths,
    *,
    title: str,
    published: Sequence[Mapping[str, str]],
    source: str | list[str],
    features: Mapping[str, Mapping[str, Any]],
    label_features_learned: bool,
    models: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Return everything that the templates show.

    Args:
        paths: of the results.
        title: of the report.
        published: scores that others report on the Kaggle data set of the profile, each with ``model``, ``accuracy``
            and ``remark``, as quoted text; shown only if the archive is from Kaggle.
        source: of the archive, or a list of those of several, see ``scenes.download.source``; their private parts are
            not shown.
        features: the feature sets of the profile.
        label_features_learned: whether the features that the labels were judged by were learned from them.
        models: parameters by model.

    Raises:
        InputError: a file that the pipeline always writes is missing or damaged.
    """
    audit, production, label_issues, comparison = (
        read_json(paths.scores / f"{name}.json") for name in ("audit", "production", "label_issues", "comparison")
    )
    scores = {name: read_json(paths.scores / f"{name}.json") for name in models}
    rows = [_model(paths, name, models[name], features, each, production) for name, each in scores.items() if each]
    chosen = next((row for row in rows if row["name"] == production["model"]), None)
    if chosen is None:
        raise InputError(f"{paths.scores}/production.json names a model that has no scores; run `dvc repro`")
    test = chosen["scores"]
    split = read_csv(paths.split)
    counts = data.images_per_class(split, list(test["per_class"]))
    provenance, pairs = record.read(paths.production), _comparison(comparison)
    answers = read_csv(paths.plots / chosen["name"] / "predictions.csv")
    label_issues.setdefault("planted", None)
    label_issues |= {  # in place, so that a key that the file lacks is an InputError
        "features_learned": label_features_learned,
        "corrections": provenance["data_params"].get("corrections", {}),
        "corrected_test": test.get("corrected_test"),
        "pictures": load_pictures(paths.plots / "label_issues", LABEL_ISSUE_PICTURES),
    }
    return {
        "title": title,
        "drawn": is_drawn(source),
        "source": data.describe_source(source),
        "classes": list(counts),
        "by_class": classes.table(test["per_class"], counts, answers),
        "confusion": classes.confusion(answers, list(counts)),
        "audit": audit,
        "division": data.division(audit, split),
        "held_out": data.held_out(audit, counts, len(as_list(provenance["archive_sha256"]))),
        "findings": data.findings(audit, test),
        "audit_pictures": load_pictures(paths.plots / "audit", AUDIT_PICTURES),
        "models": rows,
        "not_run": [name for name, each in scores.items() if not each],
        "comparison": pairs,
        "against_next": _against_next(production, pairs, paths.scores / "comparison.json"),
        "published": published if {each.kind for each in parse_sources(source)} == {"kaggle"} else [],
        "label_issues": label_issues,
        "presence": test["presence"],
        "novelty": novelty.sentences(production["novelty"]),
        "predictions": _predictions(_read_predictions(paths.predictions), paths.plots / "predictions"),
        "production": chosen,
        "why": _explain_choice(production),
        "sentence": sentence(models[chosen["name"]], features),
        "image_size": provenance["data_params"]["profile.image_size"],
        "fit": _FIT[provenance["data_params"]["profile.fit"]],
        "promise": chosen["abstention"][provenance["params"]["select"]["unsure_below"]],
        "made_from": _made_from(provenance, models[chosen["name"]]["kind"]),
        # Where pretrained weights are from; None of a network from scratch.
        "weights": provenance["model"].get("features", {}).get("weights"),
    }


def format_summary(context: Mapping[str, Any]) -> str:
    """Return one line on the report of :func:`context`."""
    model, names = context["production"], ", ".join(model["name"] for model in context["models"])
    return f"report on {names}; in production: {model['name']}, test accuracy {model['scores']['accuracy']:.4f}"


def _read_predictions(path: Path) -> "pd.DataFrame":
    """Return three columns: the table also has two columns for each class, which would fill the memory."""
    return read_csv(path, columns=("class", "unsure", "unlike_training"))


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
        "chosen": name == production["model"],
        "parameter_count": production["parameters"][name],
        "scores": scores,
        "calibrated": bool(scores["calibration"]["calibrated"]),
        "why_uncalibrated": why_uncalibrated(scores["val"]["count"]),
        "pairs": [{"name": pair, "errors": entry["errors"], **merged[pair]} for pair, entry in pairs],
        "abstention": {
            key: _promise(key, entry, scores["val"]["count"]) for key, entry in sorted(scores["abstention"].items())
        },
        "settings": {
            key: value if isinstance(value, str) else json.dumps(value) for key, value in flatten(description).items()
        },
        "pictures": load_pictures(paths.plots / name, model_pictures(description["kind"]), suffix=f": {name}"),
    }


def _promise(name: str, entry: Mapping[str, Any], images: int) -> dict[str, Any]:
    """Return what a threshold gives on test, its ``target``, and whether it keeps it, or why there is none, in words.

    Args:
        images: number of validation images.
    """
    none = entry["confidence"] is None
    said = abstention.why_no_threshold(name, images) if none else _VERDICTS[abstention.verdict(name, entry)]
    return {**entry, "target": abstention.PRECISIONS[name], "said": said}


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


def _against_next(production: Mapping[str, Any], pairs: Sequence[Mapping[str, Any]], file: Path) -> str:
    """Return how the production model compares on test with the next on validation, in words; '' without others.

    Raises:
        InputError: ``file``, which ``pairs`` are from, lacks the two.
    """
    sign = 1 if _is_share(production["metric"]) else -1
    others = {name: sign * score for name, score in production["val"].items() if name != production["model"]}
    if not others:
        return ""
    other = max(others, key=others.__getitem__)
    entry = next((pair for pair in pairs if {pair["a"], pair["b"]} == {production["model"], other}), None)
    if entry is None:
        raise damaged(file, f"it lacks {production['model']} and {other}")
    return f"Compared with {other} on the test images: {entry['verdict']}, p {p_value(entry['mcnemar_p'])}."


def _predictions(table: "pd.DataFrame", plots: Path) -> dict[str, Any] | None:
    """Return counts of the unlabelled images by predicted class, and their contact sheets; None without images."""
    if table.empty:
        return None
    # Empty where there is no threshold.
    unsure, unlike = (table[name].str.lower().isin(("true", "1")) for name in ("unsure", "unlike_training"))
    counts = unsure.groupby(table["class"]).agg(["size", "sum"])
    counts = counts.sort_values("size", ascending=False, kind="stable")
    return {
        "images": len(table),
        "unsure": int(unsure.sum()),
        "unlike": int(unlike.sum()) if (table["unlike_training"] != "").all() else None,
        "classes": [
            {"name": name, "images": int(row["size"]), "unsure": int(row["sum"])}
            for name, row in counts.head(classes.SHOWN).iterrows()
        ],
        "others": max(len(counts) - classes.SHOWN, 0),
        "pictures": load_pictures(plots, {}, prefix="Predicted as "),
    }


def _is_share(metric: str) -> bool:
    """Return whether a score is a share of the images, the higher the better; the others are losses."""
    return metric not in ("crossentropy", "brier_score")


def _explain_choice(production: Mapping[str, Any]) -> str:
    """Return why the production model was chosen, see ``scenes.evaluation.selection.Choice``."""
    metric, margin = production["metric"], production["margin"]
    share = _is_share(metric)
    score = production["val"][production["model"]]
    text = f"Its {metric.replace('_', ' ')} on the validation images is {percent(score) if share else f'{score:.4f}'}"
    if production["reason"] == "only":
        return f"{text}; there is no other model."
    difference = points(abs(margin)).lstrip("+") if share else f"{abs(margin):.4f}"
    if production["reason"] == "score":
        return f"{text}, {difference} better than the next model."
    relation = "better than" if margin >= 0 else "behind"
    return (
        f"{text}, {difference} {relation} the best other model. Such a difference is within the tolerance, and of "
        f"the models within it, this one has the fewest parameters."
    )


def _made_from(provenance: Mapping[str, Any], kind: str) -> dict[str, str]:
    """Return the sha256 of what made the production model, by file: its data, and code/<stage>.txt of its stages."""
    stages = {
        "code_sha256": "select",
        "model.code_sha256": f"train_{kind}",
        "model.features.code_sha256": "features",
        "model.features.finetuned.code_sha256": "finetune",
    }
    found = flatten(provenance)
    return {
        **by_archive("data/raw", provenance["archive_sha256"]),
        "data/split.csv": provenance["split_sha256"],
        **{f"code/{stage}.txt": found[key] for key, stage in stages.items() if key in found},
    }
