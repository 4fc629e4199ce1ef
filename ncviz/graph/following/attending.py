"""Attention: which units its scores, and what they mix, are products of.

It is followed as data: a product of two activations is scores that are not yet units, to which constants may be added
or by which they may be multiplied, until a softmax makes them units; a product of those with values is a layer again.
Source: section on attention of the definition by which the authors of arXiv 2601.16366 read language models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx

from ncviz.errors import ModelError
from ncviz.graph import operations as ops
from ncviz.graph.following.parts import layer_of
from ncviz.graph.following.scores import Scores
from ncviz.graph.following.strewn import Strewn, as_traced, axis_of_images, images_first
from ncviz.graph.forward.contractions import letters_of
from ncviz.graph.growing import AttendedLayer, Growing
from ncviz.graph.neural_graph import Tap
from ncviz.graph.tracing import BATCH
from ncviz.graph.values import APART, Units, UnreadableError
from ncviz.graph.varying import ActivationProduct
from ncviz.limits import LIMITS

_OUTSIDE = "multiplies activations by each other outside of an attention, which is not supported"
_OF_CHANNELS = (
    "attends with vectors that are not the channels of a layer at one place, which is not supported"
)


def multiplied_activations(
    grown: Growing, n: fx.Node, kind: str, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Scores | Units | Strewn:
    """Follow a product of two activations: scores, or where one of them is scores after their softmax, mixed values.

    Args:
        grown: The graph so far.
        n: The operation.
        kind: Its name, one of ``ncviz.graph.forward.contractions.CONTRACTIONS``.
        args: Its arguments.
        kwargs: Its arguments by name.

    Raises:
        ModelError: If there are more edges than ``LIMITS.readings``.
        UnreadableError: If it is neither.
    """
    (one, other), letters = letters_of(kind, args, kwargs)
    values, names = [one, other], list(letters[:2])
    axes = [value.axis if isinstance(value, Strewn) else 0 for value in values]
    image = {own[axis] for own, axis in zip(names, axes, strict=True) if own}
    if len(image) != 1 or not all(names) or image.isdisjoint(letters[2]):
        raise UnreadableError(_OUTSIDE)
    found = [layer_of(grown, value) for value in values]
    result, first, along = (
        letters[2],
        image.pop(),
        "0",
    )  # along the images' axis, a letter that no equation has
    spelled = [
        own[axis] + own[:axis] + along + own[axis + 1 :] for own, axis in zip(names, axes, strict=True)
    ]
    at = result.index(first)
    wanted = result[:at] + along + result[at + 1 :]
    own = [each.replace(first, "") for each in spelled]
    shared = [each for each in own[0] if each in own[1]]
    summed = "".join(each for each in shared if each not in wanted)
    groups = "".join(each for each in wanted if each in shared)
    free = ["".join(each for each in letter if each not in shared) for letter in own]
    sizes: dict[str, int] = {}
    for letter, (_, ids) in zip(own, found, strict=True):
        for each, size in zip(letter, ids.shape, strict=True):
            sizes[each] = max(size, sizes.get(each, 1))
    if not summed or any(len(set(letter)) < len(letter) for letter in own) or set(wanted) - set(sizes):
        raise UnreadableError(_OUTSIDE)
    if any(each not in wanted for each in free[0] + free[1]):
        raise UnreadableError("sums over an axis of one of its factors alone, which is not supported")
    if 2 * prod(sizes.values()) > LIMITS.readings:
        raise ModelError(
            f"The attention at '{ops.place(n)}' would have {2 * prod(sizes.values()):,} edges; expected at most "
            f"{LIMITS.readings:,}: give smaller images."
        )
    grids = []
    for letter, part, (_, ids) in zip(own, free, found, strict=True):
        if any(sizes[each] != size and each in summed for each, size in zip(letter, ids.shape, strict=True)):
            raise UnreadableError("repeats values along an axis of a product, which is not supported")
        whole = np.broadcast_to(ids, [sizes[each] for each in letter])
        by_group = whole.transpose([letter.index(each) for each in groups + part + summed])
        grids.append(
            by_group.reshape(
                prod(sizes[each] for each in groups),
                prod(sizes[each] for each in part),
                prod(sizes[each] for each in summed),
            )
        )
    numbers = np.arange(prod(sizes[each] for each in wanted)).reshape([sizes[each] for each in wanted])
    by_group = numbers.transpose([wanted.index(each) for each in groups + free[0] + free[1]])
    by_group = by_group.reshape(len(grids[0]), grids[0].shape[1], grids[1].shape[1])
    product = _Product(n, [(layer, grid) for (layer, _), grid in zip(found, grids, strict=True)], by_group)
    is_scores = [layer in grown.scores and len(summed) == 1 for layer, _ in found]
    shape = [sizes[each] for each in wanted]
    if any(is_scores):
        return _mixed(grown, product, is_scores.index(True), shape, at)
    return _scored(grown, product, shape, at)


@dataclass(frozen=True, eq=False)
class _Product:
    """A product of two activations: its operation, each factor's layer and units [G, M, K], where each number is."""

    node: fx.Node
    factors: list[tuple[int, np.ndarray]]
    numbers: np.ndarray  # int64 [G, M, N], which of one image's numbers each is

    def row_of(self, which: int) -> np.ndarray:
        """Return which of a factor's vectors each of one image's numbers is a product of, int64 [numbers]."""
        shape = self.factors[which][1].shape[:2]
        vectors = np.arange(prod(shape)).reshape(shape)
        spread = vectors[:, :, None] if which == 0 else vectors[:, None, :]
        found = np.empty(self.numbers.size, dtype=np.int64)
        found[self.numbers] = np.broadcast_to(spread, self.numbers.shape)
        return found


