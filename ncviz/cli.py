"""The command line: the same straight line as the pages, for scripts and for machines without a browser."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from safetensors.numpy import save

from ncviz import pipeline
from ncviz.config import CurvatureConfig
from ncviz.errors import CancelledError, NcvizError
from ncviz.models.zoo import MODELS, find_model
from ncviz.pruning.order import ORDERS, SCOPES, removed_for_sparsity, removed_for_threshold
from ncviz.records import CurvatureRecord
from ncviz.store import StoreWarning

if TYPE_CHECKING:
    from ncviz.pruning.curve import Evaluator

BAD_INPUT = 2
INTERRUPTED = 130

Command = Callable[..., Any]
_console = Console()
_errors = Console(stderr=True)


def main() -> None:
    """Run the command line; exit with 2 and one sentence on bad input, with 130 when interrupted."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", StoreWarning)
            warnings.showwarning = _show_warning
            sys.exit(cli(standalone_mode=False) or 0)
    except NcvizError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(BAD_INPUT)
    except click.ClickException as error:
        error.show()
        sys.exit(BAD_INPUT)
    except (CancelledError, KeyboardInterrupt, click.Abort):
        click.echo("Interrupted; nothing was changed.", err=True)
        sys.exit(INTERRUPTED)


def _show_warning(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    click.echo(f"Note: {message}", err=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """See how information flows through a neural network, and prune it by what you see."""


def _network_options(command: Command) -> Command:
    for option in (
        click.option("--model", help=f"Bundled network: {', '.join(MODELS)}."),
        click.option(
            "--checkpoint",
            type=click.Path(path_type=Path),
            help="Your own weights (.pt, .pth, .safetensors).",
        ),
        click.option("--architecture", help="What the checkpoint is a network of."),
        click.option(
            "--data-dir", help="Folder of the full data set; default: NCVIZ_DATA, else the bundled sample."
        ),
        click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:N or mps."),
        click.option("--samples", default=1, show_default=True, help="Calibration images of each class."),
        click.option("--alpha", default=0.9, show_default=True, help="Idleness in [0, 1)."),
        click.option("--seed", default=0, show_default=True, help="0: the first images; else a random draw."),
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
    ):
        command = option(command)
    return command


@cli.command()
@_network_options
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write κ of every weight as .safetensors.",
)
def curvature(output: Path | None, as_json: bool, **options: Any) -> None:
    """Compute the neural curvature of a network, or take it from the cache."""
    _, found = _curvature(**options)
    record = found.record
    if output is not None:
        _write(output, save(dict(record.weights)))
    layers = [_layer_summary(record, index) for index in range(len(record.edges))]
    if as_json:
        _print_json({**record.meta, "from_cache": found.is_stored, "layers": layers})
        return
    table = Table("layer", "weights", "edges", "negative", "never active", "least κ", "median κ")
    for layer in layers:
        table.add_row(
            layer["name"], f"{layer['weights']:,}", f"{layer['edges']:,}", f"{layer['negative']:.1%}",
            f"{layer['never_active']:.1%}", f"{layer['least']:.3f}", f"{layer['median']:.3f}",
        )  # fmt: skip
    _console.print(table)
    source = "from the cache" if found.is_stored else "computed"
    _console.print(
        f"{record.meta['title']}: {source}, {record.meta['seconds']} s on {record.meta['device']}."
    )


@cli.command()
@_network_options
@click.option(
    "--criterion", default="curvature", show_default=True, help=f"One of {', '.join(pipeline.CRITERIA)}."
)
@click.option("--scope", default="global", show_default=True, help=f"One of {', '.join(SCOPES)}.")
@click.option(
    "--sparsity", multiple=True, type=float, help="Fraction to remove (repeatable); default: a whole curve."
)
@click.option("--threshold", type=float, help="Remove every weight whose κ lies above it instead.")
@click.option(
    "--save",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the pruned checkpoint (.safetensors).",
)
def prune(
    criterion: str,
    scope: str,
    sparsity: tuple[float, ...],
    threshold: float | None,
    save: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Measure accuracy over sparsity, redundant first and bottlenecks first; save a pruned checkpoint."""
    _check_prune(criterion, scope, sparsity, threshold, save)
    network, found = _curvature(**options)
    record = found.record
    total = sum(values.size for values in record.weights.values())
    chosen = {order: _fractions(record, sparsity, threshold, order) for order in ORDERS}
    measured = pipeline.evaluator(network, options["device"], options["data_dir"])
    points = _measure(measured, network, record, criterion, scope, chosen)
    if save is not None:
        by = pipeline.ranks(network, criterion, record, scope)
        removed = points["redundant"][0]["removed"]
        _write(save, pipeline.pruned_checkpoint(network, by, removed, record.shapes))
    facts = {
        "model": network.name,
        "criterion": criterion,
        "scope": scope,
        "config": record.meta["config"],
        "calibrated_on": record.meta["pool"],
        "images": measured.images,
        "weights": total,
        "baseline": measured.accuracy(),
    }
    if as_json:
        _print_json({**facts, "curves": points, "saved": str(save) if save else None})
        return
    for order, rows in points.items():
        table = Table("removed", "weights", f"accuracy, {order} first")
        for row in rows:
            table.add_row(f"{row['sparsity']:.1%}", f"{row['removed']:,}", f"{row['accuracy']:.4f}")
        _console.print(table)
    _console.print(f"{network.title}: accuracy {facts['baseline']:.4f} whole, on {measured.images:,} images.")


def _check_prune(
    criterion: str, scope: str, sparsity: tuple[float, ...], threshold: float | None, save: Path | None
) -> None:
    """Refuse what cannot work before anything is computed."""
    if criterion not in pipeline.CRITERIA:
        raise NcvizError(
            f"There is no criterion '{criterion}'; choose one of: {', '.join(pipeline.CRITERIA)}."
        )
    if scope not in SCOPES:
        raise NcvizError(f"There is no scope '{scope}'; choose one of: {', '.join(SCOPES)}.")
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
    if save is not None and save.suffix != ".safetensors":
        raise NcvizError(f"--save writes a .safetensors file, got '{save.name}'; end its name so.")


def _fractions(
    record: CurvatureRecord, sparsity: tuple[float, ...], threshold: float | None, order: str
) -> tuple[float, ...] | None:
    """Return the fractions to remove in one order, None meaning the standard curve."""
    if threshold is None:
        return sparsity or None
    values = list(record.weights.values())
    return (removed_for_threshold(values, threshold, order) / sum(part.size for part in values),)


def _measure(
    measured: Evaluator,
    network: pipeline.Network,
    record: CurvatureRecord,
    criterion: str,
    scope: str,
    chosen: dict[str, tuple[float, ...] | None],
) -> dict[str, list[dict[str, Any]]]:
    points = {}
    with _progress("accuracy") as report:
        for index, order in enumerate(ORDERS):

            def part(fraction: float, index: int = index) -> None:
                report((index + fraction) / len(ORDERS), "measuring accuracy")

            curve = pipeline.measure_curve(
                measured,
                network,
                record,
                criterion,
                scope=scope,
                order=order,
                sparsities=chosen[order],
                progress=part,
            )
            points[order] = [
                {"sparsity": float(s), "removed": int(r), "accuracy": float(a)}
                for s, r, a in zip(curve.sparsity, curve.removed, curve.accuracy, strict=True)
            ]
    return points


@cli.command()
@click.argument("model")
@click.option("--data-dir", help="Folder of the full data set; default: NCVIZ_DATA, else the bundled sample.")
@click.option("--epochs", type=int, help="Default: the model's own recipe.")
@click.option("--learning-rate", type=float, help="Largest of the cycle; default: the model's own recipe.")
@click.option("--seed", default=0, show_default=True)
@click.option("--device", default="cpu", show_default=True)
@click.option(
    "--out-dir", type=click.Path(path_type=Path, file_okay=False), required=True, help="Where to write."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def train(
    model: str,
    data_dir: str | None,
    epochs: int | None,
    learning_rate: float | None,
    seed: int,
    device: str,
    out_dir: Path,
    as_json: bool,
) -> None:
    """Train a network of the zoo and write its checkpoint and card."""
    from ncviz.devices import resolve_device
    from ncviz.models.training import train_zoo_model

    where = resolve_device(device)
    find_model(model)
    _check_folder(out_dir)
    with _progress("training") as report:
        result = train_zoo_model(
            model, data_dir, epochs, seed, out_dir, progress=report, device=where, learning_rate=learning_rate
        )
    facts = {"model": model, "test_accuracy": result.test_accuracy, "seconds": round(result.seconds, 1)}
    if as_json:
        history = [vars(epoch) for epoch in result.history]
        _print_json({**facts, "settings": vars(result.settings), "history": history, "out_dir": str(out_dir)})
    else:
        _console.print(
            f"{model}: test accuracy {result.test_accuracy:.4f} after {facts['seconds']} s, in {out_dir}."
        )


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def devices(as_json: bool) -> None:
    """List the devices that can compute."""
    from ncviz.devices import available_devices

    found = available_devices()
    if as_json:
        _print_json([vars(device) for device in found])
    else:
        for device in found:
            _console.print(str(device), highlight=False)


@cli.group()
def cache() -> None:
    """See and clear the stored results."""


@cache.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def cache_list(as_json: bool) -> None:
    """List what is stored, latest first."""
    store = pipeline.open_store()
    entries = store.entries()
    if as_json:
        _print_json([vars(entry) for entry in entries])
        return
    table = Table("key", "what", "model", "size", "last used")
    for entry in entries:
        used = datetime.fromtimestamp(entry.last_used).strftime("%Y-%m-%d %H:%M")
        table.add_row(
            entry.key[:12], entry.kind, str(entry.meta.get("title", "")), f"{entry.bytes / 1e6:.1f} MB", used
        )
    _console.print(table)
    _console.print(f"{len(entries)} results, {store.size() / 1e6:.1f} MB, in {store.where}", highlight=False)


@cache.command("clear")
@click.option("--key", help="Only the result whose key starts like this.")
def cache_clear(key: str | None) -> None:
    """Remove stored results; those that ship with ncviz stay."""
    store = pipeline.open_store()
    if key is None:
        files, size = store.clear()
        _console.print(f"Removed {files} results, {size / 1e6:.1f} MB.")
        return
    matching = [entry.key for entry in store.entries() if entry.key.startswith(key)]
    if len(matching) != 1:
        raise NcvizError(f"{len(matching)} stored results have a key that starts with '{key}'; expected one.")
    store.remove(matching[0])
    _console.print("Removed 1 result.")


@cli.command(hidden=True)
def bundle() -> None:
    """Compute the results that ship with ncviz again, from the bundled networks and images."""
    with _progress("bundling") as report:
        count = pipeline.bundle(progress=report)
    _console.print(f"{count} results in {pipeline.BUNDLED}", highlight=False)


def _curvature(
    model: str | None,
    checkpoint: Path | None,
    architecture: str | None,
    data_dir: str | None,
    device: str,
    samples: int,
    alpha: float,
    seed: int,
) -> tuple[pipeline.Network, pipeline.Outcome[CurvatureRecord]]:
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
    with _progress("curvature") as report:
        found = pipeline.compute_curvature(
            pipeline.open_store(), network, config, device=where, data_dir=data_dir, progress=report
        )
    if found.problem:
        click.echo(f"Note: the result could not be stored. {found.problem}", err=True)
    return network, found


def _layer_summary(record: CurvatureRecord, index: int) -> dict[str, Any]:
    connection = record.meta["connections"][index]
    values = record.weights[connection["parameter"]]
    active = values[values < 2]
    return {
        "name": connection["name"],
        "weights": int(values.size),
        "edges": len(record.edges[index].source),
        "negative": float((values < 0).mean()),
        "never_active": float((values == 2).mean()),
        "dead_share": record.meta["dead_share"][index],
        "least": float(values.min()),
        "median": float(np.median(active)) if active.size else 2.0,
    }


@contextmanager
def _progress(label: str) -> Iterator[Callable[[float, str], None]]:
    if not _errors.is_terminal:
        yield lambda fraction, message: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=_errors, transient=True) as bar:
        task = bar.add_task(label, total=1.0)
        yield lambda fraction, message: bar.update(task, completed=fraction, description=message or label)


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    # Imported here because it brings torch along, which a stored result does without.
    from ncviz.models.saving import write_file

    write_file(path, content)


def _check_folder(path: Path) -> None:
    """Refuse a folder that cannot be made or written, without making it."""
    there = next(parent for parent in (path.absolute(), *path.absolute().parents) if parent.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise NcvizError(f"Nothing can be written in {path}; name a folder that can.")


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))
