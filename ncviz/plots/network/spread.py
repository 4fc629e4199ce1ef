"""How κ is spread over the weights of each connection: what a line says of those beside it."""

from __future__ import annotations

import numpy as np

from ncviz.plots.network.header import Spread
from ncviz.plots.network.lines import NetworkView
from ncviz.values import NEVER_ACTIVE

_BARS = 24


def spreads(view: NetworkView) -> list[Spread]:
    """Return the spread of every connection; what was never active counts among its weights alone."""
    kappa, connection = view.curvature, view.connection
    if view.members is not None:
        kappa, connection = view.members.curvature, np.repeat(connection, np.diff(view.members.start))
    return [_spread(view, kappa[connection == at]) for at in range(len(view.connection_names))]


def _spread(view: NetworkView, kappa: np.ndarray) -> Spread:
    known = kappa[np.isfinite(kappa)]
    own = known[known < NEVER_ACTIVE]
    low, median, high = np.quantile(own, (0, 0.5, 1)).tolist() if own.size else (0.0, 0.0, 0.0)
    bars, _ = np.histogram(view.scale.share(own), bins=_BARS, range=(-1, 1))
    return {
        "weights": int(known.size),
        "active": int(own.size),
        "low": round(low, 3),
        "median": round(median, 3),
        "high": round(high, 3),
        "negative": int((own < 0).sum()),
        "bars": bars.tolist(),
    }
