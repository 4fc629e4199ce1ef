"""A place for a file that is empty again once the file was taken, so that the next run does not take it twice."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from ncviz.ui.session.problems import telling_errors


def file_field(
    label: str, name: str, kind: str, take: Callable[[bytes], None], *, most_megabytes: int | None = None
) -> None:
    """Draw it; what is refused stays, with the reason under it, until another file is given.

    Args:
        label: What the file is.
        name: Of the place, unique on the page.
        kind: Ending of the files, such as "json".
        take: Called with the file's bytes; the page runs again afterwards.
        most_megabytes: How large a file may be, None for what the server takes.
    """
    count = f"{name} taken"
    number = st.session_state.setdefault(count, 0)
    given = st.file_uploader(label, type=kind, max_upload_size=most_megabytes, key=f"{name} {number}")
    if given is None:
        return
    with telling_errors():
        take(given.getvalue())
        st.session_state[count] = number + 1
        st.rerun()
