"""The figures of a report: HTML files that work without a network, plotly's script beside them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ncviz.plots.pruning.curves import Curve, accuracy_curves
from ncviz.plots.pruning.styles import styles
from ncviz.pruning.scores import SCORES
from ncviz.studies.paper.measured import POINTS, Group, select
from ncviz.studies.paper.plan import spec_of
from ncviz.studies.paper.tables import title_of
from ncviz.studies.paper.usual import USUAL
from ncviz.text import plural

WIDTH = 1100
SCALES = {"redundant": "linear", "bottlenecks": "removed"}
SCOPES = {"global": "all layers together", "layer": "each layer alike"}


def pages(groups: Sequence[Group], samples: int | None, where: str) -> dict[str, tuple[str, str]]:
    """Return the figures of one network: file name → (what it shows, page).

    Args:
        groups: What is measured of the network.
        samples: Calibration images of each class in the figures of all criteria.
        where: Which images the accuracy was measured on, in words.
    """
    found: dict[str, tuple[str, str]] = {}
    if not groups:
        return found
    network = groups[0].network
    name = spec_of(network).title
    usual = select(groups, **USUAL)
    for order, scale in SCALES.items():
        for scope, layers in SCOPES.items():
            own = select(usual, samples=samples, order=order, scope=scope)
            if own:
                title = f"{order} first, {layers}, {_samples(samples)}"
                page = _page(own, f"{name}: {title}", where, scale)
                found[f"{network}-{order}-{scope}.html"] = title, page
    together = select(usual, order="redundant", scope="global")
    for criterion in dict.fromkeys(group.config.criterion for group in together if group.has_curvature):
        own = select(together, criterion=criterion)
        if len(own) > 1:
            title = f"{title_of(criterion)} by calibration images, redundant first, {SCOPES['global']}"
            page = _page(own, f"{name}: {title}", where, "linear", by_samples=True)
            found[f"{network}-{criterion}-samples.html"] = title, page
    return found


def script() -> bytes:
    """Return plotly's script, which the pages look for beside themselves."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs()).encode()


def _page(own: Sequence[Group], title: str, where: str, scale: str, *, by_samples: bool = False) -> str:
    keys = [_samples(group.samples) if by_samples else group.config.criterion for group in own]
    random = [name for name, score in SCORES.items() if score.is_drawn]
    looks = styles(keys, (), "light") if by_samples else styles(tuple(SCORES), random, "light")
    drawn = []
    for group, key in zip(own, keys, strict=True):
        name, spread = key if by_samples else title_of(key), group.spread
        drawn.append(
            Curve(name, spread.sparsity, spread.mean, spread.low, spread.high, spread.draws, looks[key])
        )
    words = [
        f"{title}. Accuracy on {where}; a band spans the calibration seeds.",
        f"The dotted level is {POINTS:g} point below the whole network.",
    ]
    level = own[0].whole - POINTS / 100
    figure = accuracy_curves(drawn, "light", words, scale=scale, least=level, least_name="", width=WIDTH)
    config = {"displaylogo": False, "responsive": True}
    # Without a name of its own, the figure would have a random one.
    page: str = figure.to_html(include_plotlyjs="directory", div_id="figure", config=config)
    return page.replace("<head>", f"<head><title>{escape(title)}</title>", 1)


def _samples(samples: int | None) -> str:
    if samples is None:
        return "no calibration images"
    return f"{plural(samples, 'calibration image')} a class"
