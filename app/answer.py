"""How the app shows an answer: the class, how sure, what else, what the photo contains, and where it shows."""

import time

import numpy as np
import streamlit as st
from PIL import Image

from app.models import Served
from app.words import escape_markdown, percent
from scenes.images import decode
from scenes.plots import gradcam

TOP_K = 6  # of the classes; more than fit on a screen tell nobody anything
_SIDE = 448  # pixels of the picture that shows what the model looked at


def show(served: Served, pixels: np.ndarray, *, key: str) -> None:
    """Show what a model says of a photo.

    Args:
        pixels: uint8 (height, width, 3).
        key: tells the answers on one page apart.
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
                f"Its confidence, **{percent(confidence)}**, is below the {percent(model.unsure_below)} from which on "
                "it was right often enough on validation photos."
            )
        else:
            st.subheader(f":green[:material/check_circle:] {escape_markdown(best)}", anchor=False)
            st.markdown(
                f"Confidence **{percent(confidence)}**, calibrated: of all answers as sure as this one, about "
                "so many are right."
            )
        what, contains = st.columns(2)
        with what:
            st.markdown("**What is it?**")
            for name, probability in top:
                st.progress(min(probability, 1.0), text=f"{escape_markdown(name)} · {percent(probability)}")
        with contains:
            st.markdown(
                "**What is in it?**",
                help="One score a class, each for itself: a photo of a street "
                "below mountains contains both. A tick means that the score is high enough.",
            )
            # All that it contains, however many these are.
            shown = max(TOP_K, len(model.contained(answer)))
            for index in np.argsort(-answer.presence, kind="stable")[:shown]:
                score = float(answer.presence[index])
                tick = ":green[:material/check:] " if score >= model.presence_above else ""
                st.progress(min(score, 1.0), text=f"{tick}{escape_markdown(model.classes[index])} · {score:.2f}")
        st.caption(f"Answered by {escape_markdown(model.name)} in {milliseconds:.0f} ms.")
        _looked_at(served, pixels, prepared, answer)


def _looked_at(served: Served, pixels: np.ndarray, prepared: np.ndarray, answer) -> None:
    heat = Image.fromarray(served.heat(prepared, answer)).resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
    square = decode.fit(pixels, _SIDE)
    seen, overlay = st.columns(2)
    seen.image(square, caption="What the model sees: the middle square", width="stretch")
    overlay.image(
        gradcam.overlay(square, np.clip(np.asarray(heat), 0, 1)),
        caption="Where it saw that (Grad-CAM): the brighter, the more",
        width="stretch",
    )
