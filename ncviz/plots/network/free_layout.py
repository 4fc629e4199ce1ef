"""The network as a graph of its own: GraphML by networkx, and a layout free of layers by pyvis."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ncviz.assets import read_asset
from ncviz.plots import palette
from ncviz.plots.figure_frame import AREA, FONT, INK, LINE, MUTED, PAPER
from ncviz.plots.network.connected_parts import Component
from ncviz.plots.network.free_places import free_places
from ncviz.plots.network.lines import NetworkView, some_links
from ncviz.values import NEVER_ACTIVE

# networkx and pyvis take a second to import, which the first page has no use for.
if TYPE_CHECKING:
    import networkx as nx

# For a canvas, which takes names without quotes.
_FACE = FONT.replace('"', "")
# More outlines than this would be a tangle; the table beside the picture has them all.
MAX_OUTLINES = 8
# pyvis asks a content network for bootstrap and names files beside the page, whatever it is told; nothing here may.
_OUTSIDE = re.compile(r"<link\b[^>]*?/?>|<script\b[^>]*\bsrc=[^>]*>\s*</script>", re.DOTALL)


def to_graph(view: NetworkView, edges: npt.NDArray[np.int64]) -> nx.DiGraph:
    """Return some edges of a network as a directed graph.

    Args:
        view: the network.
        edges: indices of the edges to take.

    Returns:
        Nodes are indices over all layers with ``layer``, ``unit`` and ``label``; edges have ``curvature``, ``weight``
        and ``length`` (1/|weight|, none where the weight is 0); and ``factor`` where the weight is scaled by hand.
    """
    import networkx as nx

    graph = nx.DiGraph(noun="nodes" if any(view.grouped) else "units")
    offsets = np.asarray(view.layer_offsets)
    units = np.unique(np.concatenate([view.source[edges], view.target[edges]]))
    layers = np.searchsorted(offsets, units, side="right") - 1
    for unit, layer in zip(units.tolist(), layers.tolist(), strict=True):
        index = unit - int(offsets[layer])
        is_class = layer == len(view.layer_shapes) - 1 and index < len(view.classes)
        place = f"channel {index}" if view.is_grouped(layer) else f"{index}"
        name = f"class {view.classes[index]}" if is_class else f"{view.layer_names[layer]} · {place}"
        graph.add_node(unit, layer=layer, unit=index, label=name)
    weights = view.weight_of(view.weight, view.parameter)
    for edge in edges.tolist():
        weight, ends = float(weights[edge]), (int(view.source[edge]), int(view.target[edge]))
        # Where two weight layers join the same nodes, as beside a shortcut, the stronger bottleneck is drawn.
        if graph.has_edge(*ends) and graph.edges[ends]["curvature"] <= float(view.curvature[edge]):
            continue
        facts = {"curvature": float(view.curvature[edge]), "weight": weight}
        if weight:
            facts["length"] = 1.0 / abs(weight)
        factor = 1.0 if view.factor is None else float(view.factor[view.parameter[edge]])
        if factor != 1:
            facts["factor"] = factor
        if graph.has_edge(*ends):
            # Nothing of the weaker one stays.
            graph.remove_edge(*ends)
        graph.add_edge(*ends, **facts)
    return graph


def links_between(view: NetworkView, nodes: Collection[int]) -> list[tuple[int, int, str, str]]:
    """Return what joins some nodes without weights: source, target, name and kind of each line, evenly chosen.

    Args:
        view: the network.
        nodes: indices over all layers.
    """
    if view.links is None:
        return []
    links = view.links
    own = some_links(links, np.fromiter(nodes, dtype=np.int64))
    return [
        (int(links.source[at]), int(links.target[at]), links.names[link], links.kinds[link])
        for at, link in zip(own.tolist(), links.link[own].tolist(), strict=True)
    ]


def add_links(graph: nx.DiGraph, view: NetworkView) -> None:
    """Add to a graph what joins its nodes without weights, as edges with a ``link`` and no curvature."""
    for source, target, _, kind in links_between(view, graph.nodes):
        # A skip beside a convolution joins two nodes that an edge joins already, which then has both.
        graph.add_edge(source, target, link=kind)


def graphml(graph: nx.DiGraph) -> bytes:
    """Return the graph as a GraphML file, which Gephi, yEd and Cytoscape read.

    An edge that is never active has ``never_active`` in place of a ``curvature``.
    """
    import networkx as nx

    named = graph.copy()
    for _, _, facts in named.edges(data=True):
        if facts.get("curvature", 0.0) >= NEVER_ACTIVE:
            del facts["curvature"]
            facts["never_active"] = True
    return "\n".join(nx.generate_graphml(named)).encode()


def free_layout(
    graph: nx.DiGraph,
    theme: palette.Theme,
    height: int,
    *,
    words: Sequence[str] = (),
    components: Sequence[Component] = (),
    selected: Collection[int] = (),
    follows: tuple[str, str] | None = None,
    links: Sequence[tuple[int, int, str, str]] = (),
    scale: palette.Scale = palette.USUAL,
) -> str:
    """Return a page in which the graph stands part by part and can be dragged about; it loads nothing from outside.

    Args:
        graph: From ``to_graph``.
        theme: Which variant of the colours.
        height: Of the picture in pixels.
        words: Sentences under the picture, such as how many edges are shown.
        components: Parts to name by their letters, the first of them outlined.
        selected: Units that stand out.
        follows: Channel of a live panel on the page around this one, and the order in which the edges' ``rank`` counts.
        links: What joins nodes without weights, from ``links_between``.
        scale: What the colours mean.
    """
    from pyvis.network import Network

    paper, ink, muted, line = PAPER[theme], INK[theme], MUTED[theme], LINE[theme]
    picture = Network(
        height=f"{height}px",
        width="100%",
        directed=True,
        bgcolor=paper,
        font_color=ink,
        cdn_resources="in_line",
    )
    ramp, places = palette.hex_ramp(theme), free_places(graph, components)
    for unit, facts in graph.nodes(data=True):
        name, is_selected = escape(facts["label"]), unit in selected
        x, y = places[unit]
        picture.add_node(
            unit,
            label=name if is_selected else " ",
            title=f"{name} (selected)" if is_selected else name,
            x=x,
            y=y,
            size=26 if is_selected else 12,
            shape="diamond" if is_selected else "dot",
            color=ink if is_selected else muted,
            font={"size": 52, "color": ink, "strokeWidth": 5, "strokeColor": paper, "face": _FACE},
        )
    for source, target, facts in graph.edges(data=True):
        kappa = facts["curvature"]
        is_never = kappa >= NEVER_ACTIVE
        strength = 0.0 if is_never else abs(float(scale.share(kappa)))
        picture.add_edge(
            source,
            target,
            color=line if is_never else ramp[int(palette.bin_index(np.array([kappa]), scale)[0])],
            width=1 + 5 * strength,
            title=f"{'never active' if is_never else f'κ = {kappa:.3f}'}, weight {_weight_words(facts)}",
            arrows={"to": {"enabled": False}},
            rank=facts.get("rank", 0),
        )
    for source, target, link, _ in links:
        picture.add_edge(
            source,
            target,
            color={"color": muted, "opacity": 0.45},
            width=1,
            title=f"{escape(link)}: no weight, no κ",
            arrows={"to": {"enabled": False}},
        )
    # Springs would pull it into a tangle again.
    picture.toggle_physics(False)
    picture.options.edges.smooth.enabled = False
    colors = {"paper": paper, "ink": ink, "muted": muted, "line": line, "font": FONT, "ramp": ",".join(ramp)}
    rules = ";".join(f"--{name}:{value}" for name, value in colors.items())
    style = f"<style>:root{{{rules}}}\n{read_asset(__package__, 'free_layout.css')}</style>"
    page = _OUTSIDE.sub("", picture.generate_html()).replace("</head>", f"{style}</head>", 1)
    names = {"ink": ink, "muted": muted, "paper": paper, "font": _FACE, **_names(graph, selected)}
    scripts = _script("free_names.js", "drawNames(network, {})", names)
    if components:
        parts = [{"name": part.name, "nodes": part.nodes} for part in components]
        drawn = {"outlined": MAX_OUTLINES, "area": AREA[theme], "ink": ink, "paper": paper, "font": _FACE}
        scripts += _script("free_parts.js", "drawParts(network, {})", {"parts": parts, **drawn})
    if follows is not None:
        channel, order = follows
        scripts += _script(
            "free_follow.js", "follow(network, edges, {})", {"channel": channel, "order": order}
        )
    end = f"{_legend(scale, words)}{scripts}</body>"
    # The library's own source holds the words "</body>" too; the page's own are the last.
    return end.join(page.rsplit("</body>", 1))


def _weight_words(facts: Mapping[str, Any]) -> str:
    by_hand = f" (× {facts['factor']:g} by hand)" if "factor" in facts else ""
    return f"{facts['weight']:.3f}{by_hand}"


def _names(graph: nx.DiGraph, selected: Collection[int]) -> dict[str, Any]:
    """What is written: a name for each layer at one of its nodes, and one for each node, without its layer's."""
    layers: dict[int, dict[str, Any]] = {}
    nodes = []
    for node, facts in graph.nodes(data=True):
        layer, _, place = facts["label"].rpartition(" · ")
        # A class has no layer in its name.
        layers.setdefault(facts["layer"], {"name": layer or "classes", "node": node})
        if node not in selected:
            nodes.append({"id": node, "name": (place or layer).replace("channel ", "")})
    return {"layers": [layers[at] for at in sorted(layers)], "nodes": nodes}


def _script(name: str, call: str, settings: Mapping[str, Any]) -> str:
    """A module beside this one as a script of the page, and a call of its function with some settings."""
    values = json.dumps(settings).replace("<", "\\u003c")
    return f'<script type="module">\n{read_asset(__package__, name)}\n{call.format(values)};\n</script>'


def _legend(scale: palette.Scale, words: Sequence[str]) -> str:
    ends = (f"{palette.LOW_NAME} {scale.low_label}", f"{palette.HIGH_LABEL} {palette.HIGH_NAME}")
    said = escape(" ".join(words))
    return f'<div id="legend"><div class="bar">{ends[0]}<i></i>{ends[1]}</div><p>{said}</p></div>'
