"""What every answer tells the browser: who may frame it, what it is, and that its address is nobody else's."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse

from ncviz.errors import NcvizError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

# The messages of an answer that carry headers: of a page, of a refused connection, and of one that is taken.
_ANSWERS = ("http.response.start", "websocket.http.response.start", "websocket.accept")
# What servers offer that let an app word how a connection is refused.
_DENIAL = "websocket.http.response"
_NOTHING = "There is nothing to connect to at this address.\n"
# Which sites may show the pages in a frame, as the Content-Security-Policy writes it.
VARIABLE = "NCVIZ_FRAME_ANCESTORS"


def read_ancestors(environment: Mapping[str, str]) -> str:
    """Return which sites may frame the pages: its own alone, unless the environment names others.

    Raises:
        NcvizError: If what it names would be more than that in a header.
    """
    named = environment.get(VARIABLE, "").strip() or "'self'"
    if not named.isascii() or not named.isprintable() or any(sign in named for sign in ";,"):
        raise NcvizError(
            f"{VARIABLE} has to be sites with spaces between them, as in \"'self' https://moodle.example.org\"; "
            f"it is {named!r}."
        )
    return named


try:
    _ANCESTORS = read_ancestors(os.environ)
except NcvizError as error:
    sys.exit(str(error))


def security_headers() -> dict[str, str]:
    """Return the headers that every answer has."""
    told = {
        "Content-Security-Policy": f"frame-ancestors {_ANCESTORS}",
        # An address holds the whole view; the network's own name may be in it.
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
    }
    # For old browsers, which know no list of sites.
    old = {"'self'": "SAMEORIGIN", "'none'": "DENY"}.get(_ANCESTORS)
    return told if old is None else told | {"X-Frame-Options": old}


class SecurityHeaders:
    """Middleware that adds those headers to whatever the app behind it answers.

    Args:
        app: What answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        is_open = False

        async def tell(message: Message) -> None:
            nonlocal is_open
            is_open = is_open or message["type"] == "websocket.accept"
            if (
                message["type"] == "websocket.close"
                and not is_open
                and _DENIAL in scope.get("extensions", {})
            ):
                # The server would answer by itself, without any headers.
                await PlainTextResponse(_NOTHING, 403)(scope, receive, tell)
                return
            if message["type"] in _ANSWERS:
                headers = MutableHeaders(raw=list(message.get("headers", ())))
                for name, value in security_headers().items():
                    headers[name] = value
                message = {**message, "headers": headers.raw}
            await send(message)

        await self.app(scope, receive, tell)


async def answer_fault(request: Request, error: Exception) -> PlainTextResponse:
    """Answer where the app behind failed, which happens outside of all middleware; the server's log has the error."""
    return PlainTextResponse(
        "The server failed at this; its log says where.", 500, headers=security_headers()
    )
