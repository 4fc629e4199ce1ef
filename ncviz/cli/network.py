"""From the options of a command to the network that it names and the curvature of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ncviz import pipeline
from ncviz.cli.output import progress
from ncviz.cli.scheduler import executor
from ncviz.config import CurvatureConfig
from ncviz.errors import NcvizError
from ncviz.records import CurvatureRecord


def curvature_of(
    model: str | None,
    checkpoint: Path | None,
    architecture: str | None,
    data_dir: str | None,
    device: str,
    samples: int,
    alpha: float,
    seed: int,
    scheduler: str | None,
) -> tuple[pipeline.Network, pipeline.Outcome[CurvatureRecord]]:
    """Return the network that the options name and its curvature, computed or from the cache.

    Raises:
        NcvizError: In one sentence, whatever the user can mend.
    """
    config = CurvatureConfig(alpha=alpha, samples_per_class=samples, seed=seed)
    if (model is None) == (checkpoint is None):
        raise NcvizError("Say which network: --model NAME, or --checkpoint FILE with --architecture NAME.")
    if checkpoint is None:
        network = pipeline.open_network(str(model))
    elif architecture is None:
        raise NcvizError(
            "A checkpoint holds weights only: say what it is a network of with --architecture NAME."
        )
    else:
        network = pipeline.open_checkpoint(checkpoint, architecture)
    from ncviz.devices import resolve_device

    where = resolve_device(device)
    with executor(scheduler) as cluster, progress("curvature") as report:
        elsewhere: dict[str, Any] = {} if cluster is None else {"executor": cluster}
        found = pipeline.compute_curvature(
            pipeline.open_store(),
            network,
            config,
            device=where,
            data_dir=data_dir,
            progress=report,
            **elsewhere,
        )
    if found.problem:
        click.echo(f"Note: the result could not be stored. {found.problem}", err=True)
    return network, found
