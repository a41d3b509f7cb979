"""The page for many photos, or a zip of them: how many are of each class, a gallery, and the answers as CSV."""

import io
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from itertools import islice
from typing import NamedTuple

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from app import answer, models, uploads
from app.words import escape_markdown, percent
from scenes.plots.thumbnails import thumbnail
from scenes.serving import answer_formats, photos
from scenes.serving.photos import Photo, Refused
from scenes.serving.stream import Answered, answer_all

MOST = 2000  # photos at a time; the command takes any number
BATCH_SIZE = 16  # photos of one visitor at a time, so that those of another come in between
_TILE = 136  # pixels
_PAGE = 24  # photos on a page of the gallery
_FILTERS = 12  # more classes than this scroll
_SHOWN = 20  # photos that could not be used, and skipped files, that are named


class Tile(NamedTuple):
    """A photo in the gallery.

    Attributes:
        number: its place among the photos of the visitor, including those that could not be used.
        jpeg: its thumbnail.
        best: its class.
        confidence: of the model.
        unsure: whether the model is.
        unlike: whether the photo is unlike the training images.
    """

    number: int
    jpeg: bytes
    best: str
    confidence: float
    unsure: bool
    unlike: bool


class Result(NamedTuple):
    """The answers about the files of a visitor.

    Attributes:
        tiles: the photos that were answered.
        csv: see ``scenes.serving.answer_formats.csv_rows``.
        refused: a sentence for each photo that could not be used.
        skipped: a line for each reason why files were skipped.
    """

    tiles: list[Tile]
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
        f"Drop photos or zips of them: at most {MOST:,} photos, {st.get_option('server.maxUploadSize')} MB a file "
        f"and {uploads.VISITOR_MB} MB in all",
        accept_multiple_files=True,
        key="photos",
    )
    uploads.show(*files)
    if not files:
        st.caption(
            "For more, use the command, which gives the same answers: "
            "`python -m scenes predict FOLDER --csv > answers.csv`"
        )
        return
    with st.spinner("Loading the model; this takes some seconds, once."):
        served = models.wait_for_model(names[0])
    uploaded = tuple(file.file_id for file in files)
    if st.session_state.get("answered files") != uploaded:
        st.session_state["result"] = _answer(files, served)
        st.session_state["answered files"] = uploaded
    result = st.session_state["result"]
    _show_unused(result)
    if result.tiles:
        answer.warn_of_drawings(served.classifier)
        if served.classifier.unsure_below is None:
            st.caption(answer.NEVER_UNSURE)
        _show_gallery(result, files, served)


def _answer(files: Sequence[UploadedFile], served: models.Served) -> Result:
    model = served.classifier
    total = sum(1 for _ in _find(files, lambda name: None))  # opens zips, reads no photo
    skipped: list[photos.Skipped] = []
    entries = _find(files, skipped.append)
    tiles: list[Tile] = []
    csv = [answer_formats.csv_rows([], model, header=True)]
    refused: list[str] = []
    bar = st.progress(0.0, text=f"0 of {total:,} photos")
    answers = answer_all(entries, models.decode, model.prepare, served.predict, BATCH_SIZE)
    for done, photo in enumerate(answers, start=1):
        if isinstance(photo, Answered):
            jpeg = io.BytesIO()
            thumbnail(photo.prepared, _TILE).save(jpeg, "JPEG", quality=80)
            (best, _), *_ = model.top(photo.answer, 1)
            unsure, unlike = bool(model.unsure(photo.answer)), bool(model.unlike(photo.answer))
            tiles.append(Tile(done - 1, jpeg.getvalue(), best, model.confidence(photo.answer), unsure, unlike))
            csv.append(answer_formats.csv_rows([photo], model, header=False))
        else:
            refused.append(f"{photo.name}: {photo.sentence}")
        if done % BATCH_SIZE == 0:
            bar.progress(done / total, text=f"{done:,} of {total:,} photos")
    bar.empty()
    return Result(tiles, "".join(csv), refused, photos.skipped_in_words(skipped, _SHOWN))


def _find(files: Sequence[UploadedFile], skipped: Callable[[photos.Skipped], None]) -> Generator[Photo | Refused]:
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


def _show_unused(result: Result) -> None:
    refused = result.refused
    if refused:
        more = f"\n\nand {len(refused) - _SHOWN:,} more" if len(refused) > _SHOWN else ""
        sentences = "\n\n".join(map(escape_markdown, refused[:_SHOWN]))
        st.error(f"{len(refused):,} could not be used:\n\n{sentences}{more}")
    for line in result.skipped:
        st.caption(escape_markdown(line))


def _show_gallery(result: Result, files: Sequence[UploadedFile], served: models.Served) -> None:
    """Show the photos, filtered as the visitor wishes; one that is selected opens with its explanation."""
    count = "1 photo" if len(result.tiles) == 1 else f"{len(result.tiles):,} photos"
    counts = Counter(tile.best for tile in result.tiles)
    classes = sorted(counts, key=lambda name: (-counts[name], name))
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        st.markdown(f"**{count}**", width="content")
        st.download_button("CSV", result.csv, "answers.csv", "text/csv", icon=":material/download:", on_click="ignore")
    with st.container(height=160 if len(classes) > _FILTERS else "content", border=False):
        chosen = st.pills(
            "Class", classes, format_func=lambda name: f"{escape_markdown(name)} · {counts[name]:,}", wrap=True
        )
    unsure, unlike = (sum(getattr(tile, name) for tile in result.tiles) for name in ("unsure", "unlike"))
    with st.container(horizontal=True, vertical_alignment="center"):
        only_unsure = st.toggle(f"Unsure only · {unsure:,}", width="content")
        only_unlike = st.toggle(f"Unlike the training images only · {unlike:,}", width="content")
        shown = [
            tile
            for tile in result.tiles
            if chosen in (None, tile.best) and tile.unsure >= only_unsure and tile.unlike >= only_unlike
        ]
        page = st.pagination(-(-len(shown) // _PAGE)) if len(shown) > _PAGE else 1
    with st.container(horizontal=True):
        for tile in shown[_PAGE * (page - 1) : _PAGE * page]:
            with st.container(width=_TILE, gap="xsmall"):
                st.image(tile.jpeg, width="stretch")
                mark = ":orange[:material/help:] " * tile.unsure + ":orange[:material/warning:] " * tile.unlike
                label = f"{mark}{escape_markdown(tile.best)} · {percent(tile.confidence)}"
                if st.button(label, key=f"tile-{tile.number}", type="tertiary", width="stretch", wrap=True):
                    _open(tile.number, files, served)


@st.dialog("One photo", width="large")
def _open(number: int, files: Sequence[UploadedFile], served: models.Served) -> None:
    """Show a photo with its answer, from the file itself: 2,000 of them would fill the memory."""
    with closing(_find(files, lambda name: None)) as found:
        photo = next(islice(found, number, None))
        assert isinstance(photo, Photo)  # it was answered
        pixels = models.decode(photo.read()).pixels  # while the zip is open
    st.caption(escape_markdown(photo.name))
    answer.show(served, pixels, key="opened")


main()
