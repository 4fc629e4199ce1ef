"""How the server is set up around Streamlit: in what order it looks at a request, and what it does as it starts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import click
from starlette.middleware import Middleware
from streamlit.runtime import get_instance
from streamlit.web.server.starlette.starlette_app import App

from ncviz.ui.http import departed
from ncviz.ui.http.headers import SecurityHeaders, answer_fault
from ncviz.ui.http.one_address import OneAddress
from ncviz.ui.http.origins import OwnOrigin
from ncviz.ui.http.owner import OwnerToken, address, owner_address
from ncviz.ui.http.uploads import BoundedUploads

# From the outermost in: what refuses a request comes before what reads it, and all answers get the headers.
MIDDLEWARE = tuple(
    Middleware(each) for each in (SecurityHeaders, OwnOrigin, OwnerToken, BoundedUploads, OneAddress)
)
FAULTS = {Exception: answer_fault}


@asynccontextmanager
async def lifespan(app: App) -> AsyncIterator[None]:
    """Say where the server is, and free what departed visitors hold for as long as it runs."""
    tidying = asyncio.create_task(departed.tidy_up_forever(get_instance()))
    _say_address()
    try:
        yield
    finally:
        tidying.cancel()
        with suppress(asyncio.CancelledError):
            await tidying


def _say_address() -> None:
    where = "here" if address() else "at this server's address, followed by"
    click.echo(f"\n  ncviz is {where}: " + click.style(owner_address(), bold=True))
    click.echo(
        "  The token in this address is for the server's owner, and lets a browser do what concerns all visitors:\n"
        f"  folders, stored results, others' runs. Everybody else's address is {address() or 'the same without it'}\n"
    )
