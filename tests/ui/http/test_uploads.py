"""What Streamlit holds of users' files: bounded while it comes, and gone when it was read or its visitor left."""

import asyncio
import copy
import errno
import inspect
import tracemalloc
from collections import Counter
from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFile, UploadedFileRec

from ncviz.limits import Limits
from ncviz.ui.http import departed, uploads

FRAME = uploads._FRAME_BYTES


@pytest.fixture
def runtime(monkeypatch):
    """Streamlit's runtime as far as uploads are concerned, with its own store of them."""
    manager, here, closed = MemoryUploadedFileManager("/upload"), set(), []
    listed = []
    found = SimpleNamespace(
        uploaded_file_mgr=manager, is_active_session=here.__contains__, close_session=closed.append, here=here,
        closed=closed, listed=listed, _session_mgr=SimpleNamespace(list_sessions=lambda: listed),
    )  # fmt: skip
    monkeypatch.setattr(uploads, "get_instance", lambda: found)
    monkeypatch.setattr(departed, "_SINCE", {})
    monkeypatch.setattr(uploads, "_REFUSED", Counter())
    return found


@pytest.fixture
def client(runtime, monkeypatch):
    limits = Limits(session_uploads=3, session_upload_bytes=400_000, upload_bytes=700_000)
    monkeypatch.setattr(uploads, "LIMITS", limits)

    async def take(request):
        session, file = request.path_params["session"], request.path_params["file"]
        body = await request.body()
        if file in errno.__dict__:
            raise OSError(getattr(errno, file), "what the system says", "/tmp/x")
        runtime.uploaded_file_mgr.add_file(session, UploadedFileRec(file, "a", "b", body))
        return PlainTextResponse("taken")

    route = Route("/base/_stcore/upload_file/{session}/{file}", take, methods=["PUT"])
    return TestClient(Starlette(routes=[route], middleware=[Middleware(uploads.BoundedUploads)]))


def put(client, session, file, content):
    return client.put(f"/base/_stcore/upload_file/{session}/{file}", content=content)


def test_a_session_has_its_bound_and_all_have_theirs(client, runtime):
    assert put(client, "a", "1", b"x" * (300_000 + FRAME)).status_code == 200
    refused = put(client, "a", "2", b"x" * 101_000)
    assert refused.status_code == 413
    assert "This session's uploads may hold 0 MB together" in refused.text
    assert put(client, "b", "1", b"x" * 390_000).status_code == 200
    refused = put(client, "c", "1", b"x" * 20_000)
    assert "The server holds as many uploads" in refused.text
    assert uploads.held_bytes() == {"a": (400_000, 1), "b": (390_000, 1)}
    runtime.uploaded_file_mgr.remove_file("b", "1")
    assert put(client, "c", "1", b"x" * 20_000).status_code == 200


def test_what_says_nothing_of_its_length_is_stopped_as_it_comes(client):
    sent = []

    def chunks():
        for _ in range(100):
            sent.append(1)
            yield b"x" * 100_000

    assert put(client, "a", "1", chunks()).status_code == 413
    assert uploads.held_bytes() == {}
    # Nothing of it counts any more.
    assert put(client, "a", "2", b"x" * 400_000).status_code == 200


def test_the_number_of_files_is_bounded(client):
    assert [put(client, "a", str(number), b"").status_code for number in range(4)] == [200, 200, 200, 413]


def test_a_disk_that_takes_nothing_is_said_in_a_sentence(client, caplog):
    for fault in ("ENOSPC", "EROFS"):
        refused = put(client, "a", fault, b"x")
        assert refused.status_code == 507
        assert refused.text == uploads._NO_DISK
    assert caplog.text.count("An upload could not be taken") == 2
    assert "Traceback" not in caplog.text
    with pytest.raises(OSError, match="what the system says"):
        put(client, "a", "EIO", b"x")
    assert put(client, "a", "1", b"x").status_code == 200


