"""What the Pruning page compares, as one frozen value: kept over page changes, in the link, and with a history."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from ncviz import tasks
from ncviz.config import PruningConfig
from ncviz.pruning.compare import GRID, nearest
from ncviz.ui.link.view_state import History, ViewState
from ncviz.ui.session import session

# What can be taken back; where one looks (sparsity, axis, criterion) is no step.
_STEP = ("lab_criteria", "lab_seeds", "lab_samples", "lab_scope", "lab_order", "lab_protect")


@dataclass(frozen=True)
class Lab:
    """What is compared.

    Attributes:
        criteria: Names in ``ncviz.pruning.scores.SCORES``.
        seeds: Draws of the calibration images.
        samples_per_class: Calibration images of each class.
        alpha: Idleness, for the curvature.
        scope: "global" or "layer".
        order: "redundant" or "bottlenecks".
        protected: Names of the weights that lose nothing.
        sparsity: Fraction of the weights that is removed where one looks closer, one of those that are measured.
        layers: Names of the weights whose curvature is computed; none means all.
        channels: Most channels of a hidden layer that take part in it; 0 means all.
    """

    criteria: tuple[str, ...]
    seeds: tuple[int, ...]
    samples_per_class: int
    alpha: float
    scope: str
    order: str
    protected: tuple[str, ...]
    sparsity: float
    layers: tuple[str, ...] = ()
    channels: int = 0

    def config(self, criterion: str, seed: int) -> PruningConfig:
        """Return the settings of one curve."""
        return PruningConfig(
            criterion,
            self.samples_per_class,
            seed,
            self.alpha,
            self.scope,
            self.order,
            self.protected,
            self.layers,
            self.channels,
        )


def current() -> Lab:
    """Return what this session compares on the network that it looks at."""
    from ncviz.pruning.scores import SCORES

    view = session.view()
    return read(view, tuple(SCORES), shapes(session.network()))


def read(view: ViewState, known: tuple[str, ...], sizes: Mapping[str, tuple[int, ...]]) -> Lab:
    """Return what a view compares.

    Args:
        view: The view.
        known: The criteria that there are; others are left out.
        sizes: Name and shape of the network's weights; numbers of layers beyond them are left out.
    """
    asked = view.lab_criteria.split(",")
    numbers = {int(number) for number in view.lab_protect.split(",") if number}
    protected = tuple(name for index, name in enumerate(sizes) if index in numbers)
    return Lab(
        tuple(name for name in known if name in asked),
        tuple(range(view.lab_seeds)),
        view.lab_samples,
        view.alpha,
        view.lab_scope,
        view.lab_order,
        protected,
        nearest(view.lab_sparsity, within(sizes, protected)),
        view.config.layers,
        view.channels,
    )


def within(sizes: Mapping[str, tuple[int, ...]], protected: Collection[str] = ()) -> tuple[float, ...]:
    """Return the sparsities that are measured: those of the grid that do not reach into protected weights."""
    count = {name: int(np.prod(shape)) for name, shape in sizes.items()}
    total = sum(count.values())
    most = total - sum(count[name] for name in protected)
    return tuple(value for value in GRID if round(value * total) <= most)


def layers(network: tasks.Network) -> tuple[str, ...]:
    """Return the names of the weights that are ranked, in the network's order."""
    return tuple(shapes(network))


def shapes(network: tasks.Network) -> dict[str, tuple[int, ...]]:
    """Return name and shape of each weight that is ranked, in the network's order."""
    return _shapes(network.fingerprint, network)


@st.cache_resource(max_entries=32)
def _shapes(fingerprint: str, _network: tasks.Network) -> dict[str, tuple[int, ...]]:
    return tasks.shapes_of(_network)


def change(**values: Any) -> None:
    """Compare something else; ``undo`` takes it back."""
    before = session.view()
    session.change(**values)
    _history().push(_step(before), _step(session.view()))


def undo() -> None:
    """Take the last change back."""
    _restore(_history().undo(_step(session.view())))


def redo() -> None:
    """Make it again."""
    _restore(_history().redo(_step(session.view())))


def can_undo() -> bool:
    """Whether there is a change to take back."""
    return bool(_history().past)


def can_redo() -> bool:
    """Whether there is one to make again."""
    return bool(_history().future)


def _history() -> History:
    """The steps on the network that is looked at; a layer's number says nothing about another one."""
    name, found = session.view().model, st.session_state.get("lab-history")
    if found is None or found[0] != name:
        found = st.session_state["lab-history"] = (name, History())
    history: History = found[1]
    return history


def _step(view: ViewState) -> tuple[Any, ...]:
    return tuple(getattr(view, name) for name in _STEP)


def _restore(step: tuple[Any, ...]) -> None:
    session.change(**dict(zip(_STEP, step, strict=True)))
