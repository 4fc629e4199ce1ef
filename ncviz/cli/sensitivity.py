"""``ncviz sensitivity``: what it costs when one layer alone loses weights, and how much each may lose by that."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click
from rich import box
from rich.table import Table

from ncviz import tasks
from ncviz.cli.network import network_of
from ncviz.cli.options import (
    device_option,
    json_option,
    own_network_options,
    part_options,
    with_context,
    with_graph,
    with_options,
)
from ncviz.cli.output import console, print_json, progress
from ncviz.config import GraphConfig, PruningConfig
from ncviz.devices import resolve_device
from ncviz.errors import NcvizError
from ncviz.models.zoo import MODELS
from ncviz.pruning.order import removed_for_sparsity
from ncviz.tasks.accuracy import measures, same_images_words
from ncviz.tasks.sensitivity import SENSITIVITY_IMAGES, Sensitivity
from ncviz.text import percent, plural

# How the weights are ranked, and what is asked of the layers.
_OWN = (
    click.option("--criterion", default="magnitude", show_default=True, help="Any that prune takes."),
    click.option("--samples", default=1, show_default=True, help="Calibration images of each class."),
    click.option("--alpha", default=0.9, show_default=True, help="Idleness in [0, 1)."),
    click.option("--seed", default=0, show_default=True, help="0: the first images; else a random draw."),
    *part_options,
    with_graph,
    click.option(
        "--measured-on",
        default=SENSITIVITY_IMAGES,
        show_default=True,
        help="Training images to measure on, at most.",
    ),
    click.option(
        "--points", default=1.0, show_default=True, help="Points of accuracy that one layer alone may cost."
    ),
    click.option(
        "--sparsity",
        default=0.8,
        show_default=True,
        help="Fraction of all weights to suggest protection for.",
    ),
)


@click.command()
@with_options(
    click.option("--model", help=f"Bundled network: {', '.join(MODELS)}."),
    *own_network_options,
    with_context,
    device_option,
    *_OWN,
    json_option,
)
def sensitivity(
    context: tasks.Context,
    criterion: str,
    samples: int,
    alpha: float,
    seed: int,
    layers: tuple[str, ...],
    channels: int,
    graph: GraphConfig,
    measured_on: int,
    points: float,
    sparsity: float,
    as_json: bool,
    **named: Any,
) -> None:
    """Measure each layer alone losing 10 … 90 % of its weights, on training images, and suggest what to protect."""
    from ncviz.pruning.scores import find_score

    find_score(criterion)
    removed_for_sparsity(sparsity, 1)
    if not 0 <= points <= 100:
        raise NcvizError(f"--points must be a number from 0 to 100, got {points:g}.")
    network = network_of(**named)
    if not network.dataset:
        raise NcvizError("Sensitivity is measured on images: name yours with --images.")
    config = PruningConfig(criterion, samples, seed, alpha, layers=layers, channels=channels, **graph.options)
    with progress("sensitivity") as report:
        own = replace(context, device=resolve_device(context.device), progress=report)
        found = own.run(Sensitivity(network, config, measured_on)).result
    budget, suggested = found.budget(points), found.suggest_protected(points, sparsity)
    cost, shares = found.suggest_budgets(points, sparsity)
    if as_json:
        each = zip(found.layers, found.sizes, budget, found.accuracy, strict=True)
        print_json(
            {
                "model": network.name,
                "pruning": config.as_dict(),
                "measured_on": found.images,
                "baseline": found.baseline,
                "fractions": found.fractions.tolist(),
                "points": points,
                "layers": [
                    {"name": name, "weights": int(size), "budget": float(own), "accuracy": line.tolist()}
                    for name, size, own, line in each
                ],
                "sparsity": sparsity,
                "suggested_protected": list(suggested),
                "suggested_budgets": shares,
                "suggested_at": cost if shares else None,
            }
        )
        return
    table = Table("layer", "budget", *(percent(value) for value in found.fractions), box=box.SIMPLE_HEAD)
    table.padding, table.pad_edge = (0, 1, 0, 0), False
    for name, own_budget, line in zip(found.layers, budget, found.lost, strict=True):
        table.add_row(name, percent(own_budget), *(f"{value:.1f}" for value in line))
    console.print(table)
    console.print(
        f"{network.title}: points of {measures(network)} lost of {found.baseline:.1%} when one layer "
        "alone loses a share of its weights, "
        f"{criterion} order, on {found.images:,} training images; budget at {plural(points, 'point')}. "
        + same_images_words(network, context),
        highlight=False,
    )
    protect = " ".join(f"--protect {name}" for name in suggested) or "no layer"
    console.print(f"To protect at {percent(sparsity)} removed: {protect}.", highlight=False)
    if not shares:
        console.print(
            f"Budgets of at most {percent(found.fractions[-1])}, as far as is measured, do not leave "
            f"{percent(sparsity)} to remove.",
            highlight=False,
        )
        return
    given = " ".join(f"--budget {name}={share:g}" for name, share in shares.items())
    console.print(
        f"Or budgets at {plural(round(cost, 1), 'point')}, which leave that much: {given}.", highlight=False
    )
