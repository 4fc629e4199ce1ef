"""The fixed table of what a step of a network may do: its settings with their bounds, its arrays, what it reads."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ncviz.errors import ModelError
from ncviz.limits import LIMITS

_MAX_WINDOW = 4_096  # kernels, strides and paddings beyond this are no images' network
Kind = Literal[
    "flag", "number", "count", "counts", "sizes", "axes", "shape", "axis", "offset", "approximation"
]
Arrays = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Operation:
    """What a step may do.

    Attributes:
        settings: Every setting's kind and, for tuples, its length (0 for any).
        inputs: Least and largest number of steps that it reads.
        is_layer: Whether it has weights.
    """

    settings: Mapping[str, tuple[Kind, int]] = field(default_factory=dict)
    inputs: tuple[int, int] = (1, 1)
    is_layer: bool = False

    def check(self, name: str, options: Mapping[str, Any], inputs: int) -> None:
        """Raise a ModelError if settings are missing, unknown or out of bounds.

        Raises:
            ModelError: Naming the step and its setting.
        """
        if set(options) != set(self.settings):
            raise ModelError(f"Step '{name}' has other settings than its operation takes.")
        if not self.inputs[0] <= inputs <= self.inputs[1]:
            raise ModelError(f"Step '{name}' reads {inputs} values, which its operation does not take.")
        for setting, (kind, length) in self.settings.items():
            if not _fits(options[setting], kind, length):
                raise ModelError(
                    f"Step '{name}' has the setting {setting} = {str(options[setting])[:60]}, which is out of bounds."
                )


def _fits(value: Any, kind: Kind, length: int) -> bool:
    if kind == "flag":
        return isinstance(value, bool)
    if kind == "number":
        return type(value) is float and math.isfinite(value)
    if kind == "approximation":
        return value in ("none", "tanh")
    if kind == "count":
        return _is_between(value, 1, LIMITS.parameters)
    if kind == "offset":
        return _is_between(value, 0, LIMITS.layer_units)
    if kind == "axis":
        return _is_between(value, 1, LIMITS.dimensions)
    if not isinstance(value, tuple) or (length and len(value) != length) or len(value) > LIMITS.dimensions:
        return False
    if kind == "axes":  # a permutation that leaves the batch where it is
        return bool(value) and value[0] == 0 and sorted(value) == list(range(len(value)))
    least, most = (0 if kind == "sizes" else 1), (LIMITS.layer_units if kind == "shape" else _MAX_WINDOW)
    return bool(value) and all(_is_between(item, least, most) for item in value)


def _is_between(value: Any, least: int, most: int) -> bool:
    return type(value) is int and least <= value <= most


def _convolution(axes: int) -> Operation:
    settings: dict[str, tuple[Kind, int]] = {
        "in_channels": ("count", 0),
        "out_channels": ("count", 0),
        "kernel": ("counts", axes),
        "stride": ("counts", axes),
        "padding": ("sizes", axes),
        "dilation": ("counts", axes),
        "groups": ("count", 0),
        "bias": ("flag", 0),
    }
    return Operation(settings, is_layer=True)


def _transposed(axes: int) -> Operation:
    return Operation({**_convolution(axes).settings, "output_padding": ("sizes", axes)}, is_layer=True)


def _pool(axes: int, **more: tuple[Kind, int]) -> Operation:
    window: dict[str, tuple[Kind, int]] = {
        "kernel": ("counts", axes),
        "stride": ("counts", axes),
        "padding": ("sizes", axes),
        "ceil_mode": ("flag", 0),
    }
    return Operation({**window, **more})


_NORM = Operation({"channels": ("count", 0), "eps": ("number", 0)}, is_layer=True)
_PLAIN = Operation()
OPERATIONS: dict[str, Operation] = {
    "conv1d": _convolution(1),
    "conv2d": _convolution(2),
    "conv_transpose1d": _transposed(1),
    "conv_transpose2d": _transposed(2),
    "linear": Operation(
        {"in_features": ("count", 0), "out_features": ("count", 0), "bias": ("flag", 0)}, is_layer=True
    ),
    "batch_norm1d": _NORM,
    "batch_norm2d": _NORM,
    "prelu": Operation({"channels": ("count", 0)}, is_layer=True),
    **dict.fromkeys(
        ("relu", "relu6", "selu", "sigmoid", "tanh", "softsign", "hardsigmoid", "hardswish", "mish", "silu"), _PLAIN
    ),
    "log_sigmoid": _PLAIN,
    "leaky_relu": Operation({"slope": ("number", 0)}),
    "elu": Operation({"alpha": ("number", 0)}),
    "celu": Operation({"alpha": ("number", 0)}),
    "softplus": Operation({"beta": ("number", 0)}),
    "hardtanh": Operation({"least": ("number", 0), "most": ("number", 0)}),
    "gelu": Operation({"approximate": ("approximation", 0)}),
    "softmax": Operation({"axis": ("axis", 0)}),
    "log_softmax": Operation({"axis": ("axis", 0)}),
    "max_pool1d": _pool(1, dilation=("counts", 1)),
    "max_pool2d": _pool(2, dilation=("counts", 2)),
    "avg_pool1d": _pool(1, count_include_pad=("flag", 0)),
    "avg_pool2d": _pool(2, count_include_pad=("flag", 0)),
    "adaptive_avg_pool1d": Operation({"size": ("counts", 1)}),
    "adaptive_avg_pool2d": Operation({"size": ("counts", 2)}),
    "adaptive_max_pool1d": Operation({"size": ("counts", 1)}),
    "adaptive_max_pool2d": Operation({"size": ("counts", 2)}),
    "zero_pad1d": Operation({"padding": ("sizes", 2)}),
    "zero_pad2d": Operation({"padding": ("sizes", 4)}),
    "flatten": Operation({"start": ("axis", 0)}),
    "reshape": Operation({"shape": ("shape", 0)}),
    "permute": Operation({"axes": ("axes", 0)}),
    "narrow": Operation({"axis": ("axis", 0), "start": ("offset", 0), "length": ("count", 0)}),
    "add": Operation(inputs=(2, 2)),
    "cat": Operation({"axis": ("axis", 0)}, inputs=(1, LIMITS.nodes)),
}  # fmt: skip
