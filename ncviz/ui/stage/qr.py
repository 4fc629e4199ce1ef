"""The current link as a code that a phone reads."""

from __future__ import annotations

import io
from functools import lru_cache
from urllib.parse import urlencode, urlsplit

import streamlit as st

# The most that a code of usual density holds and a phone still reads from the last row.
LONGEST_LINK = 900
TITLE = "QR code of the link to this view"


def current_link() -> str:
    """Return the address of this page with all that it looks at, off the stage."""
    query = {name: value for name, value in st.query_params.to_dict().items() if name != "present"}
    address = (st.context.url or "").split("?")[0]
    return f"{address}?{urlencode(query)}" if query else address


def is_reachable(link: str) -> bool:
    """Whether another device can open a link: not one to this machine under its own name for itself."""
    host = urlsplit(link).hostname or ""
    return bool(host) and host not in ("localhost", "::1") and not host.startswith("127.")


@lru_cache(maxsize=16)
def qr_code(link: str) -> str:
    """Return a link as an SVG, black on white; "" if it is too long."""
    if not link or len(link) > LONGEST_LINK:
        return ""
    import segno  # only a lecture needs it

    picture = io.BytesIO()
    segno.make(link, error="m", micro=False).save(
        picture, kind="svg", border=4, light="#fff", xmldecl=False, svgns=True, omitsize=True, title=TITLE
    )
    return picture.getvalue().decode().replace("<svg ", '<svg role="img" ', 1)
