"""``ncviz prune``: accuracy over sparsity in both orders, and the pruned checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.table import Table

from ncviz import tasks
from ncviz.cli.network import curvature_of
from ncviz.cli.options import FILE, network_options
from ncviz.cli.output import (
    console,
    print_json,
    progress,
    sharpness,
    tell_never_active,
    tell_part,
    tell_sharpness,
    write,
)
from ncviz.config import NEVER_ACTIVE_PLACES, ORDERS, REPAIRS, SCOPES, PruningConfig, check_share
from ncviz.errors import NcvizError
from ncviz.pruning.budgets import Budgets, most_of_all, shares_of
from ncviz.pruning.order import removed_for_sparsity, removed_for_threshold
from ncviz.tasks import CurvatureRecord
from ncviz.tasks.accuracy import measures, same_images_words
from ncviz.tasks.repair.network import repaired_arrays
from ncviz.text import percent, zero_words


@click.command()
@network_options
@click.option(
    "--criterion",
    default="curvature",
    show_default=True,
    help="curvature, curvature-lamp (ours), magnitude, lamp, wanda, ria, snip, fisher, woodfisher, grasp, synflow, "
    "mlp-rank, forman (Forman curvature), betweenness (of edges) or random.",
)
@click.option("--scope", default="global", show_default=True, help=f"One of {', '.join(SCOPES)}.")
@click.option("--order", help=f"Only this order: {' or '.join(ORDERS)}; by default both.")
@click.option(
    "--sparsity", multiple=True, type=float, help="Fraction to remove (repeatable); default: a whole curve."
)
@click.option(
    "--protect", multiple=True, help="Name of a weight that loses nothing, such as 0.weight (repeatable)."
)
@click.option(
    "--budget",
    "given",
    multiple=True,
    metavar="NAME=SHARE",
    help="Largest share of a weight that may go, such as 0.weight=0.3 (repeatable); `ncviz sensitivity` suggests some.",
)
@click.option(
    "--never-active",
    default=NEVER_ACTIVE_PLACES[0],
    show_default=True,
    help="Where weights go that are active on no calibration image, in orders by curvature: first (as in the paper), "
    "median (at that cost of their layer) or last.",
)
@click.option(
    "--repair",
    default=REPAIRS[0],
    show_default=True,
    help="What is done to what is kept, on 1,000 training images and without training: recalibrate (its statistics), "
    "fisher (update all kept weights at once) or layerwise (layer by layer).",
)
@click.option("--threshold", type=float, help="Remove every weight whose κ lies above it instead.")
@click.option(
    "--save",
    type=FILE,
    help="Write the pruned network: weights (.safetensors), or in the format that it came in (.onnx, .pt, .pt2).",
)
def prune(
    criterion: str,
    scope: str,
    order: str | None,
    sparsity: tuple[float, ...],
    protect: tuple[str, ...],
    given: tuple[str, ...],
    never_active: str,
    repair: str,
    threshold: float | None,
    save: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Measure accuracy over sparsity, redundant first and bottlenecks first; save a pruned checkpoint."""
    orders = (order,) if order else ORDERS
    PruningConfig(scope=scope, order=orders[0], never_active=never_active, repair=repair)
    if save is not None and ORDERS[0] not in orders:
        raise NcvizError(f"--save writes what is left with {ORDERS[0]} weights removed; leave --order out.")
    _check_prune(criterion, scope, sparsity, threshold, save, _endings(options["checkpoint"]))
    budgets = _budgets(given)
    if threshold is not None and (protect or budgets):
        raise NcvizError("--threshold cuts every layer at one κ; use --sparsity with --protect and --budget.")
    network, found = curvature_of(**options)
    record = found.result
    shares_of(list(record.weights), protect, budgets)
    _check_room(network, record, sparsity, protect, budgets)
    ranked = tasks.ranked_curvature(network, record, never_active)
    chosen: dict[str, tuple[float, ...] | None] = dict.fromkeys(orders, sparsity or None)
    if threshold is not None:
        own = [network.arrays[name] for name in ranked]
        for order in orders:
            removed = removed_for_threshold(list(ranked.values()), threshold, order, own)
            chosen[order] = (removed / record.total,)
    context: tasks.Context = options["context"]
    points: dict[str, list[dict[str, Any]]] = {}
    ways = [REPAIRS[0], *([repair] if repair != REPAIRS[0] else [])]
    with progress("accuracy") as report:
        whole, pieces = replace(context, progress=report), len(orders) * len(ways)
        for at, order in enumerate(orders):
            rows: list[dict[str, Any]] = []
            for number, way in enumerate(ways, at * len(ways)):
                part = whole.part(number / pieces, (number + 1) / pieces, "measuring accuracy")
                curve = tasks.measure_curve(
                    network, record, criterion, part, scope=scope, order=order, sparsities=chosen[order],
                    protected=protect, budgets=budgets, never_active=never_active, repair=way,
                )  # fmt: skip
                rows = rows or [
                    {"sparsity": float(s), "removed": int(r)}
                    for s, r in zip(curve.sparsity, curve.removed, strict=True)
                ]
                name = "accuracy" if way == REPAIRS[0] else "repaired"
                for row, value in zip(rows, curve.accuracy.tolist(), strict=True):
                    row[name] = value
            points[order] = rows
    measured = tasks.evaluator(network, context)
    if save is not None:
        by = tasks.ranks(
            network, criterion, record, context, scope, protected=protect, never_active=never_active,
            budgets=budgets,
        )  # fmt: skip
        removed = points["redundant"][0]["removed"]
        repaired = repaired_arrays(network, repair, by, removed, context)
        if save.suffix == ".safetensors":
            content = tasks.pruned_checkpoint(network, by, removed, record.shapes, repaired)
        else:
            content, _ = tasks.pruned_file(network, by, removed, record.shapes, repaired=repaired)
        write(save, content)
    facts = {
        "model": network.name,
        "criterion": criterion,
        "scope": scope,
        "protected": list(protect),
        **({"budgets": budgets} if budgets else {}),
        "never_active": {
            "share": record.never_active_count / max(1, record.total),
            "images": len(record.labels),
            "place": never_active,
        },
        "config": record.meta["config"],
        **sharpness(record),
        "calibrated_on": record.pool,
        **(
            {}
            if repair == REPAIRS[0]
            else {"repair": repair, "repaired_on": tasks.repair_words(network, context)}
        ),
        "images": measured.images,
        "weights": record.total,
        "zeros": tasks.zeros_in(network, record.weights),
        "baseline": measured.accuracy(),
        "measures": measures(network),
    }
    if as_json:
        print_json({**facts, "curves": points, "saved": str(save) if save else None})
        return
    _show(network, record, facts, points, context)


