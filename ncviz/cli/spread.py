"""``ncviz spread``: how κ differs from draw to draw, and who is right where curvature and magnitude disagree."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click
import numpy as np
from rich import box
from rich.table import Table

from ncviz import tasks
from ncviz.cli.network import network_of
from ncviz.cli.options import (
    device_option,
    json_option,
    own_network_options,
    with_context,
    with_graph,
    with_options,
)
from ncviz.cli.output import console, print_json, progress
from ncviz.config import CurvatureConfig, GraphConfig
from ncviz.devices import resolve_device
from ncviz.errors import NcvizError
from ncviz.models.zoo import MODELS
from ncviz.tasks.curvature.spread import SPREAD_DRAWS, CurvatureSpread, SpreadRecord

_SHOWN = 5


@click.command()
@with_options(
    click.option("--model", help=f"Bundled network: {', '.join(MODELS)}."),
    *own_network_options,
    with_context,
    device_option,
    click.option(
        "--samples", default=1, show_default=True, help="Calibration images of each class and draw."
    ),
    click.option("--alpha", default=0.9, show_default=True, help="Idleness in [0, 1)."),
    click.option("--seed", default=0, show_default=True, help="Of the first draw; the others follow."),
    with_graph,
    click.option("--draws", default=SPREAD_DRAWS, show_default=True, help="Draws of the calibration images."),
    json_option,
)
def spread(
    context: tasks.Context,
    samples: int,
    alpha: float,
    seed: int,
    graph: GraphConfig,
    draws: int,
    as_json: bool,
    **named: Any,
) -> None:
    """Compute κ on several draws of calibration images, and remove one by one the weights it and |w| disagree on."""
    network = network_of(**named)
    if not network.dataset:
        raise NcvizError("Curvature is computed on images: name yours with --images.")
    task = CurvatureSpread(network, CurvatureConfig(alpha, samples, seed, **graph.options), draws)
    with progress("spread") as report:
        own = replace(context, device=resolve_device(context.device), progress=report)
        found = own.run(task).result
    rows = [
        {"held_important_by": name, **row}
        for name, row in (
            *(
                ("curvature", row)
                for row in _rows(network, found, found.by_curvature, found.change_by_curvature)
            ),
            *(
                ("magnitude", row)
                for row in _rows(network, found, found.by_magnitude, found.change_by_magnitude)
            ),
        )
    ]
    if as_json:
        known = found.spread.deviation[np.isfinite(found.spread.deviation)]
        print_json(
            {
                "model": network.name,
                "config": task.config.as_dict(),
                "draws": draws,
                "median_deviation": float(np.median(known)) if len(known) else None,
                "curvature_right": found.share,
                "images": found.meta["images"],
                "weights": rows,
            }
        )
        return
    table = Table("held important by", "weight", "w", "κ", "±", "change of loss alone", box=box.SIMPLE_HEAD)
    for name in ("curvature", "magnitude"):
        for row in [row for row in rows if row["held_important_by"] == name][:_SHOWN]:
            kappa = f"{row['mean']:.3f}"
            deviation = "" if row["deviation"] is None else f"{row['deviation']:.3f}"
            place = f"{row['layer']} {row['index']}"
            table.add_row(
                name, place, f"{row['weight']:.4f}", kappa, deviation, f"{row['change_of_loss']:+.2e}"
            )
    console.print(table)
    console.print(f"{network.title}: {' '.join(found.sentences())}", highlight=False)


def _rows(
    network: tasks.Network, found: SpreadRecord, chosen: np.ndarray, changes: np.ndarray
) -> list[dict[str, Any]]:
    """Return what is known of each of some weights, as plain JSON types."""
    rows = []
    places = found.places(chosen)
    for number, (layer, at), change in zip(chosen.tolist(), places, changes.tolist(), strict=True):
        rows.append(
            {
                "layer": layer,
                "index": at,
                "weight": float(network.arrays[layer].reshape(-1)[at]),
                "mean": float(found.spread.mean[number]),
                "deviation": _finite(found.spread.deviation[number]),
                "low": float(found.spread.low[number]),
                "high": float(found.spread.high[number]),
                "active_in": int(found.spread.active[number]),
                "change_of_loss": change,
            }
        )
    return rows


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
