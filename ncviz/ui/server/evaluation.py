"""Accuracies, measured in one thread for all sessions on networks that stay ready."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from ncviz import tasks
from ncviz.tasks.criteria import class_accuracy, confusion
from ncviz.ui.server import resources

if TYPE_CHECKING:
    from torch import Tensor

    from ncviz.pruning.curve import Evaluator

KEPT_EVALUATORS = 6
KEPT_WHOLES = 24
# For how long a network is timed, and how slow its first evaluation may be for that.
TIMING_SECONDS, WORTH_TIMING_SECONDS = 0.2, 0.5


@dataclass(frozen=True, eq=False)
class Measured:
    """What a network, pruned or not, gives its evaluation images.

    Attributes:
        predictions: int64 [n], the class that each image is given.
        labels: int64 [n].
        seconds: How long that took.
    """

    predictions: np.ndarray
    labels: np.ndarray
    seconds: float

    @property
    def accuracy(self) -> float:
        """Fraction of the images that are classified correctly."""
        return float((self.predictions == self.labels).mean())

    def by_class(self, classes: int) -> np.ndarray:
        """Return the fraction of each class's images that are classified correctly, float64 [classes], NaN for none."""
        return class_accuracy(confusion(self.labels, self.predictions, classes))


def measure(
    of: tasks.Network,
    context: tasks.Context,
    masks: Mapping[str, Tensor] | None = None,
    changed: Mapping[str, np.ndarray] = MappingProxyType({}),
) -> Future[Measured]:
    """Start to measure a network on its evaluation images, under masks or whole, some of its arrays changed."""
    key, kept = _where(of, context), _evaluators()

    def work() -> Measured:
        ready = kept.get(key)
        if ready is None:
            ready = _Ready(tasks.evaluator(of, context))
            # The first evaluation sets up kernels and is many times slower than those of the slider.
            started = time.perf_counter()
            ready.evaluator.predictions()
            if time.perf_counter() - started < WORTH_TIMING_SECONDS:
                ready.time()
            resources.settle_memory()
            resources.keep(kept, key, ready, KEPT_EVALUATORS)
        found, seconds = ready.predictions(masks, changed)
        return Measured(found.numpy(), ready.evaluator.labels.numpy(), seconds)

    future = _evaluation_thread().submit(work)
    _waiting().add(future)
    future.add_done_callback(_waiting().discard)
    return future


def measure_whole(of: tasks.Network, context: tasks.Context) -> Future[Measured]:
    """Return the measuring of a network as it is, begun if it was not before."""
    key, kept = _where(of, context), _wholes()
    found = kept.get(key)
    if found is None or found.cancelled() or (found.done() and found.exception() is not None):
        found = resources.keep(kept, key, measure(of, context), KEPT_WHOLES)
    return found


def waiting() -> int:
    """Return how many measurements are not done yet, of all sessions."""
    return len(_waiting())


def evaluation_seconds(of: tasks.Network, context: tasks.Context) -> float:
    """Return how long measuring takes once, as far as is known: infinitely long before the first time."""
    ready = _evaluators().get(_where(of, context))
    return math.inf if ready is None else ready.seconds


@dataclass(eq=False)
class _Ready:
    """A network that is ready on its evaluation images, and the shortest time that measuring took."""

    evaluator: Evaluator
    seconds: float = math.inf

    def predictions(
        self,
        masks: Mapping[str, Tensor] | None = None,
        changed: Mapping[str, np.ndarray] = MappingProxyType({}),
    ) -> tuple[Tensor, float]:
        """Return the classes, and how long that took; the fastest of all counts, whatever else the machine does."""
        import torch

        started = time.perf_counter()
        tensors = {name: torch.from_numpy(values) for name, values in changed.items()}
        found = self.evaluator.predictions(masks, tensors)
        seconds = time.perf_counter() - started
        self.seconds = min(self.seconds, seconds)
        return found, seconds

    def time(self) -> None:
        """Find out how long it takes at best: one hiccup must not make a network slow."""
        until = time.perf_counter() + TIMING_SECONDS
        while time.perf_counter() < until:
            self.predictions()


def _where(of: tasks.Network, context: tasks.Context) -> tuple[str, str, str]:
    return of.fingerprint, context.device, context.fingerprint(of)


@st.cache_resource
def _evaluators() -> dict[tuple[str, str, str], _Ready]:
    """Return the networks that are ready on their evaluation images; only the evaluation thread changes it."""
    return {}


@st.cache_resource
def _wholes() -> dict[tuple[str, str, str], Future[Measured]]:
    """Return what whole networks were measured to give."""
    return {}


@st.cache_resource
def _waiting() -> set[Future[Measured]]:
    return set()


@st.cache_resource
def _evaluation_thread() -> ThreadPoolExecutor:
    """Return the thread in which accuracies are measured.

    Streamlit runs every rerun in a new thread, and OpenMP sets up its own threads anew for each of them, which takes
    many times longer than the evaluation itself.
    """
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="ncviz-evaluation")
