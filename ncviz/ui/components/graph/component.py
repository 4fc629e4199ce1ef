"""The graph editor: a small graph in the browser, every edge coloured by its curvature, to click, drag and change."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import streamlit as st

from ncviz.plots.palette import HIGH, HIGH_LABEL, HIGH_NAME, LOW_NAME, USUAL, hex_ramp
from ncviz.plots.small_graphs import MAX_NODES, Edge, SmallGraph
from ncviz.ui.components.bundle import component

NAME = "ncviz_graph"
MAX_ACTIONS = 100


@dataclass(frozen=True)
class SelectedEdge:
    """The edge whose problem is shown.

    Attributes:
        edge: The edge, None for none.
        before: Mass on each node before it is moved.
        after: Mass on each node after that.
        flow: Mass that moves along each step (x, y).
        parcels: The parts of the plan: the nodes of a shortest path, the lengths of its steps, and the mass.
        total: The work of the whole plan, as the page shows it.
        decimals: How many decimals that has.
    """

    edge: Edge | None = None
    before: Mapping[Any, float] = field(default_factory=dict)
    after: Mapping[Any, float] = field(default_factory=dict)
    flow: Mapping[Edge, float] = field(default_factory=dict)
    parcels: Sequence[tuple[Sequence[int], Sequence[float], float]] = ()
    total: str = ""
    decimals: int = 0


def graph_actions(key: str, after: int) -> list[Mapping[str, Any]]:
    """Return what the reader did in the editor `key` since action number `after`, oldest first.

    What a browser sends is not to be trusted: what has no number is left out; the rest is for its user to check.
    """
    state = st.session_state.get(key)
    raw = state.get("actions") if isinstance(state, Mapping) else None
    if not isinstance(raw, list):
        return []
    known = [
        item
        for item in raw[-MAX_ACTIONS:]
        if isinstance(item, Mapping) and type(item.get("seq")) in (int, float)
    ]
    return sorted((item for item in known if item["seq"] > after), key=lambda item: item["seq"])


def graph_editor(
    graph: SmallGraph,
    curvature: Mapping[Edge, float],
    *,
    key: str,
    height: int,
    seq: int,
    on_actions: Callable[[], None],
    selected: SelectedEdge | None = None,
    changed: Mapping[Edge, tuple[float, float]] | None = None,
    status: str = "",
    can_undo: bool = False,
    can_redo: bool = False,
) -> None:
    """Draw the editor.

    Args:
        graph: What is drawn.
        curvature: κ of each edge.
        key: Of the component; what the reader did is in `graph_actions(key, …)`.
        height: Of the picture in pixels.
        seq: Number of the last action that was dealt with.
        on_actions: Called when there are new actions, before the page runs.
        selected: The edge whose problem is shown.
        changed: Edges whose κ the last edit changed, with κ before and after it.
        status: What the last edit did.
        can_undo: Whether there is an edit to undo.
        can_redo: Whether there is an edit to redo.
    """
    chosen, changed = selected or SelectedEdge(), changed or {}
    before, after = chosen.before, chosen.after
    component(NAME, "graph/component")(
        key=key,
        data={
            "seq": seq,
            "height": height,
            "directed": graph.is_directed,
            "nodes": [
                {"id": node, "x": x, "y": y, "before": before.get(node, 0.0), "after": after.get(node, 0.0)}
                for node, (x, y) in graph.places.items()
            ],
            "edges": [
                {
                    "u": u,
                    "v": v,
                    "length": length,
                    "kappa": curvature[u, v],
                    "was": changed.get((u, v), (None,))[0],
                }
                for (u, v), length in graph.lengths.items()
            ],
            "selected": list(chosen.edge) if chosen.edge else None,
            "flow": [{"x": x, "y": y, "mass": mass} for (x, y), mass in chosen.flow.items()],
            "parcels": [
                {"path": list(path), "lengths": list(lengths), "distance": sum(lengths), "mass": mass}
                for path, lengths, mass in chosen.parcels
            ],
            "work": {"total": chosen.total, "decimals": chosen.decimals},
            "status": status,
            "can_undo": can_undo,
            "can_redo": can_redo,
            "most_nodes": MAX_NODES,
            "scale": _scale(),
        },
        on_actions_change=on_actions,
    )


@cache
def _scale() -> dict[str, Any]:
    return {
        "low": USUAL.low,
        "high": HIGH,
        "light": hex_ramp("light"),
        "dark": hex_ramp("dark"),
        "ends": [USUAL.low_label, HIGH_LABEL],
        "names": [LOW_NAME, HIGH_NAME],
    }
