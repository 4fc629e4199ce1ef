"""Which share of the weights is never active on some images, known from the activity alone, before any curvature."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ncviz.graph.neural_graph import NeuralGraph


def never_active_share(graph: NeuralGraph, activity: Sequence[np.ndarray]) -> float:
    """Return the share of all weights that have edges, but none that is live on any of the images, in [0, 1].

    An edge is dead where its source or its target is a hidden unit with activation 0. The edges are not listed.

    Args:
        graph: The neural graph.
        activity: For each layer float64 [samples, units], normalised to [0, 1].
    """
    last = len(graph.layer_shapes) - 1
    has_edge: dict[str, np.ndarray] = {}
    is_live: dict[str, np.ndarray] = {}
    for each in graph.connections:
        groups, channels, slots = each.weight.shape
        positions = each.fields.shape[1]
        inside = each.fields >= 0
        live = np.zeros((groups, channels, slots), dtype=np.bool_)
        for before, after in zip(activity[each.source], activity[each.target], strict=True):
            speaks = inside & (before[each.fields] > 0) if each.source > 0 else inside
            hears = np.ones((groups, channels, positions), dtype=np.float32)
            if each.target < last:
                hears = (after > 0).reshape(hears.shape).astype(np.float32)
            live |= hears @ speaks.astype(np.float32) > 0
        own = each.as_parameter((live & (each.weight != 0)).reshape(-1))
        there = each.as_parameter(each.first_position >= 0)
        name = each.parameter
        is_live[name] = is_live.get(name, np.zeros_like(own)) | own
        has_edge[name] = has_edge.get(name, np.zeros_like(there)) | there
    never = sum(int((has_edge[name] & ~is_live[name]).sum()) for name in has_edge)
    return never / max(1, sum(own.size for own in has_edge.values()))
