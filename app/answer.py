"""An answer on the page: the photo, its class, the confidence, what it contains, and what the model looked at."""

import numpy as np
import streamlit as st
from PIL import Image

from app.models import Served
from app.words import escape_markdown, percent
from scenes.evaluation import abstention
from scenes.evaluation.presence import MIN_CLASSES
from scenes.images import decode
from scenes.plots import gradcam
from scenes.serving.classifier import Answer, Classifier

TOP_K = 3  # classes shown at most, so that the answer is no taller than the photo
NEVER_UNSURE = f"This model is {abstention.NO_PROMISE}."
_SIDE = 448  # pixels of the pictures
_SEEN = {"crop": "the central square", "pad": "the whole photo, padded", "squash": "the whole photo, squashed"}


def show(served: Served, pixels: np.ndarray, *, key: str) -> None:
    """Show a photo and beside it a model's answer; on a phone the answer is below the photo.

    Args:
        pixels: uint8 (height, width, 3).
        key: distinguishes the answers on one page.
    """
    model = served.classifier
    prepared = model.prepare(pixels)
    (answer,) = served.predict([prepared])
    square = decode.fit(pixels, _SIDE, model.fit)
    with st.container(key=f"answer-{key}"):
        photo, said, explained = st.columns(3, gap="medium")
        photo.image(square, caption=f"What the model sees: {_SEEN[model.fit]}", width="stretch")
        with said:
            _say(model, answer)
        heat = Image.fromarray(served.heat(prepared, answer)).resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
        explained.image(
            gradcam.overlay(square, np.clip(np.asarray(heat), 0, 1)),
            caption="Where it saw that: brighter areas count more (Grad-CAM)",
            width="stretch",
        )


def _say(model: Classifier, answer: Answer) -> None:
    (best, _), *_ = top = model.top(answer, TOP_K)
    drawn = model.drawn
    unsure = model.unsure(answer)
    if unsure:
        mark = ":orange[:material/help:] Perhaps"
    elif drawn:
        mark = ":gray[:material/draw:]"
    elif unsure is None or model.unlike(answer):
        mark = ":gray[:material/label:]"
    else:
        mark = ":green[:material/check_circle:]"
    st.subheader(f"{mark} {escape_markdown(best)}", anchor=False)
    of_what = "about drawings such as the test images " if drawn else ""
    meaning = f"Calibrated: of the answers {of_what}with this confidence, about this share is right."
    st.markdown(f"**{percent(model.confidence(answer))}** sure", help=meaning if model.calibrated else None)
    warn_of_drawings(model)
    for remark in remarks(model, answer):
        st.caption(f":orange[:material/warning:] {remark}")
    st.markdown("**What is it?**")
    for name, probability in top:
        st.progress(min(probability, 1.0), text=f"{escape_markdown(name)} · {percent(probability)}")
    if len(model.classes) < MIN_CLASSES:
        return
    st.markdown("**What is in it?**", help="A photo can contain several classes, so each has its own probability.")
    contained = model.contained(answer)
    if not contained:
        st.caption("None of its classes for sure; the likeliest:")
    with st.container(horizontal=True, gap="small"):
        for name, probability in contained or model.presence(answer)[:1]:
            st.badge(f"{escape_markdown(name)} · {percent(probability)}", color="blue" if contained else "gray")


def warn_of_drawings(model: Classifier) -> None:
    """Warn the visitor if the model learned from drawings."""
    if model.drawn:
        st.warning("Learned from drawings, not from photos.")


def remarks(model: Classifier, answer: Answer) -> list[str]:
    """Return a line of Markdown for each reason to doubt an answer."""
    found = []
    if model.unsure_below is None:
        found.append(NEVER_UNSURE)
    elif model.unsure(answer):
        found.append(f"Unsure: below {percent(model.unsure_below)} it errs too often.")
    if model.unlike(answer):
        found.append("Unlike the images it learned from.")
    if not model.calibrated:
        found.append("Not calibrated: it may be overconfident.")
    if len(model.classes) >= MIN_CLASSES and not model.contained(answer):
        found.append("Unlike its classes: none is more likely in it than not.")
    return found