def _show(
    network: tasks.Network,
    record: CurvatureRecord,
    facts: Mapping[str, Any],
    points: Mapping[str, list[dict[str, Any]]],
    context: tasks.Context,
) -> None:
    """Print the curves, and what there is to say of them."""
    from ncviz.pruning.scores import find_score

    has_labels, zeros = facts["measures"] == "accuracy", facts["zeros"]
    word = "accuracy" if has_labels else "agreement"
    for order, rows in points.items():
        after = [f"after {facts['repair']}"] if "repair" in facts else []
        table = Table("removed", "weights", f"{word}, {order} first", *after)
        for row in rows:
            values = [f"{row[name]:.4f}" for name in ("accuracy", "repaired") if name in row]
            table.add_row(percent(row["sparsity"]), f"{row['removed']:,}", *values)
        console.print(table)
    if "repair" in facts:
        same = same_images_words(network, context)
        console.print(
            f"Repaired on {facts['repaired_on']}, without training. {same}".rstrip(), highlight=False
        )
    if has_labels:
        console.print(
            f"{network.title}: accuracy {facts['baseline']:.4f} whole, on {facts['images']:,} images."
        )
    else:
        console.print(
            f"{network.title}: on how many of {facts['images']:,} images it agrees with the whole network; "
            "accuracy needs labels.",
            highlight=False,
        )
    if zeros:
        console.print(
            f"{zero_words(zeros, record.total)}: they count as removed, and go first in either order.",
            highlight=False,
        )
    if find_score(facts["criterion"]).needs_curvature:
        tell_never_active(record, facts["never_active"]["place"])
        tell_sharpness(record)
    tell_part(record)


def _check_prune(
    criterion: str,
    scope: str,
    sparsity: tuple[float, ...],
    threshold: float | None,
    save: Path | None,
    endings: list[str],
) -> None:
    """Refuse what cannot work before anything is computed."""
    from ncviz.pruning.scores import find_score

    find_score(criterion)
    if threshold is not None:
        if sparsity or criterion != "curvature" or scope != "global":
            raise NcvizError(
                "--threshold is a value of κ: use it with --criterion curvature, --scope global, no --sparsity."
            )
        removed_for_threshold([np.empty(0)], threshold)
    for value in sparsity:
        removed_for_sparsity(value, 1)
    if save is not None and threshold is None and len(sparsity) != 1:
        raise NcvizError("--save needs to know how much to remove: give one --sparsity or a --threshold.")
    if save is not None and save.suffix not in endings:
        raise NcvizError(f"--save writes a {' or '.join(endings)} file, got '{save.name}'; end its name so.")


def _endings(checkpoint: Path | None) -> list[str]:
    """Return the endings of the files that a pruned network can be written to."""
    own = "" if checkpoint is None else checkpoint.suffix.replace(".pth", ".pt")
    return [".safetensors", *([own] if own in (".pt", ".onnx", ".pt2") else [])]


def _budgets(given: tuple[str, ...]) -> dict[str, float]:
    """Return name → largest share that may go, from such as "0.weight=0.3"."""
    found = {}
    for text in given:
        name, _, share = text.rpartition("=")
        try:
            value = float(share)
        except ValueError as error:
            raise NcvizError(
                f"--budget takes a weight's name and a share of it, such as 0.weight=0.3, got '{text}'."
            ) from error
        found[name] = check_share(name, value)
    return found


def _check_room(
    network: tasks.Network,
    record: CurvatureRecord,
    sparsity: tuple[float, ...],
    protected: tuple[str, ...],
    budgets: Budgets,
) -> None:
    sizes = {name: values.size for name, values in record.weights.items()}
    most = most_of_all(sizes, protected, budgets, network.zeros)
    held = (
        "--protect and --budget hold"
        if protected and budgets
        else f"{'--budget' if budgets else '--protect'} holds"
    )
    for value in sparsity:
        if removed_for_sparsity(value, record.total) > most:
            raise NcvizError(
                f"--sparsity {value:g} would reach into what {held}; remove at most {most / record.total:.4f}."
            )