def _traced(grown: Growing, n: fx.Node, own: np.ndarray, shape: Sequence[int], axis: int) -> Tensor:
    """Return one image's numbers for every image of the trace, where the images lie along an axis of it."""
    one = torch.from_numpy(np.ascontiguousarray(own)).reshape(tuple(shape))
    found = as_traced(torch.stack([one + APART * image for image in range(BATCH)]), axis)
    if axis or len(found) != BATCH:
        grown.image_axes[n.name] = axis
    return found


def _scored(grown: Growing, product: _Product, shape: Sequence[int], axis: int) -> Scores:
    left, right = product.factors
    for layer, units in (left, right):
        places = grown.places_of(layer)
        channel, place = units // places, units % places
        if (channel != channel[:, :1]).any() or (place != place[:, :, :1]).any():
            raise UnreadableError(_OF_CHANNELS)
    parts = [_traced(grown, product.node, product.row_of(which), shape, axis) for which in (0, 1)]
    masked = _traced(grown, product.node, np.zeros(product.numbers.size, dtype=np.int64), shape, axis)
    vectors = [(layer, units.reshape(-1, units.shape[2])) for layer, units in product.factors]
    return Scores(parts[0], parts[1], masked, vectors[0], vectors[1], product.node)


def softmaxed(grown: Growing, n: fx.Node, scores: Scores, axis: int | None) -> Units | Strewn:
    """Follow a softmax over the keys: the scores become units, each joined to its query and its key.

    Args:
        grown: The graph so far.
        n: The operation.
        scores: What it reads.
        axis: Along which axis of the traced value it goes.

    Raises:
        UnreadableError: If that is not the axis of the keys.
    """
    images = axis_of_images(scores.rows)
    if axis is None or images is None or axis % scores.rows.ndim == images:
        raise UnreadableError(
            "takes the softmax of an attention over something else than its keys, which is not supported"
        )
    along = (
        axis % scores.rows.ndim
    )  # of one image's axes, too, of which one stands for what lies along the images'
    firsts = [images_first(part, images)[0] for part in scores.parts]
    own = tuple(firsts[0].shape)
    rows, columns, hidden = (part.movedim(along, -1).reshape(-1, own[along]).numpy() for part in firsts)
    left, right = scores.left, scores.right
    if (columns == columns[:, :1]).all() and (rows != rows[:, :1]).any():
        rows, columns, left, right = columns, rows, right, left
    is_of_keys = (rows == rows[:, :1]).all() and all(len(np.unique(each)) == len(each) for each in columns)
    if not is_of_keys or len(np.unique(rows[:, 0])) < len(rows):
        raise UnreadableError(
            "takes the softmax of an attention over something else than its keys, which is not supported"
        )
    queries, keys = left[1][rows], right[1][columns]  # [N, U, D]
    head = np.stack([grown.channel_at(left[0], queries[..., 0]), grown.channel_at(right[0], keys[..., 0])])
    by_axis = torch.from_numpy(head).reshape(2, *own[:along], *own[along + 1 :], own[along])
    layer, arrangement = _arranged(by_axis.movedim(-1, along + 1).numpy())
    found = _new_layer(grown, n, layer, arrangement, images, "scores")
    units = arrangement.movedim(along, -1).reshape(rows.shape).numpy()
    index = len(grown.layer_shapes) - 1
    softmax = np.empty(units.size, dtype=np.int64)
    softmax[units] = np.arange(len(units))[:, None]
    units = np.where(hidden % APART > 0, -1, units)
    grown.scores[index] = AttendedLayer(softmax, np.isin(np.arange(units.size), units))
    name = ops.place(n)
    for group in _groups(columns):
        made = ActivationProduct(
            name,
            left[0],
            right[0],
            index,
            left[1][rows[group, 0]],
            right[1][columns[group[:, 0]]],
            units[group],
        )
        grown.products.append(made)
    return found


