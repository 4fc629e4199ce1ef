"""Who has mass: the measure on a position's neighbours, for one class of channels."""

from __future__ import annotations

import numpy as np

from ncviz.compiled import compiled

UNIFORM_BELOW = 1e-7


@compiled
def fill_measure(
    start, position, tap, mask, activity, mass, at, which, negligible, out_field, out_channel, out_mass
):
    """List the neighbours of a position that carry mass; return their number. Masses sum to 1."""
    channels = activity.shape[1]
    total, active = 0.0, 0
    for f in range(start[at], start[at + 1]):
        for c in range(channels):
            if mask[which, tap[f], c] and activity[position[f], c] > 0.0:
                active += 1
                total += mass[position[f], c]
    if active == 0:
        return 0
    uniform = total <= UNIFORM_BELOW
    cut = -1.0 if uniform else negligible * total / active
    count, kept = 0, 0.0
    for f in range(start[at], start[at + 1]):
        for c in range(channels):
            if mask[which, tap[f], c] and activity[position[f], c] > 0.0:
                own = 1.0 if uniform else mass[position[f], c]
                if own > cut and own > 0.0:
                    out_field[count] = f - start[at]
                    out_channel[count] = c
                    out_mass[count] = own
                    kept += own
                    count += 1
    for k in range(count):
        out_mass[k] /= kept
    return count


@compiled
def measure(start, position, tap, mask, activity, mass, at, which, negligible):
    """Return the neighbours of a position that carry mass, for one class of channels.

    Returns:
        int32 [K] which of the position's readings, int32 [K] channel, float64 [K] mass; the masses sum to 1.
    """
    size = (start[at + 1] - start[at]) * activity.shape[1]
    field, channel = np.empty(size, dtype=np.int32), np.empty(size, dtype=np.int32)
    share = np.empty(size)
    count = 0
    if size > 0:
        count = fill_measure(
            start, position, tap, mask, activity, mass, at, which, negligible, field, channel, share
        )
    return field[:count], channel[:count], share[:count]
