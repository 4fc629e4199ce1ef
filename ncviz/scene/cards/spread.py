"""κ over several draws: one weight's error bar in words, and the weights on which magnitude disagrees in a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ncviz import tasks
from ncviz.tasks.curvature.spread import SpreadRecord
from ncviz.text import number, signed

if TYPE_CHECKING:
    # The first page is drawn without tables.
    import pandas as pd


def opposed_table(of: tasks.Network, found: SpreadRecord) -> pd.DataFrame:
    """Return a row for each weight on which the two disagree most."""
    import pandas as pd

    chosen = np.concatenate([found.by_curvature, found.by_magnitude])
    names = found.places(chosen)
    return pd.DataFrame(
        {
            "held important by": ["curvature"] * len(found.by_curvature)
            + ["magnitude"] * len(found.by_magnitude),
            "layer": [name for name, _ in names],
            "weight": [at for _, at in names],
            "w": [float(of.arrays[name].reshape(-1)[at]) for name, at in names],
            "mean κ": found.spread.mean[chosen],
            "standard deviation": found.spread.deviation[chosen],
            "least κ": found.spread.low[chosen],
            "largest κ": found.spread.high[chosen],
            "active in draws": found.spread.active[chosen],
            "change of the loss": np.concatenate([found.change_by_curvature, found.change_by_magnitude]),
        }
    )


def spread_row(found: SpreadRecord, parameter: int) -> tuple[str, str]:
    """Return one weight's κ over the draws, under what a card calls it.

    Args:
        found: What is known.
        parameter: The weight's number through all weights.
    """
    own = found.spread
    name, active = f"over {own.draws} draws", int(own.active[parameter])
    if not active:
        return name, "never active"
    words = signed(float(own.mean[parameter]))
    if active > 1:
        words += f" ± {number(float(own.deviation[parameter]))}"
    return name, words if active == own.draws else f"{words}, active in {active}"
