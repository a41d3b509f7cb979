"""The first page: what the app is, examples to try, and the answer about one photo."""

from pathlib import Path

import numpy as np
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from app import answer, examples, models, paste, uploads
from app.words import escape_markdown, percent
from scenes.common.errors import InputError
from scenes.common.tables import read_json
from scenes.serving import photos

FILE, CAMERA = "Upload or paste", "Camera"
_TILE = 80  # pixels
_SCROLLED = 12  # more examples than this scroll
_HEIGHT = 290  # pixels, of those that scroll


def main() -> None:
    names = models.available_models()
    if not names:
        models.show_no_model()
        return
    _introduce(names[0])
    known, own = st.columns([2, 1], gap="medium")
    with own:
        file = _own_file()
        if file:
            uploads.show(file)
        pixels = _decoded(file) if file else None
    with known:
        example = _example(names[0], selectable=file is None)
    pixels = pixels if file else example
    if pixels is None:
        return
    answers = st.container()
    second = st.selectbox(
        "Compare with another model", names[1:], index=None, format_func=models.in_words, placeholder="none"
    )
    with answers:
        _answer(names[0], pixels)
        if second:
            st.markdown(f"**{escape_markdown(models.in_words(second))}**")
            _answer(second, pixels)


def _introduce(name: str) -> None:
    """Say what the app is, and what the model is and how good."""
    st.title(escape_markdown(models.profile().title), anchor=False)
    file = Path(models.ROOT, f"data/scores/{models.key(name)}.json")
    scores = read_json(file) if file.is_file() else {}
    count = f"{scores['count']:,} {models.test_images()}" if scores else ""
    right = f" It was right on {percent(scores['accuracy'])} of {count}." if scores else ""
    st.markdown(
        "What does a photo show? A model answers, and says how sure it is. "
        f":gray[The model: {escape_markdown(models.in_words(name))}.{right}]"
    )


def _answer(name: str, pixels: np.ndarray) -> None:
    with st.spinner("Loading the model; this takes some seconds, once."):
        served = models.wait_for_model(name)
    answer.show(served, pixels, key=name)


def _own_file() -> UploadedFile | None:
    source = st.segmented_control("Or your own photo:", [FILE, CAMERA], default=FILE, required=True)
    key = f"{source}-{st.session_state.get('example', (0, 0))[1]}"  # selecting an example empties it
    if source == CAMERA:
        return st.camera_input("Take a picture", key=key)
    file = st.file_uploader("Drop a photo, paste it (Ctrl+V) or browse", key=key, label_visibility="collapsed")
    paste.listen()
    return file


def _example(name: str, *, selectable: bool) -> np.ndarray | None:
    """Show the classes of a model, with an example of each; return the selected one.

    Args:
        selectable: whether one is selected; otherwise the visitor's own photo is answered.
    """
    with st.spinner("Loading the model; this takes some seconds, once."):
        classes = models.wait_for_model(name).classifier.classes
        images = examples.load() if examples.exist() else ()
    if not images:
        st.markdown(f"It knows **{len(classes)} classes**: {escape_markdown(', '.join(classes))}.")
        st.info("The examples are test images; fetch them with `dvc pull data/records`.")
        return None
    st.markdown(f"It knows **{len(classes)} classes**. Select an example:")
    selected, count = st.session_state.get("example", (0, 0))
    with st.container(horizontal=True, gap="xsmall", height=_HEIGHT if len(images) > _SCROLLED else "content"):
        for index, example in enumerate(images):
            with st.container(width=_TILE, gap="xsmall"):
                st.image(example.pixels, width="stretch")
                label = escape_markdown(example.label)
                st.button(
                    f"**:primary[{label}]**" if selectable and index == selected else label,
                    key=f"example-{index}",
                    width="stretch",
                    type="tertiary",
                    on_click=st.session_state.update,
                    kwargs={"example": (index, count + 1)},
                )
    return images[selected].pixels


def _decoded(file: UploadedFile) -> np.ndarray | None:
    name = escape_markdown(photos.printable(file.name))
    if photos.is_zip(file.name):
        st.error(f"{name}: this is a zip; upload it on the page *Many photos*.")
        return None
    try:
        photo = models.decode(file.getvalue())
    except InputError as error:
        st.error(f"{name}: {escape_markdown(str(error))}")
        return None
    if photo.damaged:
        st.warning(f"{name}: the photo is damaged; a part of it is missing or wrong.")
    return photo.pixels


main()
