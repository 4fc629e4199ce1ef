"""Factors of an attention as layers: what one weight layer gives to several of them is divided among layers."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np
import torch

from ncviz.graph.following.strewn import Strewn
from ncviz.graph.growing import Growing
from ncviz.graph.neural_graph import Tap
from ncviz.graph.terms import Term
from ncviz.graph.tracing import BATCH
from ncviz.graph.values import APART, Pending, Units, UnreadableError


def layer_of(grown: Growing, value: Units | Pending | Strewn) -> tuple[int, np.ndarray]:
    """Return the layer that a factor's units are of, and which of its units they are.

    Queries, keys and values that one weight layer gives are three layers, as if three had given them; each has the
    weights that end in it, under the parameter's own name.

    Args:
        grown: The graph so far.
        value: The factor.

    Returns:
        The layer's index, and int64 [one image's axes], with one for what lies along the images' axis (1: nothing).

    Raises:
        UnreadableError: If the units are of several layers, or some are no units.
    """
    inner = value.value if isinstance(value, Strewn) else value
    units = _divided(grown, inner) if isinstance(inner, Pending) else inner
    ids = units.own if isinstance(value, Strewn) else units.own[None]
    layers = np.unique(np.searchsorted(grown.starts, ids.reshape(-1), side="right") - 1)
    if len(layers) != 1 or layers[0] < 0:
        raise UnreadableError("attends with units of several layers together, which is not supported")
    return int(layers[0]), ids - grown.starts[layers[0]]


def _divided(grown: Growing, value: Pending) -> Units:
    """Make a sum's units a layer: some of its channels at all of its places one of their own, else all that it has."""
    whole = value.whole
    if whole is None or grown.is_finished(value) or value.is_product:
        return grown.finish(value)
    wanted = np.unique(value.own)
    rows = np.unique(wanted // prod(value.shape[1:]))
    terms = [_of_rows(term, rows) for term in value.terms]
    if len(wanted) != len(rows) * prod(value.shape[1:]) or any(term is None for term in terms):
        return grown.finish(value)
    grown.end(value)
    local = np.searchsorted(wanted, value.own)
    if value.is_changed:
        node, order = value.node, local.reshape(-1)
    else:
        node, own = whole.node, whole.own.reshape(-1)
        near = np.minimum(np.searchsorted(wanted, own), len(wanted) - 1)
        order = np.where(wanted[near] == own, near, -1)
    tap = Tap(node.name, order, grown.image_axes.get(node.name, 0))
    named = [term.name for term in value.terms if term.parameter] or [value.terms[0].name]
    found = grown.layer(node, (len(rows), *value.shape[1:]), named[-1], tap)
    for term in terms:
        assert term is not None
        grown.connect(term, len(grown.layer_shapes) - 1)
    ids, stamps = (part.reshape(BATCH, -1)[:, torch.from_numpy(local)] for part in (found.ids, found.stamps))
    assert int(ids[0].max()) < APART
    return Units(ids, stamps, value.node)


def _of_rows(term: Term, rows: np.ndarray) -> Term | None:
    """Return what ends in some of a term's channels; None if that cannot be told apart.

    All of the parameter stays in the connection; what ends elsewhere reads nothing here.
    """
    groups, channels, slots = term.weight.shape
    others = np.setdiff1d(np.arange(groups * channels), rows)
    if not term.parameter or groups != 1 or (len(others) * slots) % len(rows):
        return None
    order = np.arange(term.weight.size) if term.order is None else term.order
    weight, order = (
        np.concatenate([each[rows], each[others].reshape(len(rows), -1)], axis=1)
        for each in (term.weight[0], order.reshape(channels, slots))
    )
    fields = np.pad(term.fields, ((0, 0), (0, 0), (0, weight.shape[1] - slots)), constant_values=-1)
    return replace(term, fields=fields, weight=weight[None], order=order.reshape(-1))
