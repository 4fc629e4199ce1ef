"""Lines that are marked: those that are lit, and those whose weights were cut, held or scaled by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ncviz.plots.network.line_arrays import weights_behind
from ncviz.plots.network.lines import NetworkView

# What is said of a line: nothing, all its weights are cut, some are held, some are scaled.
PLAIN, CUT, HELD, SCALED = 0, 1, 2, 3


@dataclass(frozen=True, eq=False)
class Marks:
    """What is marked in a picture.

    Attributes:
        lit: bool [N], the weights whose lines stand out.
        cut: bool [N], those that are cut by hand.
        held: bool [N], those that are held by hand.
        factor: float [N], what each is multiplied by.
    """

    lit: npt.NDArray[np.bool_]
    cut: npt.NDArray[np.bool_]
    held: npt.NDArray[np.bool_]
    factor: npt.NDArray[np.floating[Any]]

    def drawn_anyway(self, view: NetworkView) -> npt.NDArray[np.int64]:
        """Indices of the edges that are drawn however many others are: those with a weight that is marked."""
        is_marked = self.lit | self.cut | self.held | (self.factor != 1)
        return np.flatnonzero(_any(view, is_marked))

    def arrays(self, view: NetworkView, drawn: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[np.uint8]]:
        """Whether each drawn edge is lit, its mark, and whether each weight behind it is cut or held, if any is."""
        mark = np.full(view.edge_count, PLAIN, dtype=np.uint8)
        mark[_any(view, self.factor != 1)] = SCALED
        mark[_any(view, self.held)] = HELD
        mark[~_any(view, ~self.cut)] = CUT
        found = {"lit": _any(view, self.lit)[drawn].astype(np.uint8), "mark": mark[drawn]}
        if not (self.cut | self.held).any():
            return found
        state = np.where(self.cut, CUT, np.where(self.held, HELD, PLAIN)).astype(np.uint8)
        return found | {"byHand": state[weights_behind(view, drawn)]}


def _any(view: NetworkView, of_weights: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Whether any weight of each edge is among some."""
    if view.members is None:
        return np.asarray(of_weights[view.parameter])
    counts = np.concatenate([[0], np.cumsum(of_weights[view.members.parameter])])
    start = view.members.start
    return np.asarray(counts[start[1:]] > counts[start[:-1]])
