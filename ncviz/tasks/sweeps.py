"""From a curvature to accuracy over sparsity: out of the store, or measured and stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ncviz.config import CurvatureConfig
from ncviz.data.datasets import load_dataset
from ncviz.models.network import Network
from ncviz.pruning.order import ORDERS
from ncviz.store import Record, Store
from ncviz.tasks.curvature import CurvatureRecord
from ncviz.tasks.keys import sweep_key
from ncviz.tasks.pruning import CRITERIA, ranks
from ncviz.tasks.reading import read
from ncviz.tasks.results import Outcome, Progress, anonymous, put

if TYPE_CHECKING:
    from ncviz.pruning.curve import Evaluator, SweepResult

# A random order reversed is another random order, and tells nothing more.
CURVES = tuple((criterion, order) for criterion in CRITERIA for order in ORDERS)[:-1]
# Edges times images from which an evaluation takes about a second on two cores: fewer points, then.
HEAVY = 5_000_000_000


@dataclass(frozen=True, eq=False)
class SweepRecord:
    """Accuracy over sparsity for every criterion in both orders; a random order has one only.

    Attributes:
        removed: int64 [m], number of weights removed.
        total: Number of weights.
        accuracy: (criterion, order) → float64 [m].
        images: Number of evaluation images.
        meta: Scope, description of the images and so on, as plain JSON.
    """

    removed: np.ndarray
    total: int
    accuracy: Mapping[tuple[str, str], np.ndarray]
    images: int
    meta: Mapping[str, Any]

    @property
    def baseline(self) -> float:
        """Accuracy of the whole network."""
        return float(next(iter(self.accuracy.values()))[0])

    def at(self, criterion: str, order: str, removed: int) -> float:
        """Return the accuracy between the measured points, by linear interpolation."""
        return float(np.interp(removed, self.removed, self.accuracy[criterion, order]))

    def to_record(self) -> Record:
        """Return it as arrays and JSON."""
        arrays = {"removed": self.removed}
        arrays |= {f"{criterion}/{order}": values for (criterion, order), values in self.accuracy.items()}
        return Record(arrays, {**self.meta, "kind": "sweep", "total": self.total, "images": self.images})

    @staticmethod
    def from_record(record: Record) -> SweepRecord:
        """Read it back.

        Raises:
            StoreError: If the record is of another kind or lacks a part.
        """
        return read(record, "sweep", "curve", _sweep_of)


def _sweep_of(arrays: Mapping[str, np.ndarray], meta: Mapping[str, Any]) -> SweepRecord:
    accuracy = {}
    for name, values in arrays.items():
        if name != "removed":
            criterion, order = name.split("/")
            accuracy[criterion, order] = values
    total, images = int(meta["total"]), int(meta["images"])
    return SweepRecord(arrays["removed"], total, accuracy, images, meta)


def sweep_record(
    sweeps: Mapping[tuple[str, str], SweepResult], total: int, meta: Mapping[str, Any]
) -> SweepRecord:
    """Turn measured sweeps over the same sparsities into what the store keeps."""
    first = next(iter(sweeps.values()))
    return SweepRecord(
        first.removed, total, {key: found.accuracy for key, found in sweeps.items()}, first.images, meta
    )


def stored_sweep(
    store: Store,
    network: Network,
    config: CurvatureConfig,
    scope: str = "global",
    data_dir: str | None = None,
) -> SweepRecord | None:
    """Return the accuracy curves if they were measured before."""
    found = store.get(sweep_key(network, config, scope, data_dir))
    return None if found is None else SweepRecord.from_record(found)


def compute_sweep(
    store: Store,
    network: Network,
    curvature: CurvatureRecord,
    *,
    scope: str = "global",
    device: str = "cpu",
    data_dir: str | None = None,
    progress: Progress | None = None,
) -> Outcome[SweepRecord]:
    """Return every criterion's accuracy curves from the store, or measure and store them.

    Raises:
        NcvizError: In one sentence, whatever the user can mend.
    """
    known = stored_sweep(store, network, curvature.config, scope, data_dir)
    if known is not None:
        return Outcome(known, is_stored=True)
    measured = evaluator(network, device, data_dir)
    found: dict[tuple[str, str], SweepResult] = {}
    ends: dict[int, float] = {}
    for index, (criterion, order) in enumerate(CURVES):

        def part(fraction: float, index: int = index, criterion: str = criterion) -> None:
            if progress is not None:
                progress((index + fraction) / len(CURVES), f"accuracy curve: {criterion}")

        part(0.0)
        curve = measure_curve(
            measured, network, curvature, criterion, scope=scope, order=order, known=ends, progress=part
        )
        # Nothing removed, and everything: the same whatever the order.
        ends = {int(curve.removed[at]): float(curve.accuracy[at]) for at in (0, -1)}
        found[criterion, order] = curve
    meta = {
        **anonymous(network),
        "dataset": network.dataset,
        "config": curvature.meta["config"],
        "scope": scope,
        "evaluated_on": load_dataset(network.dataset, "test", data_dir).description,
    }
    record = sweep_record(found, curvature.total, meta)
    problem = put(store, sweep_key(network, curvature.config, scope, data_dir), record.to_record())
    return Outcome(record, False, problem)


def measure_curve(
    measured: Evaluator,
    network: Network,
    curvature: CurvatureRecord,
    criterion: str,
    *,
    scope: str = "global",
    order: str = "redundant",
    sparsities: Sequence[float] | None = None,
    known: Mapping[int, float] | None = None,
    data_dir: str | None = None,
    protected: Sequence[str] = (),
    progress: Callable[[float], None] | None = None,
) -> SweepResult:
    """Measure one criterion's accuracy over sparsity in one order, by default at the standard sparsities.

    Args:
        measured: The network on its evaluation images.
        network: The network.
        curvature: Its curvature.
        criterion: A name in ``ncviz.pruning.scores.SCORES``.
        scope: "global" or "layer".
        order: "redundant" or "bottlenecks".
        sparsities: Fractions of the weights to remove.
        known: Accuracies that need no measuring, by number of weights removed.
        data_dir: Folder of the full data set, for criteria that look at the calibration images.
        protected: Names of weights that are never removed; sparsities that would reach into them are left out.
        progress: Called with the fraction done.
    """
    from ncviz.pruning.curve import FEW_SPARSITIES, SPARSITIES, sweep

    held = sum(int(np.prod(shape)) for name, shape in curvature.shapes.items() if name in protected)
    is_heavy = curvature.meta["edges"] * measured.images > HEAVY
    return sweep(
        measured,
        ranks(network, criterion, curvature, scope, order, data_dir, protected),
        curvature.shapes,
        sparsities=[
            value
            for value in sparsities or (FEW_SPARSITIES if is_heavy else SPARSITIES)
            if round(value * curvature.total) <= curvature.total - held
        ],
        known=known,
        progress=progress,
    )


def evaluator(network: Network, device: str = "cpu", data_dir: str | None = None) -> Evaluator:
    """Return the network on its evaluation images, ready to be pruned again and again.

    Without labels, what is right is what the whole network says.
    """
    from ncviz.data.predicted_labels import labels_for
    from ncviz.pruning.curve import Evaluator

    images = load_dataset(network.dataset, "test", data_dir)
    net = network.module()
    return Evaluator(net, images.inputs, labels_for(net, images, device), device)
