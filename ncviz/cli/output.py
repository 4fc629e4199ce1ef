"""What every command writes with: the two consoles, the progress bar, JSON, and files."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from ncviz.config import SCALES
from ncviz.errors import NcvizError
from ncviz.tasks import CurvatureRecord
from ncviz.text import never_active_words

console = Console()
errors = Console(stderr=True)


@contextmanager
def progress(label: str) -> Iterator[Callable[[float, str], None]]:
    """Lend a function that draws the fraction done, with a message, where there is a terminal to see it."""
    if not errors.is_terminal:
        yield lambda fraction, message: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True) as bar:
        task = bar.add_task(label, total=1.0)
        yield lambda fraction, message: bar.update(task, completed=fraction, description=message or label)


def tell_graph(batchnorm: str, scale: str) -> None:
    """Say how a network's BatchNorm was read, if it has one, and what its weights were divided by, if by anything."""
    if scale != SCALES[0]:
        told = {"fan-in": "one of its units", "channel-fan-in": "a unit of its channel"}
        console.print(
            f"Scale: {scale} (in the graph each weight is divided by what its layer brings into {told[scale]}).",
            highlight=False,
        )
    if batchnorm:
        told = {"own": "joins nothing and weighs nothing", "folded": "multiplied into the weights before it"}
        console.print(f"BatchNorm: {batchnorm} ({told[batchnorm]}).", highlight=False)


def tell_part(record: CurvatureRecord) -> None:
    """Say how a curvature reads the network, and on what part of the network it rests unless it is the whole."""
    config = record.config
    tell_graph(record.batchnorm, record.scale)
    if config.is_whole:
        return
    parts = [f"{len(config.layers)} layers chosen"] if config.layers else []
    if config.channels:
        parts.append(
            f"at most {config.channels} channels of each hidden layer, drawn with seed {config.seed}: not exact"
        )
    console.print(
        f"Of a part alone: {', '.join(parts)}. Computed for {record.measured:,} of {record.total:,} weights.",
        highlight=False,
    )


def tell_never_active(record: CurvatureRecord, place: str = "") -> None:
    """Say which share of the weights is never active on the calibration images, and where they go in the order."""
    where = {
        "": "",
        "first": "; they go before all redundant ones",
        "median": "; they go where the median cost of their layer puts them",
        "last": "; they go after all others",
    }[place]
    share = record.never_active_count / max(1, record.total)
    console.print(f"{never_active_words(share, len(record.labels))}{where}.", highlight=False)


def tell_sharpness(record: CurvatureRecord) -> None:
    """Say how sharp a curvature is that is not exact, and that it goes by the middles of its intervals."""
    if record.intervals is not None:
        console.print(record.intervals.sentence(), highlight=False)


def sharpness(record: CurvatureRecord) -> dict[str, float]:
    """Return the same for JSON: how much is exact, and half the median width of the other intervals."""
    return {"exact_share": 1.0} if record.intervals is None else record.intervals.facts()


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    # Imported here because it brings torch along, which a stored result does without.
    from ncviz.models.saving import write_atomically

    write_atomically(path, content)


def check_folder(path: Path) -> None:
    """Refuse a folder that cannot be made or written, without making it."""
    there = next(parent for parent in (path.absolute(), *path.absolute().parents) if parent.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise NcvizError(f"Nothing can be written in {path}; name a folder that can.")
