"""What the Pruning page knows: curves, removal orders and predictions, out of the store or out of a run."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import streamlit as st

from ncviz import tasks
from ncviz.config import PruningConfig
from ncviz.errors import NcvizError
from ncviz.fingerprint import digest
from ncviz.jobs import Job, JobHandle
from ncviz.scene.comparison import Comparison, weight_count
from ncviz.scene.wording import private_title
from ncviz.tasks import SweepRecord
from ncviz.tasks.criteria import GRID, Spread, criteria, masks_of
from ncviz.text import plural
from ncviz.ui.pruning import comparison
from ncviz.ui.server import evaluation, resources
from ncviz.ui.session import jobs, session

KEPT_UNSTORED = 200
KEPT_RUNS = 50


@dataclass(eq=False)
class Run:
    """What a run of the comparison has done so far; its job writes, pages read.

    Attributes:
        done: How many curves are finished, or failed.
        failures: Why a criterion could not be measured, by its name.
    """

    done: int = 0
    failures: dict[str, str] = field(default_factory=dict)


def needed(of: tasks.Network, compared: Comparison) -> dict[str, PruningConfig]:
    """Return the settings of every curve that the comparison consists of, by the store's key.

    Criteria that look at nothing that differs from seed to seed have one curve for all seeds.
    """
    found: dict[str, PruningConfig] = {}
    for criterion in compared.criteria:
        for seed in compared.seeds:
            config = compared.config(criterion, seed)
            found.setdefault(_key(of, config), config)
    return found


def missing(of: tasks.Network, compared: Comparison) -> dict[str, PruningConfig]:
    """Return the settings of the curves that are not known yet, by the store's key."""
    return {key: config for key, config in needed(of, compared).items() if curve(of, config) is None}


def curve(of: tasks.Network, config: PruningConfig) -> SweepRecord | None:
    """Return one curve, if it and the order that it belongs to are known."""
    key, order = _key(of, config), tasks.order_key(of, config, session.data_dir())
    if key in _unstored():
        return _unstored()[key][0]
    store = resources.store()
    if not (store.has(key) and store.has(order)):
        return None
    found = _curve(key, of, config, session.data_dir())
    if found is None:
        # A damaged file: what is measured in its place must be read.
        _curve.clear()
    return found


def known(of: tasks.Network, compared: Comparison) -> list[tuple[PruningConfig, SweepRecord]]:
    """Return the curves of the comparison that are known, with their settings."""
    found = [(config, curve(of, config)) for config in needed(of, compared).values()]
    return [(config, record) for config, record in found if record is not None]


def spreads(of: tasks.Network, compared: Comparison) -> dict[str, Spread]:
    """Return for each criterion what is known of its curve over the draws; criteria without any are left out."""
    records: dict[str, list[SweepRecord]] = {}
    for config, record in known(of, compared):
        records.setdefault(config.criterion, []).append(record)
    return {
        name: Spread(
            found[0].removed / max(1, found[0].total),
            np.stack([next(iter(record.accuracy.values())) for record in found]),
        )
        for name, found in records.items()
    }


def ranks(of: tasks.Network, config: PruningConfig) -> np.ndarray:
    """Return int64 [N], when each weight is removed, of a curve that is known."""
    key = _key(of, config)
    if key in _unstored():
        return _unstored()[key][1]
    return _ranks(tasks.order_key(of, config, session.data_dir()), of, config, session.data_dir())


def removed_at(of: tasks.Network, compared: Comparison) -> int:
    """Return how many weights go at the chosen sparsity."""
    return round(compared.sparsity * weight_count(comparison.shapes(of)))


def measured(of: tasks.Network, config: PruningConfig | None, removed: int) -> evaluation.Measured:
    """Return what the network gives its evaluation images: whole without settings, or with that many weights gone."""
    order = "" if config is None else tasks.order_key(of, config, session.data_dir())
    images = tasks.evaluation_fingerprint(of, session.data_dir())
    return _measured(
        (of.fingerprint, order, removed, images, session.device()), of, config, removed, session.data_dir()
    )


def first_known(of: tasks.Network, compared: Comparison, criterion: str) -> PruningConfig:
    """Return the settings of the first draw of a criterion that is known."""
    return next(config for config, _ in known(of, compared) if config.criterion == criterion)


