"""How much of each layer may go: nothing of a protected one, of one with a budget no more than that share."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from ncviz.config import check_share
from ncviz.errors import NcvizError

Budgets = Mapping[str, float]
NO_BUDGETS: Budgets = MappingProxyType({})
# A share that was written in decimals means the whole number of weights next to it.
_ROUNDING = 1e-6


def shares_of(names: Sequence[str], protected: Collection[str], budgets: Budgets) -> dict[int, float]:
    """Return the largest share that may go, position among ``names`` → in [0, 1]; 0 where a weight is protected.

    Raises:
        NcvizError: If there is no weight of that name, or a share is none.
    """
    for what, given in (("to protect", protected), ("to give a budget", budgets)):
        for name in given:
            if name not in names:
                raise NcvizError(f"There is no weight '{name}' {what}; choose among: {', '.join(names)}.")
    for name, share in budgets.items():
        check_share(name, share)
    return {
        at: 0.0 if name in protected else float(budgets[name])
        for at, name in enumerate(names)
        if name in protected or name in budgets
    }


def most_removed(size: int, share: float, zeros: int = 0) -> int:
    """Return how many of ``size`` weights may go, those that are zero already among them."""
    return max(zeros, math.floor(share * size + _ROUNDING))


def most_of_all(
    sizes: Mapping[str, int],
    protected: Collection[str] = (),
    budgets: Budgets = NO_BUDGETS,
    zeros: Budgets = NO_BUDGETS,
) -> int:
    """Return how many of all weights may go.

    Args:
        sizes: How many values each weight has.
        protected: Names of those that lose nothing.
        budgets: Largest share of others that may go.
        zeros: How many zeros each holds, which are gone already wherever they are.
    """
    return sum(
        most_removed(size, 0.0 if name in protected else budgets.get(name, 1.0), int(zeros.get(name, 0)))
        for name, size in sizes.items()
    )
