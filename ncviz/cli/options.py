"""The options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from ncviz import tasks
from ncviz.config import BATCHNORM, SCALES, GraphConfig
from ncviz.data.image_settings import LAYOUTS
from ncviz.models.zoo import MODELS

Command = Callable[..., Any]
FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
device_option = click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:N or mps.")
data_dir_option = click.option(
    "--data-dir", help="Folder of the full data set; default: NCVIZ_DATA, else the bundled sample."
)


checkpoint_options = (
    click.option(
        "--checkpoint",
        type=click.Path(path_type=Path),
        help="Your own network: weights (.pt, .pth, .safetensors), or weights and graph (.onnx, .pt2).",
    ),
    click.option(
        "--architecture",
        help="What the weights are of, such as torchvision/resnet18 or timm/resnet18; by default whatever their names "
        "and shapes fit of those that are ours or torchvision's.",
    ),
    click.option(
        "--weights", help="Which of several weights in a checkpoint, such as ema; by default said which."
    ),
    click.option(
        "--scores",
        help="Which of several outputs of an .onnx or .pt2 holds the class scores; by default said which.",
    ),
)
image_settings_options = (
    click.option("--mean", help="Normalisation of your images, such as 0.485,0.456,0.406."),
    click.option("--std", help="Likewise, such as 0.229,0.224,0.225."),
    click.option(
        "--white",
        type=float,
        help="What a white pixel counts in an .npz or .npy; by default found out, and said.",
    ),
    click.option(
        "--layout",
        type=click.Choice(list(LAYOUTS)),
        help="Where an input has its channels; by default guessed from its shape, [H, W, 3] last.",
    ),
    click.option(
        "--size", help="Height and width of one input, such as 64x64; by default what the file says."
    ),
)
own_network_options = (
    *checkpoint_options,
    click.option(
        "--images",
        type=click.Path(path_type=Path),
        help="Your own images: a zip or a folder with a folder for each class, .npz or .npy.",
    ),
    *image_settings_options,
)
part_options = (
    click.option(
        "--layer", "layers", multiple=True, help="Name of a weight whose curvature is computed (repeatable)."
    ),
    click.option(
        "--channels",
        default=0,
        help="Most channels of a hidden layer that take part, drawn by --seed; 0: all, exact.",
    ),
)
graph_options = (
    click.option(
        "--batchnorm",
        default=BATCHNORM[0],
        show_default=True,
        help="own: each edge has the network's own weight, as in the paper; folded: BatchNorm multiplied into it.",
    ),
    click.option(
        "--scale",
        default=SCALES[0],
        show_default=True,
        help="What a layer's weights are divided by in the graph: own: nothing, as in the paper; fan-in: what comes "
        "into one of its units on average; channel-fan-in: likewise, for each output channel.",
    ),
)

interval_options = (
    click.option(
        "--tolerance",
        default=0.0,
        show_default=True,
        help="Stop once each κ is known to within an interval no wider than this times max(1, |κ|); 0: exact.",
    ),
    click.option("--time-limit", type=float, help="Stop after so many seconds, with certified intervals."),
)


def with_options(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Return what adds some options to a command."""

    def add(command: Command) -> Command:
        for option in options:
            command = option(command)
        return command

    return add


def with_context(command: Command) -> Command:
    """Return a command that is given a context in place of its options of where to compute, and on which data."""

    @wraps(command)
    def run(**options: Any) -> Any:
        where = {name: options.pop(name) for name in ("url", "data_dir", "device") if name in options}
        return command(context=tasks.open_context(**where), **options)

    return data_dir_option(run)


def with_graph(command: Command) -> Command:
    """Return a command that is given a ``GraphConfig`` in place of the options of how a network is read."""

    @wraps(command)
    def run(**options: Any) -> Any:
        return command(graph=GraphConfig(options.pop("batchnorm"), options.pop("scale")), **options)

    return with_options(*graph_options)(run)


# Which network, on which images, with which settings and where.
network_options = with_options(
    click.option("--model", help=f"Bundled network: {', '.join(MODELS)}."),
    *own_network_options,
    with_context,
    device_option,
    click.option("--scheduler", metavar="tcp://HOST:PORT", help="Address of a dask scheduler to compute on."),
    click.option("--samples", default=1, show_default=True, help="Calibration images of each class."),
    click.option("--alpha", default=0.9, show_default=True, help="Idleness in [0, 1)."),
    click.option("--seed", default=0, show_default=True, help="0: the first images; else a random draw."),
    *part_options,
    with_graph,
    *interval_options,
    json_option,
)
