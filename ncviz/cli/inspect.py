"""``ncviz inspect``: what was read of a network, what cannot be read, and what its curvature will take."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from ncviz import tasks
from ncviz.cli.network import network_of, resized
from ncviz.cli.options import (
    data_dir_option,
    json_option,
    own_network_options,
    part_options,
    with_graph,
    with_options,
)
from ncviz.cli.output import console, print_json, progress, tell_graph
from ncviz.config import CurvatureConfig, GraphConfig
from ncviz.data.datasets import load_dataset
from ncviz.data.image_settings import size_of
from ncviz.errors import DataError, NcvizError
from ncviz.text import gigabytes, never_active_words

if TYPE_CHECKING:
    from torch import Tensor

    from ncviz.data.datasets import Dataset
    from ncviz.preflight import Preflight


@click.command()
@with_options(
    click.option("--model", help="Bundled network."),
    *own_network_options,
    *part_options,
    with_graph,
    click.option("--seed", default=0, show_default=True, help="Which images and channels."),
    data_dir_option,
    json_option,
)
def inspect(
    data_dir: str | None,
    seed: int,
    layers: tuple[str, ...],
    channels: int,
    graph: GraphConfig,
    as_json: bool,
    **named: Any,
) -> None:
    """Look at a network, or an architecture, before its curvature is computed: layers, problems, memory and time."""
    from ncviz.preflight import preflight

    network = _untrained(**named) or network_of(**named)
    config = CurvatureConfig(seed=seed, layers=layers, channels=channels, **graph.options)
    inputs = None
    if network.dataset:
        inputs = _images(network, config, load_dataset(network.dataset, "train", data_dir))
    with progress("inspect") as report:
        found = preflight(network.module(), network.image_shape, inputs, config=config, progress=report)
    if as_json:
        print_json({"title": network.title, **asdict(found)})
    else:
        _show(found, graph.scale)
    if found.problems:
        raise NcvizError(" ".join(found.problems))


def _untrained(
    model: str | None, checkpoint: Path | None, architecture: str | None, size: str | None, **_: Any
) -> tasks.Network | None:
    """Return an architecture with random weights, if that alone was named: what it takes hardly depends on them."""
    if architecture is None or model is not None or checkpoint is not None:
        return None
    from ncviz.models.catalogue.architectures import build_seeded, find_architecture

    spec = find_architecture(architecture)
    arrays = {
        name: values.detach().numpy() for name, values in build_seeded(spec.name, 0).state_dict().items()
    }
    title = f"{spec.title}, untrained"
    network = tasks.Network(spec.name, title, spec.name, "", arrays, False, input_shape=spec.input_shape)
    return resized(network, size)


def _images(network: tasks.Network, config: CurvatureConfig, pool: Dataset) -> Tensor:
    """Return the calibration images; of a network that gets none of a class right, the first images there are."""
    import torch

    try:
        chosen = torch.from_numpy(tasks.calibration(network, config, pool))
    except DataError:
        chosen = torch.arange(min(len(pool), len(pool.classes)))
    return pool.inputs[chosen]


def _show(found: Preflight, scale: str) -> None:
    table = Table("layer", "kind", "reads", "output")
    for name in ("weights", "edges", "live"):
        table.add_column(name, justify="right")
    for layer in found.layers:
        table.add_row(
            layer.name, layer.kind, ", ".join(layer.reads), "×".join(map(str, layer.output_shape)),
            f"{layer.parameters:,}" if layer.parameters else "", f"{layer.edges:,}",
            "" if layer.live is None else f"{layer.live:.1%}",
        )  # fmt: skip
    console.print(table)
    if found.problems:
        return
    console.print(
        f"{found.edges:,} edges on {found.parameters:,} weights; path lengths take {_size(found.table_bytes)}.",
        highlight=False,
    )
    if found.never_active is not None:
        console.print(f"{never_active_words(found.never_active, found.images)}.", highlight=False)
    for note in found.notes:
        console.print(note, highlight=False, markup=False)
    tell_graph(found.batchnorm, scale)
    for device in found.devices:
        free = "" if device.free_bytes is None else f", {_size(device.free_bytes)} free"
        time = "" if device.seconds is None else f", about {device.seconds:,.0f} s"
        verdict = "fits" if device.fits else "does not fit"
        console.print(
            f"{device.name} ({device.title}{free}): {verdict}{time}. {device.note}".rstrip(), highlight=False
        )
    for choice in found.choices:
        options = "".join(f" --layer {name}" for name in choice.config.layers)
        options += f" --channels {choice.config.channels}" if choice.config.channels else ""
        if choice.input_shape != found.input_shape:
            options += f" --size {'x'.join(map(str, size_of(choice.input_shape)))}"
        console.print(f"Or {options.strip()}: {choice.title}; {_size(choice.table_bytes)}.", highlight=False)


def _size(count: int) -> str:
    return f"{gigabytes(count)}" if count >= 2**29 else f"{count / 2**20:.0f} MB"
