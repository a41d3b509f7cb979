"""One photo: dropped, pasted, taken by the camera or chosen from the examples."""

import numpy as np
import streamlit as st

from app import answer, examples, models, paste
from app.words import escape_markdown
from scenes.commands import checkout
from scenes.common.errors import InputError
from scenes.serving import photos

FILE, CAMERA, EXAMPLES = "Upload or paste", "Camera", "Examples"
_COLUMNS = 4  # of examples


def main() -> None:
    names = models.available_models()
    if not names:
        models.say_that_there_is_none()
        return
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.title("What does this photo show?", anchor=False)
        way = st.segmented_control(
            "Where from", [FILE, CAMERA, EXAMPLES], default=FILE, required=True, label_visibility="collapsed"
        )
        pixels = {FILE: _uploaded, CAMERA: _taken, EXAMPLES: _chosen}[way]()
        with st.expander("Models", icon=":material/tune:"):
            first = st.selectbox("Model", names, format_func=_called)
            others = [name for name in names if name != first]
            second = st.selectbox("Compare with", others, index=None, format_func=_called, placeholder="no other")
    with right:
        if pixels is None:
            st.caption("The answer comes here: the class, how sure the model is, and what it looked at.")
            return
        shown = [first, second] if second else [first]
        for column, name in zip(st.columns(len(shown)), shown, strict=True):
            with column:
                _answer(name, pixels)


def _answer(name: str, pixels: np.ndarray) -> None:
    try:
        with st.spinner("The model is being loaded; this takes some seconds, once."):
            served = models.wait_for_model(name)
    except InputError as error:
        st.error(escape_markdown(str(error)))
        return
    answer.show(served, pixels, key=name)


def _uploaded() -> np.ndarray | None:
    paste.listen()
    file = st.file_uploader("Drop a photo here, paste it (Ctrl+V) or browse", key="photo")
    return _decoded(file, photos.printable(file.name)) if file else None


def _taken() -> np.ndarray | None:
    file = st.camera_input("Take a picture")
    return _decoded(file, "your picture") if file else None


def _chosen() -> np.ndarray | None:
    if not examples.exist():
        st.info("The examples are test images; fetch them with `dvc pull data/records`.")
        return None
    try:
        with st.spinner("The examples are being read; this takes some seconds, once."):
            found = examples.load()
    except InputError as error:
        st.error(escape_markdown(str(error)))
        return None
    picked = st.session_state.get("example", 0)
    columns = st.columns(_COLUMNS)
    for index, example in enumerate(found):
        with columns[index % _COLUMNS]:
            st.image(example.pixels, width="stretch")
            kind = "primary" if index == picked else "secondary"
            st.button(
                escape_markdown(example.label),
                key=f"example-{index}",
                width="stretch",
                type=kind,
                on_click=st.session_state.update,
                kwargs={"example": index},
            )
    st.caption("Test images, which no model was trained on; below each its label.")
    return found[picked].pixels


def _decoded(file, name: str) -> np.ndarray | None:
    if photos.is_zip(file.name):
        st.error(f"{escape_markdown(name)}: this is a zip; hand it in on the page *Many photos*.")
        return None
    try:
        return models.decode(file.getvalue())
    except InputError as error:
        st.error(f"{escape_markdown(name)}: {escape_markdown(str(error))}")
        return None


def _called(name: str) -> str:
    return "in production" if name == checkout.PRODUCTION else name


main()
