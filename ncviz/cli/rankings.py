"""``ncviz rankings``: other ways to rank by curvature than the paper's, side by side."""

from __future__ import annotations

from dataclasses import replace

import click
from rich import box
from rich.table import Table

from ncviz import tasks
from ncviz.cli.options import device_option, json_option, with_context
from ncviz.cli.output import console, print_json, progress
from ncviz.devices import resolve_device
from ncviz.pruning.variants import VARIANTS


@click.command()
@click.option("--model", default="lenet-mnist-relu", show_default=True, help="Network of the zoo.")
@with_context
@device_option
@click.option("--samples", multiple=True, type=int, help="Calibration images of each class (repeatable).")
@click.option("--seeds", default=3, show_default=True, help="How many draws of calibration images.")
@click.option("--images", default=10_000, show_default=True, help="Training images to measure on.")
@json_option
def rankings(
    context: tasks.Context, model: str, samples: tuple[int, ...], seeds: int, images: int, as_json: bool
) -> None:
    """Measure other rankings by curvature on training images, the test images left alone; stored as they come."""
    from ncviz.studies.paper.ranking import study_rankings

    network = tasks.open_network(model)
    with progress("rankings") as report:
        own = replace(context, device=resolve_device(context.device), progress=report)
        counts = samples or (1, 2, 5, 10)
        found = study_rankings(network, own, samples=counts, seeds=range(1, seeds + 1), images=images)
    if as_json:
        curves = [
            {"ranking": name, "samples_per_class": count, "accuracy": values.tolist()}
            for (name, count), values in found.accuracy.items()
        ]
        facts = {"model": model, "images": found.images, "sparsities": list(found.sparsities)}
        print_json({**facts, "curves": curves})
        return
    table = Table("ranking", "n", *(f"{value:.0%}" for value in found.sparsities[1:]), box=box.SIMPLE_HEAD)
    table.padding, table.pad_edge = (0, 1, 0, 0), False
    for (name, count), values in found.accuracy.items():
        # The accuracy in thousandths, so that all of it fits into a terminal.
        table.add_row(name, str(count or ""), *(f"{1000 * value:.0f}" for value in values.mean(axis=0)[1:]))
    console.print(table)
    console.print("Accuracy in thousandths by fraction removed; n: calibration images of each class.")
    for name, variant in VARIANTS.items():
        console.print(f"{name}: {variant.title}", highlight=False)
    console.print(
        f"{network.title}: accuracy {found.whole:.4f} whole, on {found.images:,} training images; "
        f"means over {seeds} draws of calibration images."
    )
