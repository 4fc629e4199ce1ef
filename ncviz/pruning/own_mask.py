"""A mask of one's own over a removal order: weights that are cut by hand, that are held, and that are scaled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FREE, CUT, HELD = 0, 1, 2


@dataclass(frozen=True, eq=False)
class OwnMask:
    """What is done by hand to each weight, whatever a criterion says of it.

    Attributes:
        state: uint8 [N], ``CUT``, ``HELD`` or ``FREE`` for what is left to the criterion.
        factor: float32 [N], what each weight is multiplied by where it is kept.
    """

    state: np.ndarray
    factor: np.ndarray

    @property
    def is_scaled(self) -> bool:
        """Whether any weight is multiplied by something."""
        return bool((self.factor != 1).any())

    def reranked(self, ranks: np.ndarray, gone: int) -> np.ndarray:
        """Return an order in which what is cut goes first and what is held goes last; all else keeps its turn.

        So the first so many of this order are what is removed in all, and everything that reads an order is right.

        Args:
            ranks: int64 [N], when each weight is removed, 0 first.
            gone: How many are zero, and first in the order.
        """
        turn = self._turns(ranks, gone)
        found = np.empty(len(ranks), dtype=np.int64)
        found[np.lexsort((ranks, turn))] = np.arange(len(ranks))
        return found

    def bounds(self, ranks: np.ndarray, gone: int) -> tuple[int, int]:
        """Return how many weights of the same order are removed at least and at most."""
        turn = self._turns(ranks, gone)
        return int((turn == 0).sum()), int((turn < 2).sum())

    def _turns(self, ranks: np.ndarray, gone: int) -> np.ndarray:
        """Return 0 for what goes first, 1 for what the criterion ranks, 2 for what goes last."""
        is_first = (ranks < gone) | (self.state == CUT)
        return np.where(is_first, 0, np.where(self.state == HELD, 2, 1))


def removed_alike(
    ranks: np.ndarray, gone: int, before: OwnMask | None, removed: int, after: OwnMask | None
) -> int:
    """Return how many weights are removed once other things are done by hand, the criterion cutting where it did.

    Args:
        ranks: int64 [N], when the criterion alone removes each weight, 0 first.
        gone: How many are zero, and first in the order.
        before: What was done by hand.
        removed: How many were removed with that.
        after: What is done by hand now.
    """
    free_before, free_after = (_left(mask, ranks, gone) for mask in (before, after))
    least, most = (gone, len(ranks)) if before is None else before.bounds(ranks, gone)
    # The criterion's own cut: the place in its order of the first weight left to it that stays.
    taken = min(max(removed, least), most) - least
    places = np.sort(ranks[free_before])
    cut = len(ranks) if taken >= len(places) else int(places[taken])
    cut = 0 if taken == 0 else cut
    new_least = gone if after is None else after.bounds(ranks, gone)[0]
    return new_least + int((ranks[free_after] < cut).sum())


def _left(mask: OwnMask | None, ranks: np.ndarray, gone: int) -> np.ndarray:
    """Return which weights are left to the criterion, bool [N]."""
    is_alive = ranks >= gone
    return is_alive if mask is None else is_alive & (mask.state == FREE)
