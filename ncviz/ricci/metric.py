"""A networkx graph as arrays: lengths forwards and backwards, or one sentence that says what is wrong with it."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csr_array

from ncviz.errors import NcvizError
from ncviz.text import shorten

if TYPE_CHECKING:
    import networkx as nx

SHORTEST, LONGEST = 1e-100, 1e100


class Metric:
    """A graph's lengths as sparse matrices.

    Attributes:
        nodes: The nodes.
        index: Node → its number.
        forwards: float64 [nodes, nodes], the length of the edge from one to the other.
        backwards: The same transposed.
        is_unit: Whether all edges are as long as 1.
    """

    def __init__(self, graph: nx.Graph, weight: str | None) -> None:
        check_graph(graph, weight)
        self.nodes = list(graph.nodes)
        self.index = {node: at for at, node in enumerate(self.nodes)}
        self.is_unit = weight is None
        rows, columns = self.numbers(graph)
        if weight is None:
            lengths = np.ones(len(rows))
        else:
            found = (_length(u, v, data, weight) for u, v, data in graph.edges(data=True) if u != v)
            lengths = np.fromiter(found, np.float64, len(rows))
        if not graph.is_directed():
            rows, columns = np.concatenate([rows, columns]), np.concatenate([columns, rows])
            lengths = np.concatenate([lengths, lengths])
        size = len(self.nodes)
        self.forwards = csr_array((lengths, (rows, columns)), shape=(size, size))
        self.backwards = csr_array((lengths, (columns, rows)), shape=(size, size))

    def numbers(self, graph: nx.Graph) -> tuple[np.ndarray, np.ndarray]:
        """Return the numbers of the nodes that edges lead from, and to, int32 [edges], self-loops left out."""
        index = self.index
        found = np.fromiter(
            (index[node] for edge in graph.edges if edge[0] != edge[1] for node in edge), np.int32
        ).reshape(-1, 2)
        return np.ascontiguousarray(found[:, 0]), np.ascontiguousarray(found[:, 1])


def check_graph(graph: Any, weight: Any) -> None:
    """Raise an NcvizError unless it is a graph whose edges may have a curvature, and ``weight`` a name or None."""
    # A networkx graph can only come from one who has imported networkx; importing it here costs them nothing.
    import networkx as nx

    if not isinstance(graph, nx.Graph):
        raise NcvizError(f"graph must be a networkx Graph or DiGraph, got {type(graph).__name__}.")
    if graph.is_multigraph():
        raise NcvizError(
            "graph must not be a multigraph, whose parallel edges have no curvature of their own; "
            "nx.Graph(graph) or nx.DiGraph(graph) keeps one edge of each pair."
        )
    if weight is not None and not isinstance(weight, str):
        raise NcvizError(f"weight must be the name of an edge attribute or None, got {short(weight)}.")


def _length(u: Hashable, v: Hashable, data: dict[str, Any], weight: str) -> float:
    if weight not in data:
        raise NcvizError(f"Edge {short((u, v))} has no attribute '{weight}', which should hold its length.")
    try:
        length = float(data[weight])
    except (TypeError, ValueError, OverflowError):
        length = np.nan
    if not SHORTEST <= length <= LONGEST:
        raise NcvizError(
            f"The length '{weight}' of edge {short((u, v))} must be a positive number "
            f"({SHORTEST:g} to {LONGEST:g}), got {short(data[weight])}."
        )
    return length


def short(value: Any) -> str:
    """Return what a value looks like, cut to length."""
    return shorten(repr(value))
