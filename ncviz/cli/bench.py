"""``ncviz bench``: how fast, how large and how right the curvature is, beside plain ways to compute it."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ncviz.cli.options import FILE, data_dir_option
from ncviz.cli.output import check_folder, console, progress, write
from ncviz.config import check_whole
from ncviz.studies.benchmarks.cases.kinds import GpuCase
from ncviz.studies.benchmarks.cases.registry import CASES, DEFAULT_CASES, find_case
from ncviz.studies.benchmarks.timing import Settings

MAX_REPEATS = 1000


@click.command()
@click.option(
    "--case",
    "cases",
    multiple=True,
    metavar="NAME",
    help=f"Measure only this (repeatable): {', '.join(CASES)}. Default: {', '.join(DEFAULT_CASES)}.",
)
@click.option("--repeats", type=int, help="Repetitions; default: 5, with --quick 2.")
@click.option(
    "--full", is_flag=True, help="Baselines solve every live edge of the cases of one sample, not a draw."
)
@click.option("--quick", is_flag=True, help="Tiny sizes: shows that everything works, not how fast it is.")
@data_dir_option
@click.option("--json", "output", type=FILE, help="Write every raw time as JSON.")
def bench(
    cases: tuple[str, ...],
    repeats: int | None,
    full: bool,
    quick: bool,
    data_dir: str | None,
    output: Path | None,
) -> None:
    """Measure the curvature beside POT, and path lengths beside torch, back to back in one process.

    Times of one machine say little about another; the ratios say more. POT's time for all edges is scaled up from a
    draw unless --full is given.
    """
    if any(isinstance(find_case(name), GpuCase) for name in cases):
        # Imported here because it brings torch along.
        from ncviz.studies.benchmarks.gpu import find_gpu

        find_gpu()
    number = check_whole("repeats", (2 if quick else 5) if repeats is None else repeats, 1, MAX_REPEATS)
    if output is not None:
        check_folder(output.absolute().parent)
    # Imported here because it brings POT along.
    from ncviz.studies.benchmarks import suite
    from ncviz.studies.benchmarks.report import table_of

    settings = Settings(repeats=number, is_quick=quick, is_full=full, data_dir=data_dir)
    with progress("bench") as report:
        found = suite.run(cases, settings, report, lambda result: console.print(table_of(result)))
    if output is not None:
        write(output, json.dumps(found, indent=2, ensure_ascii=False).encode())
