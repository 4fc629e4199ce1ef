"""``ncviz cache`` and ``ncviz bundle``: the stored results, the user's and those that ship with ncviz."""

from __future__ import annotations

from datetime import datetime

import click
from rich.table import Table

from ncviz import tasks
from ncviz.cli.options import json_option
from ncviz.cli.output import console, print_json, progress
from ncviz.errors import NcvizError
from ncviz.tasks import bundling


@click.group()
def cache() -> None:
    """See and clear the stored results."""


@cache.command("list")
@json_option
def cache_list(as_json: bool) -> None:
    """List what is stored, latest first."""
    store = tasks.open_store()
    entries = store.entries()
    if as_json:
        print_json([vars(entry) for entry in entries])
        return
    table = Table("key", "what", "model", "size", "last used")
    for entry in entries:
        used = datetime.fromtimestamp(entry.last_used).strftime("%Y-%m-%d %H:%M")
        table.add_row(
            entry.key[:12], entry.kind, str(entry.meta.get("title", "")), f"{entry.bytes / 1e6:.1f} MB", used
        )
    console.print(table)
    console.print(f"{len(entries)} results, {store.size() / 1e6:.1f} MB, in {store.where}", highlight=False)


@cache.command("clear")
@click.option("--key", help="Only the result whose key starts like this.")
def cache_clear(key: str | None) -> None:
    """Remove stored results; those that ship with ncviz stay."""
    store = tasks.open_store()
    if key is None:
        files, size = store.clear()
        console.print(f"Removed {files} results, {size / 1e6:.1f} MB.")
        return
    matching = [entry.key for entry in store.entries() if entry.key.startswith(key)]
    if len(matching) != 1:
        raise NcvizError(f"{len(matching)} stored results have a key that starts with '{key}'; expected one.")
    store.remove(matching[0])
    console.print("Removed 1 result.")


@click.command(hidden=True)
def bundle() -> None:
    """Compute the results that ship with ncviz again, from the bundled networks and images."""
    with progress("bundling") as report:
        count = bundling.bundle(progress=report)
    console.print(f"{count} results in {tasks.BUNDLED}", highlight=False)
