"""How much visitors may upload together, and that it is freed when they leave."""

import asyncio
from contextlib import suppress
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from app import uploads, visitors

MINE, ALL = 100_000, 250_000  # bytes


class Server:
    """Streamlit behind the limit: it stores a file when its last byte has arrived."""

    def __init__(self, monkeypatch):
        self.manager = MemoryUploadedFileManager("/_stcore/upload_file")
        monkeypatch.setattr(uploads.runtime, "get_instance", lambda: SimpleNamespace(uploaded_file_mgr=self.manager))
        self.limit = uploads.UploadLimit(self.streamlit, MINE, ALL)

    async def streamlit(self, scope, receive, send):
        body = (await receive())["body"]
        _, visitor, name = scope["path"].rsplit("/", 2)
        self.manager.add_file(visitor, UploadedFileRec(name, name, "image/jpeg", body))
        await send({"type": "http.response.start", "status": 204, "headers": []})

    async def put(self, visitor, name, size, *, length=None, arrived=None, more=()):
        """Upload ``size`` bytes, the last of them when ``arrived`` is set; return the status.

        ``length`` is the one announced, and ``more`` are further headers.
        """
        sent = []

        async def receive():
            if arrived:
                await arrived.wait()
            return {"type": "http.request", "body": bytes(size)}

        async def send(message):
            sent.append(message)

        headers = [(b"content-length", str(size if length is None else length).encode()), *more]
        path = f"/_stcore/upload_file/{visitor}/{name}"
        await self.limit({"type": "http", "method": "PUT", "path": path, "headers": headers}, receive, send)
        return sent[0]["status"]


@pytest.fixture
def server(monkeypatch):
    return Server(monkeypatch)


def test_a_visitor_has_room_again_after_removing_a_file(server):
    async def visit():
        assert await server.put("a", "1", 60_000) == 204
        assert await server.put("a", "2", 60_000) == 413
        assert await server.put("b", "1", 60_000) == 204
        server.manager.remove_file("a", "1")
        assert await server.put("a", "2", 60_000) == 204

    asyncio.run(visit())


def test_all_visitors_have_room_again_after_one_has_left(server):
    async def visit():
        assert [await server.put(visitor, "1", 70_000) for visitor in "abcd"] == [204, 204, 204, 413]
        server.manager.remove_session_files("a")
        assert await server.put("d", "1", 70_000) == 204

    asyncio.run(visit())


def test_what_is_still_arriving_counts(server):
    async def visit():
        arrived = asyncio.Event()
        first = asyncio.create_task(server.put("a", "1", 60_000, arrived=arrived))
        await asyncio.sleep(0)
        assert await server.put("a", "2", 60_000) == 413
        arrived.set()
        assert await first == 204

    asyncio.run(visit())


def test_an_upload_says_how_long_it_is(server):
    assert [asyncio.run(server.put("a", "1", 9, length=length)) for length in ("", "-1", "x")] == [411] * 3


def test_an_upload_in_chunks_is_refused(server):
    """A server ignores the length that such an upload announces."""
    chunked = (b"transfer-encoding", b"chunked")
    assert asyncio.run(server.put("a", "1", 60_000, length=2, more=[chunked])) == 411
    assert not server.manager.file_storage


def test_empty_files_take_room_too(server):
    statuses = [asyncio.run(server.put("a", str(number), 0)) for number in range(20)]
    assert statuses == sorted(statuses)
    assert 5 < statuses.count(204) < 20


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 120_000), st.booleans()), max_size=20))
def test_nobody_ever_has_more_than_the_limit(uploaded):
    with pytest.MonkeyPatch.context() as patch:
        server = Server(patch)

        async def visit():
            for number, (visitor, size, leaves) in enumerate(uploaded):
                await server.put(visitor, str(number), size)
                held = uploads._stored()
                assert max(held.values(), default=0) <= MINE
                assert held.total() <= ALL
                if leaves:
                    server.manager.remove_session_files(visitor)

        asyncio.run(visit())
    assert not server.limit._arriving


def test_who_has_left_is_forgotten_and_who_is_there_is_not(monkeypatch):
    closed = []
    fake = SimpleNamespace(is_active_session="here".__eq__, close_session=closed.append)
    monkeypatch.setattr(visitors.runtime, "get_instance", lambda: fake)
    monkeypatch.setattr(visitors, "KEPT", 0.05)
    monkeypatch.setattr(visitors, "_PAUSE", 0.01)
    monkeypatch.setattr(visitors, "_seen", {"here": 0.0, "gone": 0.0})

    async def serve():
        async with visitors.forget_who_left(None):
            await asyncio.sleep(0.2)

    with suppress(asyncio.CancelledError):
        asyncio.run(serve())
    assert closed == ["gone"]
    assert list(visitors._seen) == ["here"]
