"""Images through a network at a pruning step, in one thread for all sessions, on networks that stay ready."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from ncviz import tasks
from ncviz.ui.server import resources

if TYPE_CHECKING:
    from torch import Tensor

KEPT_PASSES, KEPT_WHOLE = 4, 24


@dataclass(frozen=True, eq=False)
class Flowing:
    """What flows through a network, at a step and whole.

    Attributes:
        at: At the step, of several images in the mean.
        whole: With nothing removed.
        ranges: float64 [layers, 2], the least and the largest |activation| of each layer of the whole network, on the
            first image.
    """

    at: tasks.FlowState
    whole: tasks.FlowState
    ranges: np.ndarray


def flow_at(
    of: tasks.Network,
    context: tasks.Context,
    image: str,
    read: Callable[[], Tensor],
    masks: Mapping[str, Tensor],
) -> Future[Flowing]:
    """Begin to find what flows.

    Args:
        of: The network.
        context: Where to run.
        image: What tells the images from others.
        read: Returns the images as the network sees them, [n, …].
        masks: What is kept of each weight.
    """
    network, images = (of.fingerprint, context.device), (of.fingerprint, context.device, image)
    passes, known = _passes(), _whole()

    def work() -> Flowing:
        ready = passes.get(network)
        if ready is None:
            ready = resources.keep(passes, network, tasks.ForwardPass(of, context), KEPT_PASSES)
        whole = known.get(images)
        if whole is None:
            pixels = read()
            layers = ready.layers_of_each(pixels)
            ranges = [tasks.ranges_of(each) for each in layers]
            whole = resources.keep(known, images, (pixels, _mean(layers, ranges), ranges), KEPT_WHOLE)
        pixels, state, ranges = whole
        return Flowing(_mean(ready.layers_of_each(pixels, masks), ranges), state, ranges[0])

    return _flow_thread().submit(work)


def read_forward(of: tasks.Network, context: tasks.Context) -> Future[tasks.ForwardRecord]:
    """Begin to read off a network what a browser can run of it."""
    return _flow_thread().submit(lambda: context.run(tasks.Forward(of)).result)


def _mean(layers: list[list[np.ndarray]], ranges: list[np.ndarray]) -> tasks.FlowState:
    return tasks.mean_state([tasks.state_of(*each) for each in zip(layers, ranges, strict=True)])


@st.cache_resource
def _passes() -> dict[tuple[str, str], tasks.ForwardPass]:
    """Return the networks that are ready; only the flow's thread changes it."""
    return {}


@st.cache_resource
def _whole() -> dict[tuple[str, str, str], tuple[Tensor, tasks.FlowState, list[np.ndarray]]]:
    """Return images with what flows in the whole network; only the flow's thread changes it."""
    return {}


@st.cache_resource
def _flow_thread() -> ThreadPoolExecutor:
    """Return the thread beside that of the accuracies, which may take seconds on a large network."""
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="ncviz-flow")
