"""Accuracy measured at every step of the slider, in the background, for networks that take no time to evaluate.

A run of the page takes far longer than the evaluation of a small network. So all that its slider can reach is measured
once, and during a drag the browser has every value at hand.
"""

from __future__ import annotations

from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
import streamlit as st

from ncviz import tasks
from ncviz.config import NEVER_ACTIVE_PLACES
from ncviz.tasks import CurvatureRecord
from ncviz.tasks.criteria import masks_of
from ncviz.ui.server import evaluation, resources

STEPS = 1000
AFFORDABLE_SECONDS = 1.0
KEPT_CURVES = 32


@dataclass(eq=False)
class FineCurve:
    """Accuracy at all steps of the slider.

    Attributes:
        removed: int64 [m], how many weights are removed, growing.
        accuracy: float64 [m], of which the first ``known`` are measured.
        images: On how many images.
        known: How many are measured.
    """

    removed: np.ndarray
    accuracy: np.ndarray = field(init=False)
    images: int = 0
    known: int = 0

    def __post_init__(self) -> None:
        self.accuracy = np.empty(len(self.removed))

    @property
    def is_done(self) -> bool:
        """Whether all steps are measured."""
        return self.known == len(self.removed)


def fine_curve(
    of: tasks.Network,
    record: CurvatureRecord,
    order: tuple[str, str],
    scope: str,
    context: tasks.Context,
    never_active: str = NEVER_ACTIVE_PLACES[0],
) -> FineCurve | None:
    """Return the fine curve of an order once it is measured; begin to measure it where that is affordable.

    Args:
        of: The network.
        record: Its curvature.
        order: Criterion, and which end goes first.
        scope: Within what the weights compete.
        context: Where to evaluate, and on which images.
        never_active: Where never-active weights go in it.
    """
    key = record.key, *order, scope, never_active, context.device, context.fingerprint(of)
    kept = _curves()
    curve = kept.get(key)
    if curve is None:
        if evaluation.evaluation_seconds(of, context) * STEPS > AFFORDABLE_SECONDS:
            return None
        curve = resources.keep(
            kept, key, FineCurve(slider_steps(record.total, tasks.zeros_in(of, record.weights))), KEPT_CURVES
        )
        ranks = resources.ranks(of, record, order[0], scope, order[1], never_active)
        _measure(curve, of, record, ranks, context)
    return curve if curve.is_done else None


def slider_steps(total: int, zeros: int = 0) -> np.ndarray:
    """Return how many of ``total`` weights each step of the slider removes, int64, growing, rounded as browsers do.

    Args:
        total: How many weights there are.
        zeros: How many of them are removed already; no step leaves fewer.
    """
    steps = np.floor(np.arange(STEPS + 1) / STEPS * total + 0.5).astype(np.int64)
    found: np.ndarray = np.unique(np.maximum(steps, zeros))
    return found


def _measure(
    curve: FineCurve, of: tasks.Network, record: CurvatureRecord, ranks: np.ndarray, context: tasks.Context
) -> None:
    """Measure the next step, and then the one after it: whatever the slider asks for meanwhile comes in between."""

    def note(done: Future[evaluation.Measured]) -> None:
        if done.cancelled() or done.exception() is not None:
            return
        measured = done.result()
        curve.accuracy[curve.known] = measured.accuracy
        curve.images = len(measured.labels)
        curve.known += 1
        if not curve.is_done:
            # A server that is being shut down takes no more work.
            with suppress(RuntimeError):
                _measure(curve, of, record, ranks, context)

    masks = masks_of(ranks, int(curve.removed[curve.known]), record.shapes)
    evaluation.measure(of, context, masks).add_done_callback(note)


@st.cache_resource
def _curves() -> dict[tuple[str, ...], FineCurve]:
    """Return the curves of all sessions, those under way as well."""
    return {}
