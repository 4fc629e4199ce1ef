"""What all sessions of the server share: store, jobs, and bounded caches in front of the slow parts."""

from __future__ import annotations

import gc
import importlib
import itertools
import os
import threading
from collections.abc import Iterator
from typing import TypeVar

import numpy as np
import streamlit as st

from ncviz import tasks
from ncviz.config import ORDERS
from ncviz.devices import Device, available_devices
from ncviz.engine import precompile
from ncviz.jobs import JobRegistry
from ncviz.pruning.order import mirrored
from ncviz.store import CACHE_VARIABLE
from ncviz.tasks import CurvatureRecord

K = TypeVar("K")
V = TypeVar("V")


@st.cache_resource
def registry() -> JobRegistry:
    """Return the server's jobs."""
    return JobRegistry()


@st.cache_resource
def _numbers() -> Iterator[int]:
    return itertools.count(1)


def next_number() -> int:
    """Return a number that no session of this server was given before."""
    return next(_numbers())


def desk() -> tasks.Desk:
    """Return where all sessions ask for results."""
    return _open_desk(os.environ.get(CACHE_VARIABLE))


@st.cache_resource
def torch_ready() -> threading.Event:
    """Return the event that says that torch is imported."""
    return threading.Event()


@st.cache_resource
def warm_up() -> None:
    """Start importing torch; once the first page is sent, so that it does not wait for it."""
    # Read when torch loads. Threads that wait for each other by spinning keep the browser, and one another, off the
    # cores: on two busy ones, small evaluations took up to twenty times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")

    def load() -> None:
        import ncviz.models.catalogue.architectures
        import ncviz.pruning.curve
        import ncviz.pruning.scores  # noqa: F401

        settle_memory()
        torch_ready().set()
        _load_drawing()
        settle_memory()
        precompile.begin()

    threading.Thread(target=load, name="ncviz-warm-up", daemon=True).start()


def _load_drawing() -> None:
    """Import what the other pages draw figures and tables with, which takes them over half a second when it is cold."""
    # A package before its parts: a part asked for first holds what its package waits for while a page imports that.
    for name in ("pandas", "pandas.io.formats.style", "plotly", "plotly.graph_objects"):
        importlib.import_module(name)
    import plotly.graph_objects as go

    # The first array that plotly is given makes it look through all packages for kinds of data frames.
    go.Scatter(x=np.zeros(1))


def settle_memory() -> None:
    """Take what is there now out of the reach of the garbage collector, after much was imported or built.

    Streamlit collects garbage after every run, which takes a quarter of a second over torch's objects. What was set
    aside before is looked at again first, so that nothing that has become garbage since stays for good.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


@st.cache_resource(max_entries=16)
def network(name: str) -> tasks.Network:
    """Return a network of the zoo."""
    return tasks.open_network(name)


@st.cache_resource(ttl=60)
def devices() -> list[Device]:
    """Return the devices of this machine."""
    return available_devices()


def ranks(
    of: tasks.Network, record: CurvatureRecord, criterion: str, scope: str, order: str, never_active: str
) -> np.ndarray:
    """Return int64 [N], when each weight is removed."""
    by = _ranks(record.key, criterion, scope, never_active, of, record)
    gone = tasks.zeros_in(of, record.weights)
    ranked = len(by)
    if criterion == "curvature":
        # What was not measured is last in either order, unless it is zero.
        ranked = sum(
            int((~np.isnan(values) | (of.arrays[name] == 0)).sum()) for name, values in record.weights.items()
        )
    return by if order == ORDERS[0] else mirrored(by, ranked, gone)


def ordered_scores(
    of: tasks.Network, record: CurvatureRecord, criterion: str, never_active: str
) -> np.ndarray:
    """Return a criterion's scores of all weights that were measured and are not zero, growing, float64 [N]."""
    return _ordered_scores(record.key, criterion, never_active, of, record)


def keep(kept: dict[K, V], key: K, value: V, most: int) -> V:
    """Put a value into what all sessions share, and return it; the oldest go beyond so many."""
    kept[key] = value
    while len(kept) > most:
        kept.pop(next(iter(kept)))
    return value


@st.cache_resource(max_entries=4)
def _open_desk(url: str | None) -> tasks.Desk:
    return tasks.Desk(tasks.open_store(url), registry(), has_memory=True)


@st.cache_resource(max_entries=24)
def _ranks(
    key: str, criterion: str, scope: str, never_active: str, _of: tasks.Network, _record: CurvatureRecord
) -> np.ndarray:
    return tasks.ranks(
        _of, criterion, _record, tasks.Context(desk()), scope, ORDERS[0], never_active=never_active
    )


@st.cache_resource(max_entries=12)
def _ordered_scores(
    key: str, criterion: str, never_active: str, _of: tasks.Network, _record: CurvatureRecord
) -> np.ndarray:
    context = tasks.Context(desk())
    found = tasks.scores(_of, criterion, _record, context, _record.config.seed, never_active)
    flat = np.concatenate([values[_of.arrays[name] != 0] for name, values in found.items()]).astype(
        np.float64
    )
    return np.sort(flat[~np.isnan(flat)])