def _groups(columns: np.ndarray) -> list[np.ndarray]:
    """Return rows that have the same columns, as many together as there are of one number, int64 [G, M] each."""
    _, label = np.unique(columns, axis=0, return_inverse=True)
    label = label.reshape(-1)
    counts = np.bincount(label)
    order = np.argsort(label, kind="stable")
    starts = np.cumsum(counts) - counts
    return [
        np.stack([order[starts[own] : starts[own] + count] for own in np.flatnonzero(counts == count)])
        for count in np.unique(counts)
    ]


def _mixed(grown: Growing, product: _Product, which: int, shape: Sequence[int], axis: int) -> Units | Strewn:
    """Make what scores mix a layer, each of its units joined to a row of scores and a channel of values."""
    (scores, units), (values, mixed) = product.factors[which], product.factors[1 - which]
    if scores == values or values in grown.scores:
        raise UnreadableError("multiplies the scores of attentions by each other, which is not supported")
    if not _is_over_keys(grown, scores, units):
        raise UnreadableError("does not sum values over the keys of their scores, which is not supported")
    places = grown.places_of(values)
    if (mixed // places != mixed[:, :, :1] // places).any():
        raise UnreadableError(_OF_CHANNELS)
    numbers = product.numbers if which == 0 else product.numbers.transpose(0, 2, 1)
    head = np.empty((2, numbers.size), dtype=np.int64)
    head[0, numbers] = grown.channel_at(scores, units[:, :, None, 0])
    head[1, numbers] = grown.channel_at(values, mixed[:, None, :, 0])
    layer, arrangement = _arranged(head.reshape(2, *shape))
    found = _new_layer(grown, product.node, layer, arrangement, axis, "mixed")
    target = arrangement.reshape(-1).numpy()[numbers]
    there = np.where(grown.scores[scores].is_joined[units], units, -1)
    grown.products.append(
        ActivationProduct(
            ops.place(product.node), scores, values, len(grown.layer_shapes) - 1, there, mixed, target
        )
    )
    return found


def _is_over_keys(grown: Growing, scores: int, units: np.ndarray) -> bool:
    """Whether scores [G, T, U] are those of one softmax along the last axis, all of them."""
    softmax = grown.scores[scores].softmax
    own, whole = softmax[units], np.bincount(softmax)
    distinct = np.sort(units, axis=-1)
    is_once = (distinct[..., 1:] != distinct[..., :-1]).all()
    return bool((own == own[..., :1]).all() and is_once and (whole[own[..., 0]] == units.shape[-1]).all())


def _arranged(heads: np.ndarray) -> tuple[tuple[int, ...], Tensor]:
    """Return a new layer's shape, channels first, and how its units lie in one image's value.

    Args:
        heads: int64 [2, …], what says which channel each number is of: axes along which it changes are of channels.
    """
    own = heads.shape[1:]
    of_channels = [axis for axis in range(len(own)) if (heads != np.take(heads, [0], axis=axis + 1)).any()]
    of_places = [axis for axis in range(len(own)) if axis not in of_channels]
    shape = (prod(own[axis] for axis in of_channels), *(own[axis] for axis in of_places if own[axis] > 1))
    axes = of_channels + of_places
    numbers = torch.arange(prod(own)).reshape([own[axis] for axis in axes])
    return shape, numbers.permute([axes.index(axis) for axis in range(len(own))]).contiguous()


def _new_layer(
    grown: Growing, n: fx.Node, layer: tuple[int, ...], arrangement: Tensor, axis: int, kind: str
) -> Units | Strewn:
    """Add a layer whose units lie in a traced value as given, the images along an axis of it."""
    is_plain = axis == 0 and arrangement.shape[0] == 1
    if not is_plain:
        grown.image_axes[n.name] = axis
    order = arrangement.reshape(-1).numpy()
    place = str(n.target) if n.op == "call_module" else ops.place(n)
    is_called_so = place.rpartition(".")[2] == kind
    name = place if is_called_so or place == n.name else f"{place}.{kind}"
    found = grown.layer(n, layer, name, Tap(n.name, order, 0 if is_plain else axis))
    ids, stamps = (part.reshape(BATCH, -1)[:, arrangement] for part in (found.ids, found.stamps))
    if is_plain:
        return Units(ids[:, 0].contiguous(), stamps[:, 0].contiguous(), n)
    return Strewn(Units(ids, stamps, n), axis)
