"""From a curvature to accuracy over sparsity, for every criterion in both orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ncviz.config import NEVER_ACTIVE_PLACES, ORDERS, REPAIRS, CurvatureConfig
from ncviz.fingerprint import digest
from ncviz.jobs import JobKind
from ncviz.models.network import Network
from ncviz.pruning.budgets import NO_BUDGETS, Budgets, most_of_all
from ncviz.tasks.accuracy import Curves, SweepRecord, evaluator
from ncviz.tasks.curvature.record import CurvatureRecord
from ncviz.tasks.curvature.task import Curvature
from ncviz.tasks.pruning import CRITERIA, place_key, ranks, zeros_first
from ncviz.tasks.repair.repairing import repair_for
from ncviz.tasks.task import Context, anonymous

if TYPE_CHECKING:
    from ncviz.pruning.curve import SweepResult

# 3: finer at both ends.
SWEEP_VERSION = 3
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
        never_active: Where never-active weights go in the orders by curvature; see ``ncviz.pruning.never_active``.
    """

    network: Network
    config: CurvatureConfig = field(default_factory=CurvatureConfig)
    scope: str = "global"
    never_active: str = NEVER_ACTIVE_PLACES[0]

    job: ClassVar[JobKind] = JobKind(kept="intervals found by then are kept")
    most_known: ClassVar[int] = 64

    def key(self, context: Context) -> str:
        """Return the store's key."""
        curvature = Curvature(self.network, self.config).key(context)
        images = context.fingerprint(self.network)
        placed = [] if self.never_active == NEVER_ACTIVE_PLACES[0] else [place_key(self.never_active)]
        return digest(
            "sweep", SWEEP_VERSION, curvature, images, self.scope, *placed, *zeros_first(self.network)
        )

    def is_complete(self, result: SweepRecord, context: Context) -> bool:
        """Whether it goes by a curvature as exact as is known by now."""
        if not result.sharpness:
            return True
        curvature = context.look_up(Curvature(self.network, self.config))
        return curvature is None or curvature.intervals is not None

    def seconds(self, context: Context) -> float | None:
        """Return about how long to measure them takes, the curvature apart."""
        from ncviz.pruning.curve import grid_of

        each = evaluator(self.network, context).seconds()
        weights = sum(values.size for values in self.network.arrays.values() if values.ndim > 1)
        # The number of edges that decides how many points there are is not known yet.
        return each * len(CURVES) * len(grid_of(weights, is_coarse=each > 1.0))

    def run(self, context: Context) -> SweepRecord:
        """Measure them."""
        network = self.network
        curvature = context.run(Curvature(network, self.config)).result
        measured = evaluator(network, context)
        # Only orders by curvature depend on where never-active weights go.
        is_as_in_paper = self.never_active == NEVER_ACTIVE_PLACES[0]
        other = (
            None if is_as_in_paper else context.look_up(replace(self, never_active=NEVER_ACTIVE_PLACES[0]))
        )
        known = (
            {name: each for name, each in other.accuracy.items() if name[0] != "curvature"} if other else {}
        )
        found: dict[tuple[str, str], np.ndarray] = dict(known)
        todo = [name for name in CURVES if name not in known]
        removed = np.empty(0, dtype=np.int64)
        ends: dict[int, float] = {}
        for index, (criterion, order) in enumerate(todo):
            part = context.part(index / len(todo), (index + 1) / len(todo), f"accuracy curve: {criterion}")
            part.say(0.0)
            curve = measure_curve(
                network, curvature, criterion, part, scope=self.scope, order=order, known=ends,
                never_active=self.never_active,
            )  # fmt: skip
            # Nothing removed, and everything: the same whatever the order.
            ends = {int(curve.removed[at]): float(curve.accuracy[at]) for at in (0, -1)}
            removed = curve.removed
            found[criterion, order] = curve.accuracy
        meta = {
            **anonymous(network),
            "dataset": network.dataset,
            "config": curvature.meta["config"],
            "scope": self.scope,
            "evaluated_on": context.images(network, "test").description,
            "kind": self.kind,
            "total": curvature.total,
            "images": measured.images,
            **curvature.sharpness,
        }
        if not is_as_in_paper:
            meta["never_active"] = self.never_active
        return SweepRecord(removed, {name: found[name] for name in CURVES}, meta)


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
    budgets: Budgets = NO_BUDGETS,
    never_active: str = NEVER_ACTIVE_PLACES[0],
    repair: str = REPAIRS[0],
) -> SweepResult:
    """Measure one criterion's accuracy over sparsity in one order, by default on the grid that all curves share.

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
        budgets: Largest share of others that may go; sparsities beyond them are left out as well.
        never_active: Where never-active weights go, for criteria that use the curvature.
        repair: How the network is repaired at each step, a name in ``REPAIRS``.
    """
    from ncviz.pruning.curve import grid_of, sweep

    measured, total = evaluator(network, context), curvature.total
    sizes = {name: int(np.prod(shape)) for name, shape in curvature.shapes.items()}
    most = most_of_all(sizes, protected, budgets, network.zeros)
    if sparsities is None:
        is_heavy = curvature.number_of_edges * measured.images > HEAVY
        removed = grid_of(total, measured.zeros(curvature.shapes), is_coarse=is_heavy)
    else:
        removed = np.array([round(value * total) for value in sparsities], dtype=np.int64)
    repairing, rest = repair_for(network, repair, context)
    return sweep(
        measured,
        ranks(network, criterion, curvature, context, scope, order, protected, never_active, budgets),
        curvature.shapes,
        removed=removed[removed <= most],
        known=known,
        repair=repairing,
        progress=rest.say,
    )
