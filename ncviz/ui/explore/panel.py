"""The live panel wired to the session: each step of a drag is answered with a measured accuracy."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from ncviz import tasks
from ncviz.errors import NcvizError
from ncviz.scene.wording import note_for, short_word
from ncviz.ui.components.live.component import LiveRequest, live_panel, live_requests
from ncviz.ui.components.live.data import Answer, Curves, panel_data
from ncviz.ui.explore.by_hand.class_bars import draw_bars
from ncviz.ui.explore.live_curves import (
    MOST_TOLD,
    PANEL_ORDERS,
    about_words,
    by_hand_words,
    can_cut,
    curves,
    draw_words,
    never_active,
    outline,
    slider_step,
    steps,
    thresholds,
    told_by_hand,
)
from ncviz.ui.explore.living import flow_answer, follows, is_pending
from ncviz.ui.server import evaluation, resources
from ncviz.ui.session import session
from ncviz.ui.session.problems import telling_errors
from ncviz.ui.session.subject import Subject, change

# Up to this long a measurement keeps pace with a drag; beyond, the stored curve answers until the drag ends.
TOO_SLOW_SECONDS = 0.05
# Up to this long one is begun all the same, and shown if it comes in time: a busy machine may have made it look slow.
HOPELESS_SECONDS = 0.2
# How long the page waits for an accuracy before it goes on without.
PATIENCE_SECONDS = 0.15
# The channel on which two sliders meet that move together.
LINKED = "sliders"
POLL_SECONDS = 0.25
# On a stage, how wide the picture is beside the numbers.
STAGE_COLUMNS = (2.1, 1)


def draw_panel(subject: Subject, above: Callable[[Subject], None] | None = None) -> None:
    """Draw the panel of one side; only this fragment runs during a drag.

    Args:
        subject: The network with its results.
        above: Draws a picture above the panel that follows a drag, given the network at the step that is reached.
    """
    st.fragment(_panel)(subject, above)
    if st.session_state[f"late-{subject.side.name}"] or not _is_settled(subject):
        st.fragment(_until_measured, run_every=POLL_SECONDS)(subject)
    if is_pending(subject):
        st.fragment(_until_flowing, run_every=POLL_SECONDS)(subject)


def _until_measured(subject: Subject) -> None:
    """Redraw the page once the accuracies are known; until then they are read off the curve."""
    if _is_settled(subject):
        st.rerun(scope="app")


def _until_flowing(subject: Subject) -> None:
    """Redraw the page once it is known what flows; until then the picture says that it is not."""
    if not is_pending(subject):
        st.rerun(scope="app")


def _is_settled(subject: Subject) -> bool:
    """Whether all is measured that the page is drawn anew for."""
    now = subject.now()
    # No curve is stored of what is changed by hand.
    is_coming = now.by_hand is not None and now.is_curve_coming()
    return not is_coming and all(future.done() for future in _awaited(now))


def _awaited(subject: Subject) -> list[Future[evaluation.Measured]]:
    """Return what the page is drawn anew for: the accuracy at the step, and that of each class of the whole network."""
    _, step = _measurements().get(subject.side.name, (None, None))
    whole = [] if step is None else [evaluation.measure_whole(subject.network, session.context())]
    return [*([] if step is None else [step]), *whole]


def _panel(subject: Subject, above: Callable[[Subject], None] | None) -> None:
    subject = subject.now()
    done = f"{subject.key}-seq"
    seq = st.session_state.get(done, 0)
    asked = live_requests(subject.key, total=subject.total, orders=PANEL_ORDERS)
    new = [request for request in asked if request.seq > seq]
    dragged = new[-1] if new and new[-1].is_dragging else None
    for request in new:
        if request is not dragged:
            _commit(request, subject)
        st.session_state[done] = seq = request.seq
    subject = subject.now()
    if dragged is not None:
        subject = subject.at(dragged.order, dragged.removed)
    is_finished = any(request is not dragged for request in new)
    picture, numbers = _places(subject, is_followed=above is not None)
    if above is not None:
        with picture:
            above(subject)
    if is_finished:
        # It is answered by the run of the whole page that follows, while which it is measured.
        answer, note = None, ""
        if resources.torch_ready().is_set():
            _measurement(subject)
    else:
        answer, note = _answer(subject, seq, is_dragging=dragged is not None)
    known, drawn = _curves(subject)
    sent = f"{subject.key}-curves"
    if dragged is not None and st.session_state.get(sent) == drawn:
        # The browser has them, and they are most of what there is to send.
        known = replace(known, sweeps=None, steps=None)
    st.session_state[sent] = drawn
    flags = {
        "is_live": _is_live(subject),
        "is_measuring": _is_measuring(subject),
        "can_cut": can_cut(subject),
        "is_followed": above is not None or follows(subject),
        "can_undo": session.can_undo(),
        "can_redo": session.can_redo(),
    }
    data = panel_data(
        slider_step(subject),
        PANEL_ORDERS,
        known,
        seq=seq,
        answer=answer,
        basis=_basis(subject),
        note=note or note_for(subject.network),
        by_hand=by_hand_words(subject),
        scale=subject.view.scale,
        **flags,
    )
    flow = None if is_finished else flow_answer(subject, is_dragging=dragged is not None)
    linked = LINKED if subject.view.compare and subject.view.linked else None
    with numbers:
        live_panel(data | {"flow": flow, "linked": linked}, key=subject.key)
        is_whole = True
        if not subject.view.hides("classes"):
            _, step = _measurements().get(subject.side.name, (None, None))
            is_whole = draw_bars(
                subject, step if answer is not None and step is not None and step.done() else None
            )
    # What comes just after it was drawn without would else not be drawn.
    is_late = not (is_finished or is_whole) or (answer is None and not note and dragged is None)
    st.session_state[f"late-{subject.side.name}"] = is_late and resources.torch_ready().is_set()
    if is_finished:
        # A finished step concerns the whole page: the link, the tables, the downloads.
        st.rerun(scope="app")


def _places(
    subject: Subject, *, is_followed: bool
) -> tuple[AbstractContextManager[Any], AbstractContextManager[Any]]:
    """Return where a picture is drawn that follows a drag, and where the panel is: beside it on a stage, else under it.

    On a phone what holds the panel sticks to the window's lower edge: it must not hold the picture too.
    """
    if not is_followed:
        return nullcontext(), nullcontext()
    if subject.view.present and not subject.view.compare:
        picture, numbers = st.columns(STAGE_COLUMNS, gap="medium")
        return picture, numbers.container()
    return st.container(), st.container()


def _commit(request: LiveRequest, subject: Subject) -> None:
    if request.action == "undo":
        session.undo()
    elif request.action == "redo":
        session.redo()
    elif request.action == "reset":
        change(subject.side, removed=0.0, hand="")
    elif request.action == "scale":
        session.change(scale=request.value)
    elif request.action == "cut":
        with telling_errors(st.toast):
            _cut(subject, float(request.value or 0.0))
    else:
        criterion, order = request.order.split("/")
        removed = request.removed / max(1, subject.total)
        change(subject.side, removed=removed, criterion=criterion, order=order)


def _cut(subject: Subject, kappa: float) -> None:
    """Remove every κ above a value, or below it where bottlenecks go first."""
    if not can_cut(subject):
        return
    ranked = tasks.ranked_curvature(subject.network, subject.record, subject.view.never)
    weights = [subject.network.arrays[name] for name in ranked]
    removed = tasks.removed_for_threshold(list(ranked.values()), kappa, subject.view.order, weights)
    change(subject.side, removed=removed / max(1, subject.total))


def _answer(subject: Subject, seq: int, *, is_dragging: bool) -> tuple[Answer | None, str]:
    """Measure the accuracy, or say why it is read off the curve."""
    if not resources.torch_ready().is_set():
        return None, "Loading the network; until then the accuracy is read off the stored curve."
    patience = PATIENCE_SECONDS
    if is_dragging and not _is_live(subject):
        if _seconds(subject) > HOPELESS_SECONDS:
            return None, ""
        patience = TOO_SLOW_SECONDS
    if is_dragging and evaluation.waiting() * _seconds(subject) > patience:
        # With many visitors, what joins the queue now would come too late, and hold up those who are in it.
        return None, ""
    try:
        measured = _measurement(subject).result(patience)
    except TimeoutError:
        return None, ""
    except NcvizError as error:
        return None, str(error)
    removed = subject.removed
    at = thresholds(subject, np.array([removed]))
    value = float(at[0]) if len(at) else None
    return Answer(seq, removed, subject.order, measured.accuracy, len(measured.labels), value), ""


def _seconds(subject: Subject) -> float:
    return evaluation.evaluation_seconds(subject.network, session.context())


def _is_live(subject: Subject) -> bool:
    """Whether measuring keeps pace with a drag."""
    return _seconds(subject) <= TOO_SLOW_SECONDS


def _is_measuring(subject: Subject) -> bool:
    """Whether the accuracy of a step is still to come."""
    _, pending = _measurements().get(subject.side.name, (None, None))
    return pending is not None and not pending.done()


def _basis(subject: Subject) -> str:
    """Return what an accuracy depends on beside the step: an answer for another is none for this."""
    view, key = subject.view, subject.sweep.meta.get("key", "")
    facts = (key, view.scope, view.never, view.hand, session.device(), session.data_dir())
    # It travels with every answer to a drag, and what is done by hand can be long.
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:24]


def _measurement(subject: Subject) -> Future[evaluation.Measured]:
    """Return the measuring of a step: the one under way or done if it is of the same step, else a new one."""
    record, removed, context = subject.record, subject.removed, session.context()
    view = subject.view
    order = (*subject.full_order, view.hand)
    step = (record.key, order, removed, context.device, context.data_dir)
    of_side = _measurements()
    known, future = of_side.get(subject.side.name, (None, None))
    if known == step and future is not None:
        return future
    if future is not None:
        # Nobody waits for it any more.
        future.cancel()
    future = evaluation.measure(subject.network, context, subject.masks())
    of_side[subject.side.name] = (step, future)
    return future


def _measurements() -> dict[str, tuple[tuple[Any, ...], Future[evaluation.Measured]]]:
    """Return what is measured for each side of this session: the step, and its accuracy to come."""
    found: dict[str, tuple[tuple[Any, ...], Future[evaluation.Measured]]]
    found = st.session_state.setdefault("measurements", {})
    return found


def _curves(subject: Subject) -> tuple[Curves, tuple[Any, ...]]:
    """Return the curves, with what is known at the slider's stops in this order, and what tells them from others."""
    # Of the step that was reached last, not of one that is only tried.
    kept = subject.now().view.criterion
    fine = subject.fine_curve()
    drawn = curves(subject, (kept,))
    if fine is not None and not drawn:
        drawn = {subject.order: outline(fine)}
    known = Curves(
        drawn,
        subject.sweep.baseline,
        word=short_word(subject.network),
        never=never_active(subject),
        steps={subject.order: steps(subject, fine)},
        draw=draw_words(subject),
        about=about_words(subject),
        told=told_by_hand(subject, MOST_TOLD),
    )
    return known, (_basis(subject), kept, subject.order, fine is not None)
