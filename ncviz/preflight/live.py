"""Which edges are live on some images, known from the activity alone, before any curvature and without listing them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ncviz.graph.neural_graph import NeuralGraph


def live_shares(graph: NeuralGraph, activity: Sequence[np.ndarray]) -> tuple[list[float], float]:
    """Return how much of a network is live on some images.

    An edge is dead where its source or its target is a hidden unit with activation 0.

    Args:
        graph: The neural graph.
        activity: For each layer float64 [samples, units], normalised to [0, 1].

    Returns:
        For each connection the mean share of its edges that are live, of all images; and the share of all weights that
        have edges, but none that is live on any of the images; each in [0, 1].
    """
    last = len(graph.layer_shapes) - 1
    shares: list[float] = []
    has_edge: dict[str, np.ndarray] = {}
    is_live: dict[str, np.ndarray] = {}
    for each in graph.connections:
        groups, channels, _ = each.weight.shape
        inside, present = each.fields >= 0, each.weight != 0
        is_own, count = np.zeros_like(present), 0.0
        for before, after in zip(activity[each.source], activity[each.target], strict=True):
            speaks = inside & (before[each.fields] > 0) if each.source > 0 else inside
            hears = np.ones((groups, channels, inside.shape[1]), dtype=np.float32)
            if each.target < last:
                hears = (after > 0).reshape(hears.shape).astype(np.float32)
            # At how many positions each weight's edge is live: whole numbers that float32 holds exactly.
            live = (hears @ speaks.astype(np.float32)) * present
            is_own |= live > 0
            count += float(live.sum(dtype=np.float64))
        shares.append(count / max(1, each.number_of_edges) / max(1, len(activity[0])))
        name, own = each.parameter, each.as_parameter(is_own.reshape(-1))
        there = each.as_parameter(each.first_position >= 0)
        is_live[name] = is_live.get(name, np.zeros_like(own)) | own
        has_edge[name] = has_edge.get(name, np.zeros_like(there)) | there
    never = sum(int((has_edge[name] & ~is_live[name]).sum()) for name in has_edge)
    return shares, never / max(1, sum(own.size for own in has_edge.values()))
