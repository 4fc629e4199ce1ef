"""Sessions whose visitors have left: their uploads go soon, and what else they hold a little later."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from streamlit.runtime import Runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ncviz.ui.http.uploads import drop_uploads, held_bytes

LOOK_SECONDS = 5.0
_LOGGER = logging.getLogger(__name__)
# Whoever was cut off for a moment comes back to the same session; Streamlit keeps one for 120 s, but removes it only
# when another is left.
UPLOAD_SECONDS, SESSION_SECONDS = 20.0, 110.0

# When each session was first found without its visitor, None while there is one.
_SINCE: dict[str, float | None] = {}


def note_session() -> None:
    """Remember the session that runs now."""
    context = get_script_run_ctx()
    if context is not None:
        _SINCE.setdefault(context.session_id, None)


def tidy_up(runtime: Runtime, clock: Callable[[], float] = time.monotonic) -> None:
    """Free what sessions hold whose visitors left some time ago; on the thread of the server's event loop."""
    # Who left before a page began is known to Streamlit alone.
    known = {each.session.id for each in runtime._session_mgr.list_sessions()}
    for session in {*list(_SINCE), *held_bytes(), *known}:
        if runtime.is_active_session(session):
            _SINCE[session] = None
            continue
        since = _SINCE.get(session)
        if since is None:
            since = _SINCE[session] = clock()
        if clock() - since >= UPLOAD_SECONDS:
            drop_uploads(runtime, session)
        if clock() - since >= SESSION_SECONDS:
            runtime.close_session(session)
            del _SINCE[session]


async def tidy_up_forever(runtime: Runtime) -> None:
    """Free what departed visitors hold, every few seconds until cancelled."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            tidy_up(runtime)
        except Exception:
            # What fails for one session, or once, is not to keep everything else in memory for ever.
            _LOGGER.exception("What departed visitors hold could not be freed; it is tried again.")
