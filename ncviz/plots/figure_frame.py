"""What the plotly figures of the views have in common: paper and ink, the colour bar, and what is shown in words."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from ncviz.plots.palette import HIGH_LABEL, HIGH_NAME, LIMIT, LOW_LABEL, LOW_NAME, Theme, plotly_colorscale

PAPER: dict[Theme, str] = {"light": "#ffffff", "dark": "#171614"}
INK: dict[Theme, str] = {"light": "#2f2d2b", "dark": "#edebe8"}
MUTED: dict[Theme, str] = {"light": "#626875", "dark": "#a3a9b5"}
LINE: dict[Theme, str] = {"light": "#d5d8de", "dark": "#3a404b"}
# Between paper and line: what is there, but says little.
AREA: dict[Theme, str] = {"light": "#e9ebee", "dark": "#2b2e34"}
FONT = '"Source Sans", "Source Sans Pro", system-ui, sans-serif'
BAR_PIXELS = 240
# Under the axes: room for the colour bar, and for each line of words.
BAR_ROOM, LINE_ROOM = 52, 17
# Words wrap here, which fits the narrowest screen.
LETTERS = 58


def frame(
    theme: Theme, height: int, above: int, below: int, words: Sequence[str], left: int
) -> dict[str, Any]:
    """Return the layout around the axes: colours, colour bar and words, all part of every export.

    Args:
        theme: Which variant of the colours.
        height: Of the axes, in pixels.
        above: Pixels over the axes.
        below: Pixels under them that the axes themselves need.
        words: Sentences under the colour bar, plain text; also the figure's ``meta``, for a screen reader.
        left: Pixels left of the axes.
    """
    lines = _wrapped(" ".join(words))
    bottom = below + BAR_ROOM + LINE_ROOM * len(lines)
    total = above + height + bottom
    return {
        "meta": " ".join(words),
        "height": total,
        "margin": {"l": left, "r": 16, "t": above, "b": bottom},
        "paper_bgcolor": PAPER[theme],
        "plot_bgcolor": PAPER[theme],
        "font": {"family": FONT, "size": 12, "color": MUTED[theme]},
        "hoverlabel": {"bgcolor": PAPER[theme], "bordercolor": LINE[theme], "font": {"color": INK[theme]}},
        "coloraxis": {
            "cmin": -LIMIT,
            "cmax": LIMIT,
            "colorscale": plotly_colorscale(theme),
            "colorbar": _bar(theme, (bottom - below) / total),
        },
        "annotations": [
            note("<br>".join(map(escape, lines)), 0.0, 0.0, -below - BAR_ROOM, top=True, shift=8 - left)
        ],
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": MUTED[theme], "activecolor": INK[theme]},
    }


def note(
    text: str, x: float, y: float, rise: float, *, top: bool = False, shift: float = 0.0, **font: Any
) -> dict[str, Any]:
    """Return words at a place of the paper, ``rise`` pixels higher; the text may hold plotly's tags."""
    return {
        "text": text,
        "x": x,
        "y": y,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "left",
        "yanchor": "top" if top else "bottom",
        "xshift": shift,
        "yshift": rise,
        "align": "left",
        "showarrow": False,
        "font": font,
    }


def axis(theme: Theme, **more: Any) -> dict[str, Any]:
    """Return an axis with thin lines, and no grid unless asked for."""
    return {"showgrid": False, "zeroline": False, "linecolor": LINE[theme], "gridcolor": LINE[theme], **more}


def _bar(theme: Theme, top: float) -> dict[str, Any]:
    return {
        "orientation": "h",
        "thickness": 10,
        "thicknessmode": "pixels",
        "len": BAR_PIXELS,
        "lenmode": "pixels",
        "x": 0,
        "xanchor": "left",
        "xref": "paper",
        "xpad": 18,
        "y": top,
        "yanchor": "top",
        "yref": "container",
        "ypad": 0,
        "outlinewidth": 0,
        "tickvals": [-LIMIT, 0, LIMIT],
        "ticktext": [f"{LOW_LABEL}<br>{LOW_NAME}", "κ = 0", f"{HIGH_LABEL}<br>{HIGH_NAME}"],
        "tickfont": {"color": INK[theme], "size": 12},
    }


def _wrapped(sentence: str) -> list[str]:
    lines = [""]
    for word in sentence.split(" "):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > LETTERS:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
