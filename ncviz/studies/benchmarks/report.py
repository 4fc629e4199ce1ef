"""The measurements as tables for the terminal."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from ncviz.studies.benchmarks.baselines import CLOSED_FORM, FULL
from ncviz.studies.benchmarks.estimates import share_within
from ncviz.studies.benchmarks.many import BATCH, LOOP, OURS, REGULARISATION
from ncviz.studies.benchmarks.timing import summary


def table_of(found: dict[str, Any]) -> Table:
    """Return one case's result as a table."""
    make = {
        "curvature": _curvature,
        "min-plus": _min_plus,
        "transport": _transport,
        "growth": _growth,
        "gpu": _gpu,
        "profile": _profile,
        "bounds": _bounds,
        "ricci": _ricci,
        "workers": _workers,
        "estimates": _estimates,
    }[found["kind"]]
    return make(found)


def digits(value: float) -> str:
    """Return a number with three digits that count."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def spread(value: dict[str, float], share: float = 1.0) -> str:
    """Return a time's median and quartiles in the unit that reads best, each taken ``share`` times."""
    middle = value["median"] * share
    unit, scale = ("s", 1.0) if middle >= 1 else ("ms", 1e3) if middle >= 1e-3 else ("µs", 1e6)
    shown, low, high = (digits(value[name] * share * scale) for name in ("median", "q1", "q3"))
    return f"{shown} {unit} ({low}–{high})"


def factor(value: dict[str, float]) -> str:
    """Return a ratio's median and quartiles."""
    return f"{digits(value['median'])}× ({digits(value['q1'])}–{digits(value['q3'])})"


def _curvature(found: dict[str, Any]) -> Table:
    table = Table(
        "", "time a sample (quartiles)", "ours is faster by", "largest difference", title=found["title"]
    )
    share = 1 / found["samples"]
    for device in found["first_seconds"]:
        name = f"ours {device}"
        table.add_row(name, spread(found["summary"][name], share), "", _difference(found, name))
    for method in (FULL, CLOSED_FORM):
        by = [
            factor(found["ratios"][device][method])
            + (f" {device}" if len(found["first_seconds"]) > 1 else "")
            for device in found["first_seconds"]
        ]
        error = f" ±{found['sampling_error'][method]:.1%}" if found["is_scaled"] else ""
        shown = spread(found["summary"][method], share) + error
        table.add_row(method, shown, "\n".join(by), "" if method == FULL else _difference(found, method))
    first = ", ".join(f"{device} {value:.3g} s" for device, value in found["first_seconds"].items())
    whole = ", ".join(
        f"{device} {spread(found['summary'][f'ours {device}'])}" for device in found["first_seconds"]
    )
    drawn = f"{found['drawn_edges']:,} of " if found["is_scaled"] else "all "
    table.caption = (
        f"Baselines: {drawn}{found['live_edges']:,} live edges, {found['workers']} processes. "
        f"Whole run of ours: {whole}; the first: {first}. {_memory(found['memory'])}"
    )
    return table


def _memory(memory: dict[str, Any]) -> str:
    if memory["peak_bytes"] is None:
        return ""
    return (
        f"Peak memory {memory['peak_bytes'] / 2**20:,.0f} MiB, {memory['before_bytes'] / 2**20:,.0f} before."
    )


def _difference(found: dict[str, Any], name: str) -> str:
    own = found["agreement"][name]
    wrong = "" if own["agrees"] else " DISAGREES"
    return f"{own['largest_difference']:.1e} of {own['compared']:,}{wrong}"


def _min_plus(found: dict[str, Any]) -> Table:
    table = Table("", "time (quartiles)", "ours is faster by", "largest difference", title=found["title"])
    for device in found["first_seconds"]:
        name = f"ours {device}"
        table.add_row(name, spread(found["summary"][name]), "", _difference(found, name))
        by = factor(found["ratios"][device]["torch"])
        table.add_row(f"torch {device}", spread(found["summary"][f"torch {device}"]), by, "")
    return table


def _transport(found: dict[str, Any]) -> Table:
    table = Table(
        "", "ours, a problem", "pivots", LOOP, "the same to ours on one core", BATCH, "difference",
        title=found["title"],
    )  # fmt: skip
    for row in found["rows"]:
        table.add_row(
            f"{row['m']} × {row['n']}, {row['kind']}",
            spread(row["summary"][OURS]),
            digits(row["pivots"]),
            factor(row["ratios"][LOOP]),
            factor(row["ratios_one_core"][LOOP]),
            f"{factor(row['ratios'][BATCH])}, {row['error_of_entropic']:.1%} off",
            _difference(row, OURS),
        )
    table.caption = (
        f"How many times as long; the entropic solver (regularisation {REGULARISATION:g}, {found['batched']} "
        "problems at a time) is no exact one, and by how much its median value is off is said."
    )
    return table


def _growth(found: dict[str, Any]) -> Table:
    table = Table("", found["axis"], "live edges", "time (quartiles)", title=found["title"])
    for line in found["series"]:
        name = f"{line['title']}, {line['device']}"
        for point in line["points"]:
            table.add_row(name, str(point["x"]), f"{point['live_edges']:,}", spread(point))
            name = ""
        powers = (
            f"{line['slope']:.2f} (last two {line['slope_of_last_two']:.2f}), "
            f"over live edges {line['slope_over_live_edges']:.2f}"
        )
        table.add_row("", "", "log-log slope", powers, end_section=True)
    return table


