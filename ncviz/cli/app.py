"""``ncviz app``: the pages, from a checkout or from where the package was installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click

from ncviz.trust import refuse_foreign

PACKAGE = Path(__file__).parents[1]


@click.command()
@click.option(
    "--port", type=click.IntRange(1, 65535), help="Port of the page; by default the first free one from 8501."
)
def app(port: int | None) -> None:
    """Show the pages in the browser, as `streamlit run app.py` does in a checkout."""
    # Who could write the settings beside the script could write the script, and this file.
    if Path.cwd() != script().parent.resolve():
        for name in ("config.toml", "secrets.toml"):
            refuse_foreign(Path(".streamlit", name), "Streamlit")
    # Without -P, Python would import what it finds in the folder that the user happens to be in.
    command = [sys.executable, "-P", "-m", "streamlit", "run", str(script())]
    if port is not None:
        command.append(f"--server.port={port}")
    if os.name == "nt":
        # What execv starts there, the shell does not wait for.
        sys.exit(subprocess.call(command))
    os.execv(command[0], command)


def script() -> Path:
    """Return the script that Streamlit runs: a wheel carries it inside the package, a checkout beside it."""
    installed = PACKAGE / "app" / "app.py"
    return installed if installed.is_file() else PACKAGE.parent / "app.py"
