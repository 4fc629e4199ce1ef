"""What of an experiment is measured: the stored curves, gathered over the seeds, as values and as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ncviz.config import BATCHNORM, DEFAULT_ALPHA, ORDERS, REPAIRS, SCALES, SCOPES, PruningConfig
from ncviz.pruning.compare import Floats, Spread, area_under, mean_and_deviation, removable_within
from ncviz.pruning.scores import SCORES
from ncviz.spreadsheet import rows_csv
from ncviz.studies.paper.work import Work
from ncviz.tasks import SweepRecord

# Points of accuracy whose loss is held to be little.
POINTS = 1.0


@dataclass(frozen=True, eq=False)
class Group:
    """One setting on one network, measured for several seeds.

    Attributes:
        network: Name of the network.
        config: The settings, with the first seed.
        samples: Calibration images of each class; None for a criterion that looks at none.
        seeds: The seeds that are measured; none of them matters where ``is_seeded`` is False.
        is_seeded: Whether the criterion differs from seed to seed.
        has_curvature: Whether it uses the curvature, and so has an α.
        has_graph: Whether it looks at the neural graph, and so has a way to read BatchNorm.
        records: One curve for each seed.
    """

    network: str
    config: PruningConfig
    samples: int | None
    seeds: tuple[int, ...]
    is_seeded: bool
    has_curvature: bool
    has_graph: bool
    records: tuple[SweepRecord, ...]

    @cached_property
    def spread(self) -> Spread:
        """Accuracy over sparsity of every seed."""
        key, first = (self.config.criterion, self.config.order), self.records[0]
        each = np.stack([record.accuracy[key] for record in self.records])
        return Spread(first.removed / max(1, first.total), each)

    @property
    def whole(self) -> float:
        """Accuracy with nothing removed."""
        return self.records[0].baseline

    @property
    def within(self) -> Floats:
        """Of each seed, the largest sparsity measured at which no more than a point is lost, float64 [seeds]."""
        return np.array([removable_within(self.spread.sparsity, row, POINTS) for row in self.spread.each])

    @property
    def area(self) -> Floats:
        """Of each seed, the area under the curve, float64 [seeds]."""
        return np.array([area_under(self.spread.sparsity, row) for row in self.spread.each])


def gather(work: Work) -> list[Group]:
    """Return what is measured of an experiment: network by network, α, scope, order, criterion, images."""
    found: dict[tuple[str, PruningConfig], list[tuple[int, SweepRecord]]] = {}
    for step in work.curves:
        network = work.network(step.network)
        if network is None or not work.is_done(step):
            continue
        record = work.context.look_up(step.task(network, work.experiment.sparsities))
        if record is not None:
            group = step.network, replace(step.config, seed=0)
            found.setdefault(group, []).append((step.config.seed, record))
    groups = []
    for (name, config), curves in found.items():
        score = SCORES[config.criterion]
        seeds, records = zip(*sorted(curves, key=lambda curve: curve[0]), strict=True)
        samples = config.samples_per_class if score.needs_images else None
        first, is_seeded = replace(config, seed=seeds[0]), score.needs_images or score.is_drawn
        uses = score.needs_curvature, score.needs_graph
        groups.append(Group(name, first, samples, seeds, is_seeded, *uses, records))
    networks, criteria = work.experiment.networks, tuple(SCORES)
    return sorted(
        groups,
        key=lambda group: (
            networks.index(group.network),
            group.config.alpha != DEFAULT_ALPHA,
            group.config.alpha,
            BATCHNORM.index(group.config.batchnorm),
            SCALES.index(group.config.scale),
            REPAIRS.index(group.config.repair),
            SCOPES.index(group.config.scope),
            ORDERS.index(group.config.order),
            criteria.index(group.config.criterion),
            group.samples or 0,
        ),
    )


def select(groups: Sequence[Group], **wanted: Any) -> list[Group]:
    """Return the groups whose own or whose settings' attributes have these values, in their order.

    A criterion that looks at no images fits any number of them, one without curvature any settings of that.
    """
    return [group for group in groups if all(_fits(group, name, value) for name, value in wanted.items())]


def _fits(group: Group, name: str, value: Any) -> bool:
    if name == "samples":
        return group.samples is None or group.samples == value
    if name == "network":
        return bool(group.network == value)
    has_it = {"alpha": group.has_curvature, "batchnorm": group.has_graph, "scale": group.has_graph}
    if not has_it.get(name, True):
        return True
    return bool(getattr(group.config, name) == value)


def points_csv(groups: Sequence[Group]) -> str:
    """Return every accuracy that was measured, one a line; what a criterion does not look at is left empty."""
    rows: list[list[Any]] = []
    for group in groups:
        for seed, record in zip(group.seeds, group.records, strict=True):
            accuracy = record.accuracy[group.config.criterion, group.config.order]
            facts = _facts(group, seed if group.is_seeded else "")
            for removed, value in zip(record.removed.tolist(), accuracy.tolist(), strict=True):
                share = removed / max(1, record.total)
                rows.append([*facts, f"{share:.6f}", removed, f"{value:.6f}", record.images])
    names = [*_FACTS, "seed"]
    return rows_csv([*names, "sparsity", "removed", "accuracy", "images"], rows)


def summary_csv(groups: Sequence[Group]) -> str:
    """Return a line for each setting: removed at ≤ 1 point lost, area, accuracy at each sparsity, over the seeds."""
    if not groups:
        return rows_csv([], [])
    names = [*_FACTS, "seeds", "images", "whole"]
    at = [f"accuracy_at_{value:g}" for value in groups[0].spread.sparsity.round(4)]
    for name in (f"removed_within_{POINTS:g}_point", "area", *at):
        names += [f"{name}_mean", f"{name}_sd"]
    rows = []
    for group in groups:
        seeds = " ".join(map(str, group.seeds)) if group.is_seeded else ""
        row: list[Any] = [*_facts(group, seeds), group.records[0].images, f"{group.whole:.6f}"]
        for values in (group.within, group.area, *group.spread.each.T):
            mean, deviation = mean_and_deviation(values)
            row += [f"{mean:.6f}", "" if np.isnan(deviation) else f"{deviation:.6f}"]
        rows.append(row)
    return rows_csv(names, rows)


_FACTS = ("network", "criterion", "samples", "alpha", "batchnorm", "scale", "repair", "scope", "order")


def _facts(group: Group, seeds: Any) -> list[Any]:
    config = group.config
    alpha = f"{config.alpha:g}" if group.has_curvature else ""
    graph = [config.batchnorm, config.scale] if group.has_graph else ["", ""]
    samples = "" if group.samples is None else group.samples
    settings = [alpha, *graph, config.repair, config.scope, config.order]
    return [group.network, config.criterion, samples, *settings, seeds]
