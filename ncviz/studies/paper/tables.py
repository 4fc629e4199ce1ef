"""The tables of a report, in Markdown: mean ± spread over the seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ncviz.config import REPAIRS
from ncviz.pruning.compare import Floats, mean_and_deviation
from ncviz.pruning.scores import SCORES
from ncviz.studies.paper.measured import Group, select
from ncviz.studies.paper.usual import unusual

REDUNDANT_AT = (0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98)
BOTTLENECKS_AT = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1)
# One table says how much is lost at this much removed.
SHOWN = 0.8


def form(values: Sequence[float] | Floats) -> str:
    """Return mean ± sample standard deviation, such as "0.964 ± 0.004"; the value alone if it is a single one."""
    mean, deviation = mean_and_deviation(values)
    return f"{mean:.3f}" if np.isnan(deviation) else f"{mean:.3f} ± {deviation:.3f}"


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def title_of(criterion: str) -> str:
    """Return what a criterion is called."""
    return SCORES[criterion].title


def name_of(group: Group, *more: str, but: str = "") -> str:
    """Return a row's name: the criterion, each setting that is not the usual one but for one of them, and more."""
    return ", ".join([title_of(group.config.criterion), *unusual(group.config, but), *more])


def at(groups: Sequence[Group], wanted: Sequence[float]) -> list[float]:
    """Return those of some sparsities that were measured; all that were, but the whole network, if none of them was."""
    measured = groups[0].spread.sparsity
    # Whole numbers of weights are removed, which is off by so much at most with a thousand of them.
    found = [value for value in wanted if np.abs(measured - value).min() <= 5e-4]
    return found or [float(value) for value in measured.round(4) if value > 0]


def over_sparsity(groups: Sequence[Group], wanted: Sequence[float], name: Callable[[Group], str]) -> str:
    """Return accuracy at some sparsities, a row for each group."""
    columns = at(groups, wanted)
    rows = []
    for group in groups:
        seeds = ", ".join(map(str, group.seeds)) if group.is_seeded else "–"
        rows.append([name(group), *(form(group.spread.at(value)) for value in columns), seeds])
    return markdown(["removed", *(f"{100 * value:g}%" for value in columns), "seeds"], rows)


def within_table(groups: Sequence[Group]) -> str:
    """Return the sparsity at ≤ 1 point lost and the area under the curve, criterion by criterion and by samples.

    Args:
        groups: Of one network, scope, order and α.
    """
    if not groups:
        return ""
    counted = sorted({group.samples for group in groups if group.samples is not None})
    samples: list[int | None] = [*counted] or [None]
    rows = []
    for criterion in criteria_of(groups):
        own = select(groups, criterion=criterion)
        known = {group.samples: f"{form(group.within)} ({form(group.area)})" for group in own}
        # What looks at no images is the same for any number of them.
        cells = [known.get(count, "″" if None in known else "") for count in samples]
        rows.append([title_of(criterion), known.get(None, cells[0]), *cells[1:]])
    head = ["removed (area)" if n is None else f"{n} a class: removed (area)" for n in samples]
    return markdown(["criterion", *head], rows)


def repairs_table(groups: Sequence[Group]) -> str:
    """Return the sparsity at ≤ 1 point lost as the network was pruned and after each repair, criterion by criterion.

    A criterion has a row for each of its other settings.

    Args:
        groups: Of one network, scope, order and number of samples.
    """
    ways = [way for way in REPAIRS if select(groups, repair=way)]
    if ways in ([], [REPAIRS[0]]):
        return ""
    found: dict[str, dict[str, str]] = {}
    for group in groups:
        own = found.setdefault(name_of(group, but="repair"), {})
        own[group.config.repair] = form(group.within)
    rows = [[name, *(own.get(way, "") for way in ways)] for name, own in found.items()]
    return markdown(["criterion", *("as pruned" if way == REPAIRS[0] else way for way in ways)], rows)


def scope_table(groups: Sequence[Group]) -> str:
    """Return all layers together beside each layer alike, criterion by criterion.

    Args:
        groups: Of one network, order, α and number of samples, in both scopes.
    """
    if not groups:
        return ""
    shown, rows = at(groups, (SHOWN,))[-1], []
    for criterion in criteria_of(groups):
        both = [select(groups, criterion=criterion, scope=scope) for scope in ("global", "layer")]
        if all(both):
            cells = [form(found[0].within) for found in both]
            cells += [form(found[0].spread.at(shown)) for found in both]
            rows.append([title_of(criterion), *cells])
    head = ["criterion", "≤ 1 point lost: global", "per layer"]
    head += [f"accuracy at {100 * shown:g}% removed: global", "per layer"]
    return markdown(head, rows) if rows else ""


def criteria_of(groups: Sequence[Group]) -> list[str]:
    """Return the criteria that there are, in their order."""
    return list(dict.fromkeys(group.config.criterion for group in groups))
