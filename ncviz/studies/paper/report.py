"""The report of an experiment: tables, figures and what they say of the paper, all computed from what is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ncviz.config import BATCHNORM, DEFAULT_ALPHA, REPAIRS, SCALES
from ncviz.errors import NcvizError
from ncviz.models.saving import write_atomically
from ncviz.studies.paper import figures, tables
from ncviz.studies.paper.measured import Group, gather, points_csv, select, summary_csv
from ncviz.studies.paper.plan import spec_of
from ncviz.studies.paper.published import QUOTED, published_table
from ncviz.studies.paper.trained import card_of, is_own
from ncviz.studies.paper.usual import USUAL
from ncviz.studies.paper.work import Work
from ncviz.values import CLOSED_FROM

# With so many calibration images of each class the criteria are set side by side, where they were measured.
MAIN_SAMPLES = 5
CLAIM = (
    "“removing negative-ORC edges quickly degrades the overall NN performance, whereas positive-ORC edges have little "
    "impact” (Tan, Sia, Bogdan, Ivanov, arXiv 2601.16366v1, abstract)"
)
SECOND = (
    "the paper of record (*Post-Training Neural Network Pruning using Graph Curvature*, v2), says less: of "
    "small and medium size models, that it “can identify a larger number of unimportant edges compared to existing "
    "pruning methods”"
)


def write_report(work: Work) -> list[Group]:
    """Write points.csv, summary.csv, report.md and the figures of what is measured so far; return that.

    What did not change is written with the same bytes.

    Raises:
        NcvizError: If nothing is measured yet.
        ModelError: If the folder cannot be written.
    """
    groups = gather(work)
    if not groups:
        raise NcvizError("Nothing of this is measured yet, so there is nothing to report; run it first.")
    files: dict[str, str] = {"points.csv": points_csv(groups), "summary.csv": summary_csv(groups)}
    drawn: dict[str, dict[str, tuple[str, str]]] = {}
    for name in _networks(groups):
        own = select(groups, network=name)
        drawn[name] = figures.pages(own, main_samples(own), _where(own))
        files |= {f"figures/{file}": page for file, (_, page) in drawn[name].items()}
    files["report.md"] = text(work, groups, drawn)
    write_atomically(work.out / "figures" / "plotly.min.js", figures.script())
    for file, content in files.items():
        write_atomically(work.out / file, content.encode())
    return groups


def text(work: Work, groups: Sequence[Group], drawn: Mapping[str, Mapping[str, tuple[str, str]]]) -> str:
    """Return the report in Markdown.

    Args:
        work: The experiment.
        groups: What is measured of it.
        drawn: For each network its figures, file → (what it shows, page).
    """
    measured = sum(len(group.records) for group in groups)
    experiment = work.experiment
    parts = [
        f"# {experiment.title}: accuracy over sparsity",
        f"Measured: {measured:,} of {len(work.curves):,} curves at {len(experiment.sparsities)} sparsities each, on "
        f"{_where(groups)}. Calibration images are correctly classified ones of {_pool(groups)}; seed 0 takes the "
        "first of each class, any other draws them. ± is the sample standard deviation over the seeds (for a random "
        "order, over its draws); criteria that look at no images have none. Sparsity is the share of all weights of "
        "linear layers and convolutions. Nothing is retrained after pruning.",
        "## The networks",
        _networks_table(work, groups),
    ]
    said = [line for name in _networks(groups) for line in claims(select(groups, network=name))]
    if said:
        parts += [
            "## What this says of the paper",
            f"The paper claims that {CLAIM}. Its second version, {SECOND}. What was measured:",
            "\n".join(said),
        ]
    for name in _networks(groups):
        parts += _network(select(groups, network=name), drawn.get(name, {}))
    return "\n\n".join(parts) + "\n"


def claims(groups: Sequence[Group]) -> list[str]:
    """Return what one network says of the paper's claims, in numbers, and where curvature stands among the criteria."""
    title, samples, said = spec_of(groups[0].network).title, main_samples(groups), []
    usual = select(groups, **USUAL, samples=samples, scope="global")
    whole = groups[0].whole
    for group in select(usual, criterion="curvature", order="bottlenecks"):
        few = tables.at([group], (0.01,))[0]
        said.append(
            f"{100 * few:g}% of the bottlenecks first: accuracy {tables.form(group.spread.at(few))} (whole {whole:.3f})"
        )
    ranked = select(usual, order="redundant")
    for group in select(ranked, criterion="curvature"):
        much = tables.at([group], (0.6,))[-1]
        said.append(
            f"{100 * much:g}% of the redundant first: {tables.form(group.spread.at(much))}; removed at ≤ 1 point lost: "
            f"{tables.form(group.within)}"
        )
        much = tables.at([group], (tables.SHOWN,))[-1]
        means = {other.config.criterion: float(other.spread.at(much).mean()) for other in ranked}
        place = 1 + sum(value > means["curvature"] for value in means.values())
        others = {name: value for name, value in means.items() if name != "curvature"}
        best = max(others, key=lambda name: others[name], default="")
        if best:
            said.append(
                f"at {100 * much:g}% removed curvature ({means['curvature']:.3f}) is number {place} of {len(means)} "
                f"criteria; the best other is {tables.title_of(best)} ({means[best]:.3f})"
            )
    said += _alphas(groups)
    note = f", {samples} a class" if samples is not None else ""
    return [f"- {title}{note}: {'; '.join(said)}."] if said else []


