"""A file of what is done by hand: taken away, opened, and told of where a link cannot hold all of it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import streamlit as st

from ncviz.errors import NcvizError
from ncviz.scene.return_files import file_stem
from ncviz.scene.surgery.files import MAX_BYTES, StepsFile, read_file
from ncviz.scene.surgery.steps import write_steps
from ncviz.ui.explore.by_hand.operate import steps_of
from ncviz.ui.link.by_hand import IN_FILE, link_text
from ncviz.ui.link.view_state import from_query
from ncviz.ui.session import session
from ncviz.ui.session.by_hand import by_hand, missing_groups
from ncviz.ui.session.file_field import file_field
from ncviz.ui.session.lost_steps import lost_steps
from ncviz.ui.session.subject import Subject, change


def draw_download(subject: Subject, place: str) -> None:
    """Offer the steps as a file.

    Args:
        subject: The network with its results, with something done by hand.
        place: Where on the page.
    """
    view, latest = subject.view, session.latest()
    file = StepsFile(
        view.hand_name, subject.network.fingerprint, steps_of(subject), subject.removed, subject.full_order
    )

    def content() -> bytes:
        # Made outside the session's run, at the step that the slider has reached by then.
        now = subject.seen_in(latest.view)
        return replace(file, removed=now.removed).to_bytes()

    stem = "-".join([file_stem(subject.network), *(view.hand_name.split() or ["by-hand"])])
    st.download_button(
        "Download the steps",
        content,
        f"{stem}.json",
        "application/json",
        key=f"download-steps-{place}-{subject.side.name}",
        on_click="ignore",
        width="stretch" if place == "sidebar" else "content",
    )


def draw_open(subject: Subject, place: str) -> None:
    """Draw the place for such a file."""
    file_field(
        "Steps by hand",
        f"steps {place} {subject.side.name}",
        "json",
        partial(_open, subject),
        most_megabytes=MAX_BYTES // 10**6,
    )


def tell_of_link(subject: Subject) -> None:
    """Say so where the link that was opened, or the address of what is shown, leaves out what is done by hand."""
    side, hand = subject.side.name, subject.view.hand
    if hand and link_text(hand) == IN_FILE:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(
                "What is done by hand here is too much for the address: whoever opens the link sees the network "
                "without it, and needs this file too."
            )
            draw_download(subject, "picture")
    elif side in lost_steps():
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.warning(
                "The steps by hand of this link are too many to be in it: the network is shown without them until you "
                "open the file that its maker downloaded."
            )
            with st.popover("Open a file…"):
                draw_open(subject, "picture")
            st.button(
                "Go on without",
                key=f"without-steps-{side}",
                on_click=lost_steps().discard,
                args=(side,),
            )


def _open(subject: Subject, content: bytes) -> None:
    """Do all that a file says at once, or nothing of it; what is not known yet is offered where it is shown.

    Raises:
        NcvizError: If it is no such file, or names what the network does not have.
    """
    found, now = read_file(content, subject.network.fingerprint), subject.now()
    order, problems = from_query(
        dict(zip(("criterion", "scope", "order", "never"), found.order, strict=True))
    )
    if problems:
        raise NcvizError(problems[0])
    missing = missing_groups(now.network, now.record, write_steps(found.steps))
    known = [step for step in found.steps if step.group not in missing]
    by_hand(now.network, now.record, found.order, write_steps(known))
    change(
        now.side,
        criterion=order.criterion,
        order=order.order,
        scope=order.scope,
        never=order.never,
        removed=min(found.removed, now.total) / max(1, now.total),
        hand=write_steps(found.steps),
        hand_name=found.name if found.steps else "",
    )
