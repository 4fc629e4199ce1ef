"""Who is here: how many, and whether a visitor sits at this machine and may do what concerns all of them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address
from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from ncviz.errors import NcvizError
from ncviz.jobs import Job
from ncviz.limits import LIMITS
from ncviz.ui.server import resources
from ncviz.ui.session import session

# What proxies add; whoever comes through one may be anywhere, though the connection is the proxy's.
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via")
# Whom to count as here, and how many to remember.
VISIT_SECONDS, MOST_VISITS = 60.0, 1000


class NotAllowedError(NcvizError):
    """Somebody from another machine asked for what only somebody at this one may do."""


def is_local() -> bool:
    """Whether this session's browser runs on the server's own machine; without a connection nobody does."""
    return is_loopback(*_connection())


def is_loopback(address: str | None, headers: Mapping[str, str]) -> bool:
    """Whether a connection comes from this machine and through no proxy.

    The address that the browser shows counts too: a proxy on this machine that says nothing of itself still asks for
    the pages under its own name, and so does a foreign page that had its name point here.

    Args:
        address: The other end, as Streamlit tells it: None for 127.0.0.1 and ::1.
        headers: Of the request that opened the connection, by their usual names.
    """
    if any(name in headers for name in FORWARDED) or not _is_here(headers.get("Host", "")):
        return False
    origin = headers.get("Origin")
    return (address is None or _is_here_address(address)) and (
        origin is None or _is_here(urlsplit(origin).netloc)
    )


def is_trusted() -> bool:
    """Whether this visitor may do what concerns the server and everybody on it."""
    return LIMITS.trusts_visitors or is_local()


def check_trusted(what: str) -> None:
    """Raise a NotAllowedError unless this visitor may do what concerns everybody.

    Args:
        what: What is asked for, such as "Naming a folder of the server".
    """
    if not is_trusted():
        raise NotAllowedError(
            f"{what} is for visitors on the server's own machine; ask its owner, who can allow it to everybody "
            "(trusts_visitors in ncviz/limits.py)."
        )


def may_cancel(job: Job) -> bool:
    """Whether this session may stop a run that every session is shown."""
    return job.owner == session.token() or is_trusted()


def may_stop(job: Job) -> bool:
    """Whether this session may stop a run that it looks at: nobody else who asked for it is still here to wait."""
    since = time.monotonic() - VISIT_SECONDS
    visits = _visits()
    waiting = (asker for asker in job.askers - {session.token()} if visits.get(asker, since) > since)
    return is_trusted() or next(waiting, None) is None


def visited() -> None:
    """Note that this session's page is drawn now."""
    visits = _visits()
    visits.pop(session.token(), None)
    resources.keep(visits, session.token(), time.monotonic(), MOST_VISITS)


def every(seconds: float) -> float:
    """Return how often to look at a run, given how often one visitor alone would: the fewer, the more are here.

    Each look draws a part of the page anew; twenty sessions that look twice a second leave no time for anything else.
    """
    since = time.monotonic() - VISIT_SECONDS
    here = sum(1 for seen in list(_visits().values()) if seen > since)
    return seconds * min(10.0, max(1.0, here / 2))


@st.cache_resource
def _visits() -> dict[str, float]:
    """When each session's page was last drawn, by a name that says nothing else."""
    return {}


def _connection() -> tuple[str | None, Mapping[str, Any]]:
    return st.context.ip_address, st.context.headers


def _is_here(netloc: str) -> bool:
    """Whether a host, with its port or without, is this machine's name for itself."""
    try:
        host = urlsplit(f"//{netloc}").hostname or ""
    except ValueError:
        return False
    return host == "localhost" or host.endswith(".localhost") or _is_here_address(host)


def _is_here_address(text: str) -> bool:
    try:
        found = ip_address(text)
    except ValueError:
        return False
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return (mapped or found).is_loopback
