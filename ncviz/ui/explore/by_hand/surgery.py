"""All that is done by hand, beside the picture: step by step, a share of each layer, a name, and a file of it."""

from __future__ import annotations

from functools import partial

import streamlit as st

from ncviz.scene.names import weight_title
from ncviz.scene.surgery.files import LONGEST_NAME, read_name
from ncviz.scene.surgery.steps import CUT, Step
from ncviz.text import plain
from ncviz.ui.explore.by_hand.operate import add_step, drop_target, set_steps, steps_of
from ncviz.ui.explore.by_hand.steps_file import draw_download, draw_open
from ncviz.ui.session import session
from ncviz.ui.session.problems import telling_errors
from ncviz.ui.session.subject import Subject, change

SHOWN = 12


def draw_surgery(subject: Subject, other: Subject | None = None) -> None:
    """Draw it in the sidebar, which stands beside the picture.

    Args:
        subject: The network with its results.
        other: The second picture's, None where there is none.
    """
    with st.sidebar:
        for each in (subject, other):
            if each is not None:
                where = "" if other is None else f", {'right' if each.side.is_other else 'left'} picture"
                _draw_side(each.now(), where)


def _draw_side(subject: Subject, where: str) -> None:
    steps = steps_of(subject)
    title = f"By hand{where} ({len(steps)})" if steps else f"By hand{where}"
    with st.expander(title, expanded=bool(steps)):
        if not steps:
            st.caption(
                "Select a line, a map or a unit in the picture, or lasso lines: cut them, keep them, scale them. "
                "Or press a class. It stays, whatever the slider says, and can be undone."
            )
        else:
            _draw_steps(subject, steps)
        _draw_layers(subject, steps)
        if steps:
            st.text_input(
                "Name",
                max_chars=LONGEST_NAME,
                placeholder="such as: without class 0",
                **session.shows(
                    f"hand-name-{subject.side.name}", subject.view.hand_name, partial(_rename, subject)
                ),
            )
            draw_download(subject, "sidebar")
        with st.popover("Open a file…", width="stretch"):
            draw_open(subject, "sidebar")


def _draw_steps(subject: Subject, steps: tuple[Step, ...]) -> None:
    side, told = subject.side.name, () if subject.by_hand is None else subject.by_hand.words
    for step, words in list(zip(steps, told, strict=True))[-SHOWN:]:
        st.button(
            f":small[{plain(words)}] ✕",
            key=f"drop-{side}-{step}",
            type="tertiary",
            on_click=partial(_drop, subject, step.target),
            help="Press to take this step back.",
        )
    if len(steps) > SHOWN:
        st.caption(f"The last {SHOWN} of {len(steps)} steps.")
    st.button(
        "Take all back", key=f"drop-all-steps-{side}", on_click=partial(_drop_all, subject), width="stretch"
    )


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
                    f"share of layer {layer} {subject.side.name}",
                    round(100 * shares.get(layer, 0.0)),
                    partial(_cut_share, subject, layer),
                ),
            )


@telling_errors(st.toast)
def _cut_share(subject: Subject, layer: int, hundredths: int) -> None:
    add_step(subject, Step(CUT, f"layer-{layer}", f"{hundredths / 100:g}"))


@telling_errors(st.toast)
def _rename(subject: Subject, text: str) -> None:
    change(subject.side, hand_name=read_name(text))
