"""How the server is set up around Streamlit: in what order it looks at a request, and what it does as it starts."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import click
from starlette.middleware import Middleware
from streamlit.runtime import get_instance
from streamlit.web.server.starlette.starlette_app import App

from ncviz.ui.http import departed
from ncviz.ui.http.headers import SecurityHeaders, answer_fault
from ncviz.ui.http.one_address import OneAddress
from ncviz.ui.http.origins import OwnOrigin
from ncviz.ui.http.owner import OwnerToken, address, owner_address
from ncviz.ui.http.uploads import BoundedUploads, share_copies

# From the outermost in: what refuses a request comes before what reads it, and all answers get the headers.
MIDDLEWARE = tuple(
    Middleware(each) for each in (SecurityHeaders, OwnOrigin, OwnerToken, BoundedUploads, OneAddress)
)
FAULTS = {Exception: answer_fault}


@asynccontextmanager
async def lifespan(app: App) -> AsyncIterator[None]:
    """Say where the server is, and free what departed visitors hold for as long as it runs."""
    send_at_once()
    share_copies()
    tidying = asyncio.create_task(departed.tidy_up_forever(get_instance()))
    _say_address()
    try:
        yield
    finally:
        tidying.cancel()
        with suppress(asyncio.CancelledError):
            await tidying


def send_at_once() -> None:
    """Have no answer wait for the one before it to be acknowledged, which a browser does after up to 40 ms.

    asyncio asks for that on its own sockets; on the one that Streamlit makes by itself it does not. What a socket that
    listens is told holds for all that come from it.
    """
    try:
        handles = [int(path.name) for path in Path("/dev/fd").iterdir()]
    except OSError:  # on Windows
        return
    for handle in handles:
        # Not every one is a socket, or of TCP.
        with suppress(OSError), socket.socket(fileno=os.dup(handle)) as found:
            if found.family in (socket.AF_INET, socket.AF_INET6) and found.type == socket.SOCK_STREAM:
                found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _say_address() -> None:
    where = "here" if address() else "at this server's address, followed by"
    click.echo(f"\n  ncviz is {where}: " + click.style(owner_address(), bold=True))
    click.echo(
        "  The token in this address is for the server's owner, and lets a browser do what concerns all visitors:\n"
        f"  folders, stored results, others' runs. Everybody else's address is {address() or 'the same without it'}\n"
    )
