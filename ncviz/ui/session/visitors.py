"""Who is here: how many, and whether a visitor owns the server and may do what concerns all of them."""

from __future__ import annotations

import time

import streamlit as st

from ncviz.errors import NcvizError
from ncviz.jobs import Job
from ncviz.limits import LIMITS
from ncviz.ui.http import departed, owner
from ncviz.ui.server import resources
from ncviz.ui.session import session

# Whom to count as here, and how many to remember.
VISIT_SECONDS, MOST_VISITS = 60.0, 1000


class NotAllowedError(NcvizError):
    """Somebody asked for what only the server's owner may do."""


def is_owner() -> bool:
    """Whether this session's browser has opened the address with the token that was printed as the server started."""
    return owner.is_owner(st.context.cookies)


def is_trusted() -> bool:
    """Whether this visitor may do what concerns the server and everybody on it."""
    return LIMITS.trusts_visitors or is_owner()


def check_trusted(what: str) -> None:
    """Raise a NotAllowedError unless this visitor may do what concerns everybody.

    Args:
        what: What is asked for, such as "Naming a folder of the server".
    """
    if not is_trusted():
        raise NotAllowedError(
            f"{what} is for the server's owner, who opens the address with the token that was printed where it was "
            "started, or can allow it to everybody (trusts_visitors in ncviz/limits.py)."
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
    departed.note_session()
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
