"""The predecessor's finding, again: the report of negative edges beside robustness, for each network."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from ncviz.plots.negative_edges import negative_edges_figure
from ncviz.spreadsheet import rows_csv
from ncviz.studies.paper import figures
from ncviz.tasks.negative_edges.record import NegativeEdgesRecord
from ncviz.tasks.negative_edges.task import NegativeEdges

CLAIM = (
    "“such edges indeed occur more frequently for inputs where NNs are less robust” (Tan, Sia, Bogdan, Ivanov, "
    "*Analyzing Neural Network Robustness Using Graph Curvature*, arXiv 2410.19607, abstract)"
)
_COLUMNS = (
    "network", "alpha", "seed", "batchnorm", "scale", "image", "class", "negative_edges", "live_edges",
    "unproved_edges", "negative_share", "smallest_radius", "is_fooled",
)  # fmt: skip


def write_robustness(found: Sequence[tuple[NegativeEdges, NegativeEdgesRecord]]) -> dict[str, bytes]:
    """Return the files of the report: report.md, points.csv and a figure for each network, with plotly's script.

    Args:
        found: What was measured.
    """
    files, parts = (
        {"points.csv": _points(found)},
        ["# Negative edges beside robustness", f"The claim: {CLAIM}."],
    )
    for task, record in found:
        config, network = task.config, task.network
        unusual = config.calibration.graph.unusual(has_batchnorm=network.has_batchnorm)
        name = "-".join([network.name, str(config.seed), f"{config.alpha:g}", *unusual.values()]) + ".html"
        title = f"{network.title}: {record.headline}"
        files[f"figures/{name}"] = _page(record, title).encode()
        settings = ", ".join(
            [
                f"α {config.alpha:g}, seed {config.seed}",
                *(f"{what} {value}" for what, value in unusual.items()),
            ]
        )
        parts += [
            f"## {network.title}, {settings}",
            " ".join(record.sentences()),
            f"[Figure](figures/{name})",
        ]
    files["figures/plotly.min.js"] = figures.script()
    files["report.md"] = ("\n\n".join(parts) + "\n").encode()
    return files


def _points(found: Sequence[tuple[NegativeEdges, NegativeEdgesRecord]]) -> bytes:
    rows = []
    for task, record in found:
        config = task.config
        norm = config.batchnorm if task.network.has_batchnorm else ""
        about = task.network.name, config.alpha, config.seed, norm, config.scale
        for at in np.flatnonzero(record.known).tolist():
            counts = (
                int(values[at])
                for values in (record.image, record.label, record.negative, record.live, record.unproved)
            )
            share, radius = float(record.share[at]), float(record.radius[at])
            rows.append([*about, *counts, f"{share:.6f}", f"{radius:.6f}", bool(record.is_fooled[at])])
    return rows_csv(_COLUMNS, rows).encode()


def _page(record: NegativeEdgesRecord, title: str) -> str:
    known = record.known
    names = [f"image {record.image[at]}, class {record.label[at]}" for at in np.flatnonzero(known)]
    figure = negative_edges_figure(
        record.share[known], record.radius[known], record.is_fooled[known], names, title, "light"
    )
    config = {"displaylogo": False, "responsive": True}
    page: str = figure.to_html(include_plotlyjs="directory", div_id="figure", config=config)
    return page.replace("<head>", f"<head><title>{escape(title)}</title>", 1)
