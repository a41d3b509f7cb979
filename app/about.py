"""The page about the models: their scores and pictures, straight from metrics/ and plots/."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from app import models
from app.words import escape_markdown, percent
from scenes.common.tables import read_csv, read_json
from scenes.report.models import kind_in_words

_PICTURES = {
    "Confusion matrix": ("scores/confusion_matrix.png", "For each class, how its photos were classified."),
    "Reliability": (
        "scores/reliability.png",
        "How often the model is right at a given confidence, before and after calibration.",
    ),
    "Each class": ("scores/per_class.png", ""),
    "Training": (
        "examples/training_curves.png",
        "By epoch; of a logistic regression, by C, the inverse strength of its penalty.",
    ),
    "Errors": ("examples/errors.png", ""),
    "Unsure": ("examples/uncertain.png", ""),
    "Grad-CAM": ("examples/gradcam.png", ""),
}


def main() -> None:
    st.title("About the model", anchor=False)
    root = Path(models.ROOT)
    files = {name: root / f"metrics/{name}.json" for name in models.params().models}
    found = {name: read_json(file) for name, file in files.items() if file.is_file()}
    scores = {name: of_model for name, of_model in found.items() if of_model}  # none without its feature set
    production_file = root / "metrics/production.json"
    production = read_json(production_file) if production_file.is_file() else None
    if not scores:
        st.info("Nothing has been measured yet; run `dvc repro`.")
        return
    if production:
        name, metric = production["model"], production["metric"].replace("_", " ")
        st.markdown(
            f"In production: **{escape_markdown(name)}**, by its {escape_markdown(metric)} on validation photos "
            f"({percent(production['val'][name])})."
        )
    model, data, doubt = st.tabs(["The models", "The data", "Label issues"])
    with model:
        _models(root, scores, production)
    with data:
        _pictures(root / "plots/audit", ["class_balance.png", "findings.png", "sizes.png"], "dvc repro audit")
    with doubt:
        _label_issues(root)


def _models(root: Path, scores: Mapping[str, Mapping[str, Any]], production: Mapping[str, Any] | None) -> None:
    described = {name: model.model_dump() for name, model in models.params().models.items()}
    features = {name: each.model_dump() for name, each in models.profile().features.items()}
    counts = production["parameters"] if production else {}
    rows = [
        {
            "model": name,
            "what it is": escape_markdown(kind_in_words(described[name], features)),
            "parameters": f"{counts[name]:,}" if name in counts else "",
        }
        | _scores(of_model)
        for name, of_model in scores.items()
    ]
    st.table(pd.DataFrame(rows).set_index("model"))
    st.caption(
        "On the test photos, which are used once; intervals are 95 %. Worst class: the lowest recall of a class."
    )
    names = list(scores)
    name = st.segmented_control(
        "Model",
        names,
        default=production["model"] if production and production["model"] in names else names[0],
        required=True,
        label_visibility="collapsed",
    )
    for tab, (file, caption) in zip(st.tabs(list(_PICTURES)), _PICTURES.values(), strict=True):
        with tab:
            if caption:
                st.caption(caption)
            stage = "evaluate" if file.startswith("scores/") else "explain"
            _pictures(root / "plots" / name, [file], f"dvc repro {stage}@{name}")


def _scores(scores: Mapping[str, Any]) -> dict[str, str]:
    interval, calibrated = scores["accuracy_interval"], scores["calibration"]["temperature_scaled"]
    note = "" if scores["calibration"]["calibrated"] else " (not calibrated)"
    return {
        "accuracy": f"{percent(scores['accuracy'])} ({percent(interval['low'])} to {percent(interval['high'])})",
        "without duplicates": percent(scores["clean"]["accuracy"]),
        "balanced accuracy": percent(scores["balanced_accuracy"]),
        "worst class": percent(scores["min_recall"]),
        "crossentropy": f"{calibrated['crossentropy']:.3f}",
        "calibration error": f"{calibrated['ece']:.3f}{note}",
        "test photos": f"{scores['count']:,}",
    }


def _label_issues(root: Path) -> None:
    file = root / "data/label_issues.csv"
    if not file.is_file():
        st.info("Fetch it with `dvc pull`, or make it with `dvc repro label_issues`.")
        return
    table = read_csv(file)
    st.markdown(f"**{len(table):,} labels** are probably wrong; the most likely ones first.")
    _pictures(root / "plots/label_issues", ["contact_sheet.png", "feature_map.png"], "dvc repro label_issues")
    st.dataframe(table, hide_index=True)


def _pictures(folder: Path, names: list[str], command: str) -> None:
    for name in names:
        if (folder / name).is_file():
            st.image(folder / name)
        else:
            st.info(f"Fetch it with `dvc pull`, or make it with `{command}`.")


main()
