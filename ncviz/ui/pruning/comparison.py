"""What the Pruning page compares: kept over page changes, in the link, and with a history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from ncviz import tasks
from ncviz.scene.comparison import NO_ZEROS, Comparison, Shapes, measured_sparsities
from ncviz.scene.history import History
from ncviz.tasks.criteria import criteria, nearest
from ncviz.ui.link.view_state import ViewState
from ncviz.ui.session import session

# What can be taken back; where one looks (sparsity, axis, criterion) is no step.
_STEP = (
    "lab_criteria", "lab_seeds", "lab_samples", "lab_scope", "lab_order", "lab_never", "lab_repair", "lab_protect",
    "lab_budgets",
)  # fmt: skip


def current() -> Comparison:
    """Return what this session compares on the network that it looks at."""
    view = session.view()
    network = session.network()
    return read(view, tuple(criteria()), shapes(network), network.zeros)


def read(
    view: ViewState, known: tuple[str, ...], sizes: Shapes, zeros: Mapping[str, int] = NO_ZEROS
) -> Comparison:
    """Return what a view compares.

    Args:
        view: The view.
        known: The criteria that there are; others are left out.
        sizes: Name and shape of the network's weights; numbers of layers beyond them are left out.
        zeros: How many zeros each of its weights holds.
    """
    asked = view.lab_criteria.split(",")
    numbers = {int(number) for number in view.lab_protect.split(",") if number}
    protected = tuple(name for index, name in enumerate(sizes) if index in numbers)
    given = [part.split("-") for part in view.lab_budgets.split(",") if part]
    shares = {int(number): float(share) / 100 for number, share in given}
    budgets = tuple(
        (name, shares[index]) for index, name in enumerate(sizes) if index in shares and name not in protected
    )
    as_pruned = Comparison(
        tuple(name for name in known if name in asked),
        tuple(range(view.lab_seeds)),
        view.lab_samples,
        view.alpha,
        view.lab_scope,
        view.lab_order,
        protected,
        nearest(view.lab_sparsity, measured_sparsities(sizes, protected, zeros, budgets)),
        view.config.layers,
        view.channels,
        view.lab_never,
        view.config.graph,
    )
    return replace(as_pruned, repair=view.lab_repair, budgets=budgets)


def budgets_text(sizes: Shapes, budgets: Mapping[str, float]) -> str:
    """Return budgets as a view holds them: a layer's number and the largest percentage of it that may go."""
    return ",".join(
        f"{index}-{round(100 * budgets[name], 2):g}" for index, name in enumerate(sizes) if name in budgets
    )


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
