"""The options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ncviz.models.zoo import MODELS

Command = Callable[..., Any]

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
data_dir_option = click.option(
    "--data-dir", help="Folder of the full data set; default: NCVIZ_DATA, else the bundled sample."
)


def network_options(command: Command) -> Command:
    """Add the options that say which network, on which images, with which settings and where."""
    for option in (
        click.option("--model", help=f"Bundled network: {', '.join(MODELS)}."),
        click.option(
            "--checkpoint",
            type=click.Path(path_type=Path),
            help="Your own weights (.pt, .pth, .safetensors).",
        ),
        click.option("--architecture", help="What the checkpoint is a network of."),
        data_dir_option,
        click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:N or mps."),
        click.option(
            "--scheduler", metavar="tcp://HOST:PORT", help="Address of a dask scheduler to compute on."
        ),
        click.option("--samples", default=1, show_default=True, help="Calibration images of each class."),
        click.option("--alpha", default=0.9, show_default=True, help="Idleness in [0, 1)."),
        click.option("--seed", default=0, show_default=True, help="0: the first images; else a random draw."),
        json_option,
    ):
        command = option(command)
    return command
