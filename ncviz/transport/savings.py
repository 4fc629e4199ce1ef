"""What going directly saves beside the hub: the steps of a greedy plan, in which the sinks that save most go first."""

from __future__ import annotations

import numpy as np

from ncviz.compiled import compiled, summing


@compiled
def set_gains(gain, b, direct, rest):
    """Write what each sink that wants mass saves beside the hub, but for the toll to it; -inf where it wants none."""
    for v in range(len(gain)):
        gain[v] = b[v] - direct[v] if rest[v] > 0.0 else -np.inf


@summing
def largest(values):
    """Return the largest of some numbers, none of them NaN."""
    found = -np.inf
    for k in range(len(values)):
        found = values[k] if values[k] > found else found
    return found


@compiled
def place_of(values, wanted):
    """Return where a value stands first."""
    for k in range(len(values)):
        if values[k] == wanted:
            return k
    return 0
