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
    first, channels = start[at], activity.shape[1]
    total, active = 0.0, 0
    for f in range(first, start[at + 1]):
        is_near, own, weight = mask[which, tap[f]], activity[position[f]], mass[position[f]]
        for c in range(channels):
            # Written in any case, and written over by the next one unless it counts: a branch would often go wrong.
            out.field[active] = f - first
            out.channel[active] = c
            out.mass[active] = weight[c]
            is_active = is_near[c] and own[c] > 0.0
            active += is_active
            total += weight[c] if is_active else 0.0
    if active == 0:
        return 0
    if total <= UNIFORM_BELOW:
        for k in range(active):
            out.mass[k] = 1.0 / active
        return active
    cut = negligible * total / active
    count, kept = 0, 0.0
    for k in range(active):
        own_mass = out.mass[k]
        out.field[count], out.channel[count], out.mass[count] = out.field[k], out.channel[k], own_mass
        if own_mass > cut:
            count += 1
            kept += own_mass
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
