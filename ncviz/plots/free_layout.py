"""The network as a graph of its own: GraphML by networkx, and a layout free of layers by pyvis."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ncviz.plots import palette
from ncviz.plots.network import NetworkView

# networkx and pyvis take a second to import, which the first page has no use for.
if TYPE_CHECKING:
    import networkx as nx

_PAPER = {"light": "#ffffff", "dark": "#171614"}
_INK = {"light": "#31333f", "dark": "#fafafa"}
_LAYER_SPACING = 300
# pyvis asks a content network for bootstrap and names files beside the page, whatever it is told; nothing here may.
_OUTSIDE = re.compile(r"<link\b[^>]*?/?>|<script\b[^>]*\bsrc=[^>]*>\s*</script>", re.DOTALL)
# Without pyvis's own frame and progress bar, which cover the picture.
_PLAIN = (
    "<style>body{{margin:0;background:{}}}.card,#mynetwork{{border:0!important;float:none!important}}"
    "#loadingBar{{display:none!important}}</style>"
)


def to_graph(view: NetworkView, edges: npt.NDArray[np.int64]) -> nx.DiGraph:
    """Return some edges of a network as a directed graph.

    Args:
        view: the network.
        edges: indices of the edges to take.

    Returns:
        Nodes are unit indices with ``layer``, ``unit`` and ``label``; edges have ``curvature``, ``weight``, ``length``.
    """
    import networkx as nx

    graph = nx.DiGraph()
    offsets = np.asarray(view.layer_offsets)
    units = np.unique(np.concatenate([view.source[edges], view.target[edges]]))
    layers = np.searchsorted(offsets, units, side="right") - 1
    for unit, layer in zip(units.tolist(), layers.tolist(), strict=True):
        index = unit - int(offsets[layer])
        is_class = layer == len(view.layer_shapes) - 1 and index < len(view.classes)
        name = f"class {view.classes[index]}" if is_class else f"{view.layer_names[layer]} · {index}"
        graph.add_node(unit, layer=layer, unit=index, label=name)
    for edge in edges.tolist():
        weight = float(view.weight[edge])
        graph.add_edge(
            int(view.source[edge]),
            int(view.target[edge]),
            curvature=float(view.curvature[edge]),
            weight=weight,
            length=1.0 / abs(weight),
        )
    return graph


def graphml(graph: nx.DiGraph) -> bytes:
    """Return the graph as a GraphML file, which Gephi, yEd and Cytoscape read."""
    import networkx as nx

    return "\n".join(nx.generate_graphml(graph)).encode()


def free_layout(graph: nx.DiGraph, theme: palette.Theme, height: int) -> str:
    """Return a page in which the graph finds its own layout and can be dragged about; it loads nothing from outside."""
    from pyvis.network import Network

    picture = Network(
        height=f"{height}px",
        width="100%",
        directed=True,
        bgcolor=_PAPER[theme],
        font_color=_INK[theme],
        cdn_resources="in_line",
    )
    ramp = palette.hex_ramp(theme)
    for unit, facts in graph.nodes(data=True):
        name = escape(facts["label"])
        # Starting layer by layer, the springs untangle in a second rather than in a minute.
        picture.add_node(
            unit,
            label=name if facts["label"].startswith("class") else " ",
            title=name,
            x=facts["layer"] * _LAYER_SPACING,
            size=9,
            color=_INK[theme],
            font={"size": 24, "color": _INK[theme]},
        )
    for source, target, facts in graph.edges(data=True):
        kappa = facts["curvature"]
        strength = min(abs(kappa), palette.LIMIT) / palette.LIMIT
        picture.add_edge(
            source,
            target,
            color=ramp[int(palette.bin_index(np.array([kappa]))[0])],
            width=0.6 + 3 * strength,
            title=f"κ = {kappa:.3f}, weight {facts['weight']:.3f}",
            arrows={"to": {"enabled": False}},
        )
    picture.barnes_hut(gravity=-2500, spring_length=120, damping=0.5)
    picture.options.edges.smooth.enabled = False
    page = _OUTSIDE.sub("", picture.generate_html()).replace(
        "</head>", f"{_PLAIN.format(_PAPER[theme])}</head>", 1
    )
    fit = "network.once('stabilizationIterationsDone', () => network.fit());"
    return page.replace("return network;", f"{fit}\nreturn network;")
