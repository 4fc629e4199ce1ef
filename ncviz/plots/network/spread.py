"""How κ is spread over the weights of each connection: what a line says of those beside it."""

from __future__ import annotations

import numpy as np

from ncviz.plots.network.header import Spread
from ncviz.plots.network.lines import NetworkView
from ncviz.values import NEVER_ACTIVE

_BARS = 24


def spreads(view: NetworkView) -> list[Spread]:
    """Return the spread of every connection; what was never active counts among its weights alone."""
    kappa, connection, parameter, target = view.curvature, view.connection, view.parameter, view.target
    if view.members is not None:
        sizes = np.diff(view.members.start)
        kappa, parameter = view.members.curvature, view.members.parameter
        connection, target = np.repeat(connection, sizes), np.repeat(target, sizes)
    found = []
    for at in range(len(view.connection_names)):
        own = connection == at
        found.append(_spread(view, kappa[own], _inputs(view, parameter[own], target[own])))
    return found


def _inputs(view: NetworkView, parameter: np.ndarray, target: np.ndarray) -> int:
    """Return how many inputs a unit has: its channel's weights; 0 where not all weights were measured."""
    if not target.size or view.unmeasured or view.left_out is not None:
        return 0
    layer = int(np.searchsorted(view.layer_offsets, target[0], side="right")) - 1
    per = np.prod(view.layer_shapes[layer][1:], dtype=int) if not view.is_grouped(layer) else 1
    # Counted, not sorted: a connection may have a million weights.
    channels = np.count_nonzero(np.bincount((target - view.layer_offsets[layer]) // per))
    weights = np.count_nonzero(np.bincount(parameter - parameter.min()))
    return round(weights / channels)


def _spread(view: NetworkView, kappa: np.ndarray, inputs: int) -> Spread:
    known = kappa[np.isfinite(kappa)]
    own = known[known < NEVER_ACTIVE]
    low, median, high = np.quantile(own, (0, 0.5, 1)).tolist() if own.size else (0.0, 0.0, 0.0)
    bars, _ = np.histogram(view.scale.share(own), bins=_BARS, range=(-1, 1))
    return {
        "inputs": inputs,
        "weights": int(known.size),
        "active": int(own.size),
        "low": round(low, 3),
        "median": round(median, 3),
        "high": round(high, 3),
        "negative": int((own < 0).sum()),
        "bars": bars.tolist(),
    }
