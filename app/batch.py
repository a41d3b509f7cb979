"""The page for many photos, or a zip of them: their answers as a table and as CSV."""

import base64
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from app import models
from app.words import escape_markdown
from scenes.common.errors import InputError
from scenes.plots.thumbnails import thumbnail
from scenes.serving import answer_formats, photos
from scenes.serving.classifier import Classifier
from scenes.serving.photos import Photo, Refused
from scenes.serving.stream import Answered, answer_all

MOST = 2000  # photos at a time; the command takes any number
BATCH_SIZE = 16  # photos of one visitor at a time, so that those of another come in between
_THUMBNAIL = 72  # pixels
_SHOWN = 20  # photos that could not be used, and skipped files, that are named


class Result(NamedTuple):
    """The answers about the files of a visitor.

    Attributes:
        table: a row per photo.
        calibrated: whether the confidence is.
        csv: see ``scenes.serving.answer_formats.csv_rows``.
        refused: a sentence for each photo that could not be used.
        skipped: the files whose names are not those of photos.
    """

    table: pd.DataFrame
    calibrated: bool
    csv: str
    refused: list[str]
    skipped: list[str]


def main() -> None:
    names = models.available_models()
    if not names:
        models.show_no_model()
        return
    st.title("Many photos at once", anchor=False)
    files = st.file_uploader(
        f"Drop photos or a zip of them, at most {MOST:,} photos", accept_multiple_files=True, key="photos"
    )
    if not files:
        st.caption(
            "For more, use the command, which gives the same answers: "
            "`python -m scenes predict FOLDER --csv > answers.csv`"
        )
        return
    uploaded = tuple(file.file_id for file in files)
    if st.session_state.get("answered files") != uploaded:
        try:
            with st.spinner("Loading the model; this takes some seconds, once."):
                served = models.wait_for_model(names[0])
        except InputError as error:
            st.error(escape_markdown(str(error)))
            return
        st.session_state["result"] = _answer(files, served)
        st.session_state["answered files"] = uploaded
    _show(st.session_state["result"])


def _answer(files: Sequence[UploadedFile], served: models.Served) -> Result:
    model = served.classifier
    total = sum(1 for _ in _find(files, lambda name: None))  # opens zips, reads no photo
    skipped: list[str] = []
    entries = _find(files, skipped.append)
    rows: list[dict[str, Any]] = []
    csv = [answer_formats.csv_rows([], model, header=True)]
    refused: list[str] = []
    bar = st.progress(0.0, text=f"0 of {total:,} photos")
    answers = answer_all(entries, models.decode, model.prepare, served.predict, BATCH_SIZE)
    for done, photo in enumerate(answers, start=1):
        if isinstance(photo, Answered):
            rows.append(_row(photo, model))
            csv.append(answer_formats.csv_rows([photo], model, header=False))
        else:
            refused.append(f"{photo.name}: {photo.sentence}")
        if done % BATCH_SIZE == 0:
            bar.progress(done / total, text=f"{done:,} of {total:,} photos")
    bar.empty()
    return Result(pd.DataFrame(rows), model.calibrated, "".join(csv), refused, skipped)


def _find(files: Sequence[UploadedFile], skipped: Callable[[str], None]) -> Iterator[Photo | Refused]:
    """Yield the photos in the uploaded files, up to ``MOST``, and a refusal for the next one."""
    count = 0
    for file in files:
        name = photos.printable(file.name)
        of_file: Iterable[Photo | Refused] = [Photo(name, file.getvalue)]
        if photos.is_zip(file.name):
            of_file = photos.in_zip(name, models.limits(), skipped, file=file)
        for photo in of_file:
            if count == MOST:
                yield Refused(
                    photo.name, f"skipped: this page takes at most {MOST:,} photos; the command takes any number"
                )
                return
            count += 1
            yield photo


def _row(photo: Answered, model: Classifier) -> dict[str, Any]:
    jpeg = io.BytesIO()
    thumbnail(photo.prepared, _THUMBNAIL).save(jpeg, "JPEG", quality=80)
    (best, _), *_ = model.top(photo.answer, 1)
    return {
        "photo": f"data:image/jpeg;base64,{base64.b64encode(jpeg.getvalue()).decode('ascii')}",
        "class": best,
        "confidence": 100 * model.confidence(photo.answer),
        "unsure": model.unsure(photo.answer),
        "presence": ", ".join(model.contained(photo.answer)),
        "name": answer_formats.not_a_formula(photo.name),  # the table can be saved as CSV too
    }


def _show(result: Result) -> None:
    table, refused, skipped = result.table, result.refused, result.skipped
    if len(table):
        count = "1 photo" if len(table) == 1 else f"{len(table):,} photos"
        note = "" if result.calibrated else " Its confidence is not calibrated."
        st.markdown(f"**{count}**; the model is unsure of {int(table['unsure'].sum()):,}.{note}")
        st.download_button("CSV", result.csv, "answers.csv", "text/csv", icon=":material/download:", on_click="ignore")
    if refused:
        more = f"\n\nand {len(refused) - _SHOWN:,} more" if len(refused) > _SHOWN else ""
        sentences = "\n\n".join(map(escape_markdown, refused[:_SHOWN]))
        st.error(f"{len(refused):,} could not be used:\n\n{sentences}{more}")
    if skipped:
        names = ", ".join(skipped[:_SHOWN]) + (", …" if len(skipped) > _SHOWN else "")
        st.caption(f"{len(skipped):,} skipped, because their names are not those of images: {escape_markdown(names)}")
    if len(table):
        st.dataframe(
            table,
            hide_index=True,
            row_height=_THUMBNAIL,
            column_config={
                "photo": st.column_config.ImageColumn(width=_THUMBNAIL + 20),
                "confidence": st.column_config.ProgressColumn(format="%.1f %%", min_value=0, max_value=100),
            },
        )


main()
