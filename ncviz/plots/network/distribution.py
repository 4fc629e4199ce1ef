"""κ layer by layer as histograms over one axis: what is kept in colour, what is removed pale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from ncviz.plots.curvature_figures import KNEE, compressed, expanded, kappa_ticks
from ncviz.plots.figure_frame import INK, MUTED, RIGHT, WIDTH, axis, frame, note
from ncviz.plots.palette import HIGH, USUAL, Scale, Theme, colors
from ncviz.text import minus
from ncviz.values import NEVER_ACTIVE

BINS = 64
# Up to so many connections stand under each other, over one axis; more are set in columns where there is room.
FEW_ROWS, COLUMN_WIDTH, MAX_COLUMNS = 6, 190, 3
# Over all rows together, so that the slider under the figure stays in sight; no row is lower or higher than these.
AXES_HEIGHT, LOWEST, HIGHEST = 306, 33, 260
# Left of the bars, over a row for its title, over all for that of the threshold, and under the last for its axis.
LEFT, TITLE, ABOVE, BELOW = 38, 22, 36, 40
# A title's letters are about so wide.
LETTER = 5.4
# A selection of more weights than this is drawn as an even sample of ticks.
MAX_TICKS = 120
_TICKS = (-1000.0, -100.0, -10.0, -5.0, -2.0, -1.0, 0.0, 1.0, 2.0)
# In narrow columns.
_FEW_TICKS = (-1000.0, -100.0, -10.0, -2.0, 0.0, 2.0)
# Removed weights keep a trace of their colour.
_PALE = 0.28


@dataclass(frozen=True, eq=False)
class Row:
    """One connection's curvature.

    Attributes:
        title: Its name.
        curvature: κ of each weight that was measured [W]; NaN or 2 where it is never active.
        kept: bool [W].
        selected: Flat indices of the weights that are selected.
    """

    title: str
    curvature: npt.NDArray[np.float32]
    kept: npt.NDArray[np.bool_]
    selected: npt.NDArray[np.int64]


def distribution(
    rows: Sequence[Row],
    theme: Theme = "light",
    scale: Scale = USUAL,
    words: Sequence[str] = (),
    *,
    threshold: float | None = None,
    removes_above: bool = True,
    is_logarithmic: bool = False,
    width: int = WIDTH,
    axes_height: int = AXES_HEIGHT,
) -> go.Figure:
    """Draw a histogram of κ for each connection over one axis.

    The axis is logarithmic below −2, so that it holds every value. Each row has a vertical axis of its own.

    Args:
        rows: The connections.
        theme: Which variant of the colours.
        scale: What the colours mean.
        words: Sentences under the figure.
        threshold: κ at the cut, if there is one for all rows.
        removes_above: Whether what lies above the threshold is removed, rather than what lies below.
        is_logarithmic: Whether counts are drawn on a logarithmic axis.
        width: Pixels that the figure has; it decides how many columns there are.
        axes_height: Pixels that all axes have together, above each other.
    """
    active = [row.curvature < NEVER_ACTIVE for row in rows]
    low = min(
        (float(row.curvature[own].min()) for row, own in zip(rows, active, strict=True) if own.any()),
        default=KNEE,
    )
    edges = np.linspace(float(compressed(min(low, KNEE))), HIGH, BINS + 1)
    most = 1 if len(rows) <= FEW_ROWS else max(1, min(MAX_COLUMNS, width // COLUMN_WIDTH))
    lines = max(math.ceil(len(rows) / most), 1)
    columns = max(math.ceil(len(rows) / lines), 1)
    height = min(max((axes_height - (lines - 1) * TITLE) // lines, LOWEST), HIGHEST)
    total = lines * height + (lines - 1) * TITLE
    inner = width - RIGHT - LEFT
    each = (inner - (columns - 1) * LEFT) / columns
    layout = frame(theme, scale, width, total, words, above=ABOVE, below=BELOW, left=LEFT)
    layout |= {"barmode": "overlay", "bargap": 0.06, "shapes": [], "showlegend": False}
    traces: list[Any] = []
    cuts: list[dict[str, Any]] = []
    place = None
    if threshold is not None and np.isfinite(threshold):
        place = float(np.clip(compressed(threshold), edges[0], edges[-1]))
    for number, (row, own) in enumerate(zip(rows, active, strict=True)):
        name = "" if number == 0 else str(number + 1)
        line, column = divmod(number, columns)
        left = column * (each + LEFT) / inner
        top = 1 - line * (height + TITLE) / total
        bottom = max(top - height / total, 0.0)
        counts = _counts(row, own, edges)
        is_last = number + columns >= len(rows)
        layout[f"xaxis{name}"] = _kappa_axis(theme, edges, name, each, is_last=is_last) | {
            "domain": [left, min(left + each / inner, 1.0)]
        }
        layout[f"yaxis{name}"] = _count_axis(theme, counts[0], f"x{name}", is_logarithmic=is_logarithmic) | {
            "domain": [bottom, top]
        }
        layout["annotations"].append(_title(row, own, left, top, theme, each))
        traces += _bars(counts, edges, (theme, scale), name)
        layout["shapes"].append(_line(0.0, "dot", name, MUTED[theme]))
        traces += _ticks(row, edges, theme, name, is_logarithmic=is_logarithmic, top=counts[0])
        if is_last and place is not None:
            # One line through all rows of the column.
            cuts.append(_line(place, "solid", name, INK[theme]) | {"yref": "paper", "y0": bottom})
    layout["shapes"] += cuts
    if threshold is not None and place is not None:
        layout["annotations"].append(_cut(threshold, place, edges, theme, removes_above=removes_above))
    return go.Figure(traces, layout)


def _counts(row: Row, active: npt.NDArray[np.bool_], edges: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """All active weights and those that are kept, bin by bin: [2, bins]."""
    places = np.maximum(compressed(row.curvature[active]), edges[0])
    step = (edges[-1] - edges[0]) / (len(edges) - 1)
    at = np.minimum(((places - edges[0]) / step).astype(np.int64), len(edges) - 2)
    bins = len(edges) - 1
    return np.stack([np.bincount(at, minlength=bins), np.bincount(at[row.kept[active]], minlength=bins)])


def _bars(
    counts: npt.NDArray[np.int64], edges: npt.NDArray[np.float64], inks: tuple[Theme, Scale], name: str
) -> list[go.Bar]:
    theme, scale = inks
    centres = (edges[1:] + edges[:-1]) / 2
    kappa = expanded(centres)
    facts = np.stack([expanded(edges[:-1]), expanded(edges[1:]), counts[1], counts[0]], axis=-1)
    hover = (
        "κ from %{customdata[0]:.2f} to %{customdata[1]:.2f}<br>"
        "%{customdata[2]:,} of %{customdata[3]:,} weights kept<extra></extra>"
    )
    axes = {"xaxis": f"x{name}", "yaxis": f"y{name}"}
    common = {"x": centres, **axes, "customdata": facts, "hovertemplate": hover}
    tint = {"color": scale.share(kappa), "coloraxis": "coloraxis", "line": {"width": 0}}
    pale = {
        "color": ["rgb({},{},{})".format(*rgb) for rgb in colors(kappa, theme, scale).tolist()],
        "opacity": _PALE,
    }
    return [go.Bar(y=counts[0], marker=pale, **common), go.Bar(y=counts[1], marker=tint, **common)]


def _ticks(
    row: Row,
    edges: npt.NDArray[np.float64],
    theme: Theme,
    name: str,
    *,
    is_logarithmic: bool,
    top: npt.NDArray[np.int64],
) -> list[go.Scatter]:
    """The selected weights, a mark for each under the bars; a single one says its κ."""
    chosen = row.selected[row.curvature[row.selected] < NEVER_ACTIVE]
    if not chosen.size:
        return []
    even = np.linspace(0, chosen.size - 1, min(chosen.size, MAX_TICKS)).astype(np.int64)
    kappa = np.sort(row.curvature[chosen])[even]
    is_one = chosen.size == 1
    base = 0.5 if is_logarithmic else 0.0
    marks = go.Scatter(
        x=np.maximum(compressed(kappa), edges[0]),
        y=np.full(kappa.size, base),
        mode="markers+text" if is_one else "markers",
        marker={
            "symbol": "triangle-up" if is_one else "line-ns",
            "size": 11 if is_one else 9,
            "color": INK[theme],
            "line": {"width": 1, "color": INK[theme]},
        },
        text=[minus(f"selected: κ = {kappa[0]:.2f}")] if is_one else None,
        textposition="top center" if kappa[0] < 0.9 else "top left",
        textfont={"color": INK[theme]},
        customdata=kappa,
        hovertemplate="selected weight<br>κ = %{customdata:.3f}<extra></extra>",
        xaxis=f"x{name}",
        yaxis=f"y{name}",
        cliponaxis=False,
    )
    return [marks]


def _kappa_axis(
    theme: Theme, edges: npt.NDArray[np.float64], name: str, width: float, *, is_last: bool
) -> dict[str, Any]:
    low = expanded(edges[:1])[0]
    shown = _TICKS if width > 2 * COLUMN_WIDTH else _FEW_TICKS
    ticks = [tick for tick in shown if tick >= low or tick >= KNEE]
    found = axis(
        theme,
        anchor=f"y{name}",
        range=[edges[0] - 0.03, edges[-1] + 0.03],
        **kappa_ticks(ticks),
        tickangle=0,
        showticklabels=is_last,
        ticks="outside" if is_last else "",
        # The line at the threshold goes through all: they zoom together.
        **({"matches": "x"} if name else {}),
    )
    if is_last:
        words = "neural curvature κ" if width > COLUMN_WIDTH else "κ"
        title = f"{words}, logarithmic below −2" if low < KNEE else words
        found["title"] = {"text": title, "standoff": 2, "font": {"size": 11}}
    return found


def _count_axis(
    theme: Theme, counts: npt.NDArray[np.int64], anchor: str, *, is_logarithmic: bool
) -> dict[str, Any]:
    most = max(int(counts.max(initial=0)), 1)
    found = axis(theme, anchor=anchor, showgrid=True, nticks=3, tickformat="~s", fixedrange=True)
    if is_logarithmic:
        return found | {"type": "log", "range": [np.log10(0.5), np.log10(max(most, 2)) * 1.06], "dtick": 1}
    return found | {"range": [0, most * 1.06], "showticklabels": bool(counts.any())}


def _title(
    row: Row, active: npt.NDArray[np.bool_], left: float, top: float, theme: Theme, width: float
) -> dict[str, Any]:
    left_out = int((~active).sum())
    facts = [f"{int(row.kept.sum()):,} of {row.kept.size:,} kept" if row.kept.size else "not measured"]
    if left_out:
        facts.append(f"{left_out:,} never active")
    # What does not fit is left out; the hovered bar and the words below say as much.
    while facts and LETTER * (len(row.title) + 2 + len(" · ".join(facts))) > width:
        facts.pop()
    muted = f'  <span style="color:{MUTED[theme]}">{" · ".join(facts)}</span>' if facts else ""
    return note(f"<b>{escape(row.title)}</b>{muted}", left, top, 1, color=INK[theme], size=12)


def _line(at: float, dash: str, name: str, colour: str) -> dict[str, Any]:
    line = {"color": colour, "width": 1 if dash == "dot" else 1.5, "dash": dash}
    ends = {"xref": f"x{name}", "yref": f"y{name} domain", "x0": at, "x1": at, "y0": 0, "y1": 1}
    return {"type": "line", **ends, "line": line}


def _cut(
    threshold: float, at: float, edges: npt.NDArray[np.float64], theme: Theme, *, removes_above: bool
) -> dict[str, Any]:
    share = (at - edges[0]) / (edges[-1] - edges[0])
    sign = ">" if removes_above else "<"
    words = minus(f"removed: κ {sign} {threshold:.2f}")
    found = note(escape(words), at, 1.0, TITLE - 4, color=INK[theme], size=12)
    return found | {"xref": "x", "xanchor": "right" if share > 0.5 else "left"}
