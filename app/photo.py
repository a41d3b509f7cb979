"""The page for one photo: dropped, pasted, taken by the camera or selected from the examples."""

import numpy as np
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

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
        models.show_no_model()
        return
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.title("What does this photo show?", anchor=False)
        source = st.segmented_control(
            "Where from", [FILE, CAMERA, EXAMPLES], default=FILE, required=True, label_visibility="collapsed"
        )
        pixels = {FILE: _uploaded, CAMERA: _taken, EXAMPLES: _selected}[source]()
        with st.expander("Models", icon=":material/tune:"):
            first = st.selectbox("Model", names, format_func=_called)
            others = [name for name in names if name != first]
            second = st.selectbox("Compare with", others, index=None, format_func=_called, placeholder="no other")
    with right:
        if pixels is None:
            st.caption("The answer appears here: the class, the confidence of the model, and what it looked at.")
            return
        shown = [first, second] if second else [first]
        for column, name in zip(st.columns(len(shown)), shown, strict=True):
            with column:
                _answer(name, pixels)


def _answer(name: str, pixels: np.ndarray) -> None:
    try:
        with st.spinner("Loading the model; this takes some seconds, once."):
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


def _selected() -> np.ndarray | None:
    if not examples.exist():
        st.info("The examples are test images; fetch them with `dvc pull data/records`.")
        return None
    try:
        with st.spinner("Reading the examples; this takes some seconds, once."):
            images = examples.load()
    except InputError as error:
        st.error(escape_markdown(str(error)))
        return None
    selected = st.session_state.get("example", 0)
    columns = st.columns(_COLUMNS)
    for index, example in enumerate(images):
        with columns[index % _COLUMNS]:
            st.image(example.pixels, width="stretch")
            st.button(
                escape_markdown(example.label),
                key=f"example-{index}",
                width="stretch",
                type="primary" if index == selected else "secondary",
                on_click=st.session_state.update,
                kwargs={"example": index},
            )
    st.caption("Test images, which no model was trained on, each with its label.")
    return images[selected].pixels


def _decoded(file: UploadedFile, name: str) -> np.ndarray | None:
    if photos.is_zip(file.name):
        st.error(f"{escape_markdown(name)}: this is a zip; upload it on the page *Many photos*.")
        return None
    try:
        photo = models.decode(file.getvalue())
    except InputError as error:
        st.error(f"{escape_markdown(name)}: {escape_markdown(str(error))}")
        return None
    if photo.damaged:
        st.warning(f"{escape_markdown(name)}: the photo is damaged; a part of it is missing or wrong.")
    return photo.pixels


def _called(name: str) -> str:
    return "in production" if name == checkout.PRODUCTION else name


main()
