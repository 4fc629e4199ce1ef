"""All that is done by hand, beside the picture: step by step, a share of each layer, a name, and a file of it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import streamlit as st

from ncviz.errors import NcvizError
from ncviz.scene.names import weight_title
from ncviz.scene.return_files import file_stem
from ncviz.scene.surgery.files import LONGEST_NAME, MAX_BYTES, StepsFile, read_file, read_name
from ncviz.scene.surgery.steps import CUT, Step, write_steps
from ncviz.scene.surgery.words import step_words
from ncviz.text import plain
from ncviz.ui.explore.by_hand.operate import add_step, drop_target, set_steps, steps_of
from ncviz.ui.link.view_state import from_query
from ncviz.ui.session import session
from ncviz.ui.session.by_hand import step_sizes
from ncviz.ui.session.problems import telling_errors
from ncviz.ui.session.subject import Subject, change

SHOWN = 12


def draw_surgery(subject: Subject) -> None:
    """Draw it in the sidebar, which stands beside the picture."""
    if problem := st.session_state.pop("steps-problem", ""):
        st.toast(plain(problem))
    steps = steps_of(subject)
    with st.sidebar, st.expander(f"By hand ({len(steps)})" if steps else "By hand", expanded=bool(steps)):
        if not steps:
            st.caption(
                "Select a line, a map or a unit in the picture, or lasso lines: cut them, keep them, scale them. "
                "Or press a class. It stays, whatever the slider says, and can be undone."
            )
        else:
            _draw_steps(subject, steps)
        _draw_layers(subject, steps)
        _draw_file(subject, steps)


def _draw_steps(subject: Subject, steps: tuple[Step, ...]) -> None:
    sizes = step_sizes(subject.network, subject.record, subject.full_order, write_steps(steps))
    for step, size in list(zip(steps, sizes, strict=True))[-SHOWN:]:
        words = plain(step_words(step, subject.record, subject.classes, size))
        st.button(
            f":small[{words}] ✕",
            key=f"drop-{step}",
            type="tertiary",
            on_click=partial(_drop, subject, step.target),
            help="Press to take this step back.",
        )
    if len(steps) > SHOWN:
        st.caption(f"The last {SHOWN} of {len(steps)} steps.")
    st.button("Take all back", key="drop-all-steps", on_click=partial(_drop_all, subject), width="stretch")


@telling_errors(st.toast)
def _drop(subject: Subject, target: str) -> None:
    drop_target(subject, target)


@telling_errors(st.toast)
def _drop_all(subject: Subject) -> None:
    set_steps(subject, [])


def _draw_layers(subject: Subject, steps: tuple[Step, ...]) -> None:
    """Draw a slider for each layer: the share of it that goes at least, the first in the order that is chosen."""
    shares = {step.layer: float(step.amount) for step in steps if step.layer is not None}
    names = list(subject.record.weights)
    with st.popover("Share of each layer…", width="stretch"):
        st.caption("So much of a layer goes at least, first what the chosen order takes first.")
        for layer, name in enumerate(names):
            st.slider(
                weight_title(subject.record, name),
                0,
                100,
                format="%d %%",
                **session.shows(
                    f"share of layer {layer}",
                    round(100 * shares.get(layer, 0.0)),
                    partial(_cut_share, subject, layer),
                ),
            )


@telling_errors(st.toast)
def _cut_share(subject: Subject, layer: int, hundredths: int) -> None:
    add_step(subject, Step(CUT, f"layer-{layer}", f"{hundredths / 100:g}"))


def _draw_file(subject: Subject, steps: tuple[Step, ...]) -> None:
    view = subject.view
    if steps:
        st.text_input(
            "Name",
            max_chars=LONGEST_NAME,
            placeholder="such as: without class 0",
            **session.shows("hand-name", view.hand_name, _rename),
        )
        latest = session.latest()
        file = StepsFile(
            view.hand_name, subject.network.fingerprint, steps, subject.removed, subject.full_order
        )

        def content() -> bytes:
            # Made outside the session's run, at the step that the slider has reached by then.
            now = subject.showing(latest.view)
            return replace(file, removed=now.removed).to_bytes()

        stem = "-".join([file_stem(subject.network), *(view.hand_name.split() or ["by-hand"])])
        st.download_button(
            "Download as a file",
            content,
            f"{stem}.json",
            "application/json",
            key="download-steps",
            on_click="ignore",
            width="stretch",
        )
        if not view.is_whole_in_link:
            st.caption("These steps are too many for the link, which leaves them out: a file holds them.")
    count = st.session_state.setdefault("steps-files", 0)
    with st.popover("Open a file…", width="stretch"):
        given = st.file_uploader(
            "Steps by hand", type="json", max_upload_size=MAX_BYTES // 10**6, key=f"steps-file-{count}"
        )
    if given is not None:
        _open(subject, given.getvalue())


def _open(subject: Subject, content: bytes) -> None:
    """Do what a file says; the place for it is empty afterwards, so that the next run does not do it again."""
    st.session_state["steps-files"] += 1
    try:
        found = read_file(content, subject.network.fingerprint)
        order, problems = from_query(
            dict(zip(("criterion", "scope", "order", "never"), found.order, strict=True))
        )
        if problems:
            raise NcvizError(problems[0])
        session.change(scope=order.scope, never=order.never)
        change(subject.now().side, criterion=order.criterion, order=order.order)
        set_steps(subject, found.steps)
        now = subject.now()
        change(now.side, removed=min(found.removed, now.total) / max(1, now.total), hand_name=found.name)
    except NcvizError as error:
        st.session_state["steps-problem"] = str(error)
    st.rerun()


def _rename(text: str) -> None:
    with telling_errors(st.toast):
        session.change(hand_name=read_name(text))
