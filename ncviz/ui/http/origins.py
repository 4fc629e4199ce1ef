"""Which pages may talk to the server: its own, under a name that is its own.

Streamlit would ask the Internet for its own address to decide about a page of another, and would let in every page of
this machine, whatever the port; so this decides before it, by what was sent and configured alone.

Whoever owns a name can have it point to this machine while a page of theirs is open ("DNS rebinding"); to the browser
that page and the server are then one. Such a page still says its own name.
"""

from __future__ import annotations

import ipaddress
import socket
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
_MISNAMED = (
    "This server does not know itself by the name that it was asked by, which somebody else could have had point "
    "here. Its own address is that which was printed where it was started; its owner can name others in "
    "server.allowedHosts.\n"
)
# A proxy says so; no page can, where it asks for a connection.
_OF_PROXIES = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto")


class OwnOrigin:
    """Middleware that refuses all that is asked under a name of another's, and what a page of another address asks for.

    Args:
        app: What answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin, host = headers.get("origin"), headers.get("host")
        if is_misnamed(scope):
            await _refuse(scope, receive, send, _MISNAMED)
        elif (
            (scope["type"] == "http" and scope["method"] in _HARMLESS)
            or origin is None
            or host_of(origin) == host
        ):
            await self.app(scope, receive, send)
        elif is_configured(origin):
            # Streamlit would look beyond this machine before it looks at what is configured.
            kept = [(name, value) for name, value in scope["headers"] if name != b"origin"]
            await self.app({**scope, "headers": kept}, receive, send)
        else:
            await _refuse(scope, receive, send, _REFUSED)


async def _refuse(scope: Scope, receive: Receive, send: Send, why: str) -> None:
    answer = PlainTextResponse(why, 403)
    if scope["type"] == "websocket":
        await WebSocket(scope, receive, send).send_denial_response(answer)
    else:
        await answer(scope, receive, send)


def is_misnamed(scope: Scope) -> bool:
    """Whether a browser on this machine was led here by a name that may be anybody's.

    Only what comes from this machine itself is looked at: a server that others reach is told its names by its owner
    (``server.allowedHosts``), if at all. A browser that speaks to this server names its port, and one that speaks to a
    proxy the proxy's, which is how a proxy without a word of its own (Jupyter's, for connections) is told apart.
    """
    here, headers = scope.get("server"), Headers(scope=scope)
    if here is None or here[1] is None or not _is_loopback(here[0]):
        return False
    if config.get_option("server.allowedHosts") or not config.get_option("server.enableCORS"):
        return False
    if any(name in headers for name in _OF_PROXIES):
        return False
    try:
        asked = urlsplit(f"//{headers.get('host', '')}")
        name, port = asked.hostname, asked.port
    except ValueError:
        return True
    if name is None or (port or (443 if scope["scheme"] in ("https", "wss") else 80)) != here[1]:
        return False
    name = name.removesuffix(".")
    return not (_is_address(name) or name.endswith(".localhost") or name in _own_names())


def _own_names() -> set[str]:
    machine = socket.gethostname().lower()
    listed = {host_of(each) or "" for each in config.get_option("server.corsAllowedOrigins")}
    configured = {str(config.get_option("browser.serverAddress")), str(config.get_option("server.address"))}
    return (
        {"localhost", machine, f"{machine}.local"} | configured | {each.partition(":")[0] for each in listed}
    )


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(address: str) -> bool:
    # As IPv6 writes an address of IPv4.
    plain = address.removeprefix("::ffff:")
    return plain == "localhost" or (_is_address(plain) and ipaddress.ip_address(plain).is_loopback)


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
            *(f"{scheme}://{name}:{config.get_option('browser.serverPort')}" for scheme in ("http", "https")),
        }
    return origin in listed


def host_of(origin: str) -> str | None:
    """Return the host and port of an origin; None where it is none, such as "null"."""
    try:
        return urlsplit(origin).netloc or None
    except ValueError:
        return None
