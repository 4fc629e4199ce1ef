"""From a curvature to accuracy over sparsity, for every criterion in both orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ncviz.config import ORDERS, CurvatureConfig
from ncviz.fingerprint import digest
from ncviz.models.network import Network
from ncviz.tasks.accuracy import Curves, SweepRecord, evaluator
from ncviz.tasks.curvature.record import CurvatureRecord
from ncviz.tasks.curvature.task import Curvature
from ncviz.tasks.pruning import CRITERIA, ranks
from ncviz.tasks.task import Context, anonymous

if TYPE_CHECKING:
    from ncviz.pruning.curve import SweepResult

SWEEP_VERSION = 2
# A random order reversed is another random order, and tells nothing more.
CURVES = tuple((criterion, order) for criterion in CRITERIA for order in ORDERS)[:-1]
# Edges times images from which an evaluation takes about a second on two cores: fewer points, then.
HEAVY = 5_000_000_000


@dataclass(frozen=True, eq=False)
class Sweep(Curves):
    """The accuracy curves that belong to one curvature.

    Attributes:
        network: The network.
        config: Settings of its curvature.
        scope: "global" or "layer".
    """

    network: Network
    config: CurvatureConfig = field(default_factory=CurvatureConfig)
    scope: str = "global"

    most_known: ClassVar[int] = 64

    def key(self, context: Context) -> str:
        """Return the store's key."""
        curvature = Curvature(self.network, self.config).key(context)
        return digest("sweep", SWEEP_VERSION, curvature, context.fingerprint(self.network), self.scope)

    def run(self, context: Context) -> SweepRecord:
        """Measure them."""
        network = self.network
        curvature = context.run(Curvature(network, self.config)).result
        measured = evaluator(network, context)
        found: dict[tuple[str, str], SweepResult] = {}
        ends: dict[int, float] = {}
        for index, (criterion, order) in enumerate(CURVES):
            part = context.part(
                index / len(CURVES), (index + 1) / len(CURVES), f"accuracy curve: {criterion}"
            )
            part.say(0.0)
            curve = measure_curve(
                network, curvature, criterion, part, scope=self.scope, order=order, known=ends
            )
            # Nothing removed, and everything: the same whatever the order.
            ends = {int(curve.removed[at]): float(curve.accuracy[at]) for at in (0, -1)}
            found[criterion, order] = curve
        meta = {
            **anonymous(network),
            "dataset": network.dataset,
            "config": curvature.meta["config"],
            "scope": self.scope,
            "evaluated_on": context.images(network, "test").description,
            "kind": self.kind,
            "total": curvature.total,
            "images": measured.images,
        }
        first = next(iter(found.values()))
        return SweepRecord(first.removed, {name: curve.accuracy for name, curve in found.items()}, meta)


def measure_curve(
    network: Network,
    curvature: CurvatureRecord,
    criterion: str,
    context: Context,
    *,
    scope: str = "global",
    order: str = "redundant",
    sparsities: Sequence[float] | None = None,
    known: Mapping[int, float] | None = None,
    protected: Sequence[str] = (),
) -> SweepResult:
    """Measure one criterion's accuracy over sparsity in one order, by default at the standard sparsities.

    Args:
        network: The network.
        curvature: Its curvature.
        criterion: A name in ``ncviz.pruning.scores.SCORES``.
        context: Where and how; it is told the fraction done.
        scope: "global" or "layer".
        order: "redundant" or "bottlenecks".
        sparsities: Fractions of the weights to remove.
        known: Accuracies that need no measuring, by number of weights removed.
        protected: Names of weights that are never removed; sparsities that would reach into them are left out.
    """
    from ncviz.pruning.curve import FEW_SPARSITIES, SPARSITIES, sweep

    measured = evaluator(network, context)
    held = sum(int(np.prod(shape)) for name, shape in curvature.shapes.items() if name in protected)
    is_heavy = curvature.number_of_edges * measured.images > HEAVY
    return sweep(
        measured,
        ranks(network, criterion, curvature, context, scope, order, protected),
        curvature.shapes,
        sparsities=[
            value
            for value in sparsities or (FEW_SPARSITIES if is_heavy else SPARSITIES)
            if round(value * curvature.total) <= curvature.total - held
        ],
        known=known,
        progress=context.say,
    )
