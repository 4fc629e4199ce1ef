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


def cookie_name() -> str:
    """Return the cookie's name; browsers keep those of all ports of a machine together."""
    return f"ncviz_owner_{config.get_option('server.port')}"


def is_owner(cookies: Mapping[str, str]) -> bool:
    """Whether a browser with these cookies has opened the address with the token."""
    return hmac.compare_digest(cookies.get(cookie_name(), "").encode(), _proof().encode())


def owner_address() -> str:
    """Return the address with the token, for whoever started the server."""
    return f"{address()}/?{urlencode({FIELD: _TOKEN})}"


def address() -> str:
    """Return the address for everybody."""
    named = config.is_manually_set("browser.serverAddress")
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
        if scope["type"] != "http" or scope["method"] != "GET" or f"{FIELD}=" not in query:
            await self.app(scope, receive, send)
            return
        fields = parse_qsl(query, keep_blank_values=True)
        given = [value for name, value in fields if name == FIELD]
        if not given:
            await self.app(scope, receive, send)
            return
        if not hmac.compare_digest(given[-1].encode(), _TOKEN.encode()):
            await PlainTextResponse(_WRONG, 403)(scope, receive, send)
            return
        rest = urlencode([(name, value) for name, value in fields if name != FIELD])
        # Without a host, so that it holds behind a proxy's prefix and name as well.
        page = scope["path"].rsplit("/", 1)[-1]
        answer = RedirectResponse(f"./{page}" + (f"?{rest}" if rest else ""), 303)
        answer.headers["Cache-Control"] = "no-store"
        answer.set_cookie(
            cookie_name(),
            _proof(),
            httponly=True,
            samesite="strict",
            secure=bool(config.get_option("server.sslCertFile")),
        )
        await answer(scope, receive, send)


def _proof() -> str:
    """What the cookie holds: other servers on this machine are sent it too, and are not to learn the token."""
    return hmac.new(_TOKEN.encode(), b"cookie", hashlib.sha256).hexdigest()
