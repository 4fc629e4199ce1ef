"""``ncviz reproduce``: the paper's experiments from end to end, resumable, with tables and figures."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from ncviz import tasks
from ncviz.cli.negative_edges import ROBUSTNESS, reproduce_robustness
from ncviz.cli.options import FOLDER, Command, device_option, json_option, with_context
from ncviz.cli.output import check_folder, console, errors, print_json, progress
from ncviz.config import check_choice
from ncviz.data.datasets import DATA_DIR_VARIABLE
from ncviz.devices import resolve_device
from ncviz.errors import CancelledError, NcvizError
from ncviz.progress import Progress
from ncviz.studies.paper.plan import EXPERIMENTS, Choice, find_experiment, narrowed, spec_of
from ncviz.tasks.negative_edges.record import NegativeEdgesConfig
from ncviz.text import about

if TYPE_CHECKING:
    from ncviz.studies.paper.work import Step, Work

INTERRUPTED = 130


def _listed(kind: type, what: str) -> Callable[[click.Context, click.Parameter, tuple[str, ...]], Any]:
    """Return what reads an option that may be repeated, and whose values may be separated by commas."""

    def read(_context: click.Context, option: click.Parameter, given: tuple[str, ...]) -> tuple[Any, ...]:
        words = [word.strip() for text in given for word in text.split(",") if word.strip()]
        try:
            return tuple(dict.fromkeys(kind(word) for word in words))
        except ValueError as error:
            raise NcvizError(
                f"{option.opts[0]} takes {what} separated by commas, got '{','.join(given)}'."
            ) from error

    return read


def _choice(option: str, name: str, kind: type, what: str, help: str) -> Callable[[Command], Command]:
    return click.option(option, name, multiple=True, callback=_listed(kind, what), metavar="LIST", help=help)


@click.command()
@click.argument("name", metavar="|".join([*EXPERIMENTS, ROBUSTNESS]))
@with_context
@click.option(
    "--out", type=FOLDER, help="Folder of tables, figures and trained networks; default: reproduce-NAME."
)
@device_option
@_choice("--networks", "networks", str, "names", "Only these networks.")
@_choice("--criteria", "criteria", str, "names", "Only these criteria.")
@_choice("--samples", "samples", int, "whole numbers", "Calibration images of each class, such as 1,5.")
@_choice("--seeds", "seeds", int, "whole numbers", "Calibration seeds, such as 0,1,2.")
@_choice("--alpha", "alphas", float, "numbers", "Idleness; below 0.5 is about a hundred times slower.")
@_choice("--batchnorm", "batchnorms", str, "names", "How a BatchNorm is read: own, folded.")
@_choice(
    "--repair", "repairs", str, "names", "Repairs without training: none, recalibrate, fisher, layerwise."
)
@_choice("--scale", "scales", str, "names", "What weights are divided by: own, fan-in, channel-fan-in.")
@_choice("--scope", "scopes", str, "names", "global, layer.")
@_choice("--order", "orders", str, "names", "redundant, bottlenecks.")
@_choice(
    "--sparsity", "sparsities", float, "fractions", "Fractions to remove, in place of the experiment's own."
)
@click.option(
    "--images",
    type=int,
    help=f"How many images {ROBUSTNESS} looks at.  [default: {NegativeEdgesConfig.images}]",
)
@click.option(
    "--train", "is_trained", is_flag=True, help="Train the networks here; do not take those that ship."
)
@click.option("--sample", "is_sample", is_flag=True, help="Run on the bundled images, without the full data.")
@click.option(
    "--estimate", "is_estimate", is_flag=True, help="Only say what is left to do, and how long it takes."
)
@click.option(
    "--report", "is_report", is_flag=True, help="Only write tables and figures of what is measured."
)
@click.option(
    "--store", "url", help="Folder or URL of the results; default: NCVIZ_CACHE, else your cache folder."
)
@json_option
def reproduce(
    context: tasks.Context,
    name: str,
    out: Path | None,
    images: int | None,
    is_trained: bool,
    is_sample: bool,
    is_estimate: bool,
    is_report: bool,
    as_json: bool,
    **chosen: tuple[Any, ...],
) -> None:
    """Run an experiment of the paper step by step; what is measured is kept, and the next run goes on.

    "benchmark" sets MLPNet and ResNet-20 beside published numbers of others.

    "robustness" is the finding of its predecessor (arXiv 2410.19607): negative edges of an image beside the smallest
    attack that fools the network on it.

    Lists are separated by commas, and choose a part of the experiment. Ctrl-C stops; nothing finished is lost.
    """
    if is_sample and context.data_dir is not None:
        raise NcvizError("Give either --sample or --data-dir, not both.")
    if name == ROBUSTNESS:
        flags = {"--train": is_trained, "--estimate": is_estimate, "--report": is_report}
        with _bundled_images(is_sample):
            reproduce_robustness(
                context, out, images, {**chosen, **flags}, is_sample=is_sample, as_json=as_json
            )
        return
    check_choice("experiment", name, [*EXPERIMENTS, ROBUSTNESS])
    if images is not None:
        raise NcvizError(
            f"--images goes with '{ROBUSTNESS}' alone; '{name}' measures on all evaluation images."
        )
    experiment = find_experiment(name)
    if is_estimate and is_report:
        raise NcvizError("Give either --estimate or --report, not both.")
    experiment = narrowed(experiment, Choice(**chosen))
    where = out or Path(f"reproduce-{name}")
    if not is_estimate:
        check_folder(where)
    from ncviz.studies.paper.work import Work, check_data

    with _bundled_images(is_sample):
        for dataset in experiment.datasets:
            check_data(dataset, context, is_sample)
        context = replace(context, device=resolve_device(context.device))
        work = Work(experiment, context, where, is_trained_anew=is_trained)
        if is_report:
            _report(work)
            _tell(work, {}, as_json)
            return
        plan = _estimate(work)
        if is_estimate or not as_json:
            _show(work, plan, as_json)
        if not is_estimate:
            _run(work, plan, as_json)


def _run(work: Work, plan: dict[str, Any], as_json: bool) -> None:
    """Do what is left, writing the report after each network and at the end, however that comes."""
    started, done, network = time.perf_counter(), 0, ""
    try:
        with progress(work.experiment.title) as bar:
            for step in work.run(_over_all(work, plan, bar)):
                if network and step.network != network:
                    _report(work)
                    errors.print(f"{spec_of(network).title}: measured. Tables and figures are in {work.out}.")
                network, done = step.network, done + 1
        _report(work)
    except (KeyboardInterrupt, CancelledError):
        left = len(work.pending())
        has_report = _report(work, is_quiet=True)
        where = f" Tables and figures of what is measured are in {work.out}." if has_report else ""
        click.echo(
            f"Stopped. {done} steps were finished and are kept, {left} are left; the same command goes on.{where}",
            err=True,
        )
        sys.exit(INTERRUPTED)
    _tell(work, {"steps": done, "seconds": round(time.perf_counter() - started, 1)}, as_json)


def _over_all(work: Work, plan: dict[str, Any], bar: Progress) -> Callable[[Step, float, str], None]:
    """Return what turns the progress of one step into that of the whole, by the time that each is expected to take."""
    costs, points = plan["costs"], len(work.experiment.sparsities)
    expected = {step: max(costs[step.network].seconds(step, points), 1e-3) for step in work.pending()}
    ends = dict(zip(expected, accumulate(expected.values()), strict=True))
    total = sum(expected.values())

    def report(step: Step, fraction: float, _message: str) -> None:
        bar((ends[step] - (1 - fraction) * expected[step]) / max(total, 1e-9), step.title)

    return report


def _estimate(work: Work) -> dict[str, Any]:
    from ncviz.studies.paper import estimate

    with progress("timing") as report:
        costs = estimate.measure(work, report)
    return {"costs": costs, "networks": estimate.total(work, costs)}


def _show(work: Work, plan: dict[str, Any], as_json: bool) -> None:
    """Say what is left and how long it takes."""
    in_words = partial(about, least="about 1 s")
    rows = plan["networks"]
    seconds = sum(row["seconds"] for row in rows.values())
    if as_json:
        costs = {name: vars(cost) for name, cost in plan["costs"].items()}
        print_json({"experiment": work.experiment.name, "seconds": seconds, "networks": rows, "costs": costs})
        return
    table = Table("network", "curves left", "stored", "curvatures left", "time")
    for row in rows.values():
        curvatures = f"{row['curvatures']} on {row['images']:,} images" if row["curvatures"] else "–"
        took = in_words(row["seconds"]) if row["seconds"] else "–"
        note = f"{took}, training included" if row["train"] else took
        table.add_row(row["title"], f"{row['curves']:,}", f"{row['stored']:,}", curvatures, note)
    console.print(table)
    if seconds:
        console.print(f"{in_words(seconds).capitalize()} on this machine as it is now.")
    else:
        console.print("Everything is stored already.")


def _report(work: Work, *, is_quiet: bool = False) -> bool:
    """Write the report; return whether there was anything to report, which is an error unless ``is_quiet``."""
    from ncviz.studies.paper.report import write_report

    try:
        write_report(work)
    except NcvizError:
        if not is_quiet:
            raise
        return False
    return True


def _tell(work: Work, more: dict[str, Any], as_json: bool) -> None:
    measured = sum(work.is_done(step) for step in work.curves)
    if as_json:
        facts = {"experiment": work.experiment.name, "out": str(work.out)}
        print_json({**facts, "curves": len(work.curves), "measured": measured, **more})
    else:
        console.print(
            f"{work.experiment.title}: {measured:,} of {len(work.curves):,} curves are measured; report.md, "
            f"points.csv, summary.csv and figures are in {work.out}."
        )


@contextmanager
def _bundled_images(is_sample: bool) -> Iterator[None]:
    """Look past the folder of the full data while the bundled images are asked for."""
    folder = os.environ.pop(DATA_DIR_VARIABLE, None) if is_sample else None
    try:
        yield
    finally:
        if folder is not None:
            os.environ[DATA_DIR_VARIABLE] = folder
