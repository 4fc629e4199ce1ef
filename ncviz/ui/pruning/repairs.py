"""The pruned network that is looked at, repaired: at once where it is small, else by a run that can be cancelled."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import streamlit as st

from ncviz import tasks
from ncviz.config import REPAIRS, PruningConfig
from ncviz.limits import LIMITS
from ncviz.scene.comparison import REPAIR_WORDS
from ncviz.scene.wording import private_title
from ncviz.tasks.accuracy import same_images_words
from ncviz.tasks.repair.network import Repaired
from ncviz.ui.pruning import comparison
from ncviz.ui.server import resources
from ncviz.ui.session import jobs, session
from ncviz.ui.session.problems import tell_failure

# Weights from which a repair takes long.
_LARGE = 500_000
# What a core does in a second, in multiplications of matrices: to say beforehand about how long a repair takes.
_SINGLE, _DOUBLE = 3e10, 1e10
# Passes through the network that each repair takes, the joint one's gradients apart.
_PASSES = {"recalibrate": 3.0, "fisher": 0.0, "layerwise": 6.0}
_GRADIENT = 5.0


def arrays_of(of: tasks.Network, config: PruningConfig, removed: int) -> Mapping[str, np.ndarray]:
    """Return what the repaired network has in place of the whole one's arrays; {} where nothing is repaired.

    Where that takes long, the page shows the run in its place and goes no further.

    Args:
        of: The network.
        config: What it is pruned by, and how it is repaired.
        removed: How many weights are removed.
    """
    if config.repair == REPAIRS[0]:
        return {}
    task, context = Repaired(of, config, removed), session.context()
    found = context.look_up(task)
    if found is not None:
        return found
    if sum(values.size for values in of.arrays.values()) <= _LARGE:
        with st.spinner("Repairing the network…"):
            return context.run(task).result
    job = resources.registry().get(task.key(context))
    if job is not None and not job.is_active:
        tell_failure(job)
        if not st.button("Repair this network", key="lab-repair-again"):
            st.stop()
        job = None
    if job is None:
        job = jobs.start(tasks.Series([task]), f"Repairing {private_title(of)}")
    jobs.follow(job)
    st.stop()


def words(of: tasks.Network, config: PruningConfig) -> str:
    """Return how a pruned network is repaired, on what images; "" where nothing is."""
    if config.repair == REPAIRS[0]:
        return ""
    images = tasks.repair_words(of, session.context())
    same = same_images_words(of, session.context())
    return f"{REPAIR_WORDS[config.repair].capitalize()} on {images}, without training. {same}".rstrip()


def seconds(of: tasks.Network, way: str, points: int, image: float) -> float:
    """Return about how long a curve's repairs take.

    Args:
        of: The network.
        way: A name in ``REPAIRS``.
        points: How many networks are repaired.
        image: Seconds in which one image is classified, among many.
    """
    if way == REPAIRS[0]:
        return 0.0
    images, shapes = LIMITS.repair_images, comparison.shapes(of).values()
    each = _PASSES[way] * images * image
    if way == "fisher":
        each += images**2 * sum(math.prod(shape) for shape in shapes) / _SINGLE
        return points * each + _GRADIENT * images * image
    if way == "layerwise":
        # Half of the weights kept, on average: a system of so many equations for each output.
        each += sum(shape[0] * (math.prod(shape[1:]) / 2) ** 3 / 3 for shape in shapes) / _DOUBLE
    return points * each
