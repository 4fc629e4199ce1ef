"""``ncviz devices``: where a network can run."""

from __future__ import annotations

import click

from ncviz.cli.options import json_option
from ncviz.cli.output import console, print_json
from ncviz.devices import available_devices


@click.command()
@json_option
def devices(as_json: bool) -> None:
    """List the devices that can compute."""
    found = available_devices()
    if as_json:
        print_json([vars(device) for device in found])
    else:
        for device in found:
            console.print(str(device), highlight=False)
