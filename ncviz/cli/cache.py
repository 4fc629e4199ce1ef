"""``ncviz cache`` and ``ncviz bundle``: the stored results, the user's and those that ship with ncviz."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import datetime

import click
from rich.markup import escape
from rich.table import Table

from ncviz import tasks
from ncviz.cli.options import json_option
from ncviz.cli.output import console, print_json, progress
from ncviz.errors import NcvizError
from ncviz.store import KEY_VARIABLE
from ncviz.store.verify import VerifyResult, verify_store
from ncviz.tasks import bundling
from ncviz.text import quotable


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
            entry.key[:12],
            # Whoever can write there chose these; a terminal obeys what cannot be printed.
            escape(quotable(entry.kind)),
            escape(quotable(str(entry.meta.get("title", "")), 200)),
            f"{entry.bytes / 1e6:.1f} MB",
            used,
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


@cache.command("verify")
@json_option
def cache_verify(as_json: bool) -> None:
    """Read every stored result: which are whole and ours, and what else lies there. Exit code 1 if any is not."""
    found = verify_store(tasks.open_store())
    if as_json:
        print_json({**asdict(found), "is_sound": found.is_sound})
    else:
        _tell(found)
    if not found.is_sound:
        sys.exit(1)


def _tell(found: VerifyResult) -> None:
    if found.findings:
        table = Table("name", "what", "found", "size")
        for each in found.findings:
            place = "bundled: " if each.is_bundled else ""
            table.add_row(
                escape(place + quotable(each.name, 12)),
                each.kind,
                escape(each.words),
                f"{each.bytes / 1e6:.1f} MB",
            )
        console.print(table)
    console.print(
        f"{found.sound} results are whole and ours; {sum(each.is_fault for each in found.findings)} are not and would "
        f"be computed again. {found.bytes / 1e6:.1f} of {found.max_bytes / 1e6:,.0f} MB in {found.where}.",
        highlight=False, markup=False,
    )  # fmt: skip
    if found.shared:
        console.print(
            f"Others can write there ({found.shared}), so only results signed with the workspace's key count: give "
            f"{KEY_VARIABLE} the same value for all who share them.",
            highlight=False, markup=False,
        )  # fmt: skip


@click.command(hidden=True)
@click.option(
    "--model",
    "models",
    multiple=True,
    type=click.Choice(list(tasks.MODELS)),
    help="Those of this network alone.",
)
def bundle(models: tuple[str, ...]) -> None:
    """Compute the results that ship with ncviz again, from the bundled networks and images."""
    with progress("bundling") as report:
        count = bundling.bundle(progress=report, models=models)
    console.print(f"{count} results in {tasks.BUNDLED}", highlight=False)
