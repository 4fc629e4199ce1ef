"""The edges of one block, and their tolls and direct ways, read from the plan's tables."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ncviz.compiled import compiled


class Block(NamedTuple):
    """The edges of one pair of positions and of two classes of channels, on one sample.

    Attributes:
        pair: Number of the pair.
        tap: Which tap joins its positions.
        at_j: Position of the targets.
        sample: Number of the sample.
        live_i: int32 [n], the live source channels.
        live_j: int32 [m], the live target channels.
    """

    pair: int
    tap: int
    at_j: int
    sample: int
    live_i: np.ndarray
    live_j: np.ndarray


@compiled
def fill_direct(plan, pair, u_field, u_channel, q, out):
    """Write the lengths of the direct ways from one in-neighbour to the out-neighbours ``q``, float64 [Q]."""
    fan_out = plan.from_source.start[pair + 1] - plan.from_source.start[pair]
    first = plan.across.start[pair] + u_field * fan_out
    for v in range(len(q.mass)):
        out[v] = plan.across.length[plan.across.kind[first + q.field[v]], u_channel, q.channel[v]]


@compiled
def toll_to(plan, pair, p, u):
    """Return the lengths from an in-neighbour to every target channel, float64 [channels after]."""
    return plan.to_target.length[plan.to_target.kind[plan.to_target.start[pair] + p.field[u]], p.channel[u]]


@compiled
def toll_from(plan, pair, q, v):
    """Return the lengths from every source channel to an out-neighbour, float64 [channels before]."""
    return plan.to_source[plan.from_source.kind[plan.from_source.start[pair] + q.field[v]], q.channel[v]]


@compiled
def class_of(side, channels):
    """Return the class of each channel."""
    label = np.zeros(channels, dtype=np.int64)
    for own in range(len(side.class_start) - 1):
        for k in range(side.class_start[own], side.class_start[own + 1]):
            label[side.channel[k]] = own
    return label
