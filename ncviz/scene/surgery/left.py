"""What is left of each weight at a pruning step, by hand and by the criterion: what cards, tables and files ask."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ncviz.tasks import OwnMask
from ncviz.tasks.criteria import CUT_BY_HAND, HELD_BY_HAND
from ncviz.text import signed

_STATES = {CUT_BY_HAND: "cut", HELD_BY_HAND: "kept"}


@dataclass(frozen=True, eq=False)
class WeightsLeft:
    """The weights of a network at a pruning step; each is asked for by its index in the flat list of all.

    Attributes:
        ranks: int64 [N], when each weight is removed.
        removed: How many are.
        mask: What is done by hand, None for nothing.
    """

    ranks: np.ndarray
    removed: int
    mask: OwnMask | None = None

    def is_kept(self, parameter: np.ndarray) -> np.ndarray:
        """Return whether each weight is left, bool of the shape of ``parameter``."""
        return np.asarray(self.ranks[parameter] >= self.removed)

    def factor(self, parameter: np.ndarray) -> np.ndarray:
        """Return what each weight is multiplied by where it is kept, float32 of the shape of ``parameter``."""
        if self.mask is None:
            return np.ones(np.shape(parameter), dtype=np.float32)
        return np.asarray(self.mask.factor[parameter], dtype=np.float32)

    def weight_words(self, weight: float, parameter: int) -> str:
        """Return a weight as it is where it is kept, such as "+0.62 (× 2 by hand)", given what it was."""
        factor = float(self.factor(np.array([parameter]))[0])
        return signed(weight) if factor == 1 else f"{signed(weight * factor)} (× {factor:g} by hand)"

    def state(self, parameter: int) -> str:
        """Return "cut" or "kept" where that was done by hand, else ""."""
        return "" if self.mask is None else _STATES.get(int(self.mask.state[parameter]), "")

    def now(self, parameter: int) -> str:
        """Return "kept" or "removed", or "cut by hand" or "kept by hand"."""
        if by_hand := self.state(parameter):
            return f"{by_hand} by hand"
        return "kept" if self.ranks[parameter] >= self.removed else "removed"

    def columns(self, parameter: np.ndarray) -> dict[str, np.ndarray]:
        """Return what a table says of what is done by hand to each weight; nothing where nothing is.

        Returns:
            ``factor`` float32 where any weight is scaled, and ``by_hand`` "cut", "kept" or "" where any is either.
        """
        found: dict[str, np.ndarray] = {}
        if self.mask is None:
            return found
        if self.mask.is_scaled:
            found["factor"] = self.factor(parameter)
        if self.mask.state.any():
            words = np.array([_STATES.get(state, "") for state in range(int(max(_STATES)) + 1)])
            found["by_hand"] = words[self.mask.state[parameter]]
        return found

    def counts(self, parameter: np.ndarray | slice = slice(None)) -> dict[str, int]:
        """Return how many of some weights, or of all, are "cut", "kept" and "scaled" by hand; no zeros among these."""
        if self.mask is None:
            return {}
        own = self.mask.state[parameter]
        found = {name: int((own == state).sum()) for state, name in _STATES.items()}
        found["scaled"] = int((self.mask.factor[parameter] != 1).sum())
        return {name: count for name, count in found.items() if count}
