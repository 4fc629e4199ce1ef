"""A place for a file that is empty again once the file was taken, so that the next run does not take it twice."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from ncviz.ui.http.uploads import drop_upload
from ncviz.ui.session.problems import telling_errors


def file_field(
    label: str, name: str, kind: str, take: Callable[[bytes], None], *, most_megabytes: int | None = None
) -> None:
    """Draw it; what is refused stays, with the reason under it, until another file is given or the user tries again.

    Args:
        label: What the file is.
        name: Of the place, unique on the page.
        kind: Ending of the files, such as "json".
        take: Called with the file's bytes; the page runs again afterwards.
        most_megabytes: How large a file may be, None for what the server takes.
    """
    count, refused = f"{name} taken", f"{name} refused"
    number = st.session_state.setdefault(count, 0)
    given = st.file_uploader(label, type=kind, max_upload_size=most_megabytes, key=f"{name} {number}")
    if given is None:
        st.session_state.pop(refused, None)
        return

    def refuse(told: str) -> None:
        st.session_state[refused] = given.file_id, told

    # Taken once: later the page may look at what it fits, and the user at something else.
    if st.session_state.get(refused, ("",))[0] != given.file_id:
        with telling_errors(refuse):
            take(given.getvalue())
            drop_upload(given)
            st.session_state[count] = number + 1
            st.rerun()
    st.error(st.session_state[refused][1])
    st.button("Try again", key=f"{name} again", on_click=st.session_state.pop, args=(refused, None))
