"""Changes by hand: steps are added or taken away, and the slider keeps the criterion's own cut where it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from ncviz.scene.surgery.steps import Step, read_steps, with_step, write_steps
from ncviz.ui.session.by_hand import removed_with
from ncviz.ui.session.problems import telling_errors
from ncviz.ui.session.subject import Subject, change


def steps_of(subject: Subject) -> tuple[Step, ...]:
    """Return what is done by hand on this side by now."""
    return read_steps(subject.now().view.hand)


def set_steps(subject: Subject, steps: Sequence[Step]) -> None:
    """Do other things by hand than so far: what the criterion removes by itself stays as it is.

    Raises:
        NcvizError: If a step names what the network does not have, or there are too many.
    """
    now = subject.now()
    text = write_steps(steps)
    # Read again, so that nothing is done that a link or a file could not say.
    read_steps(text)
    removed = removed_with(now.network, now.record, now.full_order, now.removed, (now.view.hand, text))
    named = {} if text else {"hand_name": ""}
    change(now.side, hand=text, removed=removed / max(1, now.total), **named)


def add_step(subject: Subject, step: Step) -> None:
    """Do one more thing by hand.

    Raises:
        NcvizError: As ``set_steps``.
    """
    set_steps(subject, with_step(steps_of(subject), step))


def drop_target(subject: Subject, target: str) -> None:
    """Undo all that is done by hand to a target, such as "class-0".

    Raises:
        NcvizError: As ``set_steps``.
    """
    set_steps(subject, [step for step in steps_of(subject) if step.target != target])


@telling_errors(st.toast)
def take_step(subject: Subject, given: Any) -> None:
    """Do what was asked for in the picture; what a browser sends is not to be trusted."""
    if isinstance(given, Mapping):
        (step,) = read_steps(f"{given.get('action')}:{given.get('target')}".replace(",", ""))
        add_step(subject, step)
