"""The results that ship with ncviz."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ncviz.config import COMPARED, COMPARED_DRAWS, CurvatureConfig, PruningConfig
from ncviz.models.network import Network, open_network
from ncviz.models.zoo import MODELS, checkpoint_arrays
from ncviz.pruning.compare import GRID
from ncviz.pruning.order import SCOPES
from ncviz.store import Store
from ncviz.tasks.comparison import compute_curve
from ncviz.tasks.curvature import compute_curvature
from ncviz.tasks.keys import curvature_key
from ncviz.tasks.results import BUNDLED, Progress
from ncviz.tasks.sweeps import compute_sweep

MAX_COMPARED_WEIGHTS = 10_000
WITH_RESULTS = tuple(name for name, spec in MODELS.items() if spec.has_results)


def bundle(
    folder: Path = BUNDLED,
    progress: Progress | None = None,
    models: Sequence[str] = WITH_RESULTS,
) -> int:
    """Compute the results that ship with ncviz, so that the first page of each bundled network needs no computing.

    Args:
        folder: Where to write the records; what lay there is removed.
        progress: Called with the fraction done and a message.
        models: Names of the networks.

    Returns:
        How many records were written.
    """
    store = Store(str(folder))
    store.clear()
    steps = len(models) * (1 + len(SCOPES))
    done = 0

    def report(fraction: float, message: str) -> None:
        if progress is not None:
            progress((done + fraction) / steps, message and f"{name}: {message}")

    # A comparison needs its orders, too, which are small for small networks alone.
    small = [name for name in models if _weights(name) <= MAX_COMPARED_WEIGHTS]
    steps += len(small)
    for name in models:
        network = open_network(name)
        found = compute_curvature(store, network, CurvatureConfig(), progress=report).record
        done += 1
        for scope in SCOPES:
            compute_sweep(store, network, found, scope=scope, progress=report)
            done += 1
        if name in small:
            _compare(store, network, report)
            done += 1
    return len(store.entries())


def _compare(store: Store, network: Network, report: Progress) -> None:
    """Measure what the Pruning page shows at first."""
    configs = [PruningConfig(name, seed=seed) for name in COMPARED for seed in range(COMPARED_DRAWS)]
    for number, config in enumerate(configs, 1):
        compute_curve(store, network, config, GRID)
        report(number / len(configs), "comparison of criteria")
    for seed in range(1, COMPARED_DRAWS):
        # Needed for the orders alone, and large beside them.
        store.remove(curvature_key(network, CurvatureConfig(seed=seed)))


def _weights(name: str) -> int:
    return sum(values.size for values in checkpoint_arrays(name).values() if values.ndim > 1)
