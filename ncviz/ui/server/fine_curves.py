"""Accuracy measured at every stop of the slider, in the background, for networks that take no time to evaluate.

A run of the page takes far longer than the evaluation of a small network. So all that its slider can reach is measured
once, and during a drag the browser has every value at hand.
"""

from __future__ import annotations

import math
import time
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock

import numpy as np
import streamlit as st

from ncviz import tasks
from ncviz.config import NEVER_ACTIVE_PLACES
from ncviz.tasks import CurvatureRecord
from ncviz.tasks.criteria import masks_of
from ncviz.ui.components.live.scale import STOPS, slider_stops
from ncviz.ui.server import evaluation, resources

AFFORDABLE_SECONDS = 1.0
# Of a network that is changed by hand no curve is stored; where it is slow, it has so many points.
FEW_STOPS, FEW_SECONDS = 24, 30.0
KEPT_CURVES = 32
# Curves of what is changed by hand are many: each rests so long after it was asked for last, until it is again.
PATIENCE_SECONDS = 2.0


@dataclass(eq=False)
class FineCurve:
    """Accuracy at all stops of the slider.

    Attributes:
        removed: int64 [m], how many weights are removed, growing.
        accuracy: float64 [m], of which the first ``known`` are measured.
        images: On how many images.
        known: How many are measured.
        classes: float32 [m, classes], the accuracy of each class, NaN where it has no images.
        has_failed: Whether one could not be measured, so that no more will be.
        patience: For how many seconds it is measured on after it was asked for last.
    """

    removed: np.ndarray
    patience: float = math.inf
    accuracy: np.ndarray = field(init=False)
    classes: np.ndarray = field(init=False)
    images: int = 0
    known: int = 0
    has_failed: bool = False
    _asked_at: float = 0.0
    _is_running: bool = False
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self.accuracy = np.empty(len(self.removed))
        self.classes = np.empty((len(self.removed), 0), dtype=np.float32)

    @property
    def is_done(self) -> bool:
        """Whether all steps are measured."""
        return self.known == len(self.removed)

    def ask(self) -> bool:
        """Say that somebody waits for it; return whether the asker has to begin to measure, or to go on."""
        with self._lock:
            self._asked_at = time.monotonic()
            begins = not (self._is_running or self.is_done or self.has_failed)
            self._is_running |= begins
        return begins

    def goes_on(self) -> bool:
        """Whether the next step is measured; if not, it rests until it is asked for again."""
        with self._lock:
            is_waited_for = time.monotonic() - self._asked_at < self.patience
            self._is_running = is_waited_for and not self.is_done
        return self._is_running


@dataclass(frozen=True, eq=False)
class Changed:
    """What is done to a network by hand.

    Attributes:
        key: What tells it from other changes.
        ranks: int64 [N], when each weight is removed.
        least: How many are removed at least.
        most: How many at most.
        factor: float32 [N], what each weight is multiplied by; None where all are as they were.
    """

    key: str
    ranks: np.ndarray
    least: int
    most: int
    factor: np.ndarray | None


def fine_curve(
    of: tasks.Network,
    record: CurvatureRecord,
    order: tuple[str, str],
    scope: str,
    context: tasks.Context,
    never_active: str = NEVER_ACTIVE_PLACES[0],
    changed: Changed | None = None,
) -> FineCurve | None:
    """Return the fine curve of an order, maybe under way; begin to measure it where that is affordable, None elsewhere.

    Args:
        of: The network.
        record: Its curvature.
        order: Criterion, and which end goes first.
        scope: Within what the weights compete.
        context: Where to evaluate, and on which images.
        never_active: Where never-active weights go in it.
        changed: What is done to the network by hand; its curve has few points where many take too long.
    """
    by_hand = "" if changed is None else changed.key
    key = record.key, *order, scope, never_active, by_hand, context.device, context.fingerprint(of)
    kept = _curves()
    curve = kept.get(key)
    if curve is None:
        stops = _affordable_stops(evaluation.evaluation_seconds(of, context), is_stored=changed is None)
        if not stops:
            return None
        gone = tasks.zeros_in(of, record.weights)
        most, least = (record.total, gone) if changed is None else (changed.most, changed.least)
        patience = math.inf if changed is None else PATIENCE_SECONDS
        made = FineCurve(slider_stops(most, least, stops), patience)
        curve = resources.keep(kept, key, made, KEPT_CURVES)
    if curve.ask():
        if changed is None:
            ranks = resources.ranks(of, record, order[0], scope, order[1], never_active)
            changed = Changed("", ranks, int(curve.removed[0]), record.total, None)
        _measure(curve, of, record, changed, context)
    return curve


def _affordable_stops(seconds: float, *, is_stored: bool) -> int:
    """Return at how many stops a curve is measured, given how long one takes; 0 for none."""
    if seconds * STOPS <= AFFORDABLE_SECONDS:
        return STOPS
    return FEW_STOPS if not is_stored and seconds * FEW_STOPS <= FEW_SECONDS else 0


def _measure(
    curve: FineCurve, of: tasks.Network, record: CurvatureRecord, changed: Changed, context: tasks.Context
) -> None:
    """Measure the next step, and then the one after it: whatever the slider asks for meanwhile comes in between."""
    classes = len(of.dataset_spec.classes)

    def note(done: Future[evaluation.Measured]) -> None:
        if done.cancelled() or done.exception() is not None:
            curve.has_failed = True
            return
        measured = done.result()
        curve.accuracy[curve.known] = measured.accuracy
        if not curve.known:
            curve.classes = np.empty((len(curve.removed), classes), dtype=np.float32)
        curve.classes[curve.known] = measured.by_class(classes)
        curve.images = len(measured.labels)
        curve.known += 1
        if curve.goes_on():
            # A server that is being shut down takes no more work.
            with suppress(RuntimeError):
                _measure(curve, of, record, changed, context)

    masks = masks_of(changed.ranks, int(curve.removed[curve.known]), record.shapes, changed.factor)
    evaluation.measure(of, context, masks).add_done_callback(note)


@st.cache_resource
def _curves() -> dict[tuple[str, ...], FineCurve]:
    """Return the curves of all sessions, those under way as well."""
    return {}