def test_a_page_learns_that_some_were_refused(client, runtime, monkeypatch):
    monkeypatch.setattr(uploads, "get_script_run_ctx", lambda: SimpleNamespace(session_id="a"))
    runtime.here.add("a")
    for number in range(5):
        put(client, "a", str(number), b"")
        # A session that there is not leaves nothing behind.
        put(client, "stranger", str(number), b"")
    assert uploads.count_refused() == 2
    assert set(uploads._REFUSED) == {"a"}
    uploads.forget_refused()
    assert uploads.count_refused() == 0


def test_one_failure_does_not_keep_what_others_leave(runtime, monkeypatch, caplog):
    looks = []

    def look(_):
        looks.append(1)
        if len(looks) == 1:
            raise RuntimeError("once")
        raise asyncio.CancelledError

    monkeypatch.setattr(departed, "tidy_up", look)
    monkeypatch.setattr(departed, "LOOK_SECONDS", 0.0)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(departed.tidy_up_forever(runtime))
    assert "RuntimeError: once" in caplog.text


def test_who_left_is_freed(runtime):
    manager, now = runtime.uploaded_file_mgr, [0.0]
    for session in ("stays", "leaves"):
        manager.add_file(session, UploadedFileRec("1", "a", "b", b"x"))
        departed._SINCE[session] = None
        runtime.here.add(session)

    def look(at):
        now[0] = at
        departed.tidy_up(runtime, lambda: now[0])
        return set(uploads.held_bytes())

    assert look(0.0) == {"stays", "leaves"}
    runtime.here.remove("leaves")
    assert look(1.0) == {"stays", "leaves"}
    # Cut off for a moment only.
    runtime.here.add("leaves")
    look(15.0)
    runtime.here.remove("leaves")
    assert look(20.0) == {"stays", "leaves"}
    assert departed.UPLOAD_SECONDS + 2 * departed.LOOK_SECONDS <= 30
    assert look(20.0 + departed.UPLOAD_SECONDS) == {"stays"}
    assert runtime.closed == []
    look(20.0 + departed.SESSION_SECONDS)
    assert runtime.closed == ["leaves"]
    assert set(departed._SINCE) == {"stays"}
    # What comes after its visitor left is found as well.
    manager.add_file("late", UploadedFileRec("1", "a", "b", b"x"))
    look(500.0)
    assert look(500.0 + departed.UPLOAD_SECONDS) == {"stays"}


def test_who_left_before_a_page_began_is_freed(runtime):
    runtime.listed.append(SimpleNamespace(session=SimpleNamespace(id="brief")))
    for at in (0.0, departed.SESSION_SECONDS - 1, departed.SESSION_SECONDS):
        assert runtime.closed == []
        departed.tidy_up(runtime, lambda at=at: at)
    assert runtime.closed == ["brief"]
    # Before Streamlit itself loses sight of it, and keeps it until another leaves.
    storage = inspect.signature(MemorySessionStorage).parameters["ttl_seconds"].default
    assert storage > departed.SESSION_SECONDS + departed.LOOK_SECONDS


def test_a_copy_of_an_upload_is_like_it_and_shares_its_bytes(monkeypatch):
    monkeypatch.delattr(UploadedFile, "__deepcopy__", raising=False)
    file = UploadedFile(UploadedFileRec("1", "a.npz", "x/y", bytes(3_000_000)), "urls")
    file.seek(5)
    held = []
    for prepare in (lambda: None, uploads.share_copies):
        prepare()
        tracemalloc.start()
        other = copy.deepcopy(file)
        held.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        told = (other.file_id, other.name, other.type, other.size, other.tell(), other._file_urls)
        assert told == ("1", "a.npz", "x/y", 3_000_000, 5, "urls")
        assert other.getvalue() == file.getvalue()
        assert other == file
    # Without that it is copied: the test can fail.
    assert held[0] > 3_000_000 > 100_000 > held[1]
    other.write(b"x")
    assert file.getvalue() == bytes(3_000_000)