def start(of: tasks.Network, compared: Comparison) -> Job:
    """Measure what is missing in the background, curve by curve, each stored when it is done."""
    store, device, data_dir = resources.store(), session.device(), session.data_dir()
    todo, key = missing(of, compared), job_key(of, compared)
    run, unstored = Run(), _unstored()

    def work(handle: JobHandle) -> dict[str, Any]:
        problem: str | None = None
        evaluator = tasks.evaluator(of, device, data_dir)
        for index, (name, config) in enumerate(todo.items()):

            def part(fraction: float, message: str, index: int = index) -> None:
                handle.progress(
                    (index + fraction) / len(todo), f"curve {index + 1} of {len(todo)} · {message}"
                )

            part(0.0, "")
            try:
                options: dict[str, Any] = {
                    "device": device,
                    "data_dir": data_dir,
                    "cancel": handle.cancel_event,
                }
                found = tasks.compute_curve(
                    store, of, config, GRID, measured=evaluator, progress=part, **options
                )
                order = tasks.removal_order(store, of, config, **options)
            except NcvizError as error:
                run.failures[config.criterion] = str(error)
            else:
                problem = found.problem or problem
                if found.problem:
                    resources.keep(unstored, name, (found.record, order), KEPT_UNSTORED)
            run.done += 1
        return {"problem": problem}

    current = resources.registry().get(key)
    if current is None or not current.is_active:
        resources.keep(_runs(), key, run, KEPT_RUNS)
    curves = plural(len(todo), "curve")
    return jobs.begin(key, f"Pruning {private_title(of)}: {curves}", work)


def job(of: tasks.Network, compared: Comparison) -> Job | None:
    """Return the latest run for these settings, whichever criteria it was for."""
    return resources.registry().get(job_key(of, compared))


def run(of: tasks.Network, compared: Comparison) -> Run:
    """Return what that run has done."""
    return _runs().get(job_key(of, compared), Run())


def done(key: str) -> int:
    """Return how many curves a run has finished, by its job's key."""
    return _runs().get(key, Run()).done


def job_key(of: tasks.Network, compared: Comparison) -> str:
    """Return the key of a run: criteria and seeds are no part of it, so that one that runs is joined."""
    images = tasks.evaluation_fingerprint(of, session.data_dir())
    settings = (
        compared.samples_per_class,
        compared.alpha,
        compared.scope,
        compared.order,
        list(compared.protected),
    )
    return jobs.COMPARISON + digest(of.fingerprint, images, *settings)


def seconds(of: tasks.Network, configs: Collection[PruningConfig]) -> float:
    """Return about how long these curves take: evaluations as timed here, curvature as it took before."""
    # It is timed when it is evaluated for the first time.
    first = measured(of, None, 0).seconds
    each = min(first, evaluation.evaluation_seconds(of, session.device(), session.data_dir()))
    kappa = {config.calibration for config in configs if criteria()[config.criterion].needs_curvature}
    data_dir = session.data_dir()
    unknown = [config for config in kappa if resources.curvature(of, config, data_dir) is None]
    known = resources.curvature(of, session.view().config, data_dir)
    per_image = 0.0 if known is None else known.meta["seconds"] / max(1, len(known.labels))
    classes = 0 if known is None else len(set(known.labels.tolist()))
    images = sum(config.samples_per_class * classes for config in unknown)
    return each * len(GRID) * len(configs) + per_image * images


def _key(of: tasks.Network, config: PruningConfig) -> str:
    return tasks.curve_key(of, config, GRID, session.data_dir())


@st.cache_resource
def _unstored() -> dict[str, tuple[SweepRecord, np.ndarray]]:
    """Return the curves and orders that could not be written, such as to a full disk, by the curve's key."""
    return {}


@st.cache_resource
def _runs() -> dict[str, Run]:
    """Return what every run on this server has done, by the job's key."""
    return {}


@st.cache_resource(max_entries=512)
def _curve(key: str, _of: tasks.Network, _config: PruningConfig, _data_dir: str | None) -> SweepRecord | None:
    return tasks.stored_curve(resources.store(), _of, _config, GRID, _data_dir)


@st.cache_resource(max_entries=48)
def _ranks(key: str, _of: tasks.Network, _config: PruningConfig, _data_dir: str | None) -> np.ndarray:
    found = tasks.removal_order(resources.store(), _of, _config, device=session.device(), data_dir=_data_dir)
    return found.astype(np.int32) if len(found) < 2**31 else found


@st.cache_resource(max_entries=96)
def _measured(
    key: tuple[Any, ...],
    _of: tasks.Network,
    _config: PruningConfig | None,
    _removed: int,
    _data_dir: str | None,
) -> evaluation.Measured:
    masks: Mapping[str, Any] | None = None
    if _config is not None:
        masks = masks_of(ranks(_of, _config), _removed, comparison.shapes(_of))
    return evaluation.measure(_of, session.device(), _data_dir, masks).result()
