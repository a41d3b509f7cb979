"""What is known of the models, straight from metrics/ and plots/."""

import json
from pathlib import Path

import pandas as pd
import streamlit as st

from app import models
from app.words import escape_markdown, percent

_PICTURES = {
    "Confusion matrix": ("confusion_matrix.png", "Of each class, what its photos were taken for."),
    "Reliability": ("reliability.png", "How often it is right when it is so sure, before and after calibration."),
    "Each class": ("per_class.png", ""),
    "Training": ("training_curves.png", ""),
    "Errors": ("errors.png", ""),
    "Unsure": ("uncertain.png", ""),
    "Grad-CAM": ("gradcam.png", ""),
}


def main() -> None:
    st.title("What is known of the model", anchor=False)
    root = Path(models.ROOT)
    scores = {name: _json(root / f"metrics/{name}.json") for name in models.params().models}
    scores = {name: found for name, found in scores.items() if found}
    chosen = _json(root / "metrics/production.json")
    if not scores:
        st.info("Nothing has been measured yet; run `dvc repro`.")
        return
    if chosen:
        st.markdown(
            f"In production: **{escape_markdown(chosen['model'])}**, by its {escape_markdown(chosen['metric'].replace('_', ' '))} on "
            f"validation photos ({percent(chosen['val'][chosen['model']])})."
        )
    model, data, doubt = st.tabs(["The models", "The data", "Labels in doubt"])
    with model:
        _models(root, scores, chosen)
    with data:
        _pictures(root / "plots/audit", ["class_balance.png", "findings.png", "sizes.png"], "dvc repro audit")
    with doubt:
        _suspects(root)


def _models(root: Path, scores: dict, chosen: dict | None) -> None:
    st.table(pd.DataFrame([_row(name, found) for name, found in scores.items()]).set_index("model"))
    st.caption("On test photos, which were read once; the interval is that of 95 %.")
    names = list(scores)
    name = st.segmented_control(
        "Model",
        names,
        default=chosen["model"] if chosen and chosen["model"] in names else names[0],
        required=True,
        label_visibility="collapsed",
    )
    for tab, (file, words) in zip(st.tabs(list(_PICTURES)), _PICTURES.values(), strict=True):
        with tab:
            if words:
                st.caption(words)
            _pictures(root / "plots" / name, [file], f"dvc repro explain@{name}")


def _row(name: str, found: dict) -> dict:
    interval, calibration = found["accuracy_interval"], found["calibration"]
    return {
        "model": name,
        "accuracy": f"{percent(found['accuracy'])} ({percent(interval['low'])} to {percent(interval['high'])})",
        "without duplicates": percent(found["clean"]["accuracy"]),
        "crossentropy": f"{calibration['temperature_scaled']['crossentropy']:.3f}",
        "calibration error": f"{calibration['temperature_scaled']['ece']:.3f}",
        "test photos": f"{found['count']:,}",
    }


def _suspects(root: Path) -> None:
    file = root / "data/label_issues.csv"
    if not file.is_file():
        st.info("Fetch it with `dvc pull`, or make it with `dvc repro label_issues`.")
        return
    table = pd.read_csv(file, dtype=str, keep_default_na=False)
    st.markdown(f"**{len(table):,} labels** are probably wrong, the surest first.")
    _pictures(root / "plots/label_issues", ["contact_sheet.png", "feature_map.png"], "dvc repro label_issues")
    st.dataframe(table, hide_index=True)


def _pictures(folder: Path, names: list[str], command: str) -> None:
    for name in names:
        if (folder / name).is_file():
            st.image(folder / name)
        else:
            st.info(f"Fetch it with `dvc pull`, or make it with `{command}`.")


def _json(path: Path) -> dict | None:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


main()
