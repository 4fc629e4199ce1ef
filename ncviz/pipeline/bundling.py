"""The results that ship with ncviz."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ncviz.config import CurvatureConfig
from ncviz.models.network import open_network
from ncviz.models.zoo import MODELS
from ncviz.pipeline.curvature import compute_curvature
from ncviz.pipeline.results import BUNDLED, Progress
from ncviz.pipeline.sweeps import compute_sweep
from ncviz.pruning.order import SCOPES
from ncviz.store import Store

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

    for name in models:
        network = open_network(name)
        found = compute_curvature(store, network, CurvatureConfig(), progress=report).record
        done += 1
        for scope in SCOPES:
            compute_sweep(store, network, found, scope=scope, progress=report)
            done += 1
    return len(store.entries())