def main_samples(groups: Sequence[Group]) -> int | None:
    """Return with how many images of each class criteria are set side by side: 5, else the most measured."""
    found = {group.samples for group in groups if group.samples is not None}
    return MAIN_SAMPLES if MAIN_SAMPLES in found else max(found, default=None)


def _alphas(groups: Sequence[Group]) -> list[str]:
    said = []
    for group in groups:
        if not group.has_curvature or group.config.alpha == DEFAULT_ALPHA:
            continue
        other = _twins(groups, group, "alpha")
        if other and group.config.order == "redundant" and other[0].seeds == group.seeds:
            most = np.abs(group.spread.mean - other[0].spread.mean)
            at = float(group.spread.sparsity[int(most.argmax())])
            name = tables.name_of(group, f"{group.samples} a class", group.config.scope, but="alpha")
            said.append(
                f"α = {group.config.alpha:g} instead of {DEFAULT_ALPHA:g}, {name}: mean accuracy "
                f"differs by at most {most.max():.3f} (at {100 * at:.3g}% removed)"
            )
    return said


def _twins(groups: Sequence[Group], group: Group, about: str) -> list[Group]:
    """Return what has all of a group's settings but one, and of that the usual one."""
    same = {name: getattr(group.config, name) for name in ("criterion", "order", "scope", *USUAL)}
    return select(groups, **{**same, about: USUAL[about]}, samples=group.samples)


