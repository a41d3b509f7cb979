"""What each visitor sees: the title, the pages, and the one that is open."""

import streamlit as st

from app import issues, models, uploads, visitors
from app.words import escape_markdown
from scenes.common.errors import InputError, explained


def main() -> None:
    visitors.note()
    try:
        with explained():
            _show_page()
            models.preload()
    except InputError as error:
        st.error(escape_markdown(str(error)))
    uploads.free_unused()


def _show_page() -> None:
    profile = models.profile()
    st.set_page_config(page_title=profile.title, page_icon=profile.icon, layout="wide")
    st.html("<style>.stMainBlockContainer {padding-top: 4.5rem; padding-bottom: 2rem}</style>")
    pages = [
        st.Page("photo.py", title="A photo", icon=":material/image:", default=True),
        st.Page("batch.py", title="Many photos", icon=":material/photo_library:"),
        st.Page("about.py", title="The model", icon=":material/query_stats:"),
    ]
    if issues.exist():
        pages.append(st.Page("labels.py", title="Labels", icon=":material/label:"))
    st.navigation(pages, position="top").run()


main()
