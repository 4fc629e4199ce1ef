"""A page that is opened by its own address is told at once where the server is.

Streamlit's script in the browser would ask for it below the page's address first, ``/edge/_stcore/health``, where
nothing is, which the browser logs as two errors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

# The pages that have an address of their own; the first one has that of the server.
PAGE_NAMES = ("model", "curvature", "pruning", "edge", "learn")
_HEAD = b"<head>"
# The server's address is the page's without its last part, also behind a prefix of a proxy's.
_TOLD = b'<script>window.__streamlit={BACKEND_BASE_URL:new URL(".",location).href}</script>'
# A file that is to be changed comes as it is, and whole.
_LEFT_OUT = (b"accept-encoding", b"if-none-match", b"if-modified-since", b"range")
_CHANGED = (b"content-length", b"etag", b"last-modified", b"accept-ranges")


class OneAddress:
    """Middleware that writes the server's address into the HTML of a page.

    Args:
        app: What answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http" or scope["path"].rsplit("/", 1)[-1] not in PAGE_NAMES:
            await self.app(scope, receive, send)
            return
        started: list[Message] = []
        parts: list[bytes] = []

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                started.append(message)
                return
            parts.append(message.get("body", b""))
            if message.get("more_body"):
                return
            body = b"".join(parts).replace(_HEAD, _HEAD + _TOLD, 1)
            kept = [(name, value) for name, value in started[0]["headers"] if name not in _CHANGED]
            length = (b"content-length", str(len(body)).encode())
            await send({**started[0], "headers": [*kept, length]})
            await send({"type": "http.response.body", "body": body})

        asked = [(name, value) for name, value in scope["headers"] if name not in _LEFT_OUT]
        await self.app({**scope, "headers": asked}, receive, tell)
