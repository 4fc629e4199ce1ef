"""Who owns the server: whoever holds the token that was printed where it was started.

Where a connection comes from proves nothing: a proxy's is its own, its headers are whatever somebody wrote, and other
users of the machine are as near as its owner. As with Jupyter, the token is in an address; the browser that opens it
is given a cookie in its place, so that no link that is copied from the page holds it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, RedirectResponse
from streamlit import config
from streamlit.web.server.server_util import get_display_address, get_url

from ncviz.errors import NcvizError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

FIELD = "token"
# A token that stays the same from one start to the next, for servers that nobody watches start.
VARIABLE = "NCVIZ_TOKEN"
_LEAST_LENGTH = 20
_COOKIE = "ncviz_owner_"
# How Streamlit says that it started the server, and knows its port.
_KNOWN_PORT = ("starlette-app", "starlette-app-direct")
_WRONG = (
    "This is not, or no longer, the token of this server. The address with the right one was printed where it was "
    "started; without any, the same address shows all but what concerns everybody.\n"
)


def read_token(environment: Mapping[str, str]) -> str:
    """Return the token that the environment names, or a new one.

    Raises:
        NcvizError: If the one that is named could be guessed.
    """
    named = environment.get(VARIABLE, "")
    if named and (len(named) < _LEAST_LENGTH or not named.isascii() or not named.isprintable()):
        raise NcvizError(
            f"{VARIABLE} has to be at least {_LEAST_LENGTH} printable ASCII characters, such as "
            '`python -c "import secrets; print(secrets.token_urlsafe())"` gives.'
        )
    return named or secrets.token_urlsafe(24)


try:
    _TOKEN = read_token(os.environ)
except NcvizError as error:
    sys.exit(str(error))


def is_owner(cookies: Mapping[str, str]) -> bool:
    """Whether a browser with these cookies has opened the address with the token."""
    proof = _proof().encode()
    given = (value.encode() for name, value in cookies.items() if name.startswith(_COOKIE))
    return any(hmac.compare_digest(each, proof) for each in given)


def owner_address() -> str:
    """Return the address with the token, for whoever started the server."""
    return f"{address()}/?{urlencode({FIELD: _TOKEN})}"


def address() -> str:
    """Return the address for everybody, without its end; empty where another server, such as uvicorn, has the port."""
    named = config.is_manually_set("browser.serverAddress")
    if not named and config._server_mode not in _KNOWN_PORT:
        return ""
    host = config.get_option("browser.serverAddress" if named else "server.address") or "0.0.0.0"
    return get_url(get_display_address(host))


class OwnerToken:
    """Middleware that takes a page's address with the token for the cookie.

    Args:
        app: What answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        query = scope.get("query_string", b"").decode("latin-1")
        if scope["type"] != "http" or f"{FIELD}=" not in query:
            await self.app(scope, receive, send)
            return
        fields = parse_qsl(query, keep_blank_values=True)
        given = [value for name, value in fields if name == FIELD]
        rest = urlencode([(name, value) for name, value in fields if name != FIELD])
        if given:
            # A server's log of what it was asked, such as uvicorn's, is written from this afterwards.
            scope["query_string"] = rest.encode()
        if not given or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        if not hmac.compare_digest(given[-1].encode(), _TOKEN.encode()):
            await PlainTextResponse(_WRONG, 403)(scope, receive, send)
            return
        # Without a host, so that it holds behind a proxy's prefix and name as well.
        page = scope["path"].rsplit("/", 1)[-1]
        answer = RedirectResponse(f"./{page}" + (f"?{rest}" if rest else ""), 303)
        answer.headers["Cache-Control"] = "no-store"
        answer.set_cookie(
            _cookie_name(scope),
            _proof(),
            # Below the page's own folder: what else a proxy has at this name is not sent it.
            path=None,
            httponly=True,
            samesite="strict",
            secure=_is_encrypted(scope),
        )
        await answer(scope, receive, send)


def _cookie_name(scope: Scope) -> str:
    """Return the cookie's name; browsers keep those of all ports of a machine together."""
    return f"{_COOKIE}{(scope.get('server') or ('', None))[1] or 0}"


def _is_encrypted(scope: Scope) -> bool:
    """Whether the browser came by https, be it to a proxy; who says so wrongly gets a cookie that he never sends."""
    told = Headers(scope=scope).get("x-forwarded-proto", scope["scheme"])
    return told.partition(",")[0].strip().lower() == "https"


def _proof() -> str:
    """What the cookie holds: as good as the token here, for as long as that holds, but not the token itself.

    Other servers on this host are sent it too, where the browser's path to them is the same.
    """
    return hmac.new(_TOKEN.encode(), b"cookie", hashlib.sha256).hexdigest()
