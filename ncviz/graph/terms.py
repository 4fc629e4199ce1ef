"""What a layer's units are the sum of: weighted readings of units that were computed before, and plain copies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np
import torch
from torch import Tensor

from ncviz.errors import ModelError
from ncviz.graph.windows import plane, window_axis
from ncviz.limits import LIMITS


@dataclass(frozen=True, eq=False)
class Term:
    """One weight layer's, or one link's, share of a sum; like a ``Connection``, but over the units of all layers.

    Attributes:
        name: Name of the module or operation.
        parameter: Name of the weight; "" for a link.
        shape: Shape of the weight; () for a link.
        fields: int64 [G, P, K], units numbered through all layers; -1 is padding.
        weight: float64 [G, C, K].
        order: As in ``Connection``.
    """

    name: str
    parameter: str
    shape: tuple[int, ...]
    fields: np.ndarray
    weight: np.ndarray
    order: np.ndarray | None = None

    def of(self, shape: tuple[int, ...], index: np.ndarray) -> Term:
        """Return the term with its weight read from another parameter.

        Args:
            shape: Shape of that parameter.
            index: int64, which of its values, flat, each value of the weight is, in the weight's own order.
        """
        order = index.reshape(-1) if self.order is None else index.reshape(-1)[self.order]
        is_same = np.array_equal(order, np.arange(order.size))
        return replace(self, shape=shape, order=None if is_same else order)

    def scaled(self, scale: np.ndarray, by: str) -> Term:
        """Return the term with each output channel's weights times a factor, float64 [channels].

        Raises:
            ModelError: If that gives no number, naming what scales.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            weight = self.weight * scale.reshape(len(self.weight), -1, 1)
        if self.parameter:
            check_weight(weight, f"'{self.parameter}' with {by} folded in")
        return replace(self, weight=weight)


def linear_term(name: str, parameter: str, weight: Tensor, ids: np.ndarray) -> Term:
    """Return a linear layer on units [..., features]; the axes in front are positions."""
    values = _checked(weight, parameter)
    fields = ids.reshape(1, -1, ids.shape[-1])
    return Term(name, parameter, tuple(values.shape), fields, values[None])


def contraction_term(
    name: str, parameter: str, weight: Tensor, ids: np.ndarray, index: np.ndarray, shape: tuple[int, ...]
) -> Term:
    """Return a sum of products of units and weights.

    Args:
        name: Name of the layer.
        parameter: Name of the parameter that holds the weights.
        weight: [G, C, K].
        ids: Units [G, P, K].
        index: [G, C, K], which of the parameter's values, flat, each weight is.
        shape: Shape of the parameter.
    """
    values = _checked(weight, parameter)
    return Term(name, parameter, shape, ids, values).of(shape, index)


def conv_term(
    name: str, parameter: str, weight: Tensor, ids: np.ndarray, axes: Sequence[np.ndarray], groups: int
) -> Term:
    """Return a convolution of units [C, *space], given each axis' coordinates."""
    values = _checked(weight, parameter)
    fields = _gather(name, ids, axes, groups)
    return Term(name, parameter, tuple(values.shape), fields, values.reshape(groups, -1, fields.shape[2]))


