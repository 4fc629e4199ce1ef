"""The live panel wired to the session: each step of a drag is answered with a measured accuracy."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from ncviz.errors import NcvizError
from ncviz.scene.wording import note_for, short_word
from ncviz.ui.components.live.component import LiveRequest, live_panel, live_requests
from ncviz.ui.components.live.data import Answer, Sweep, panel_data
from ncviz.ui.explore.live_curves import PANEL_ORDERS, curves, thresholds
from ncviz.ui.server import evaluation, resources
from ncviz.ui.server.fine_curves import fine_curve
from ncviz.ui.session import session
from ncviz.ui.session.subject import Shown

# Up to this long a measurement keeps pace with a drag; beyond, the stored curve answers until the drag ends.
TOO_SLOW_SECONDS = 0.05
# Up to this long one is begun all the same, and shown if it comes in time: a busy machine may have made it look slow.
HOPELESS_SECONDS = 0.2
# How long the page waits for an accuracy before it goes on without.
PATIENCE_SECONDS = 0.15
POLL_SECONDS = 0.25


def show(shown: Shown, above: Callable[[str, int], None] | None = None) -> None:
    """Draw the panel of one side; only this fragment runs during a drag.

    Args:
        shown: The network with its results.
        above: Draws a picture above the panel that follows a drag, given the order and how many weights are removed.
    """
    st.fragment(_panel)(shown, above)
    _, pending = _measurements().get(shown.side.name, (None, None))
    if pending is not None and not pending.done():
        st.fragment(_until_measured, run_every=POLL_SECONDS)(pending)


def _until_measured(pending: Future[evaluation.Measured]) -> None:
    """Redraw the page once the accuracy is known; until then it is read off the curve."""
    if pending.done():
        st.rerun(scope="app")


def threshold(shown: Shown) -> float | None:
    """Return the κ at which the view cuts, None where there is no such single value."""
    view = shown.view
    if view.criterion != "curvature":
        return None
    found = _thresholds(shown, view.criterion, view.order, np.array([shown.removed]))
    return float(found[0]) if len(found) and np.isfinite(found[0]) else None


def _panel(shown: Shown, above: Callable[[str, int], None] | None) -> None:
    done = f"{shown.key}-seq"
    seq = st.session_state.get(done, 0)
    asked = live_requests(shown.key, total=shown.total, orders=PANEL_ORDERS)
    new = [request for request in asked if request.seq > seq]
    dragged = new[-1] if new and new[-1].is_dragging else None
    for request in new:
        if request is not dragged:
            _commit(request, shown)
        st.session_state[done] = seq = request.seq
    view, called = shown.view, note_for(shown.network)
    order = f"{view.criterion}/{view.order}" if dragged is None else dragged.order
    removed = shown.removed if dragged is None else dragged.removed
    is_finished = any(request is not dragged for request in new)
    if above is not None:
        above(order, removed)
    # A finished step is answered by the run of the whole page that follows it.
    answer, note = (
        (None, "") if is_finished else _answer(shown, seq, order, removed, is_dragging=dragged is not None)
    )
    sweeps, drawn = _sweeps(shown, order)
    sent = f"{shown.key}-curves"
    if dragged is not None and st.session_state.get(sent) == drawn:
        # The browser has them, and they are most of what there is to send.
        sweeps = None
    st.session_state[sent] = drawn
    data = panel_data(
        channel=shown.side.name,
        total=shown.total,
        removed=removed,
        order=order,
        seq=seq,
        orders=PANEL_ORDERS,
        sweeps=sweeps,
        baseline=shown.sweep.baseline,
        answer=answer,
        basis=_basis(shown),
        is_live=_is_live(shown),
        is_followed=above is not None,
        can_undo=session.can_undo(),
        can_redo=session.can_redo(),
        note=note or called,
        word=short_word(shown.network),
    )
    live_panel(data, key=shown.key)
    if is_finished:
        # A finished step concerns the whole page: the link, the tables, the downloads.
        st.rerun(scope="app")


def _commit(request: LiveRequest, shown: Shown) -> None:
    if request.action == "undo":
        session.undo()
    elif request.action == "redo":
        session.redo()
    elif request.action == "reset":
        shown.side.change(removed=0.0)
    else:
        criterion, order = request.order.split("/")
        shown.side.change(removed=request.removed / max(1, shown.total), criterion=criterion, order=order)


def _answer(
    shown: Shown, seq: int, order: str, removed: int, *, is_dragging: bool
) -> tuple[Answer | None, str]:
    """Measure the accuracy, or say why it is read off the curve."""
    if not resources.torch_ready().is_set():
        return None, "Loading the network; until then the accuracy is read off the stored curve."
    patience = PATIENCE_SECONDS
    if is_dragging and not _is_live(shown):
        if _seconds(shown) > HOPELESS_SECONDS:
            return None, ""
        patience = TOO_SLOW_SECONDS
    if is_dragging and evaluation.waiting() * _seconds(shown) > patience:
        # With many visitors, what joins the queue now would come too late, and hold up those who are in it.
        return None, ""
    criterion, way = order.split("/")
    try:
        measured = _measurement(shown, criterion, way, removed).result(patience)
    except TimeoutError:
        return None, ""
    except NcvizError as error:
        return None, str(error)
    threshold = _thresholds(shown, criterion, way, np.array([removed]))
    value = float(threshold[0]) if len(threshold) else None
    return Answer(seq, removed, order, measured.accuracy, True, len(measured.labels), value), ""


def _seconds(shown: Shown) -> float:
    return evaluation.evaluation_seconds(shown.network, session.device(), session.data_dir())


def _is_live(shown: Shown) -> bool:
    """Whether measuring keeps pace with a drag."""
    return _seconds(shown) <= TOO_SLOW_SECONDS


def _basis(shown: Shown) -> str:
    """Return what an accuracy depends on beside the step: an answer for another is none for this."""
    return f"{shown.sweep.meta.get('key', '')} {shown.view.scope} {session.device()} {session.data_dir()}"


def _measurement(shown: Shown, criterion: str, way: str, removed: int) -> Future[evaluation.Measured]:
    """Return the measuring of a step: the one under way or done if it is of the same step, else a new one."""
    from ncviz.pruning.masks import masks_at

    scope, device, data_dir = shown.view.scope, session.device(), session.data_dir()
    step = (shown.record.meta["key"], criterion, way, scope, removed, device, data_dir)
    of_side = _measurements()
    known, future = of_side.get(shown.side.name, (None, None))
    if known == step and future is not None:
        return future
    if future is not None:
        # Nobody waits for it any more.
        future.cancel()
    by = resources.ranks(shown.network, shown.record, criterion, scope, way)
    masks = masks_at(by, removed, shown.record.shapes)
    future = evaluation.measure(shown.network, device, data_dir, masks)
    of_side[shown.side.name] = (step, future)
    return future


def _measurements() -> dict[str, tuple[tuple[Any, ...], Future[evaluation.Measured]]]:
    """Return what is measured for each side of this session: the step, and its accuracy to come."""
    found: dict[str, tuple[tuple[Any, ...], Future[evaluation.Measured]]]
    found = st.session_state.setdefault("measurements", {})
    return found


def _sweeps(shown: Shown, order: str) -> tuple[dict[str, Sweep] | None, tuple[Any, ...]]:
    """Return the curves, that of the order in use as fine as there is one, and what tells them from others."""
    view = shown.view
    found = curves(shown.sweep, view.scope, _ordered(shown), (view.criterion,))
    criterion, way = order.split("/")
    fine = None
    if resources.torch_ready().is_set():
        where = session.device(), session.data_dir()
        fine = fine_curve(shown.network, shown.record, (criterion, way), view.scope, *where)
    if fine is not None:
        at = _thresholds(shown, criterion, way, fine.removed)
        found[order] = Sweep(fine.removed.tolist(), fine.accuracy.tolist(), at.tolist(), fine.images)
    return found, (_basis(shown), view.criterion, order, fine is not None)


def _thresholds(shown: Shown, criterion: str, order: str, removed: np.ndarray) -> np.ndarray:
    return thresholds(criterion, order, shown.view.scope, removed, _ordered(shown))


def _ordered(shown: Shown) -> Callable[[str], np.ndarray]:
    return partial(resources.ordered_scores, shown.network, shown.record)
