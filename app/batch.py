"""Many photos, or a zip of them: a table, and the same as CSV."""

import base64
import io
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pandas as pd
import streamlit as st

from app import models
from app.words import escape_markdown
from scenes.common.errors import InputError
from scenes.plots.thumbnails import thumbnail
from scenes.serving import answer_formats, photos
from scenes.serving import stream as serving_stream
from scenes.serving.classifier import Classifier
from scenes.serving.photos import Photo, Refused
from scenes.serving.stream import Answered

MOST = 2000  # photos in one go; the command takes any number
BATCH_SIZE = 16  # photos that one visitor sends at a time, so that another one's come in between
_THUMBNAIL = 72  # pixels
_SHOWN = 20  # sentences about photos that could not be used


class Outcome(NamedTuple):
    """What came of some files.

    Attributes:
        table: a row a photo.
        csv: see ``scenes.serving.answer_formats.csv``.
        bad: a sentence for each that could not be used.
        passed_over: how many files are no photos by their names.
        names: of the first of these.
    """

    table: pd.DataFrame
    csv: str
    bad: list[str]
    passed_over: int
    names: list[str]


def main() -> None:
    names = models.available_models()
    if not names:
        models.say_that_there_is_none()
        return
    st.title("Many photos at once", anchor=False)
    files = st.file_uploader(
        f"Drop photos or a zip of them, at most {MOST:,} photos", accept_multiple_files=True, key="photos"
    )
    if not files:
        st.caption(
            "More are for the command, which gives the same answers: "
            "`python -m scenes predict FOLDER --csv > answers.csv`"
        )
        return
    wanted = tuple(file.file_id for file in files)
    if st.session_state.get("answered for") != wanted:
        try:
            with st.spinner("The model is being loaded; this takes some seconds, once."):
                served = models.wait_for_model(names[0])
        except InputError as error:
            st.error(escape_markdown(str(error)))
            return
        st.session_state["answered"] = _answered(files, served)
        st.session_state["answered for"] = wanted
    _show(st.session_state["answered"])


def _answered(files: list, served: models.Served) -> Outcome:
    model = served.classifier
    passed_over: list[str] = []
    total = sum(1 for _ in _found(files, lambda name: None))  # opens zips, reads no photo
    found = _found(files, passed_over.append)
    rows, csv, bad = [], [answer_formats.csv([], model, header=True)], []
    bar = st.progress(0.0, text=f"0 of {total:,} photos")
    stream = serving_stream.stream(found, models.decode, model.prepare, served.predict, BATCH_SIZE)
    for done, photo in enumerate(stream, start=1):
        if photo.answer:
            rows.append(_row(photo, model))
            csv.append(answer_formats.csv([photo], model, header=False))
        else:
            bad.append(f"{photo.name}: {photo.sentence}")
        if done % BATCH_SIZE == 0:
            bar.progress(done / total, text=f"{done:,} of {total:,} photos")
    bar.empty()
    return Outcome(pd.DataFrame(rows), "".join(csv), bad, len(passed_over), passed_over[:_SHOWN])


def _found(files: list, passed_over: Callable[[str], None]) -> Iterator[Photo | Refused]:
    """Yield the photos in what was uploaded, and no more than ``MOST``."""
    count = 0
    for file in files:
        if photos.is_zip(file.name):
            some = photos.in_zip(photos.printable(file.name), models.limits(), passed_over, file=file)
        else:
            some = [Photo(photos.printable(file.name), file.getvalue)]
        for photo in some:
            if count == MOST:
                sentence = f"with it there are more than the {MOST:,} that this page takes; the command takes them all"
                yield Refused(photo.name, sentence)
                return
            count += 1
            yield photo


def _row(photo: Answered, model: Classifier) -> dict:
    jpeg = io.BytesIO()
    thumbnail(photo.prepared, _THUMBNAIL).save(jpeg, "JPEG", quality=80)
    (best, _), *_ = model.top(photo.answer, 1)
    return {
        "photo": f"data:image/jpeg;base64,{base64.b64encode(jpeg.getvalue()).decode('ascii')}",
        "class": best,
        "confidence": 100 * model.confidence(photo.answer),
        "unsure": model.unsure(photo.answer),
        "presence": ", ".join(model.contained(photo.answer)),
        "name": answer_formats.inert(photo.name),  # the table, too, can be saved as CSV
    }


def _show(outcome: Outcome) -> None:
    table, bad, passed_over = outcome.table, outcome.bad, outcome.passed_over
    if len(table):
        photos_found = "1 photo" if len(table) == 1 else f"{len(table):,} photos"
        st.markdown(f"**{photos_found}**; the model is unsure of {int(table['unsure'].sum()):,}.")
        st.download_button("CSV", outcome.csv, "answers.csv", "text/csv", icon=":material/download:", on_click="ignore")
    if bad:
        more = f"\n\nand {len(bad) - _SHOWN:,} more" if len(bad) > _SHOWN else ""
        st.error(f"{len(bad):,} could not be used:\n\n" + "\n\n".join(map(escape_markdown, bad[:_SHOWN])) + more)
    if passed_over:
        names = ", ".join(outcome.names) + (", …" if passed_over > len(outcome.names) else "")
        st.caption(f"{passed_over:,} passed over, as their names are not those of images: {escape_markdown(names)}")
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