def transposed_term(
    name: str, parameter: str, weight: Tensor, ids: np.ndarray, axes: Sequence[np.ndarray], groups: int
) -> Term:
    """Return a transposed convolution, whose weight is [C in, C out / G, *kernel]."""
    values = _checked(weight, parameter)
    fields = _gather(name, ids, axes, groups)
    split = (groups, values.shape[0] // groups, values.shape[1], prod(values.shape[2:]))

    def kernels(flat: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(flat.reshape(split).transpose(0, 2, 1, 3)).reshape(groups, split[2], -1)

    order = kernels(np.arange(values.size)).reshape(-1)
    return Term(name, parameter, tuple(values.shape), fields, kernels(values), order)


def pool_terms(
    name: str, ids: np.ndarray, axes: Sequence[np.ndarray], divisors: np.ndarray | None
) -> list[Term]:
    """Return a pooling of units [C, *space]; edges have weight 1, or 1 over what an average divides by.

    Args:
        name: Name of the operation.
        ids: Units.
        axes: Each axis' coordinates.
        divisors: For each output position what the sum is divided by, int64 [P]; None for a maximum.

    Returns:
        One term, or one for each divisor where windows at the border are smaller.
    """
    fields = _gather(name, ids, axes, len(ids))  # [C, P, K]
    shape = (len(ids), 1, fields.shape[2])
    if divisors is None:
        return [Term(name, "", (), fields, np.ones(shape))]
    return [
        Term(name, "", (), np.where((divisors == own)[None, :, None], fields, -1), np.full(shape, 1.0 / own))
        for own in np.unique(divisors)
    ]


def copy_term(name: str, ids: np.ndarray, scale: np.ndarray | None = None) -> Term:
    """Return units [C, *space] as they are, or times a factor for each channel, float64 [C]."""
    fields = ids.reshape(len(ids), -1, 1)
    weight = np.ones((len(ids), 1, 1))
    return Term(name, "", (), fields, weight if scale is None else weight * scale[:, None, None])


def convolution_axes(
    sizes: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int] | str,
    dilation: Sequence[int],
) -> list[np.ndarray]:
    """Return each axis' coordinates of a convolution, "same" and "valid" padding included."""
    axes = []
    for axis, size in enumerate(sizes):
        span = dilation[axis] * (kernel[axis] - 1)
        before = after = 0
        if padding == "same":
            before, after = span // 2, span - span // 2
        elif not isinstance(padding, str):
            before = after = padding[axis]
        axes.append(
            window_axis(size, kernel[axis], stride[axis], before, dilation[axis], padding_after=after)
        )
    return axes


def average_divisors(
    axes: Sequence[np.ndarray],
    sizes: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    counts_padding: bool,
) -> np.ndarray:
    """Return what an average at each output position divides by, int64 [P].

    Padding counts unless told otherwise; what lies beyond it, where the number of outputs is rounded up, never does.
    """
    shares = []
    for a, own in enumerate(axes):
        if counts_padding:
            first = np.arange(len(own)) * stride[a] - padding[a]
            shares.append(np.minimum(first + kernel[a], sizes[a] + padding[a]) - first)
        else:
            shares.append((own >= 0).sum(axis=1))
    product = np.ones((), dtype=np.int64)
    for share in shares:
        product = product[..., None] * share
    return product.reshape(-1).astype(np.int64)


def check_weight(weight: np.ndarray, label: str) -> None:
    """Raise a ModelError if a weight holds what is no finite length."""
    bad = int(np.count_nonzero(~np.isfinite(weight)))
    if bad:
        raise ModelError(
            f"Weight {label} holds {bad} values that are NaN or infinite; expected finite numbers."
        )
    with np.errstate(over="ignore"):
        endless = int(np.count_nonzero(np.isinf(1.0 / np.abs(weight[weight != 0]))))
    if endless:
        raise ModelError(
            f"Weight {label} holds {endless} values so small that 1/|w| overflows; set them to zero."
        )


def _checked(weight: Tensor, parameter: str) -> np.ndarray:
    values = weight.detach().to("cpu", torch.float64).numpy()
    check_weight(values, f"'{parameter}'")
    return values


def _gather(name: str, ids: np.ndarray, axes: Sequence[np.ndarray], groups: int) -> np.ndarray:
    """Return the units that a window reads, int64 [G, P, C/G·K], -1 outside.

    Args:
        name: Name of the layer.
        ids: [C, *space].
        axes: Each axis' coordinates, int64 [outputs, kernel].
        groups: G.

    Raises:
        ModelError: If these are more than ``ncviz.limits`` allows.
    """
    # A large kernel on a large image with few channels out is little to compute, and yet more than memory holds.
    readings = len(ids) * prod(axis.size for axis in axes)
    if readings > LIMITS.readings:
        raise ModelError(
            f"Layer '{name}' reads {readings:,} values at all of its places together, at most {LIMITS.readings:,} are "
            "taken; use smaller images or a smaller kernel."
        )
    places = plane(axes, ids.shape[1:])
    flat = ids.reshape(groups, len(ids) // groups, 1, -1)
    read = np.where(places >= 0, flat[..., 0, :][:, :, np.maximum(places, 0)], -1)  # [G, C/G, P, K]
    return np.ascontiguousarray(read.transpose(0, 2, 1, 3)).reshape(groups, len(places), -1)
