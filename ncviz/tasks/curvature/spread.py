"""The spread of κ over draws, and who is right where curvature and magnitude disagree: stored, or measured anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ncviz.config import CurvatureConfig, check_whole
from ncviz.data.predicted_labels import labels_for
from ncviz.fingerprint import digest
from ncviz.jobs import JobKind
from ncviz.models.network import Network
from ncviz.store import Record
from ncviz.tasks.curvature.record import flat_curvature
from ncviz.tasks.curvature.task import Curvature
from ncviz.tasks.task import Context, StoredTask, anonymous
from ncviz.text import minus

if TYPE_CHECKING:
    from ncviz.pruning.disagreement import SpreadResult

# Raised whenever a change could alter a stored number.
SPREAD_VERSION = 2
SPREAD_DRAWS, MAX_SPREAD_DRAWS = 3, 50
# Weights either way that are removed one by one, and on how many training images.
OPPOSED, OPPOSED_IMAGES = 20, 1000
_CURVATURE_SHARE = 0.8


@dataclass(frozen=True, eq=False)
class SpreadRecord:
    """What is known of κ over several draws.

    Attributes:
        spread: κ of each weight over the draws.
        by_curvature: int64 [k], numbers of weights that curvature holds important and magnitude does not.
        by_magnitude: int64 [k], the reverse.
        change_by_curvature: float64 [k], change of the loss when each is removed alone.
        change_by_magnitude: float64 [k].
        meta: Settings and descriptions, as plain JSON.
    """

    spread: SpreadResult
    by_curvature: np.ndarray
    by_magnitude: np.ndarray
    change_by_curvature: np.ndarray
    change_by_magnitude: np.ndarray
    meta: Mapping[str, Any]

    @property
    def has_pairs(self) -> bool:
        """Whether there are weights on which curvature and magnitude disagree."""
        return bool(len(self.by_curvature) and len(self.by_magnitude))

    @property
    def share(self) -> float:
        """In which share of the opposed pairs curvature was right; 0.5 is chance."""
        from ncviz.pruning.disagreement import share_for_curvature

        return share_for_curvature(self.change_by_curvature, self.change_by_magnitude)

    def places(self, chosen: np.ndarray) -> list[tuple[str, int]]:
        """Return of each of some weights the name of its tensor and its place there.

        Args:
            chosen: int64 [k], numbers of the weights in the curvature's order.
        """
        names, sizes = zip(*self.meta["weights"], strict=True)
        ends = np.cumsum(sizes)
        layers = np.searchsorted(ends, chosen, side="right")
        at = np.asarray(chosen) - (ends - sizes)[layers]
        return [(names[layer], own) for layer, own in zip(layers.tolist(), at.tolist(), strict=True)]

    def sentences(self) -> list[str]:
        """Say what came out."""
        own, count = self.spread, len(self.by_curvature)
        typical = np.nanmedian(own.deviation) if np.isfinite(own.deviation).any() else float("nan")
        some = int(((own.active > 0) & (own.active < own.draws)).sum())
        spread = (
            f"half of the κ of weights active in at least two draws have a standard deviation of at most {typical:.3f}"
            if np.isfinite(typical)
            else "no weight is active in two"
        )
        told = [
            f"Over {own.draws} draws of the calibration images {spread}; "
            f"{some:,} of {len(own.mean):,} weights are active in some draws but not in all."
        ]
        if not self.has_pairs:
            return [
                *told,
                "No weights are held important by one of curvature and magnitude, and not by the other.",
            ]
        return [
            *told,
            f"Of the {count} weights that curvature holds important and magnitude does not, each removed alone, the "
            f"loss changes by {_mean(self.change_by_curvature)} on average; of the {count} the other way by "
            f"{_mean(self.change_by_magnitude)}. Curvature is right in {self.share:.0%} of the pairs "
            f"(chance: 50%), on {self.meta['images']:,} training images.",
        ]


def _mean(changes: np.ndarray) -> str:
    return minus(f"{changes.mean():+.2e}") if changes.size else "nothing"


_ARRAYS = ("by_curvature", "by_magnitude", "change_by_curvature", "change_by_magnitude")
_OF_SPREAD = ("mean", "deviation", "low", "high", "active")


@dataclass(frozen=True, eq=False)
class CurvatureSpread(StoredTask[SpreadRecord]):
    """κ over several draws of the calibration images, each a stored curvature.

    Attributes:
        network: The network.
        config: Settings of the first draw; the others have the seeds that follow.
        draws: How many.
    """

    network: Network
    config: CurvatureConfig = field(default_factory=CurvatureConfig)
    draws: int = SPREAD_DRAWS

    kind: ClassVar[str] = "spread"
    what: ClassVar[str] = "spread of κ"
    facts: ClassVar[tuple[str, ...]] = ("draws", "images", "baseline", "weights")
    job: ClassVar[JobKind] = JobKind(kept="curvatures that were finished are kept")
    most_known: ClassVar[int] = 8

    def __post_init__(self) -> None:
        check_whole("the number of draws", self.draws, 2, MAX_SPREAD_DRAWS)

    @property
    def curvatures(self) -> list[Curvature]:
        """The curvature of each draw."""
        seeds = range(self.config.seed, self.config.seed + self.draws)
        return [Curvature(self.network, replace(self.config, seed=seed)) for seed in seeds]

    def key(self, context: Context) -> str:
        """Return the store's key."""
        parts = [task.key(context) for task in self.curvatures]
        return digest("spread", SPREAD_VERSION, parts, OPPOSED, OPPOSED_IMAGES)

    def run(self, context: Context) -> SpreadRecord:
        """Compute what is missing of the curvatures, and remove one by one the weights that they are tested on."""
        import torch

        from ncviz.pruning.disagreement import curvature_spread, loss_changes, opposed_weights

        network, flat = self.network, []
        for number, task in enumerate(self.curvatures):
            start, end = (_CURVATURE_SHARE * (number + at) / self.draws for at in (0, 1))
            part = context.part(start, end, f"draw {number + 1} of {self.draws}: ")
            record = part.run(task).result
            flat.append(flat_curvature(record))
        weights = np.concatenate([network.arrays[name].reshape(-1) for name in record.weights]).astype(
            np.float64
        )
        spread = curvature_spread(flat)
        by_curvature, by_magnitude = opposed_weights(spread.mean, weights, OPPOSED)
        measuring = context.part(_CURVATURE_SHARE, 1.0, "removing weights one by one")
        pool, net = context.images(network, "train"), network.module()
        rows = torch.from_numpy(
            np.unique(np.linspace(0, len(pool) - 1, min(OPPOSED_IMAGES, len(pool))).round().astype(np.int64))
        )
        changes, whole = loss_changes(
            net,
            record.shapes,
            np.concatenate([by_curvature, by_magnitude]),
            pool.inputs[rows],
            labels_for(net, pool, context.device, rows),
            device=context.device,
            progress=measuring.say,
        )
        meta = {
            **anonymous(network),
            "kind": self.kind,
            "dataset": network.dataset,
            "config": self.config.as_dict(),
            "draws": self.draws,
            "images": len(rows),
            "baseline": whole,
            "weights": [[name, values.size] for name, values in record.weights.items()],
        }
        one, other = np.split(changes, [len(by_curvature)])
        return SpreadRecord(spread, by_curvature, by_magnitude, one, other, meta)

    def encode(self, result: SpreadRecord) -> Record:
        """Return it as arrays and JSON."""
        arrays = {name: getattr(result, name) for name in _ARRAYS}
        arrays |= {f"spread/{name}": getattr(result.spread, name) for name in _OF_SPREAD}
        return Record(arrays, dict(result.meta))

    def decode(self, record: Record) -> SpreadRecord:
        """Read it back."""
        from ncviz.pruning.disagreement import SpreadResult

        spread = SpreadResult(
            **{name: record.arrays[f"spread/{name}"] for name in _OF_SPREAD}, draws=int(record.meta["draws"])
        )
        return SpreadRecord(spread, **{name: record.arrays[name] for name in _ARRAYS}, meta=record.meta)