def _gpu(found: dict[str, Any]) -> Table:
    table = Table(
        "", "time (quartiles)", "CPU", "largest difference", "solved · left to the CPU", title=found["title"]
    )
    for row in found["networks"]:
        worst = max(row["agreement"].values(), key=lambda own: own["largest_difference"])
        wrong = "" if all(own["agrees"] for own in row["agreement"].values()) else " DISAGREES"
        work = row["work"]
        table.add_row(
            row["network"], spread(row["summary"]), f"{digits(row['cpu_seconds'])} s",
            f"{worst['largest_difference']:.1e}{wrong}", f"{work['solved']:,} · {work['left']:,}",
        )  # fmt: skip
    for line in found["profile"]:
        table.add_row(
            f"  {line['name'][:60]}", f"{digits(line['seconds'])} s in {line['calls']:,} calls", "", "", ""
        )
    return table


def _profile(found: dict[str, Any]) -> Table:
    table = Table("step", "processor time, one thread", "share", title=found["title"])
    spent = found["cpu_seconds"]
    total = sum(spent.values())
    for step, seconds in spent.items():
        table.add_row(step, f"{digits(seconds)} s", f"{seconds / total:.0%}")
    counts = ", ".join(f"{count:,} {what}" for what, count in found["counts"].items())
    table.caption = (
        f"{found['weights']:,} weights; {counts}. Path lengths and plans {found['table_bytes'] / 2**20:,.0f} MiB. "
        f"Whole run on all cores: {spread(found['summary'])}."
    )
    return table


def _ricci(found: dict[str, Any]) -> Table:
    table = Table(
        "", "edges", "time (quartiles)", "core seconds", "first call", "memory, before", "POT alone, one core",
        "difference", title=found["title"],
    )  # fmt: skip
    for row in found["rows"]:
        core = summary(row["core_seconds"])["median"]
        has_memory, has_pot = row["peak_bytes"] is not None, "pot_core_seconds" in row
        table.add_row(
            f"{row['kind']}, {row['nodes']:,} nodes{', random lengths' if row['is_weighted'] else ''}",
            f"{row['edges']:,}", spread(summary(row["seconds"])), f"{digits(core)} s",
            f"{digits(row['first_seconds'])} s ({digits(row['first_core_seconds'])} s)",
            f"{row['peak_bytes'] / 2**20:,.0f} MiB, {row['before_bytes'] / 2**20:,.0f}" if has_memory else "",
            f"{digits(row['pot_core_seconds'] / core)}×" if has_pot else "",
            f"{row['difference']:.1e}" if has_pot else "",
        )  # fmt: skip
    table.caption = (
        "Each graph in a process of its own; POT gets its costs ready-made and is scaled up from a draw."
    )
    return table


def _workers(found: dict[str, Any]) -> Table:
    table = Table(
        "workers", "time", "core seconds of each", "faster by the clock", "faster if each had a core of its own",
        "largest difference", title=f"{found['title']} ({found['by']})",
    )  # fmt: skip
    first = found["rows"][0]
    for row in found["rows"]:
        wrong = "" if row["agreement"]["agrees"] else " DISAGREES"
        table.add_row(
            str(row["workers"]), f"{digits(row['seconds'])} s", ", ".join(map(digits, row["core_seconds"])),
            f"{first['seconds'] / row['seconds']:.2f}×",
            f"{max(first['core_seconds']) / max(row['core_seconds']):.2f}×",
            f"{row['agreement']['largest_difference']:.1e}{wrong}",
        )  # fmt: skip
    sent = {name: f"{size / 2**20:,.1f} MiB" for name, size in found["sent"].items()}
    table.caption = (
        f"{found['sent']['parcels']} parcels. Sent: parts of the graph {sent['parts']} (all of it is {sent['graph']}), "
        f"layers' values {sent['values']}, of which {sent['different values']} are different."
    )
    return table


def _bounds(found: dict[str, Any]) -> Table:
    table = Table(
        "after", "processor time", "median width of live weights' intervals", "exact", title=found["title"]
    )
    for row in found["rows"]:
        table.add_row(
            f"{digits(row['seconds'])} s", f"{digits(row['cpu_seconds'])} s", digits(row["median_width"]),
            f"{row['exact']:.0%}",
        )  # fmt: skip
    table.caption = f"{found['rows'][-1]['live']:,} live weights."
    whole = found["whole"]
    if whole is not None:
        first = found["rows"][0]["cpu_seconds"] / whole["cpu_seconds"]
        table.caption += (
            f" All of them exact: {digits(whole['seconds'])} s, processor time {digits(whole['cpu_seconds'])} s, "
            f"of which the first bounds take {first:.0%}."
        )
    return table


def _estimates(found: dict[str, Any]) -> Table:
    marks = list(found["rows"][0]["expected"])
    columns = ["before", *marks]
    table = Table("", "took", "said before", *(f"expected at {mark}" for mark in marks), title=found["title"])
    said: dict[str, list[tuple[float | None, float]]] = {name: [] for name in columns}
    for row in found["rows"]:
        each = {"before": row["before"], **row["expected"]}
        for name in columns:
            said[name].append((each[name], row["seconds"]))
        shown = ["–" if each[name] is None else f"{each[name] / row['seconds']:.2f}×" for name in columns]
        table.add_row(f"{row['network']}, {row['samples']}", f"{digits(row['seconds'])} s", *shown)
    within = {name: share_within(values) for name, values in said.items()}
    table.add_row(
        "", f"within {found['factor']:g}×", *(f"{near} of {made}" for near, made in within.values())
    )
    return table
