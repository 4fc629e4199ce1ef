"""A network as one self-contained SVG, with its legend and the words that say what is left out."""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

import numpy as np
import numpy.typing as npt

from ncviz.plots import palette
from ncviz.plots.layout import Layout, layout
from ncviz.plots.network import NetworkView, caption, edges_of, layer_subtitle, strongest

_INK = {"light": "#1f2430", "dark": "#e6e8ee"}
_MUTED = {"light": "#666c78", "dark": "#9aa1ae"}
_PAPER = {"light": "#ffffff", "dark": "#0e1117"}
_FONT = "Source Sans 3, Source Sans Pro, system-ui, sans-serif"
_TOP, _BOTTOM, _LEFT, _RIGHT = 56, 64, 24, 110
_RUNS = 48  # groups of consecutive edges; within one, edges of a colour share a path
_LABEL_CHARACTERS = 16


@dataclass(frozen=True)
class _Canvas:
    """The picture's size and colours."""

    width: int
    height: int
    theme: palette.Theme


def network_svg(
    view: NetworkView,
    *,
    ranks: npt.ArrayLike | None = None,
    removed: int = 0,
    limit: int = 4000,
    connection: int | None = None,
    both_ends: bool = True,
    width: int = 1200,
    height: int = 680,
    theme: palette.Theme = "light",
) -> str:
    """Draw the strongest edges that a pruned network keeps.

    Args:
        view: the network.
        ranks: place of each parameter in the pruning order: [N], 0 is removed first; None draws all.
        removed: how many parameters are removed.
        limit: the most edges to draw.
        connection: only this weight layer.
        both_ends: as many bottlenecks as redundant edges where there are enough, see `strongest`.
        width: of the picture, in pixels.
        height: of the picture, in pixels.
        theme: light or dark paper.

    Returns:
        An SVG document; every name in it is escaped.
    """
    canvas = _Canvas(width, height, theme)
    placed = layout(view.layer_shapes, width - _LEFT - _RIGHT, height - _TOP - _BOTTOM, is_portrait=False)
    drawn = strongest(view, limit, connection, both_ends=both_ends)
    rank = np.full(view.parameter_count, removed) if ranks is None else np.asarray(ranks)
    kept = drawn[rank[view.parameter[drawn]] >= removed]
    name = None if connection is None else view.connection_names[connection]
    words = caption(len(drawn), int(edges_of(view, connection).size), len(kept), name)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" font-family="{_FONT}" role="img">',
        f"<title>{_text(' → '.join(view.layer_names))}</title>",
        f'<rect width="{width}" height="{height}" fill="{_PAPER[theme]}"/>',
        f'<g transform="translate({_LEFT} {_TOP})">',
        *_edges(view, kept, placed, theme),
        *_dots(placed, theme),
        *_names(view, placed, theme),
        "</g>",
        *_legend(canvas, words),
        "</svg>",
    ]
    return "\n".join(parts)


def _edges(
    view: NetworkView, kept: npt.NDArray[np.int64], placed: Layout, theme: palette.Theme
) -> Iterator[str]:
    """Paths in drawing order: runs of edges, one path per colour within a run."""
    ramp = palette.hex_ramp(theme)
    middle = (palette.BINS - 1) / 2
    yield '<g fill="none" stroke-linecap="round">'
    for run in np.array_split(kept, _RUNS) if kept.size else []:
        bins = palette.bin_index(view.curvature[run])
        for color in np.unique(bins).tolist():
            edges = run[bins == color]
            ends = (
                (placed.x, view.source),
                (placed.y, view.source),
                (placed.x, view.target),
                (placed.y, view.target),
            )
            points = np.stack([axis[unit[edges]] for axis, unit in ends], axis=1).round(1).tolist()
            path = "".join(f"M{a:g} {b:g}L{c:g} {d:g}" for a, b, c, d in points)
            strength = abs(color - middle) / middle
            yield (
                f'<path d="{path}" stroke="{ramp[color]}" stroke-width="{0.5 + 2 * strength:.2f}" '
                f'stroke-opacity="{0.22 + 0.7 * strength**0.6:.2f}"/>'
            )
    yield "</g>"


