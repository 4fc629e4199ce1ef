"""``ncviz curvature``: the neural curvature of a network, layer by layer, and as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.table import Table
from safetensors.numpy import save

from ncviz import tasks
from ncviz.cli.network import curvature_of
from ncviz.cli.options import FILE, network_options
from ncviz.cli.output import (
    console,
    print_json,
    sharpness,
    tell_never_active,
    tell_part,
    tell_sharpness,
    write,
)
from ncviz.tasks import CurvatureRecord
from ncviz.text import zero_words
from ncviz.values import NEVER_ACTIVE


@click.command()
@network_options
@click.option(
    "--output",
    type=FILE,
    help="Write κ of every weight as .safetensors; 2 where never active. Where some are not exact, also the ends "
    "of their intervals, NAME.lower and NAME.upper.",
)
def curvature(output: Path | None, as_json: bool, **options: Any) -> None:
    """Compute the neural curvature of a network, or take it from the cache."""
    network, found = curvature_of(**options)
    record = found.result
    zeros = tasks.zeros_in(network, record.weights)
    if output is not None:
        write(output, save(dict(record.weights) | _ends_of(record)))
    layers = [_layer_summary(record, index) for index in range(len(record.places))]
    if as_json:
        facts = {name: value for name, value in record.meta.items() if name != "connections"}
        never = record.never_active_count / max(1, record.total)
        print_json(
            {
                **facts,
                **sharpness(record),
                "from_cache": found.is_stored,
                "never_active": never,
                "zeros": zeros,
                "layers": layers,
            }
        )
        return
    table = Table("layer")
    for name in ("weights", "edges", "κ < 0", "never active", "least κ", "median κ"):
        table.add_column(name, justify="right")
    for layer in layers:
        formats = {"negative": ".1%", "never_active": ".1%", "least": ".3f", "median": ".3f"}
        cells = ["–" if layer[name] is None else format(layer[name], form) for name, form in formats.items()]
        table.add_row(layer["name"], f"{layer['weights']:,}", f"{layer['edges']:,}", *cells)
    console.print(table)
    live, solved = (sum(layer["work"][part] for layer in layers) for part in ("live", "solved"))
    console.print(
        f"{record.number_of_edges:,} edges carry {record.total:,} weights. Of {live:,} live pairs of edge and image, "
        f"{solved:,} needed a simplex.",
        highlight=False,
    )
    if zeros:
        console.print(f"{zero_words(zeros, record.total)}, and count as removed.", highlight=False)
    tell_never_active(record)
    tell_part(record)
    tell_sharpness(record)
    source = "from the cache" if found.is_stored else "computed"
    console.print(f"{record.title}: {source}, {record.seconds} s on {record.device}.")


def _ends_of(record: CurvatureRecord) -> dict[str, np.ndarray]:
    """Return the ends of the intervals as a file names them; nothing where all is exact."""
    if record.intervals is None:
        return {}
    lower, upper = record.intervals.lower, record.intervals.upper
    return {f"{name}.lower": low for name, low in lower.items()} | {
        f"{name}.upper": up for name, up in upper.items()
    }


def _layer_summary(record: CurvatureRecord, index: int) -> dict[str, Any]:
    connection = record.meta["connections"][index]
    values = record.weights[connection["parameter"]].reshape(-1)
    never = record.never_active[connection["parameter"]].reshape(-1)
    if len(record.connections_of(connection["parameter"])) > 1:
        # The part of the weight that stands in this connection.
        part = record.edges[index].parameter
        values, never = values[part], never[part]
    known = values[~np.isnan(values)]
    active = known[known < NEVER_ACTIVE]
    return {
        **connection,
        "weights": int(values.size),
        "measured": int(known.size),
        "negative": float((known < 0).mean()) if known.size else None,
        "never_active": float(never.sum() / known.size) if known.size else None,
        "least": float(active.min()) if active.size else None,
        "median": float(np.median(active)) if active.size else None,
    }
