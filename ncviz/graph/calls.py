"""The settings of weight layers and poolings, whether they come from a module or stand in a function's arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor, fx, nn

from ncviz.graph import operations as ops
from ncviz.graph.forward.origins import Origin, Origins
from ncviz.graph.terms import (
    Term,
    average_divisors,
    conv_term,
    convolution_axes,
    linear_term,
    pool_terms,
    transposed_term,
)
from ncviz.graph.windows import adaptive_axis, transposed_axis, window_axis

_CONV = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
_TRANSPOSED = ("input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation")
_MAX = ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")
_AVERAGE = ("input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")


@dataclass(frozen=True, eq=False)
class Call:
    """One weight layer or pooling.

    Attributes:
        kind: What it is, as in ``ncviz.graph.operations``.
        name: Name of its module, or of its operation.
        settings: Stride, padding and so on.
        parameter: Name of its weight.
        weight: The weight; None for a pooling, and where it is missing.
        outputs: Shape [BATCH, …] of what it returns.
        origin: Which of the parameter's values each of the weight's is; None where they are one and the same.
        missing: Why its weight is no parameter's, "" if it is.
    """

    kind: str
    name: str
    settings: Mapping[str, Any]
    parameter: str
    weight: Tensor | None
    outputs: tuple[int, ...]
    origin: Origin | None = None
    missing: str = ""

    @property
    def is_linear(self) -> bool:
        """Whether it is a linear layer."""
        return self.kind == "linear"

    def problem(self, shape: tuple[int, ...]) -> str:
        """Return why it cannot be read on units of this shape, "" if it can."""
        if self.missing:
            return self.missing
        mode = self.settings.get("padding_mode", "zeros")
        if mode != "zeros":
            return f"has padding_mode='{mode}', which is not supported; use 'zeros'"
        if self.settings.get("return_indices"):
            return "returns indices, which is not supported"
        if self.kind in ops.REDUCTIONS:
            reduced = self._reduced(len(shape))
            if not reduced:
                return "averages over the images of a batch, too; name the axes, as in x.mean((2, 3))"
            if 0 in reduced and not self._is_of_last(len(shape)):
                return "averages channels with each other, which is not supported"
        if not self.is_linear and self.kind not in ops.REDUCTIONS and len(shape) != 1 + int(self.kind[-2]):
            return f"reads units of shape {list(shape)}, expected channels and {self.kind[-2]} axes"
        return ""

    def terms(self, ids: np.ndarray) -> list[Term]:
        """Return what it sums up, given the units that it reads, without the batch axis."""
        terms = self._terms(ids)
        if self.origin is None:
            return terms
        return [term.of(self.origin.shape, self.origin.index.numpy()) for term in terms]

    def _terms(self, ids: np.ndarray) -> list[Term]:
        if self.is_linear:
            assert self.weight is not None
            return [linear_term(self.name, self.parameter, self.weight, ids)]
        if self.kind in ops.REDUCTIONS:
            reduced = self._reduced(ids.ndim)
            if self._is_of_last(ids.ndim):
                ids, reduced = np.moveaxis(ids, -1, 0), [axis + 1 for axis in reduced]
            left = [1 if axis in reduced else ids.shape[axis] for axis in range(1, ids.ndim)]
            return self._adaptive(ids, ids.shape[1:], left)
        sizes = ids.shape[1:]
        if self.kind.startswith("adaptive"):
            return self._adaptive(ids, sizes, self.outputs[2:])
        if self.kind in ops.CONVOLUTIONS | ops.TRANSPOSED:
            return [self._convolution(ids, sizes)]
        return self._pool(ids, sizes)

    def _each(self, name: str, default: int, count: int) -> tuple[int, ...]:
        value = self.settings.get(name, default)
        value = default if value is None or value == [] else value
        if isinstance(value, int):
            return (value,) * count
        return tuple(value) * count if len(value) == 1 and count > 1 else tuple(value)

    def _convolution(self, ids: np.ndarray, sizes: tuple[int, ...]) -> Term:
        assert self.weight is not None
        kernel, count = tuple(self.weight.shape[2:]), len(sizes)
        stride, dilation = self._each("stride", 1, count), self._each("dilation", 1, count)
        groups, given = int(self.settings.get("groups", 1)), self.settings.get("padding", 0)
        padding = given if isinstance(given, str) else self._each("padding", 0, count)
        if self.kind in ops.CONVOLUTIONS:
            axes = convolution_axes(sizes, kernel, stride, padding, dilation)
            return conv_term(self.name, self.parameter, self.weight, ids, axes, groups)
        assert not isinstance(padding, str)
        axes = list(map(transposed_axis, sizes, kernel, stride, padding, dilation, self.outputs[2:]))
        return transposed_term(self.name, self.parameter, self.weight, ids, axes, groups)

    def _adaptive(self, ids: np.ndarray, sizes: tuple[int, ...], outputs: Sequence[int]) -> list[Term]:
        axes = list(map(adaptive_axis, sizes, outputs))
        if self.kind == "amax" or "max" in self.kind:
            return pool_terms(self.name, ids, axes, None)
        divisors = average_divisors(axes, sizes, (), (), (), counts_padding=False)
        return pool_terms(self.name, ids, axes, divisors)

    def _pool(self, ids: np.ndarray, sizes: tuple[int, ...]) -> list[Term]:
        count = len(sizes)
        kernel = self._each("kernel_size", 1, count)
        stride = kernel if not self.settings.get("stride") else self._each("stride", 1, count)
        padding, dilation = self._each("padding", 0, count), self._each("dilation", 1, count)
        # As many outputs as there are: rounding up may give one more than fit.
        ends = zip(sizes, kernel, stride, padding, dilation, self.outputs[2:], strict=True)
        axes = [window_axis(*window, outputs=outputs) for *window, outputs in ends]
        if "max" in self.kind:
            return pool_terms(self.name, ids, axes, None)
        override = self.settings.get("divisor_override")
        divisors = average_divisors(
            axes, sizes, kernel, stride, padding, bool(self.settings.get("count_include_pad", True))
        )
        return pool_terms(self.name, ids, axes, np.full_like(divisors, override) if override else divisors)

    def is_last(self, axes: int) -> bool:
        """Whether it returns its channels last, given the number of axes of the units that it reads."""
        return self.is_linear or (self.kind in ops.REDUCTIONS and self._is_of_last(axes))

    def _is_of_last(self, axes: int) -> bool:
        """Whether a reduction leaves nothing but the last axis, which then holds the channels."""
        return axes > 1 and self._reduced(axes) == list(range(axes - 1))

    def _reduced(self, axes: int) -> list[int]:
        """Return over which of the units' axes a reduction goes; none where it goes over the batch, too."""
        dims = self.settings.get("dim")
        if dims is None:
            return []
        given = {dim % (axes + 1) for dim in ((dims,) if isinstance(dims, int) else tuple(dims))}
        return [] if 0 in given else [dim - 1 for dim in sorted(given)]


