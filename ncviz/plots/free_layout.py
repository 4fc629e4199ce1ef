"""The network as a graph of its own: GraphML by networkx, and a layout free of layers by pyvis."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ncviz.plots import palette
from ncviz.plots.components import Component
from ncviz.plots.figure_frame import AREA, FONT, INK, LINE, MUTED, PAPER
from ncviz.plots.network import NetworkView

# networkx and pyvis take a second to import, which the first page has no use for.
if TYPE_CHECKING:
    import networkx as nx

_LAYER_SPACING, _UNIT_SPACING = 300, 45
# More outlines than this would be a tangle; the table beside the picture has them all.
MAX_OUTLINES = 8
# pyvis asks a content network for bootstrap and names files beside the page, whatever it is told; nothing here may.
_OUTSIDE = re.compile(r"<link\b[^>]*?/?>|<script\b[^>]*\bsrc=[^>]*>\s*</script>", re.DOTALL)
# Without pyvis's own frame and progress bar, which cover the picture.
_STYLE = """<style>
body{{margin:0;height:100vh;display:flex;flex-direction:column;background:{paper};color:{muted}}}
.card{{flex:1;min-height:0}}
.card,#mynetwork{{border:0!important;float:none!important;padding:0!important}}
#mynetwork{{height:100%!important}}
#loadingBar,center{{display:none!important}}
#legend{{padding:8px 2px 0;border-top:1px solid {line};font:12px/1.45 {font}}}
#legend p{{margin:2px 0 0}}
#legend .bar{{display:flex;align-items:center;gap:8px;color:{ink}}}
#legend .bar i{{flex:0 1 220px;height:10px;background:linear-gradient(to right,{ramp})}}
</style>"""
# A hull around the units of each component, with its letter at the top, drawn under the edges at every frame.
_OUTLINES = """<script>
(() => {{
  const parts = {parts};
  const cross = (o, a, b) => (a.x - o.x) * (b.y - o.y) - (a.y - o.y) * (b.x - o.x);
  const half = (points) => {{
    const hull = [];
    for (const p of points) {{
      while (hull.length > 1 && cross(hull[hull.length - 2], hull[hull.length - 1], p) <= 0) hull.pop();
      hull.push(p);
    }}
    return hull.slice(0, -1);
  }};
  network.on("beforeDrawing", (context) => {{
    for (const {{ name, nodes }} of parts) {{
      const places = Object.values(network.getPositions(nodes)).sort((a, b) => a.x - b.x || a.y - b.y);
      const hull = [...half(places), ...half([...places].reverse())];
      if (hull.length < 2) continue;
      context.beginPath();
      hull.forEach((p, i) => (i ? context.lineTo(p.x, p.y) : context.moveTo(p.x, p.y)));
      context.closePath();
      context.lineJoin = "round";
      context.strokeStyle = "{area}";
      context.lineWidth = 56;
      context.stroke();
      context.fillStyle = "{area}";
      context.fill();
      const top = hull.reduce((a, b) => (b.y < a.y ? b : a));
      context.fillStyle = "{ink}";
      context.font = '600 44px {font}';
      context.textAlign = "center";
      context.fillText(name, top.x, top.y - 36);
    }}
  }});
}})();
</script>"""

# Within the app, edges go while the slider is dragged; the page as a whole is made anew when it is let go.
_FOLLOW = """<script>
(() => {{
  const [channel, order] = {names};
  const follow = (event) => {{
    const changed = [];
    edges.forEach((edge) => {{
      const hidden = event.order === order && edge.rank < event.removed;
      if (hidden !== Boolean(edge.hidden)) changed.push({{ id: edge.id, hidden }});
    }});
    if (changed.length) edges.update(changed);
  }};
  const join = () => {{
    const state = window.parent.__ncvizChannels?.get(channel);
    if (!state) {{
      setTimeout(join, 300);
      return;
    }}
    state.listeners.add(follow);
    window.addEventListener("pagehide", () => state.listeners.delete(follow));
    if (state.last) follow(state.last);
  }};
  join();
}})();
</script>"""


def to_graph(view: NetworkView, edges: npt.NDArray[np.int64]) -> nx.DiGraph:
    """Return some edges of a network as a directed graph.

    Args:
        view: the network.
        edges: indices of the edges to take.

    Returns:
        Nodes are indices over all layers with ``layer``, ``unit`` and ``label``; edges have ``curvature``, ``weight``
        and ``length``.
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


