"""Who has mass: the measure on a position's neighbours, for one class of channels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ncviz.compiled import compiled

UNIFORM_BELOW = 1e-7


class Measure(NamedTuple):
    """The neighbours that carry mass.

    Attributes:
        field: int32 [K], which of the position's readings each belongs to.
        channel: int32 [K], its channel.
        mass: float64 [K]; sums to 1.
    """

    field: np.ndarray
    channel: np.ndarray
    mass: np.ndarray


@compiled
def fill_measure(readings, activity, mass, at, which, negligible, out):
    """List the neighbours of a position that carry mass; return their number. Masses sum to 1."""
    start, position, tap, mask = readings
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
                    out.field[count] = f - start[at]
                    out.channel[count] = c
                    out.mass[count] = own
                    kept += own
                    count += 1
    for k in range(count):
        out.mass[k] /= kept
    return count


@compiled
def measure(readings, activity, mass, at, which, negligible):
    """Return the neighbours of a position that carry mass, for one class of channels, as a ``Measure``."""
    size = (readings.start[at + 1] - readings.start[at]) * activity.shape[1]
    out = Measure(np.empty(size, dtype=np.int32), np.empty(size, dtype=np.int32), np.empty(size))
    count = 0
    if size > 0:
        count = fill_measure(readings, activity, mass, at, which, negligible, out)
    return first_points(out, count)


@compiled
def first_points(measure, count):
    """Return the first points of a measure, without copying them."""
    return Measure(measure.field[:count], measure.channel[:count], measure.mass[:count])
