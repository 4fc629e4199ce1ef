"""The stage on every page: its bar and keys, and in the sidebar the steps of a lecture."""

from __future__ import annotations

import streamlit as st

from ncviz.errors import NcvizError
from ncviz.text import plain
from ncviz.ui.components.stage.presenter import Stage, presenter_bar
from ncviz.ui.link.deck import LONGEST_NOTE, read_deck, write_deck
from ncviz.ui.session import session
from ncviz.ui.session.file_field import file_field
from ncviz.ui.stage import qr, steps


def has_bar() -> bool:
    """Whether the bar is seen: on the stage, and while there are steps."""
    return session.view().present or steps.shown() is not None


def draw_bar() -> None:
    """Draw the bar, which listens to its keys where it is not seen too."""
    found, presents = steps.shown(), session.view().present
    link = qr.current_link() if has_bar() else ""
    told = link if qr.is_reachable(link) else f"{link} (this address works on this machine alone)"
    code = qr.qr_code(link)
    if found is None:
        stage = Stage(presents, link=told, code=code)
    else:
        through, at = found
        stage = Stage(presents, at, len(through.steps), through.steps[at].note, told, code)
    with st.container(key="stage-bar"):
        presenter_bar(
            stage,
            on_go=lambda at: steps.go(found[0], at) if found else None,
            on_present=lambda presents: session.change(present=presents),
            on_leave=steps.leave,
        )


def draw_lecture(page: str) -> None:
    """Draw what a lecture is prepared by.

    Args:
        page: Name of the page that is shown.
    """
    with st.expander("Lecture"):
        ways = st.columns(2)
        ways[0].button("Present", key="stage-present", on_click=_present, width="stretch", help="Key P.")
        ways[1].button(
            "Tour", key="stage-tour", on_click=steps.go, args=(steps.tour(), 0), width="stretch",
            help="Three minutes, from a bridge in a small graph to a network that collapses.",
        )  # fmt: skip
        st.button("Add this view as a step", key="stage-add", on_click=_add, args=(page,), width="stretch")
        for at in range(len(steps.deck().steps)):
            _draw_step(at)
        _draw_files()
        if st.toggle("QR code of this view", key="stage-code"):
            link = qr.current_link()
            code = qr.qr_code(link)
            st.html(code or "<p>This link is too long for a code that a phone reads.</p>")
            if not session.view().is_whole_in_link:
                st.caption("What is done by hand is not in it: a file holds it, under By hand.")
            if not qr.is_reachable(link):
                st.caption(
                    "This address works on this machine alone: open the page under a name that phones reach."
                )


def _draw_step(at: int) -> None:
    own = steps.deck()
    step = own.steps[at]
    # A step that moves takes its note along: each has a field of its own.
    key = f"stage-note {at} {step.page} {hash(step)}"
    st.text_input(
        f"{at + 1} · {step.page.capitalize()}",
        step.note,
        max_chars=LONGEST_NOTE,
        placeholder="What to say",
        key=key,
        on_change=lambda: steps.keep(steps.deck().with_note(at, st.session_state[key])),
    )
    with st.container(horizontal=True, gap="small"):
        for label, can, act in (
            ("Show", True, lambda: steps.go(steps.deck(), at)),
            ("Earlier", at > 0, lambda: steps.keep(steps.deck().moved(at, -1))),
            ("Later", at < len(own.steps) - 1, lambda: steps.keep(steps.deck().moved(at, 1))),
            ("Delete", True, lambda: steps.keep(steps.deck().without(at))),
        ):
            st.button(label, key=f"stage-{label} {at}", type="tertiary", disabled=not can, on_click=act)


def _draw_files() -> None:
    own = steps.deck()
    if own.steps:
        st.download_button(
            "Download the steps",
            write_deck(own),
            "lecture.json",
            "application/json",
            on_click="ignore",
            width="stretch",
        )
    with st.container(key="stage-open"):
        file_field("Open steps", "stage-steps", "json", lambda content: steps.keep(read_deck(content)))


def _present() -> None:
    session.change(present=True)


def _add(page: str) -> None:
    try:
        steps.add(page)
    except NcvizError as error:
        st.toast(plain(str(error)))
