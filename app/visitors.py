"""Visitors who have left, and with them their uploads and the answers about these: forgotten after a while.

Streamlit keeps a visitor who has left for ``server.disconnectedSessionTTL`` seconds, in case only the connection was
lost, and after that until another one leaves, which may be never.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

KEPT = 60  # seconds; fewer than server.disconnectedSessionTTL, after which a visitor cannot be closed any more
_PAUSE = 5  # seconds
_seen: dict[str, float] = {}  # when each visitor was last seen, by the id of the session


def note() -> None:
    """Note that the visitor of this run is there."""
    if context := get_script_run_ctx():
        _seen[context.session_id] = time.monotonic()


@asynccontextmanager
async def forget_who_left(app: st.App) -> AsyncGenerator[None]:
    """Forget visitors ``KEPT`` seconds after they have left, as long as the server runs."""
    task = asyncio.create_task(_forget())
    yield
    task.cancel()


async def _forget() -> None:
    server = runtime.get_instance()
    while True:
        await asyncio.sleep(_PAUSE)
        now = time.monotonic()
        for visitor, seen in [*_seen.items()]:  # a copy, because the threads of the pages add to it
            if server.is_active_session(visitor):
                _seen[visitor] = now
            elif now - seen > KEPT:
                server.close_session(visitor)
                del _seen[visitor]