def _network(groups: Sequence[Group], drawn: Mapping[str, tuple[str, str]]) -> list[str]:
    """Return the tables and figures of one network."""
    samples, where = main_samples(groups), _where(groups)
    usual = select(groups, **USUAL)
    main = select(usual, samples=samples)
    each = "" if samples is None else f", {samples} a class"

    def table(own: Sequence[Group], by: str = "criterion", at: Sequence[float] = tables.REDUNDANT_AT) -> str:
        return tables.over_sparsity(own, at, _NAMES[by]) if own else ""

    together = "all layers together"
    redundant = select(usual, scope="global", order="redundant")
    bottlenecks = select(main, scope="global", order="bottlenecks")
    looking = [group for group in redundant if group.samples is not None]
    small = select([group for group in groups if group.config.alpha < CLOSED_FROM], order="redundant")
    repaired = [group for group in groups if group.config.repair != REPAIRS[0]]
    repaired = select(repaired, scope="global", order="redundant", samples=samples)
    folded = select([group for group in groups if group.config.batchnorm != BATCHNORM[0]], order="redundant")
    scaled = [group for group in groups if group.config.scale != SCALES[0]]

    def beside(own: Sequence[Group], about: str) -> list[Group]:
        """Return what differs from these in one setting, that being the usual one, and then these."""
        found = [twin for group in own for twin in _twins(groups, group, about)]
        return [*dict.fromkeys(found), *own]

    sections = {
        f"Redundant first, {together}{each}": table(select(redundant, samples=samples)),
        f"Removed at ≤ 1 point lost, redundant first, {together}": tables.within_table(redundant),
        f"The collapse: bottlenecks first, {together}{each}": table(bottlenecks, at=tables.BOTTLENECKS_AT),
        f"Calibration images of each class, redundant first, {together}": table(looking, "samples"),
        f"All layers together, and the same share of each{each}": tables.scope_table(
            select(main, order="redundant")
        ),
        f"Redundant first, each layer alike{each}": table(select(main, scope="layer", order="redundant")),
        "α below 1/2, redundant first": table(beside(small, "alpha"), "settings"),
        f"Removed at ≤ 1 point lost, as pruned and repaired without training, {together}{each}": (
            tables.repairs_table(beside(repaired, "repair"))
        ),
        f"Repaired without training, redundant first, {together}{each}": table(beside(repaired, "repair")),
        "BatchNorm folded into the weights, redundant first": table(beside(folded, "batchnorm"), "settings"),
        "Weights divided by their fan-in, redundant first": table(
            beside(select(scaled, order="redundant"), "scale"), "settings"
        ),
        "Weights divided by their fan-in, bottlenecks first": table(
            beside(select(scaled, order="bottlenecks"), "scale"), "settings", tables.BOTTLENECKS_AT
        ),
    }
    found = [f"## {spec_of(groups[0].network).title}"]
    for title, rows in sections.items():
        if rows:
            found += [f"### {title} ({where})", rows]
    if quoted := published_table(groups[0].network):
        found += [f"### Published by others ({QUOTED})", quoted]
    if drawn:
        links = "; ".join(f"[{title}](figures/{file})" for file, (title, _) in drawn.items())
        found.append(f"Figures: {links}.")
    return found


# Every name holds the settings that are not the usual ones: two rows of one name would be two things.
_NAMES = {
    "criterion": tables.name_of,
    "samples": lambda group: tables.name_of(group, str(group.samples)),
    "settings": lambda group: tables.name_of(group, f"{group.samples} a class", group.config.scope),
}


def _networks_table(work: Work, groups: Sequence[Group]) -> str:
    rows = []
    for name in _networks(groups):
        own = select(groups, network=name)
        spec = spec_of(name)
        is_here = is_own(spec, work.is_trained_anew)
        card = card_of(spec, work.models if is_here else None)
        decay = f"weight decay {card['weight_decay']:g}" if card.get("weight_decay") else ""
        attack = "" if card.get("attack", "none") == "none" else f"adversarially ({card['attack']})"
        how = ", ".join(part for part in (card.get("loss", ""), decay, attack) if part)
        first = own[0].records[0]
        source = "trained here" if is_here else "ships with ncviz"
        rows.append([spec.title, f"{first.total:,}", f"{own[0].whole:.4f}", how, source])
    return tables.markdown(["network", "weights", f"accuracy on {_where(groups)}", "trained with", ""], rows)


def _networks(groups: Sequence[Group]) -> list[str]:
    return list(dict.fromkeys(group.network for group in groups))


def _where(groups: Sequence[Group]) -> str:
    return " and ".join(dict.fromkeys(group.records[0].evaluated_on for group in groups))


def _pool(groups: Sequence[Group]) -> str:
    return " and ".join(dict.fromkeys(group.records[0].calibrated_on for group in groups))
