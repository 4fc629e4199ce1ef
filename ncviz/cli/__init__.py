"""The command line: the same straight line as the pages, for scripts and for machines without a browser."""

from __future__ import annotations

import os
import sys
import warnings
from typing import Any

import click

from ncviz.cli import (
    app,
    bench,
    cache,
    curvature,
    devices,
    inspect,
    prune,
    rankings,
    reproduce,
    sensitivity,
    spread,
    train,
)
from ncviz.errors import CancelledError, NcvizError
from ncviz.store import StoreWarning

BAD_INPUT = 2
INTERRUPTED = 130


def main() -> None:
    """Run the command line; exit with 2 and one sentence on bad input, with 130 when interrupted."""
    # Read when torch loads: threads that wait for one another by spinning make small evaluations on a busy machine many
    # times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
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


for command in (
    curvature.curvature, inspect.inspect, prune.prune, train.train, reproduce.reproduce, rankings.rankings,
    sensitivity.sensitivity, spread.spread, bench.bench, devices.devices, cache.cache, cache.bundle, app.app,
):  # fmt: skip
    cli.add_command(command)