def free_layout(
    graph: nx.DiGraph,
    theme: palette.Theme,
    height: int,
    *,
    words: Sequence[str] = (),
    components: Sequence[Component] = (),
    selected: Collection[int] = (),
    follows: tuple[str, str] | None = None,
) -> str:
    """Return a page in which the graph finds its own layout and can be dragged about; it loads nothing from outside.

    Args:
        graph: From ``to_graph``.
        theme: Which variant of the colours.
        height: Of the picture in pixels.
        words: Sentences under the picture, such as how many edges are shown.
        components: Parts to outline and to name by their letters.
        selected: Units that stand out.
        follows: Channel of a live panel on the page around this one, and the order in which the edges' ``rank`` counts.
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
    ramp = palette.hex_ramp(theme)
    for unit, facts in graph.nodes(data=True):
        name, is_selected = escape(facts["label"]), unit in selected
        # Starting layer by layer, the springs untangle in a second rather than in a minute.
        picture.add_node(
            unit,
            label=name if is_selected or facts["label"].startswith("class") else " ",
            title=f"{name} (selected)" if is_selected else name,
            x=facts["layer"] * _LAYER_SPACING,
            y=(facts["unit"] % 40) * _UNIT_SPACING,
            size=26 if is_selected else 12,
            shape="diamond" if is_selected else "dot",
            color=ink if is_selected else muted,
            font={"size": 52, "color": ink, "strokeWidth": 5, "strokeColor": paper},
        )
    for source, target, facts in graph.edges(data=True):
        kappa = facts["curvature"]
        strength = min(abs(kappa), palette.LIMIT) / palette.LIMIT
        picture.add_edge(
            source,
            target,
            color=ramp[int(palette.bin_index(np.array([kappa]))[0])],
            width=1 + 5 * strength,
            title=f"κ = {kappa:.3f}, weight {facts['weight']:.3f}",
            arrows={"to": {"enabled": False}},
            rank=facts.get("rank", 0),
        )
    picture.barnes_hut(gravity=-2500, spring_length=120, damping=0.5)
    picture.options.edges.smooth.enabled = False
    style = _STYLE.format(
        paper=paper, ink=ink, muted=muted, line=line, font=FONT.replace('"', "'"), ramp=",".join(ramp)
    )
    page = _OUTSIDE.sub("", picture.generate_html()).replace("</head>", f"{style}</head>", 1)
    fit = "network.once('stabilizationIterationsDone', () => network.fit());"
    page = page.replace("return network;", f"{fit}\nreturn network;")
    parts = [{"name": part.name, "nodes": part.nodes} for part in components[:MAX_OUTLINES]]
    outlines = _OUTLINES.format(
        parts=json.dumps(parts), area=AREA[theme], ink=ink, font=FONT.replace('"', "")
    )
    follow = "" if follows is None else _FOLLOW.format(names=json.dumps(follows))
    end = f"{_legend(words)}{outlines if parts else ''}{follow}</body>"
    # The library's own source holds the words "</body>" too; the page's own are the last.
    return end.join(page.rsplit("</body>", 1))


def _legend(words: Sequence[str]) -> str:
    ends = (f"{palette.LOW_NAME} {palette.LOW_LABEL}", f"{palette.HIGH_LABEL} {palette.HIGH_NAME}")
    said = escape(" ".join(words))
    return f'<div id="legend"><div class="bar">{ends[0]}<i></i>{ends[1]}</div><p>{said}</p></div>'
