"""``ncviz rankings``: other ways to rank by curvature than the paper's, and to read the graph, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from rich import box
from rich.table import Table

from ncviz import tasks
from ncviz.cli.network import network_of
from ncviz.cli.options import (
    checkpoint_options,
    device_option,
    image_settings_options,
    json_option,
    with_context,
    with_options,
)
from ncviz.cli.output import console, print_json, progress
from ncviz.config import BATCHNORM, ORDERS, SCALES, GraphConfig
from ncviz.devices import resolve_device
from ncviz.errors import NcvizError
from ncviz.pruning.variants import VARIANTS

if TYPE_CHECKING:
    from ncviz.studies.paper.ranking import RankingResult


@click.command()
@click.option("--model", help="Network of the zoo; by default lenet-mnist-relu.")
@with_options(
    *checkpoint_options,
    click.option(
        "--own-images",
        "images",
        type=click.Path(path_type=Path),
        help="Your own images, as --images elsewhere.",
    ),
    *image_settings_options,
)
@with_context
@device_option
@click.option("--samples", multiple=True, type=int, help="Calibration images of each class (repeatable).")
@click.option("--seeds", default=3, show_default=True, help="How many draws of calibration images.")
@click.option(
    "--measured-on",
    "count",
    default=10_000,
    show_default=True,
    help="Training images to measure on, at most.",
)
@click.option(
    "--ranking", "names", multiple=True, help=f"Only this ranking (repeatable): {', '.join(VARIANTS)}."
)
@click.option(
    "--scale", "scales", multiple=True, help=f"What weights are divided by (repeatable): {', '.join(SCALES)}."
)
@click.option(
    "--batchnorm",
    "norms",
    multiple=True,
    help=f"How a BatchNorm is read (repeatable): {', '.join(BATCHNORM)}.",
)
@click.option(
    "--link-length",
    "link",
    default=1.0,
    show_default=True,
    help="How long skips and poolings are beside 1/|w|; 1 by the definition.",
)
@click.option(
    "--order", default=ORDERS[0], show_default=True, help=f"Which end goes first: {', '.join(ORDERS)}."
)
@click.option(
    "--one-by-one",
    default=0,
    metavar="WEIGHTS",
    help="Remove so many single weights instead, and correlate what was said of each with the change of the loss; "
    "not stored, and for one number of samples.",
)
@json_option
def rankings(
    context: tasks.Context,
    samples: tuple[int, ...],
    seeds: int,
    count: int,
    names: tuple[str, ...],
    scales: tuple[str, ...],
    norms: tuple[str, ...],
    link: float,
    order: str,
    one_by_one: int,
    as_json: bool,
    **named: Any,
) -> None:
    """Measure other rankings by curvature on training images, the test images left alone.

    Curves are stored as they come; what --one-by-one finds is not.
    """
    if named["model"] is None and named["checkpoint"] is None:
        named["model"] = "lenet-mnist-relu"
    network = network_of(**named)
    if not network.dataset:
        raise NcvizError(
            "Rankings are measured on images: name yours with --own-images (a zip, a folder, .npz or .npy)."
        )
    graphs = [GraphConfig(*each) for each in product(norms or BATCHNORM[:1], scales or SCALES[:1])]
    context = replace(context, device=resolve_device(context.device))
    draws = range(1, seeds + 1)
    if one_by_one:
        if link != 1.0:
            raise NcvizError("--link-length is for rankings; leave it out with --one-by-one.")
        if len(samples) > 1:
            raise NcvizError(
                f"--one-by-one takes one number of --samples, got {len(samples)}; run it for each."
            )
        wanted = {"samples": (samples or (5,))[0], "seeds": draws, "images": count, "weights": one_by_one}
        _show_one_by_one(network, context, graphs, wanted, as_json)
        return
    from ncviz.studies.paper.ranking import study_rankings

    found = [
        study_rankings(
            network, own, samples=samples or (1, 2, 5, 10), seeds=draws, images=count, graph=graph, names=names,
            order=order, link=link,
        )
        for graph, own in _in_turn(context, graphs)
    ]  # fmt: skip
    if as_json:
        print_json(
            {
                "model": network.name, "images": found[0].images, "sparsities": list(found[0].sparsities),
                "curves": list(_curves(graphs, found)),
            }
        )  # fmt: skip
        return
    first = found[0]
    table = Table(
        "ranking", "n", *(f"{100 * value:g}%" for value in first.sparsities[1:]), box=box.SIMPLE_HEAD
    )
    table.padding, table.pad_edge = (0, 1, 0, 0), False
    for each in _curves(graphs, found):
        # The accuracy in thousandths, so that all of it fits into a terminal.
        cells = [f"{1000 * value:.0f}" for value in each["mean"][1:]]
        table.add_row(
            " ".join([each["ranking"], *each["graph"].values()]), str(each["samples_per_class"] or ""), *cells
        )
        if seeds > 1 and each["samples_per_class"]:
            table.add_row("±", "", *(f"{1000 * value:.0f}" for value in each["deviation"][1:]), style="dim")
    console.print(table)
    console.print("Accuracy in thousandths by fraction removed; n: calibration images of each class.")
    for name in names or VARIANTS:
        console.print(f"{name}: {VARIANTS[name].title}", highlight=False)
    console.print(
        f"{network.title}: accuracy {first.whole:.4f} whole, on {first.images:,} training images; means and standard "
        f"deviations over {seeds} draws of calibration images."
    )


def _curves(graphs: Sequence[GraphConfig], found: Sequence[RankingResult]) -> Iterator[dict[str, Any]]:
    """Return every curve with how its graph was read; those that look at no graph once."""
    for at, (graph, result) in enumerate(zip(graphs, found, strict=True)):
        for (name, count), values in result.accuracy.items():
            if count or not at:
                yield {
                    "ranking": name,
                    "graph": graph.unusual() if count else {},
                    "samples_per_class": count,
                    "accuracy": values.tolist(),
                    "mean": values.mean(axis=0).tolist(),
                    "deviation": values.std(axis=0, ddof=1).tolist() if len(values) > 1 else None,
                }


def _in_turn(
    context: tasks.Context, graphs: Sequence[GraphConfig]
) -> Iterator[tuple[GraphConfig, tasks.Context]]:
    """Return each way to read the graph with its share of the progress."""
    for at, graph in enumerate(graphs):
        with progress("rankings") as report:
            yield graph, replace(context, progress=report).part(at / len(graphs), (at + 1) / len(graphs))


def _show_one_by_one(
    network: tasks.Network,
    context: tasks.Context,
    graphs: Sequence[GraphConfig],
    wanted: Mapping[str, Any],
    as_json: bool,
) -> None:
    """Remove single weights, and show what each predictor had said of them."""
    from ncviz.studies.paper.equal_size import AMONG, PREDICTORS, study_equal_size

    rows: list[dict[str, Any]] = []
    for graph, own in _in_turn(context, graphs):
        found = study_equal_size(network, own, graph=graph, **wanted)
        for name in PREDICTORS:
            # What is no curvature does not depend on the graph.
            if graph == graphs[0] or name in ("curvature", "transport"):
                values = {among: found.correlation[name, among].tolist() for among in AMONG}
                rows.append({"predictor": name, "graph": graph.unusual(), **values})
    if as_json:
        print_json({"model": network.name, "weights": found.weights, "images": found.images, "rows": rows})
        return
    table = Table("", *(f"in one {among}" for among in AMONG), box=box.SIMPLE_HEAD)
    for row in rows:
        each = [np.array(row[among]) for among in AMONG]
        deviation = [f" ± {values.std(ddof=1):.2f}" if len(values) > 1 else "" for values in each]
        cells = [f"{values.mean():.2f}{spread}" for values, spread in zip(each, deviation, strict=True)]
        table.add_row(", ".join([PREDICTORS[row["predictor"]], *row["graph"].values()]), *cells)
    console.print(table)
    console.print(
        f"{network.title}: Spearman's ρ with the change of the loss on {found.images:,} training images when one "
        f"weight alone is removed, {found.weights} weights for each draw; in one size: of a layer and about one size."
    )
