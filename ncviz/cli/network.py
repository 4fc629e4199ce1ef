"""From the options of a command to the network that it names, its images, and its curvature."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from ncviz import tasks
from ncviz.cli.output import progress
from ncviz.cli.scheduler import executor
from ncviz.config import CurvatureConfig, GraphConfig
from ncviz.data.image_settings import ImageSettings, with_size
from ncviz.data.user_data.image_files import read_tree
from ncviz.data.user_data.registry import UserData
from ncviz.data.user_data.uploads import read_uploads
from ncviz.devices import resolve_device
from ncviz.errors import NcvizError
from ncviz.tasks import CurvatureRecord


def curvature_of(
    context: tasks.Context,
    samples: int,
    alpha: float,
    seed: int,
    scheduler: str | None,
    layers: tuple[str, ...],
    channels: int,
    graph: GraphConfig,
    tolerance: float = 0.0,
    time_limit: float | None = None,
    **named: Any,
) -> tuple[tasks.Network, tasks.Outcome[CurvatureRecord]]:
    """Return the network that the options name and its curvature, computed or from the cache.

    Raises:
        NcvizError: In one sentence, whatever the user can mend.
    """
    config = CurvatureConfig(alpha, samples, seed, layers, channels, **graph.options)
    network = network_of(**named)
    if not network.dataset:
        raise NcvizError(
            "Curvature is computed on images: name yours with --images (a zip, a folder, .npz or .npy)."
        )

    context = replace(context, device=resolve_device(context.device))
    with executor(scheduler) as cluster, progress("curvature") as report:
        own = replace(context, progress=report, executor=cluster)
        found = own.run(tasks.Curvature(network, config, tolerance, time_limit))
    if found.problem:
        click.echo(f"Note: the result could not be stored. {found.problem}", err=True)
    return network, found


def network_of(
    model: str | None = None,
    checkpoint: Path | None = None,
    architecture: str | None = None,
    images: Path | None = None,
    mean: str | None = None,
    std: str | None = None,
    white: float | None = None,
    size: str | None = None,
    weights: str | None = None,
    layout: str | None = None,
    scores: str | None = None,
) -> tasks.Network:
    """Return the network that the options name, with its images if there are any.

    Raises:
        NcvizError: In one sentence, whatever the user can mend.
    """
    if (model is None) == (checkpoint is None):
        raise NcvizError("Say which network: --model NAME, or --checkpoint FILE.")
    if checkpoint is None:
        network = tasks.open_network(str(model))
    else:
        from ncviz.models.files.open_file import read_file

        network = read_file(
            checkpoint,
            architecture=architecture,
            weights=weights,
            output=scores,
            size=None if size is None else _size(size),
        )
        for note in network.notes:
            click.echo(f"Note: {note}", err=True)
    network = resized(network, size)
    if images is None:
        if mean or std or white or layout:
            raise NcvizError(
                "--mean, --std, --white and --layout say how your own images become inputs; name them with --images."
            )
        return network
    settings = tasks.image_settings(network, layout)
    settings = replace(
        settings, mean=_numbers("--mean", mean) or settings.mean, std=_numbers("--std", std) or settings.std
    )
    own = _read(images, settings, white)
    for note in own.notes:
        click.echo(f"Note: {note}", err=True)
    return tasks.with_images(network, own)


def resized(network: tasks.Network, size: str | None) -> tasks.Network:
    """Return the network for images of another size, such as "64x64"; None leaves it.

    Raises:
        NcvizError: If that is no size.
    """
    return (
        network if size is None else replace(network, input_shape=with_size(network.image_shape, _size(size)))
    )


def _read(images: Path, settings: ImageSettings, white: float | None) -> UserData:
    """Return the user's own images."""
    if white is not None and images.suffix.lower() not in (".npz", ".npy"):
        raise NcvizError(
            f"--white is for the numbers in an .npz or .npy; {images.name} holds images, whose white is known."
        )
    if images.is_dir():
        return read_tree(images, settings)

    try:
        content = images.read_bytes()
    except OSError as error:
        raise NcvizError(
            f"{images} cannot be read ({error.strerror}); name a zip, a folder, .npz or .npy."
        ) from error
    return read_uploads([(images.name, content)], settings, white=white)


def _numbers(option: str, text: str | None) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(",")) if text else ()
    except ValueError as error:
        raise NcvizError(
            f"{option} takes one number for each channel, such as 0.5,0.5,0.5, got '{text}'."
        ) from error


def _size(text: str) -> tuple[int, int]:
    try:
        height, width = (int(part) for part in text.lower().split("x"))
    except ValueError as error:
        raise NcvizError(f"--size takes height and width, such as 64x64, got '{text}'.") from error
    return height, width