def _dots(placed: Layout, theme: palette.Theme) -> Iterator[str]:
    """The units."""
    yield f'<g fill="{_MUTED[theme]}" stroke="{_PAPER[theme]}" stroke-width="0.8">'
    for layer, radius in enumerate(placed.radius):
        first, last = placed.layer_offsets[layer : layer + 2]
        xs, ys = placed.x[first:last].round(1).tolist(), placed.y[first:last].round(1).tolist()
        for x, y in zip(xs, ys, strict=True):
            yield f'<circle cx="{x:g}" cy="{y:g}" r="{radius:.1f}"/>'
    yield "</g>"


def _names(view: NetworkView, placed: Layout, theme: palette.Theme) -> Iterator[str]:
    """Layer names above their columns, class names beside the last one."""
    for (x, _), name, shape in zip(placed.labels, view.layer_names, view.layer_shapes, strict=True):
        anchor = "start" if x < 40 else "middle"
        left = 0 if anchor == "start" else x
        yield (
            f'<text x="{left:.1f}" y="-32" text-anchor="{anchor}" font-size="13" font-weight="600" '
            f'fill="{_INK[theme]}">{_text(name, _LABEL_CHARACTERS)}</text>'
            f'<text x="{left:.1f}" y="-17" text-anchor="{anchor}" font-size="11" '
            f'fill="{_MUTED[theme]}">{_text(layer_subtitle(shape))}</text>'
        )
    first = placed.layer_offsets[-2]
    room = placed.height / max(len(view.classes), 1)
    for number, name in enumerate(view.classes[: len(placed.x) - first] if room >= 9 else ()):
        x, y = placed.x[first + number] + 12, placed.y[first + number] + 4
        yield (
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="12" fill="{_INK[theme]}">'
            f"{_text(name, _LABEL_CHARACTERS)}</text>"
        )


def _legend(canvas: _Canvas, words: str) -> Iterator[str]:
    """The caption on the left, the colour bar on the right, under the picture."""
    ramp = palette.hex_ramp(canvas.theme)
    bar, left, top = 220, canvas.width - 24 - 220 - 86, canvas.height - 38
    ink, muted = _INK[canvas.theme], _MUTED[canvas.theme]
    yield f'<text x="24" y="{top + 10}" font-size="12" fill="{muted}">{_text(words)}</text>'
    stops = "".join(
        f'<stop offset="{i / (len(ramp) - 1):.4f}" stop-color="{color}"/>' for i, color in enumerate(ramp)
    )
    yield f'<defs><linearGradient id="ncviz-kappa">{stops}</linearGradient></defs>'
    yield f'<rect x="{left}" y="{top}" width="{bar}" height="10" rx="2" fill="url(#ncviz-kappa)"/>'
    for share, label in ((0.0, palette.LOW_LABEL), (0.5, "κ = 0"), (1.0, palette.HIGH_LABEL)):
        yield (
            f'<text x="{left + share * bar:.0f}" y="{top + 25}" font-size="11" text-anchor="middle" '
            f'fill="{muted}">{_text(label)}</text>'
        )
    yield (
        f'<text x="{left - 10}" y="{top + 9}" font-size="12" text-anchor="end" fill="{ink}">'
        f"{_text(palette.LOW_NAME)}</text>"
        f'<text x="{left + bar + 10}" y="{top + 9}" font-size="12" fill="{ink}">{_text(palette.HIGH_NAME)}</text>'
    )


def _text(value: str, most: int | None = None) -> str:
    """A name made safe for XML: no markup, no control characters, no lone surrogates, not endless."""
    clean = "".join(
        c for c in value if c >= " " and not "\ud800" <= c <= "\udfff" and c not in "\ufffe\uffff"
    )
    if most is not None and len(clean) > most:
        clean = clean[: most - 1] + "…"
    return escape(clean)
