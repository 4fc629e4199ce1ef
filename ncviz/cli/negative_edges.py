"""``ncviz reproduce robustness``: negative edges of an image beside the smallest attack that fools a network."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from ncviz import tasks
from ncviz.cli.output import check_folder, console, print_json, progress, write
from ncviz.config import BATCHNORM, DEFAULT_ALPHA, SCALES
from ncviz.devices import resolve_device
from ncviz.errors import CancelledError, NcvizError
from ncviz.tasks.negative_edges.record import NegativeEdgesConfig, NegativeEdgesRecord
from ncviz.tasks.negative_edges.task import NegativeEdges

ROBUSTNESS = "robustness"
INTERRUPTED = 130
USUAL = "lenet-mnist-relu"
# Of the options of ``reproduce`` those that mean something here.
_OWN = ("networks", "seeds", "alphas", "batchnorms", "scales")


def reproduce_robustness(
    context: tasks.Context,
    out: Path | None,
    images: int | None,
    chosen: Mapping[str, Any],
    *,
    is_sample: bool,
    as_json: bool,
) -> None:
    """Measure each network's images, and write points.csv, report.md and the figures.

    Args:
        context: Where and how.
        out: Folder to write to; by default reproduce-robustness.
        images: How many images, None for the usual number.
        chosen: The other options of the command, by name.
        is_sample: Whether the bundled images will do.
        as_json: Whether to print JSON.

    Raises:
        NcvizError: In one sentence, whatever the user can mend.
    """
    for name, value in chosen.items():
        if value and name not in _OWN:
            option = name if name.startswith("-") else f"--{_SINGULAR.get(name, name)}"
            raise NcvizError(
                f"{option} means nothing to '{ROBUSTNESS}'; it takes --networks, --images, --seeds, --alpha, "
                "--batchnorm, --scale."
            )
    where = out or Path(f"reproduce-{ROBUSTNESS}")
    check_folder(where)
    from ncviz.studies.paper.robustness import write_robustness
    from ncviz.studies.paper.work import check_data

    todo = [
        NegativeEdges(
            network,
            NegativeEdgesConfig(
                NegativeEdgesConfig.images if images is None else images,
                seed,
                alpha=alpha,
                batchnorm=norm,
                scale=scale,
            ),
        )
        for network in [tasks.open_network(name) for name in chosen["networks"] or (USUAL,)]
        for alpha in chosen["alphas"] or (DEFAULT_ALPHA,)
        for norm in (network.has_batchnorm and chosen["batchnorms"]) or BATCHNORM[:1]
        for scale in chosen["scales"] or SCALES[:1]
        for seed in chosen["seeds"] or (0,)
    ]
    for dataset in dict.fromkeys(task.network.dataset for task in todo):
        check_data(dataset, context, is_sample)
    found: list[tuple[NegativeEdges, NegativeEdgesRecord]] = []
    own = replace(context, device=resolve_device(context.device))
    try:
        with progress(ROBUSTNESS) as report:
            for number, task in enumerate(todo):
                part = replace(own, progress=report).part(number / len(todo), (number + 1) / len(todo))
                found.append((task, part.run(task).result))
    except (KeyboardInterrupt, CancelledError):
        click.echo("Stopped. Images that were measured are kept; the same command goes on.", err=True)
        sys.exit(INTERRUPTED)
    for name, content in write_robustness(found).items():
        write(where / name, content)
    if as_json:
        print_json({"out": str(where), "networks": [_facts(task, record) for task, record in found]})
        return
    for task, record in found:
        console.print(f"{task.network.title}: {' '.join(record.sentences())}", highlight=False)
    console.print(f"report.md, points.csv and figures are in {where}.", highlight=False)


_SINGULAR = {"scopes": "scope", "orders": "order", "sparsities": "sparsity"}


def _facts(task: NegativeEdges, record: NegativeEdgesRecord) -> dict[str, Any]:
    share, count = record.correlation, record.correlation_of_number
    return {
        "network": task.network.name,
        "images": len(record.image),
        "not_fooled": record.not_fooled,
        "unproved_edges": int(record.unproved.sum()),
        "settings": task.config.as_dict(),
        "share": None if share is None else vars(share),
        "number": None if count is None else vars(count),
    }
