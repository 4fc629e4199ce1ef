"""The results that ship with ncviz."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ncviz.config import COMPARED, COMPARED_DRAWS, SCOPES, CurvatureConfig, PruningConfig
from ncviz.errors import NcvizError
from ncviz.models.network import Network, open_network
from ncviz.models.zoo import MODELS
from ncviz.progress import Progress
from ncviz.pruning.compare import GRID
from ncviz.store import Store
from ncviz.tasks.comparison import Curve
from ncviz.tasks.curvature.task import Curvature, count_weights
from ncviz.tasks.desk import BUNDLED, Desk
from ncviz.tasks.forward.program import Forward
from ncviz.tasks.sweeps import Sweep
from ncviz.tasks.task import Context, StoredTask

# Orders take four bytes a weight: of larger networks only those ship that would take long to find again.
MAX_ORDERED_WEIGHTS = 10_000


def bundle(folder: Path = BUNDLED, progress: Progress | None = None, models: Sequence[str] = ()) -> int:
    """Compute the results that ship with ncviz, so that the pages of each bundled network open measured.

    What the folder holds and is still asked for stays as it is, that of other networks than those named, too;
    whatever else lies there is removed. What a network refuses is left out and said.

    Args:
        folder: Where to write the records.
        progress: Called with the fraction done and a message.
        models: Names of the networks; all if there is none.

    Returns:
        How many records there are.
    """
    desk = Desk(Store(str(folder)))
    whole = Context(desk, progress=progress)
    kept = [(name, task) for name in models or MODELS for task in shipped(open_network(name))]
    for number, (name, task) in enumerate(kept):
        part = whole.part(number / len(kept), (number + 1) / len(kept), f"{name}: ")
        try:
            part.run(task)
        except NcvizError as error:
            # Such as a criterion that does not know a network's layers.
            part.say(1.0, f"left out: {error}")
        else:
            part.say(1.0, f"{task.kind} done")
    keys = {task.key(whole) for name in MODELS for task in shipped(open_network(name))}
    for entry in desk.store.entries():
        if entry.key not in keys:
            desk.store.remove(entry.key)
    return len(desk.store.entries())


def shipped(network: Network) -> list[StoredTask[Any]]:
    """Return all results of a bundled network that ship: what its pages show at first."""
    own, spec = Curvature(network), MODELS[network.name]
    found: list[StoredTask[Any]] = []
    if spec.has_results:
        found += [own, Forward(network), *(Sweep(network, scope=scope) for scope in SCOPES)]
    configs = [PruningConfig(name, seed=seed) for name in COMPARED for seed in range(COMPARED_DRAWS)]
    for config in configs:
        curve = Curve(network, config, GRID)
        found.append(curve)
        is_first_draw = config.calibration == CurvatureConfig()
        is_slow = curve.order.needs_curvature and is_first_draw and not spec.has_results
        if is_slow or count_weights(network) <= MAX_ORDERED_WEIGHTS:
            found.append(curve.order)
    return found
