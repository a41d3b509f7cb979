"""The page to correct labels: the label issues one by one; the answers are a file for ``scenes corrections merge``."""

import math
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

import streamlit as st
from PIL import Image

from app import issues, models
from app.words import escape_markdown
from scenes.dataset.corrections import DROP
from scenes.layout.layout import Archive
from scenes.plots.thumbnails import member_thumbnail

_WIDTH, _HEIGHT = 540, 520  # pixels, of the picture
_END = ""  # shown after the last picture
_BUTTONS = 9  # classes with a button and a digit each; where there are more, they are in a list
_DUPLICATES = 3  # named at most
_REMARK = 500  # characters at most: the app keeps the answers in memory
_REASONS = {
    "model": "A classifier that has not seen the picture doubts the label.",
    "duplicate": "The same picture is there with another label.",
    "near_duplicate": "A picture that is nearly the same is there with another label.",
}


def main() -> None:
    st.title("Labels that may be wrong", anchor=False)
    archive = issues.archive()
    found = issues.load(archive)
    for key in found.corrected:  # the answers have been merged
        issues.answers().pop(key, None)
    answers = issues.answers().copy()  # other visitors answer meanwhile
    keys = [row.key for row in found.rows]
    # A page that is loaded again goes on at the first picture without an answer.
    shown = st.session_state.setdefault("label shown", next((key for key in keys if key not in answers), _END))
    _show_progress(answers, keys)
    if keys and shown != _END:
        position = keys.index(shown) if shown in keys else 0
        _show_issue(archive, found, position, answers)
    else:
        st.success("That was the last one." if keys else "No label is in doubt that is not corrected.")
        if keys:
            st.button("Back", "back", on_click=_go, args=(keys[-1],), shortcut="Left")
    _offer(answers)


def _show_progress(answers: dict[str, issues.Answer], keys: Sequence[str]) -> None:
    counts = Counter({"": "kept", DROP: "dropped"}.get(answer.label, "relabelled") for answer in answers.values())
    said = ", ".join(f"{counts[word]:,} {word}" for word in ("kept", "relabelled", "dropped") if counts[word])
    done = len(answers.keys() & set(keys))
    text = f"{done:,} of {len(keys):,} answered" + (f": {said}" if said else "")
    st.progress(done / len(keys) if keys else 1.0, text=text)


def _show_issue(archive: Archive, found: issues.Issues, position: int, answers: dict[str, issues.Answer]) -> None:
    """Show one picture and what can be answered.

    The buttons have keys: without one, a button with a new label is a new button, and the page loses what is pressed
    until it is there.
    """
    issue = found.rows[position]
    after = found.rows[position + 1].key if position + 1 < len(found.rows) else _END
    given = escape_markdown(issue.given_label)
    say = partial(_say, issue.key, after)
    thumbnail = member_thumbnail(archive, issue.key, side=2 * _WIDTH, max_pixels=models.params().archive.max_pixels)
    picture, controls = st.columns(2, gap="large")
    # The controls come first: their keys must work as soon as the picture is there.
    with controls:
        answer = answers.get(issue.key)
        said = f" :green-badge[answered: {escape_markdown(answer.label) or 'keep'}]" if answer else ""
        st.markdown(f"#### Labelled {given}{said}")
        st.caption(_why(issue))
        _show_duplicates(found, issue.key, answers)
        with st.container(horizontal=True):
            st.button(f"Keep {given}", "keep", on_click=say, args=("",), icon=":material/check:", shortcut="K")
            st.button("Drop the picture", "drop", on_click=say, args=(DROP,), icon=":material/delete:", shortcut="D")
        st.markdown("Or it shows:")
        _class_buttons(issue, found.classes, say)
        remark = answer.remark if answer else ""
        st.text_input("Remark", remark, _REMARK, key=f"remark {issue.key}", placeholder="goes with the answer")
        with st.container(horizontal=True):
            before = found.rows[max(0, position - 1)].key
            st.button("Back", "back", on_click=_go, args=(before,), shortcut="Left")
            st.button("Skip", "skip", on_click=_go, args=(after,), shortcut="Right")
    with picture:
        _show_picture(thumbnail, issue.key)


def _why(issue: Any) -> str:
    """Return why the label is in doubt, and what a correction changes if it is that of a test image."""
    reasons = " ".join(_REASONS.get(reason, f"{escape_markdown(reason)}.") for reason in issue.reason.split("+"))
    score = "" if math.isnan(issue.score) else f" Its score is {issue.score:.3f}, from 0 (certainly wrong) to 1."
    test = " This is a test image: the scores keep its label, and a correction is scored apart."
    suggested = f" Suggested: {escape_markdown(issue.suggested_label)}."
    return f"{reasons}{score}{suggested}{test if issue.split == 'test' else ''}"


def _show_duplicates(found: issues.Issues, key: str, answers: dict[str, issues.Answer]) -> None:
    """Name the duplicates under another label and what was said of them, so that nobody swaps the labels of two."""
    for path, label in found.duplicates.get(key, [])[:_DUPLICATES]:
        answer = (answers[path].label or "keep") if path in answers else found.corrected.get(path)
        said = f" was answered: **{escape_markdown(answer)}**" if answer else f" is labelled {escape_markdown(label)}"
        st.markdown(f"Its duplicate {escape_markdown(path)}{said}")


def _show_picture(thumbnail: Image.Image | None, key: str) -> None:
    if thumbnail is None:
        st.error("The picture cannot be decoded.")
    else:
        st.image(thumbnail, width=max(1, min(_WIDTH, round(thumbnail.width * _HEIGHT / thumbnail.height))))
    st.caption(escape_markdown(key))


def _class_buttons(issue: Any, classes: Sequence[str], say: partial) -> None:
    """Show the classes to choose from, the suggested one first."""
    others = [name for name in classes if name not in (issue.given_label, issue.suggested_label)]
    few = len(others) < _BUTTONS
    with st.container(horizontal=True):
        for digit, name in enumerate([issue.suggested_label, *(others if few else [])], start=1):
            st.button(
                escape_markdown(name),
                key=f"class {digit}",
                on_click=say,
                args=(name,),
                type="primary" if digit == 1 else "secondary",
                shortcut=str(digit),
            )
    if not few:
        key = f"class of {issue.key}"
        st.selectbox("Another class", others, index=None, key=key, on_change=_say_selected, args=(say, key))


def _say_selected(say: partial, key: str) -> None:
    if name := st.session_state[key]:
        say(name)


def _say(key: str, after: str, label: str) -> None:
    """Keep the answer about the picture ``key`` and go on to the one ``after`` it."""
    issues.answers()[key] = issues.Answer(label, st.session_state.get(f"remark {key}", "").strip())
    _go(after)


def _go(key: str) -> None:
    st.session_state["label shown"] = key


def _offer(answers: dict[str, issues.Answer]) -> None:
    count = sum(bool(answer.label) for answer in answers.values())
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            f"Download {count:,} {'correction' if count == 1 else 'corrections'}",
            issues.as_csv(answers),
            "corrections.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
            disabled=not count,
        )
        st.caption(
            "The answers of all who use this app are here until it ends, and saved nowhere. Download them, then run "
            "`python -m scenes corrections merge corrections.csv` and `dvc repro`."
        )


main()
