"""An answer on the page: the classes, the confidence, what the photo contains, and what the model looked at."""

import time

import numpy as np
import streamlit as st
from PIL import Image

from app.models import Served
from app.words import escape_markdown, percent
from scenes.images import decode
from scenes.models.temperature import MIN_IMAGES
from scenes.plots import gradcam
from scenes.serving.classifier import Answer, Classifier

TOP_K = 5  # classes shown at most, so that they fit on a screen
_LOOSE = f" It is not calibrated: the validation photos are fewer than {MIN_IMAGES}, or show no gain."
_SIDE = 448  # pixels of the pictures that show what the model looked at
_SEEN = {"crop": "the central square", "pad": "the whole photo, padded", "squash": "the whole photo, squashed"}


def show(served: Served, pixels: np.ndarray, *, key: str) -> None:
    """Show a model's answer about a photo.

    Args:
        pixels: uint8 (height, width, 3).
        key: distinguishes the answers on one page.
    """
    model = served.classifier
    start = time.perf_counter()
    prepared = model.prepare(pixels)
    (answer,) = served.predict([prepared])
    milliseconds = 1000 * (time.perf_counter() - start)
    (best, _), *_ = top = model.top(answer, min(TOP_K, len(model.classes)))
    confidence = model.confidence(answer)
    with st.container(key=f"answer-{key}"):
        if model.unsure(answer):
            st.subheader(f":orange[:material/help:] Unsure, perhaps {escape_markdown(best)}", anchor=False)
            st.markdown(
                f"Confidence **{percent(confidence)}** is below {percent(model.unsure_below)}, the threshold from "
                f"which on the model was right often enough on validation photos.{'' if model.calibrated else _LOOSE}"
            )
        else:
            st.subheader(f":green[:material/check_circle:] {escape_markdown(best)}", anchor=False)
            meaning = "calibrated: about this share of all answers with this confidence are right."
            st.markdown(f"Confidence **{percent(confidence)}**{f', {meaning}' if model.calibrated else f'.{_LOOSE}'}")
        # Of two classes, "does it contain" could not be measured, see scenes.evaluation.composites.
        what, *contains = st.columns(2) if len(model.classes) > 2 else [st.container()]
        with what:
            st.markdown("**What is it?**")
            for name, probability in top:
                st.progress(min(probability, 1.0), text=f"{escape_markdown(name)} · {percent(probability)}")
        for column in contains:
            with column:
                _contained(model, answer)
        st.caption(f"Answered by {escape_markdown(model.name)} in {milliseconds:.0f} ms.")
        _looked_at(served, pixels, prepared, answer)


def _contained(model: Classifier, answer: Answer) -> None:
    st.markdown(
        "**What is in it?**",
        help="Each class has an independent score, because a photo can contain several. "
        "A tick means that the score is high enough.",
    )
    # All classes that it contains, even if there are more than TOP_K, but no more than fit on a page.
    shown = min(max(TOP_K, len(model.contained(answer))), 2 * TOP_K)
    for index in np.argsort(-answer.presence, kind="stable")[:shown]:
        score = float(answer.presence[index])
        tick = ":green[:material/check:] " if score >= model.presence_above else ""
        st.progress(min(score, 1.0), text=f"{tick}{escape_markdown(model.classes[index])} · {score:.2f}")


def _looked_at(served: Served, pixels: np.ndarray, prepared: np.ndarray, answer: Answer) -> None:
    heat = Image.fromarray(served.heat(prepared, answer)).resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
    fit = served.classifier.fit
    square = decode.fit(pixels, _SIDE, fit)
    seen, overlay = st.columns(2)
    seen.image(square, caption=f"What the model sees: {_SEEN[fit]}", width="stretch")
    overlay.image(
        gradcam.overlay(square, np.clip(np.asarray(heat), 0, 1)),
        caption="Where it saw that (Grad-CAM): brighter areas count more",
        width="stretch",
    )
