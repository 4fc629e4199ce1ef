"""What pruning criteria are compared on, as one frozen value, and what that comes to in tables and words."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from ncviz.config import NEVER_ACTIVE_PLACES, ORDERS, REPAIRS, GraphConfig, PruningConfig
from ncviz.scene.names import module_of, shape_title
from ncviz.spreadsheet import table_csv
from ncviz.tasks import SweepRecord
from ncviz.tasks.criteria import (
    GRID,
    Spread,
    area_under,
    criteria,
    mean_and_deviation,
    most_of_all,
    removable_within,
)
from ncviz.text import percent, plural

if TYPE_CHECKING:
    # The first page is drawn without tables.
    import pandas as pd

Shapes = Mapping[str, tuple[int, ...]]
NO_ZEROS: Mapping[str, int] = MappingProxyType({})
NO_REPAIRS: Mapping[str, Mapping[str, Spread]] = MappingProxyType({})

ORDER_TITLES = {"redundant": "Least important first", "bottlenecks": "Most important first"}
NEVER_ACTIVE_TITLES = {
    "first": "first, as in the paper",
    "median": "at their layer's median cost",
    "last": "last",
}
REPAIR_TITLES = {
    "none": "None",
    "recalibrate": "Recalibrate",
    "fisher": "Update jointly",
    "layerwise": "Update layer by layer",
}
REPAIR_WORDS = {
    "recalibrate": "recalibrated",
    "fisher": "updated jointly",
    "layerwise": "updated layer by layer",
}
SCOPE_TITLES = {"global": "Whole network", "layer": "Layer by layer"}
# Words of a criterion's source that are an address.
_ARXIV = re.compile(r"arXiv (\d{4}\.\d{4,5})")


@dataclass(frozen=True)
class Comparison:
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
        never_active: Where never-active weights go in orders by curvature.
        graph: How it reads the network.
        repair: How the pruned network is repaired, a name in ``REPAIRS``.
        budgets: Names of weights with the largest share of each that may go.
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
    never_active: str = NEVER_ACTIVE_PLACES[0]
    graph: GraphConfig = field(default_factory=GraphConfig)
    repair: str = REPAIRS[0]
    budgets: tuple[tuple[str, float], ...] = ()

    @property
    def as_pruned(self) -> Comparison:
        """The same without a repair."""
        return replace(self, repair=REPAIRS[0])

    @property
    def is_repaired(self) -> bool:
        """Whether there is a repair."""
        return self.repair != REPAIRS[0]

    def config(self, criterion: str, seed: int | None = None) -> PruningConfig:
        """Return the settings of one curve, by default of the first draw."""
        found = PruningConfig(
            criterion,
            self.samples_per_class,
            self.seeds[0] if seed is None else seed,
            self.alpha,
            self.scope,
            self.order,
            self.protected,
            self.layers,
            self.channels,
            self.never_active,
            **self.graph.options,
            repair=self.repair,
        )
        return replace(found, budgets=self.budgets)

    @property
    def holds(self) -> bool:
        """Whether a layer is protected, or has a budget."""
        return bool(self.protected or self.budgets)


def never_active_place(place: str) -> str:
    """Return such as "never-active weights last", for what says only what is unusual; "" for first, as in the paper."""
    return "" if place == NEVER_ACTIVE_PLACES[0] else f"never-active weights {NEVER_ACTIVE_TITLES[place]}"


def weight_count(shapes: Shapes) -> int:
    """Return how many weights there are in all."""
    return sum(math.prod(shape) for shape in shapes.values())


def measured_sparsities(
    shapes: Shapes,
    protected: Collection[str] = (),
    zeros: Mapping[str, int] = NO_ZEROS,
    budgets: Sequence[tuple[str, float]] = (),
) -> tuple[float, ...]:
    """Return the sparsities that are measured: those of the grid that do not reach into what may not go.

    Args:
        shapes: Name and shape of each weight.
        protected: Names of those that lose nothing.
        zeros: How many zeros each of them holds, which are removed already wherever they are.
        budgets: Names of others and the largest share of each that may go.
    """
    total, gone = weight_count(shapes), _gone(shapes, zeros)
    sizes = {name: math.prod(shape) for name, shape in shapes.items()}
    most = most_of_all(sizes, protected, dict(budgets), zeros)
    found = tuple(value for value in GRID if gone <= round(value * total) <= most)
    return found or (gone / total,)


def nothing_to_remove(
    shapes: Shapes,
    protected: Collection[str],
    zeros: Mapping[str, int] = NO_ZEROS,
    budgets: Sequence[tuple[str, float]] = (),
) -> str:
    """Return why no weight can be removed, or "" if some can; arguments as for ``measured_sparsities``."""
    if set(protected) >= set(shapes):
        return "Every layer is protected, so nothing can be removed: take one out above."
    most = round(measured_sparsities(shapes, protected, zeros, budgets)[-1] * weight_count(shapes))
    if most == 0 or most < _gone(shapes, zeros):
        if budgets:
            return "The layers' budgets are too small to remove anything: drop them above."
        return "The layers that are not protected are too small to remove anything: take one more out above."
    return ""


def _gone(shapes: Shapes, zeros: Mapping[str, int]) -> int:
    return sum(zeros.get(name, 0) for name in shapes)


def budget_words(shapes: Shapes, budgets: Sequence[tuple[str, float]]) -> str:
    """Return such as "30% of 0, 90% of 2": the largest share that may go of each layer that has a budget."""
    given = dict(budgets)
    return ", ".join(
        f"{percent(given[name])} of {module_of(name)}".replace(" ", "\N{NO-BREAK SPACE}")
        for name in shapes
        if name in given
    )


def layer_titles(shapes: Shapes) -> list[str]:
    """Return such as "0 · conv 6×6, 1→6" for each layer of weights."""
    return [shape_title(name, shape) for name, shape in shapes.items()]


def calibration_words(samples_per_class: int, classes: int, seeds: int) -> str:
    """Return such as "10 training images (1 of each class, 3 draws)"."""
    count = samples_per_class * classes
    draws = "" if seeds == 1 else f", {seeds} draws"
    return f"{count} training images ({samples_per_class} of each class{draws})"


def column_names(compared: Comparison, lost: float) -> tuple[str, str]:
    """Return what the columns are called that hang on what was chosen."""
    return f"removed at ≤ {plural(float(lost), 'point')} lost", f"accuracy at {percent(compared.sparsity)}"


def repaired_column(compared: Comparison, lost: float, way: str) -> str:
    """Return what the column is called that says how much can be removed after a repair."""
    name = column_names(compared, lost)[0]
    return name if way == REPAIRS[0] else f"… {REPAIR_WORDS[way]}"


def comparison_table(
    compared: Comparison,
    spreads: Mapping[str, Spread],
    lost: float,
    classes: int,
    by_repair: Mapping[str, Mapping[str, Spread]] = NO_REPAIRS,
) -> pd.DataFrame:
    """Return a row for each criterion with what its curves come to.

    The best comes first: of the least important weights those that cost least, of the most important ones those that
    cost most.

    Args:
        compared: What is compared.
        spreads: What is known of each criterion's curve over the draws.
        lost: How many points of accuracy may be lost.
        classes: How many the images have.
        by_repair: What is known of the curves after each repair, and without: a column each for what can be removed.
    """
    import pandas as pd

    at_name = column_names(compared, lost)[1]
    ways = by_repair or {compared.repair: spreads}
    rows: list[dict[str, Any]] = []
    for name, spread in spreads.items():
        score = criteria()[name]
        paper = _ARXIV.search(score.source)
        mean, deviation = mean_and_deviation(spread.at(compared.sparsity))
        each = [spread.each[draw] for draw in range(spread.draws)]
        rows.append(
            {
                "criterion": score.title,
                **{
                    repaired_column(compared, lost, way): _removable(found.get(name), lost)
                    for way, found in ways.items()
                },
                "mean accuracy": float(np.mean([area_under(spread.sparsity, own) for own in each])),
                at_name: mean,
                "±": "–" if math.isnan(deviation) else f"{deviation:.2%}",
                "calibration images": compared.samples_per_class * classes if score.needs_images else 0,
                "draws": spread.draws,
                "paper": f"https://arxiv.org/abs/{paper[1]}" if paper else "",
                "source": _ARXIV.sub("", score.source).rstrip(", "),
            }
        )
    return pd.DataFrame(rows).sort_values(
        at_name, ascending=compared.order != ORDERS[0], kind="stable", ignore_index=True
    )


def _removable(spread: Spread | None, lost: float) -> float:
    """Return what can be removed, mean over the draws; NaN where no curve is known."""
    if spread is None:
        return math.nan
    return float(np.mean([removable_within(spread.sparsity, own, lost) for own in spread.each]))


def sharpness_words(curves: Sequence[tuple[PruningConfig, SweepRecord]]) -> list[str]:
    """Return how sharp the curvatures are that some of the curves go by and that are not exact, one for each draw.

    Args:
        curves: The curves with their settings.
    """
    found = {config.seed: record.sharpness for config, record in curves if record.sharpness}
    return [f"Curvature of draw {seed}: {told}" for seed, told in found.items()]


def curves_csv(
    network: str, curves: Sequence[tuple[PruningConfig, SweepRecord]], word: str = "accuracy"
) -> bytes:
    """Return a row for each curve and sparsity; what a criterion does not look at is left empty.

    Args:
        network: Name of the network.
        curves: The curves with their settings.
        word: What the share of right answers is called.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for config, record in curves:
        score = criteria()[config.criterion]
        facts = {
            "network": network,
            "criterion": config.criterion,
            "order": config.order,
            "scope": config.scope,
            "samples_per_class": config.samples_per_class if score.needs_images else None,
            "alpha": config.alpha if score.needs_curvature else None,
            "batchnorm": config.batchnorm if score.needs_graph else None,
            "scale": config.scale if score.needs_graph else None,
            "never_active": config.never_active if score.needs_curvature else None,
            "seed": config.seed if score.needs_images or score.is_drawn else None,
            "protected": " ".join(config.protected),
            "budgets": " ".join(f"{name}={share:g}" for name, share in config.budgets),
            "repair": config.repair,
            "images": record.images,
            "sharpness": record.sharpness,
        }
        accuracy = record.accuracy[config.criterion, config.order]
        rows += [
            {**facts, "sparsity": removed / max(1, record.total), "removed": removed, word: value}
            for removed, value in zip(record.removed.tolist(), accuracy.tolist(), strict=True)
        ]
    table = pd.DataFrame(rows).astype({"samples_per_class": "Int64", "seed": "Int64"})
    for name in ("budgets", "sharpness"):
        if not table[name].any():
            del table[name]
    return table_csv(table)
