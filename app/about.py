"""The page about the models: their scores and pictures, from data/scores/ and plots/."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from app import models
from app.words import escape_markdown, percent
from scenes.common.tables import read_json

_PICTURES = {
    "Confusion matrix": ("scores/confusion_matrix.png", "For each class, how its images were classified."),
    "Reliability": (
        "scores/reliability.png",
        "How often the model is right at a given confidence, before and after calibration.",
    ),
    "Each class": ("scores/per_class.png", ""),
    "Training": (
        "curves/training_curves.png",
        "By epoch; of a logistic regression, by C, the inverse strength of its penalty.",
    ),
    "Errors": ("examples/errors.png", ""),
    "Unsure": ("examples/uncertain.png", ""),
    "Grad-CAM": ("examples/gradcam.png", ""),
}


def main() -> None:
    st.title("About the model", anchor=False)
    root = Path(models.ROOT)
    found = {name: _read(root / f"data/scores/{name}.json") for name in models.params().models}
    scores = {name: of_model for name, of_model in found.items() if of_model}
    production = _read(root / "data/scores/production.json")
    if not scores:
        st.info("Nothing has been measured yet; run `dvc repro`.")
        return
    if production:
        name, metric = production["model"], production["metric"].replace("_", " ")
        described = escape_markdown(models.in_words(name))
        st.markdown(f"In use: **{described}**, chosen by its {escape_markdown(metric)} on validation images.")
    model, data = st.tabs(["The models", "The data"])
    with model:
        _models(root, scores, production)
    with data:
        _pictures(root / "plots/audit", ["class_balance.png", "findings.png", "sizes.png"], "dvc repro audit")


def _read(file: Path) -> dict[str, Any]:
    """Return the scores in a file; none if it is not there, or if the profile does not enable the model."""
    return read_json(file) if file.is_file() else {}


def _models(root: Path, scores: Mapping[str, Mapping[str, Any]], production: Mapping[str, Any]) -> None:
    names = list(scores)
    rows = [_scores(scores[name]) for name in names]
    st.table(
        pd.DataFrame(rows, index=pd.Index([escape_markdown(models.in_words(name)) for name in names], name="model"))
    )
    st.caption(
        f"On {models.test_images()}, which no model was trained or chosen by; intervals are 95 %. "
        "Worst class: the lowest recall."
    )
    name = st.segmented_control(
        "Model",
        names,
        default=production["model"] if production.get("model") in names else names[0],
        required=True,
        format_func=models.in_words,
        label_visibility="collapsed",
    )
    st.caption(f"{escape_markdown(models.in_words(name))}: `{name}` in the pictures.")
    for tab, (file, caption) in zip(st.tabs(list(_PICTURES)), _PICTURES.values(), strict=True):
        with tab:
            if caption:
                st.caption(caption)
            _pictures(root / "plots" / name, [file], f"dvc repro evaluate@{name}")


def _scores(scores: Mapping[str, Any]) -> dict[str, str]:
    interval, calibration = scores["accuracy_interval"], scores["calibration"]
    note = "" if calibration["calibrated"] else " (not calibrated)"
    scaled = calibration["temperature_scaled"]
    return {
        "accuracy": f"{percent(scores['accuracy'])} ({percent(interval['low'])} to {percent(interval['high'])})",
        "without duplicates": percent(scores["clean"]["accuracy"]),
        "worst class": percent(scores["min_recall"]),
        "calibration error": f"{percent(scaled['ece'])}{note}",
        "calibration error of a perfectly calibrated model": percent(scaled["ece_floor"]),
        "test images": f"{scores['count']:,}",
    }


def _pictures(folder: Path, names: list[str], command: str) -> None:
    for name in names:
        if (folder / name).is_file():
            st.image(folder / name)
        else:
            st.info(f"Fetch it with `dvc pull`, or make it with `{command}`.")


main()
