"""Which pages may talk to the server: its own.

Streamlit would ask the Internet for its own address to decide about a page of another, and would let in every page of
this machine, whatever the port; so this decides before it, by what was sent and configured alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocket
from streamlit import config

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

# What changes nothing is everybody's to ask; the browser lets no foreign page read the answer.
_HARMLESS = ("GET", "HEAD", "OPTIONS")
_REFUSED = (
    "This server talks to its own pages alone, and the page that asked is another's; its owner can name it in "
    "server.corsAllowedOrigins.\n"
)


class OwnOrigin:
    """Middleware that refuses connections and changes that a page of another address asks for.

    Args:
        app: What answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        is_socket = scope["type"] == "websocket"
        if not is_socket and (scope["type"] != "http" or scope["method"] in _HARMLESS):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin, host = headers.get("origin"), headers.get("host")
        if origin is None or host_of(origin) == host:
            await self.app(scope, receive, send)
        elif is_configured(origin):
            # Streamlit would look beyond this machine before it looks at what is configured.
            kept = [(name, value) for name, value in scope["headers"] if name != b"origin"]
            await self.app({**scope, "headers": kept}, receive, send)
        elif is_socket:
            await WebSocket(scope, receive, send).send_denial_response(PlainTextResponse(_REFUSED, 403))
        else:
            await PlainTextResponse(_REFUSED, 403)(scope, receive, send)


def is_configured(origin: str) -> bool:
    """Whether the server's owner lets pages of this origin in: all, by name, or as the server's own public name."""
    if not config.get_option("server.enableCORS"):
        return True
    listed = {each.strip().rstrip("/") for each in config.get_option("server.corsAllowedOrigins")}
    if config.is_manually_set("browser.serverAddress"):
        name = config.get_option("browser.serverAddress")
        listed |= {
            f"http://{name}",
            f"https://{name}",
            f"http://{name}:{config.get_option('browser.serverPort')}",
        }
    return origin in listed


def host_of(origin: str) -> str | None:
    """Return the host and port of an origin; None where it is none, such as "null"."""
    try:
        return urlsplit(origin).netloc or None
    except ValueError:
        return None
