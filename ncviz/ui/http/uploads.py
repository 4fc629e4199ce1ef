"""How much of users' files the server holds before a page has read them: bounded for each session, and in all.

Streamlit keeps every upload in memory for as long as its session lives, takes any number of them, and forgets a session
that was left only once another is.
"""

from __future__ import annotations

import errno
import logging
from collections import Counter
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from streamlit.runtime import Runtime, get_instance
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile, UploadedFileRec

from ncviz.limits import LIMITS
from ncviz.text import megabytes

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PLACE = "/_stcore/upload_file/"
# A multipart body is a little longer than the file in it.
_FRAME_BYTES = 100_000
# Windows knows no quota.
_NO_ROOM = (errno.ENOSPC, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC))
_NO_DISK = (
    "The server's disk has no room for uploads at the moment; try again later, or bring a smaller file."
)
_LOGGER = logging.getLogger(__name__)
# How many uploads each session was refused: what a page is given does not say that there were more.
_REFUSED: Counter[str] = Counter()


class BoundedUploads:
    """Middleware that refuses an upload for which its session, or the server, has no room; while it comes, too.

    Args:
        app: What answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        # Bytes on their way, by session.
        self._coming: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or scope["method"] != "PUT" or _PLACE not in scope["path"]:
            await self.app(scope, receive, send)
            return
        session = scope["path"].rpartition(_PLACE)[2].partition("/")[0]
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        # What was already received is held elsewhere until it is whole.
        problem = self._problem(session, int(declared) if declared.isdigit() else 0)
        if problem is not None:
            _note_refused(session)
            await PlainTextResponse(problem, 413)(scope, receive, send)
            return
        came = 0

        async def take() -> Message:
            nonlocal came
            message = await receive()
            size = len(message.get("body", b""))
            came += size
            self._coming[session] += size
            problem = self._problem(session, 0)
            if problem is not None:
                _note_refused(session)
                raise HTTPException(413, problem)
            return message

        try:
            await self.app(scope, take, send)
        # A large upload lies among the temporary files until it is whole.
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            _LOGGER.warning("An upload could not be taken: %s", error)
            _note_refused(session)
            await PlainTextResponse(_NO_DISK, 507)(scope, receive, send)
        finally:
            self._coming[session] -= came
            if self._coming[session] <= 0:
                del self._coming[session]

    def _problem(self, session: str, more: int) -> str | None:
        """Why a session cannot bring so many bytes more, None if it can."""
        held = held_bytes()
        own = held.get(session, (0, 0))
        if own[1] >= LIMITS.session_uploads:
            return f"This session has {own[1]} uploads that no page has read; remove some first."
        if own[0] + self._coming[session] + more > LIMITS.session_upload_bytes + _FRAME_BYTES:
            most = megabytes(LIMITS.session_upload_bytes)
            return f"This session's uploads may hold {most} together; remove some first, or bring a smaller file."
        every = sum(size for size, _ in held.values()) + self._coming.total()
        if every + more > LIMITS.upload_bytes + _FRAME_BYTES:
            return "The server holds as many uploads of its visitors as it may; try again in a minute."
        return None


def held_bytes() -> dict[str, tuple[int, int]]:
    """Return bytes and number of the uploads that each session holds, by its name at Streamlit."""
    manager = _manager(get_instance())
    if manager is None:
        return {}
    held = {}
    for session, files in list(manager.file_storage.items()):
        sizes = [len(file.data) for file in list(files.values())]
        held[session] = sum(sizes), len(sizes)
    return held


def share_copies() -> None:
    """Have all copies of an upload share its bytes.

    Streamlit gives each run of a page a deep copy of what its fields hold. That of a large file takes a tenth of a
    second or more, in which no other visitor is answered, and its size in memory once more.
    """

    def copied(file: UploadedFile, memo: dict[int, Any]) -> UploadedFile:
        record = UploadedFileRec(file.file_id, file.name, file.type, file.getvalue())
        other = UploadedFile(record, file._file_urls)
        other.seek(file.tell())
        return other

    UploadedFile.__deepcopy__ = copied  # type: ignore[attr-defined]


def drop_upload(file: UploadedFile) -> None:
    """Drop an upload of this session that was read."""
    context = get_script_run_ctx()
    if context is not None and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        context.uploaded_file_mgr.remove_file(context.session_id, file.file_id)


def count_refused() -> int:
    """Return how many uploads this session was refused since it last held none."""
    context = get_script_run_ctx()
    return 0 if context is None else _REFUSED[context.session_id]


def forget_refused() -> None:
    """Count the refused uploads of this session from 0 again."""
    context = get_script_run_ctx()
    if context is not None:
        _REFUSED.pop(context.session_id, None)


def drop_uploads(runtime: Runtime, session: str) -> None:
    """Drop all the uploads of a session."""
    _REFUSED.pop(session, None)
    runtime.uploaded_file_mgr.remove_session_files(session)


def _note_refused(session: str) -> None:
    # Anybody can send any name of a session.
    if get_instance().is_active_session(session):
        _REFUSED[session] += 1


def _manager(runtime: Runtime) -> MemoryUploadedFileManager | None:
    manager = runtime.uploaded_file_mgr
    return manager if isinstance(manager, MemoryUploadedFileManager) else None