def read_call(
    kind: str,
    node: fx.Node,
    module: nn.Module | None,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    names: Mapping[int, str],
    origins: Origins,
    outputs: tuple[int, ...],
) -> Call:
    """Return a weight layer or pooling with its settings.

    Args:
        kind: What it is.
        node: The traced operation.
        module: Its module, if it is one.
        args: Its arguments.
        kwargs: Its arguments by name.
        names: Name of each parameter, by the tensor's identity.
        origins: Finds the parameter that a weight is computed from.
        outputs: Shape of what it returns.
    """
    if module is not None:
        name = str(node.target)
        weight = getattr(module, "weight", None)
        own = f"{name}.weight" if name else "weight"
        # Two layers may share a weight, which then has one name.
        return Call(kind, name, vars(module), names.get(id(weight), own), weight, outputs)
    given = dict(zip(_arguments(kind), args, strict=False)) | dict(kwargs)
    if "weight" not in _arguments(kind):
        return Call(kind, ops.place(node), given, "", None, outputs)
    weight, at = given["weight"], dict(zip(_arguments(kind), node.args, strict=False)) | dict(node.kwargs)
    origin = origins.take(at["weight"]) if isinstance(weight, Tensor) else None
    if origin is None or not origin.is_whole:
        missing = origins.why_missing(at["weight"])
        return Call(kind, ops.place(node), given, "", None, outputs, missing=missing)
    name = origin.parameter.removesuffix(".weight")
    return Call(kind, name, given, origin.parameter, weight, outputs, origin)


def _arguments(kind: str) -> tuple[str, ...]:
    if kind == "linear":
        return ("input", "weight", "bias")
    if kind in ops.REDUCTIONS:
        return ("input", "dim", "keepdim")
    if kind in ops.CONVOLUTIONS:
        return _CONV
    if kind in ops.TRANSPOSED:
        return _TRANSPOSED
    if kind.startswith("adaptive"):
        return ("input", "output_size")
    return _MAX if "max" in kind else _AVERAGE
