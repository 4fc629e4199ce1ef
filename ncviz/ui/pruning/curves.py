"""What the Pruning page knows: curves, removal orders and predictions, out of the store or out of a run."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import streamlit as st

from ncviz import tasks
from ncviz.config import REPAIRS, PruningConfig
from ncviz.fingerprint import digest
from ncviz.jobs import Job
from ncviz.scene.comparison import Comparison, weight_count
from ncviz.scene.wording import private_title
from ncviz.tasks import SweepRecord
from ncviz.tasks.criteria import GRID, Spread, masks_of
from ncviz.text import plural
from ncviz.ui.pruning import comparison, repairs
from ncviz.ui.server import evaluation, resources
from ncviz.ui.session import jobs, session

NOTHING: Mapping[str, np.ndarray] = MappingProxyType({})


def needed(of: tasks.Network, compared: Comparison) -> dict[str, PruningConfig]:
    """Return the settings of every curve that the comparison consists of, by the store's key.

    With a repair, those before it are among them. Criteria that look at nothing that differs from seed to seed have one
    curve for all seeds.
    """
    found: dict[str, PruningConfig] = {}
    context = session.context()
    ways = [compared.as_pruned, *([compared] if compared.is_repaired else [])]
    for criterion in compared.criteria:
        for one in ways:
            for seed in compared.seeds:
                config = one.config(criterion, seed)
                found.setdefault(_task(of, config).key(context), config)
    return found


def missing(of: tasks.Network, compared: Comparison) -> dict[str, PruningConfig]:
    """Return the settings of the curves that are not known yet, by the store's key."""
    return {key: config for key, config in needed(of, compared).items() if curve(of, config) is None}


def curve(of: tasks.Network, config: PruningConfig) -> SweepRecord | None:
    """Return one curve, if it is known."""
    return session.context().look_up(_task(of, config))


def known(of: tasks.Network, compared: Comparison) -> list[tuple[PruningConfig, SweepRecord]]:
    """Return the curves of the comparison that are known, with their settings."""
    found = [(config, curve(of, config)) for config in needed(of, compared).values()]
    return [(config, record) for config, record in found if record is not None]


def spreads(of: tasks.Network, compared: Comparison) -> dict[str, Spread]:
    """Return for each criterion what is known of its curve over the draws, after the repair if there is one.

    Criteria without any are left out.
    """
    records: dict[str, list[SweepRecord]] = {}
    for config, record in known(of, compared):
        if config.repair != compared.repair:
            continue
        records.setdefault(config.criterion, []).append(record)
    return {
        name: Spread(
            found[0].removed / max(1, found[0].total),
            np.stack([next(iter(record.accuracy.values())) for record in found]),
        )
        for name, found in records.items()
    }


def by_repair(of: tasks.Network, compared: Comparison) -> dict[str, dict[str, Spread]]:
    """Return the same for each repair whose curves are known, and for none."""
    found = {way: spreads(of, replace(compared, repair=way)) for way in REPAIRS}
    return {way: each for way, each in found.items() if each}


def ranks(of: tasks.Network, config: PruningConfig) -> np.ndarray:
    """Return int32 [N], when each weight is removed, of a curve that is known.

    With the networks that ship, curves come without the orders that a moment gives back.
    """
    return session.context().run(tasks.Order(of, config)).result


def removed_at(of: tasks.Network, compared: Comparison) -> int:
    """Return how many weights are gone at the chosen sparsity, those that are zero already among them."""
    shapes = comparison.shapes(of)
    return max(round(compared.sparsity * weight_count(shapes)), tasks.zeros_in(of, shapes))


def measured(of: tasks.Network, config: PruningConfig | None, removed: int) -> evaluation.Measured:
    """Return what the network gives its evaluation images: whole without settings, or with that many weights gone."""
    context = session.context()
    order = "" if config is None else tasks.Order(of, config).key(context)
    key = of.fingerprint, order, removed, context.fingerprint(of), context.device
    if config is not None and config.repair != REPAIRS[0]:
        changed = repairs.arrays_of(of, config, removed)
        return _measured((*key, config.repair), of, None, removed, context, changed)
    return _measured(key, of, config, removed, context)


def first_known(of: tasks.Network, compared: Comparison, criterion: str) -> PruningConfig:
    """Return the settings of the first draw of a criterion that is known."""
    return at_hand(of, compared, criterion)[0]


def at_hand(of: tasks.Network, compared: Comparison, criterion: str) -> list[PruningConfig]:
    """Return the settings of a criterion's draws whose orders are kept, or take no more than a moment; at least one."""
    context = session.context()
    found = [
        config
        for config, _ in known(of, compared)
        if config.criterion == criterion and config.repair == compared.repair
    ]
    return [config for config in found if tasks.Order(of, config).is_at_hand(context)] or found[:1]


def start(of: tasks.Network, compared: Comparison) -> Job:
    """Measure what is missing in the background, curve by curve, each stored when it is done."""
    # Another session may have measured the last of them meanwhile: what is known takes no time.
    configs = missing(of, compared) or needed(of, compared)
    todo = [_task(of, config) for config in configs.values()]
    prefixes = [f"curve {number} of {len(todo)} · " for number in range(1, len(todo) + 1)]
    series = tasks.Series(todo, job_key(of, compared), prefixes=prefixes, is_lenient=True)
    return jobs.start(series, f"Pruning {private_title(of)}: {plural(len(todo), 'curve')}")


def job(of: tasks.Network, compared: Comparison) -> Job | None:
    """Return the latest run for these settings, whichever criteria it was for."""
    return resources.registry().get(job_key(of, compared))


def log(of: tasks.Network, compared: Comparison) -> tasks.SeriesLog:
    """Return how far that run has come."""
    found = job(of, compared)
    return tasks.SeriesLog() if found is None else found.log


def job_key(of: tasks.Network, compared: Comparison) -> str:
    """Return the key of a run: criteria and seeds are no part of it, so that one that runs is joined."""
    # All else is, whatever settings there come to be; where one looks closer, nothing depends on.
    settings = asdict(replace(compared, criteria=(), seeds=(), sparsity=0.0))
    return digest("comparison", of.fingerprint, session.context().fingerprint(of), settings)


def seconds(of: tasks.Network, configs: Collection[PruningConfig]) -> float:
    """Return about how long these curves take beside the curvature that they need: evaluations as timed here."""
    # It is timed when it is evaluated for the first time.
    first, context = measured(of, None, 0).seconds, session.context()
    each = min(first, evaluation.evaluation_seconds(of, context))
    image = each / max(1, len(context.images(of, "test")))
    repairing = sum(repairs.seconds(of, config.repair, len(GRID), image) for config in configs)
    return each * len(GRID) * len(configs) + repairing


def _task(of: tasks.Network, config: PruningConfig) -> tasks.Curve:
    return tasks.Curve(of, config, GRID)


@st.cache_resource(max_entries=96)
def _measured(
    key: tuple[Any, ...],
    _of: tasks.Network,
    _config: PruningConfig | None,
    _removed: int,
    _context: tasks.Context,
    _changed: Mapping[str, np.ndarray] = NOTHING,
) -> evaluation.Measured:
    masks: Mapping[str, Any] | None = None
    if _config is not None:
        masks = masks_of(ranks(_of, _config), _removed, comparison.shapes(_of))
    return evaluation.measure(_of, _context, masks, _changed).result()
