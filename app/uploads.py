"""What visitors upload, which Streamlit keeps in memory: how much that may be, and when it is freed."""

import re
from collections import Counter

import streamlit as st
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile, UploadedFileManager

MB = 2**20  # as Streamlit counts them
VISITOR_MB = 512
ALL_MB = 2048
_RECORD = 10_000  # bytes that a file takes besides its content; its name and its type have up to 4 kB each
_PATH = re.compile(r"/_stcore/upload_file/([^/]+)/[^/]+")
_SHOWN, _KEPT = "uploads of this run", "uploads of the run before"  # in the session's state


class UploadLimit:
    """ASGI middleware: refuses an upload after which a visitor, or all of them, would have more than they may.

    A visitor is a session of Streamlit, that is, a tab of a browser. Uploads count from their first byte, with the
    length that they announce, until they are freed: when the visitor removes them, or has left (``app.visitors``).
    The server holds an upload to that length unless it has a Transfer-Encoding, which is therefore refused.
    """

    def __init__(self, app: ASGIApp, visitor_bytes: int = VISITOR_MB * MB, all_bytes: int = ALL_MB * MB) -> None:
        self._app = app
        self._visitor_bytes = visitor_bytes
        self._all_bytes = all_bytes
        self._arriving: Counter[str] = Counter()  # bytes, by visitor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        upload = _PATH.search(scope["path"]) if scope["type"] == "http" and scope["method"] == "PUT" else None
        if not upload:
            await self._app(scope, receive, send)
            return
        visitor, headers = upload[1], Headers(scope=scope)
        length = headers.get("content-length", "")
        if not length.isdecimal() or "transfer-encoding" in headers:
            await PlainTextResponse("Send a length, and no Transfer-Encoding.", 411)(scope, receive, send)
            return
        size = int(length) + _RECORD
        if refusal := self._refusal(visitor, size):
            await PlainTextResponse(refusal, 413)(scope, receive, send)
            return
        self._arriving[visitor] += size
        try:
            await self._app(scope, receive, send)
        finally:
            self._arriving[visitor] -= size
            self._arriving += Counter()  # forgets the visitors with nothing under way

    def _refusal(self, visitor: str, size: int) -> str:
        """Return why an upload is refused; '' if it is not."""
        held = self._arriving + _stored()
        if held[visitor] + size > self._visitor_bytes:
            return f"Your uploads would have more than {self._visitor_bytes // MB:,} MB; remove some."
        if held.total() + size > self._all_bytes:
            return f"The uploads of all visitors would have more than {self._all_bytes // MB:,} MB; try again later."
        return ""


def _stored() -> Counter[str]:
    """Return the bytes that Streamlit keeps, by visitor."""
    storage = _in_memory(runtime.get_instance().uploaded_file_mgr).file_storage
    # Copied, because the threads of the pages change it.
    visitors = {visitor: [*files.values()] for visitor, files in [*storage.items()]}
    return Counter({visitor: sum(len(file.data) + _RECORD for file in files) for visitor, files in visitors.items()})


def _in_memory(manager: UploadedFileManager) -> MemoryUploadedFileManager:
    assert isinstance(manager, MemoryUploadedFileManager)  # Streamlit has no other one
    return manager


def show(*files: UploadedFile) -> None:
    """Note that files are on the page."""
    st.session_state.setdefault(_SHOWN, set()).update(file.file_id for file in files)


def free_unused() -> None:
    """Free the uploads of this visitor that were on the page in the run before, and are not in this one.

    Streamlit itself frees those that the visitor removes, but not those of an uploader that is no longer there.
    """
    context = get_script_run_ctx()
    assert context is not None  # a page runs
    shown = st.session_state.pop(_SHOWN, set())
    for gone in st.session_state.get(_KEPT, set()) - shown:
        _in_memory(context.uploaded_file_mgr).remove_file(context.session_id, gone)
    st.session_state[_KEPT] = shown
