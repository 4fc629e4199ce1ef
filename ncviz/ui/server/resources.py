"""What all sessions of the server share: store, jobs, and bounded caches in front of the slow parts."""

from __future__ import annotations

import gc
import itertools
import os
import threading
from collections.abc import Iterator
from typing import TypeVar

import numpy as np
import streamlit as st

from ncviz import tasks
from ncviz.config import CurvatureConfig
from ncviz.devices import Device
from ncviz.engine import precompile
from ncviz.jobs import JobRegistry
from ncviz.pruning.order import ORDERS, mirrored
from ncviz.store import CACHE_VARIABLE, Store
from ncviz.tasks import CurvatureRecord, SweepRecord

K = TypeVar("K")
V = TypeVar("V")
# How the keys of jobs begin whose results are in no store.
PRIVATE_JOBS = ("bring-", "training-", "form-training-")


class _MissingError(Exception):
    """Not in the store; raised because Streamlit caches what is returned, and absence must not be cached."""


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


def store() -> Store:
    """Return the results on disk."""
    return _open_store(os.environ.get(CACHE_VARIABLE))


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
        precompile.begin()

    threading.Thread(target=load, name="ncviz-warm-up", daemon=True).start()


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
    from ncviz.devices import available_devices

    return available_devices()


def curvature(of: tasks.Network, config: CurvatureConfig, data_dir: str | None) -> CurvatureRecord | None:
    """Return a stored curvature, or None if it has not been computed."""
    try:
        key = tasks.curvature_key(of, config, data_dir)
        return _curvature(key, (of.name, of.title, of.dataset), of, config, data_dir)
    except _MissingError:
        return None


def sweep(of: tasks.Network, config: CurvatureConfig, scope: str, data_dir: str | None) -> SweepRecord | None:
    """Return the stored accuracy curves, or None if they have not been measured."""
    try:
        return _sweep(tasks.sweep_key(of, config, scope, data_dir), of, config, scope, data_dir)
    except _MissingError:
        return None


def ranks(of: tasks.Network, record: CurvatureRecord, criterion: str, scope: str, order: str) -> np.ndarray:
    """Return int64 [N], when each weight is removed."""
    by = _ranks(record.meta["key"], criterion, scope, of, record)
    ranked = record.measured if criterion == "curvature" else len(by)
    return by if order == ORDERS[0] else mirrored(by, ranked)


def ordered_scores(of: tasks.Network, record: CurvatureRecord, criterion: str) -> np.ndarray:
    """Return a criterion's scores of all weights that were measured, growing, float64 [N]."""
    return _ordered_scores(record.meta["key"], criterion, of, record)


def keep(kept: dict[K, V], key: K, value: V, most: int) -> V:
    """Put a value into what all sessions share, and return it; the oldest go beyond so many."""
    kept[key] = value
    while len(kept) > most:
        kept.pop(next(iter(kept)))
    return value


def forget_results() -> None:
    """Drop the caches in front of the store, and finished jobs that could answer in its place.

    What a session has brought or trained lies in its job alone until it is used, and stays.
    """
    for job in registry().jobs():
        if not job.key.startswith(PRIVATE_JOBS):
            registry().forget(job.key)
    _curvature.clear()
    _sweep.clear()


@st.cache_resource
def _open_store(url: str | None) -> Store:
    return tasks.open_store(url)


@st.cache_resource(max_entries=16)
def _curvature(
    key: str,
    asked_as: tuple[str, str, str],
    _of: tasks.Network,
    _config: CurvatureConfig,
    _data_dir: str | None,
) -> CurvatureRecord:
    """A result speaks of network and images in the words of whoever asks, which are nobody else's to read."""
    found = tasks.stored_curvature(store(), _of, _config, _data_dir)
    if found is None:
        raise _MissingError(key)
    return found


@st.cache_resource(max_entries=64)
def _sweep(
    key: str, _of: tasks.Network, _config: CurvatureConfig, _scope: str, _data_dir: str | None
) -> SweepRecord:
    found = tasks.stored_sweep(store(), _of, _config, _scope, _data_dir)
    if found is None:
        raise _MissingError(key)
    return found


@st.cache_resource(max_entries=24)
def _ranks(key: str, criterion: str, scope: str, _of: tasks.Network, _record: CurvatureRecord) -> np.ndarray:
    return tasks.ranks(_of, criterion, _record, scope, ORDERS[0])


@st.cache_resource(max_entries=12)
def _ordered_scores(key: str, criterion: str, _of: tasks.Network, _record: CurvatureRecord) -> np.ndarray:
    found = tasks.scores(_of, criterion, _record, _record.config.seed)
    flat = np.concatenate([values.reshape(-1) for values in found.values()]).astype(np.float64)
    return np.sort(flat[~np.isnan(flat)])
