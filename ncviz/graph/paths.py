"""Shortest paths between layers: min-plus products of the edge lengths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ncviz.errors import ModelError
from ncviz.graph.neural_graph import EdgeList, NeuralGraph

MAX_TABLE_BYTES = 4 * 2**30
_CHUNK_ELEMENTS = 2**24


@dataclass(frozen=True, eq=False)
class Distances:
    """Path lengths between layers two and three apart; they depend on the weights only.

    Attributes:
        two: ``two[l]`` is float64 [n_l, n_{l+2}], the shortest path through layer l + 1, inf where there is none.
        three: ``three[l]`` is float64 [n_l, n_{l+3}], the shortest path through layers l + 1 and l + 2.
    """

    two: tuple[np.ndarray, ...]
    three: tuple[np.ndarray, ...]


def distances(graph: NeuralGraph, device: str = "cpu") -> Distances:
    """Compute every two- and three-layer distance table of the graph.

    Products associate right to left, so that the sparse factor is always the left one.

    Args:
        graph: The neural graph.
        device: Where to compute; a device without float64 (mps) hands the work to the CPU.

    Raises:
        ModelError: If a table would be too large for memory.
    """
    where = "cpu" if device.startswith("mps") else device
    sizes = graph.layer_sizes
    _check_size(sizes)
    edges = [connection.edges for connection in graph.connections]
    two: list[np.ndarray] = []
    three: list[np.ndarray] = []
    for level in range(len(edges) - 1):
        right = torch.full((sizes[level + 1], sizes[level + 2]), torch.inf, dtype=torch.float64)
        right[edges[level + 1].source, edges[level + 1].target] = torch.from_numpy(edges[level + 1].length)
        two.append(min_plus(edges[level], sizes[level], right.to(where)).cpu().numpy())
    for level in range(len(edges) - 2):
        right = torch.from_numpy(two[level + 1]).to(where)
        three.append(min_plus(edges[level], sizes[level], right).cpu().numpy())
    return Distances(tuple(two), tuple(three))


def min_plus(edges: EdgeList, rows: int, right: Tensor) -> Tensor:
    """Return the min-plus product of a sparse left factor with a dense right one.

    Args:
        edges: The left factor: entry (source, target) is the edge's length, all others are inf.
        rows: Number of source units.
        right: float64 [targets, m].

    Returns:
        float64 [rows, m] with ``out[u, v] = min over t of length(u, t) + right[t, v]``, on right's device.
    """
    degree = np.bincount(edges.source, minlength=rows)
    width = max(int(degree.max(initial=0)), 1)
    order = np.argsort(edges.source, kind="stable")
    start = np.concatenate([[0], np.cumsum(degree)])
    slot = np.arange(len(order)) - start[edges.source[order]]
    index = np.zeros((rows, width), dtype=np.int64)
    length = np.full((rows, width), np.inf)
    index[edges.source[order], slot] = edges.target[order]
    length[edges.source[order], slot] = edges.length[order]
    targets = torch.from_numpy(index).to(right.device)  # [rows, width], padded with inf-long edges
    lengths = torch.from_numpy(length).to(right.device)
    out = torch.empty((rows, right.shape[1]), dtype=torch.float64, device=right.device)
    chunk = max(1, _CHUNK_ELEMENTS // (width * right.shape[1]))
    for begin in range(0, rows, chunk):
        part = slice(begin, begin + chunk)
        out[part] = (lengths[part, :, None] + right[targets[part]]).amin(dim=1)
    return out


def _check_size(sizes: tuple[int, ...]) -> None:
    steps = [(sizes[i], sizes[i + hop]) for hop in (2, 3) for i in range(len(sizes) - hop)]
    needed = 8 * sum(rows * columns for rows, columns in steps)
    if needed > MAX_TABLE_BYTES:
        raise ModelError(
            f"The distance tables of this network would take {needed / 2**30:.1f} GB, more than the "
            f"{MAX_TABLE_BYTES / 2**30:.0f} GB that ncviz allows itself; use a smaller input or a narrower network."
        )
