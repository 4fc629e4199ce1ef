"""The results that ship with ncviz."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ncviz.config import COMPARED, COMPARED_DRAWS, SCOPES, CurvatureConfig, PruningConfig
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
from ncviz.tasks.task import Context, Task

MAX_COMPARED_WEIGHTS = 10_000
WITH_RESULTS = tuple(name for name, spec in MODELS.items() if spec.has_results)


def bundle(
    folder: Path = BUNDLED, progress: Progress | None = None, models: Sequence[str] = WITH_RESULTS
) -> int:
    """Compute the results that ship with ncviz, so that the first page of each bundled network needs no computing.

    Args:
        folder: Where to write the records; what lay there is removed.
        progress: Called with the fraction done and a message.
        models: Names of the networks.

    Returns:
        How many records were written.
    """
    desk = Desk(Store(str(folder)))
    desk.store.clear()
    # A comparison needs its orders, too, which are small for small networks alone.
    small = [name for name in models if count_weights(open_network(name)) <= MAX_COMPARED_WEIGHTS]
    steps = len(models) * (2 + len(SCOPES)) + len(small)
    whole, done = Context(desk, progress=progress), 0
    for name in models:
        network = open_network(name)
        curves = [Sweep(network, scope=scope) for scope in SCOPES]
        found: list[Task[Any]] = [Curvature(network), Forward(network), *curves]
        for task in found:
            whole.part(done / steps, (done + 1) / steps, f"{name}: ").run(task)
            done += 1
        if name in small:
            _compare(network, whole.part(done / steps, (done + 1) / steps, f"{name}: "))
            done += 1
    return len(desk.store.entries())


def _compare(network: Network, context: Context) -> None:
    """Measure what the Pruning page shows at first."""
    configs = [PruningConfig(name, seed=seed) for name in COMPARED for seed in range(COMPARED_DRAWS)]
    for number, config in enumerate(configs, 1):
        replace(context, progress=None).run(Curve(network, config, GRID))
        context.say(number / len(configs), "comparison of criteria")
    for seed in range(1, COMPARED_DRAWS):
        # Needed for the orders alone, and large beside them.
        context.store.remove(Curvature(network, CurvatureConfig(seed=seed)).key(context))
