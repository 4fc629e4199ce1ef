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


def _operation(settings: str = "", axes: int = 0, *, is_layer: bool = False) -> Operation:
    """Return what reads one step; its tuples have a number for each of so many axes, 0 for any."""
    return Operation({name: (_KINDS[name], axes) for name in settings.split()}, is_layer=is_layer)


_KINDS: dict[str, Kind] = {
    **dict.fromkeys(
        ("in_channels", "out_channels", "in_features", "out_features", "channels", "groups", "width"), "count"
    ),
    **dict.fromkeys(("kernel", "stride", "dilation", "size"), "counts"),
    **dict.fromkeys(("padding", "output_padding"), "sizes"),
    **dict.fromkeys(("bias", "affine", "ceil_mode", "count_include_pad"), "flag"),
    **dict.fromkeys(("eps", "slope", "alpha", "beta", "least", "most", "k"), "number"),
    "approximate": "approximation", "axis": "axis", "rank": "axis", "axes": "axes", "shape": "shape",
}  # fmt: skip
_CONVOLUTION = "in_channels out_channels kernel stride padding dilation groups bias"
_WINDOW = "kernel stride padding ceil_mode"
OPERATIONS: dict[str, Operation] = {
    **{f"conv{n}d": _operation(_CONVOLUTION, n, is_layer=True) for n in (1, 2)},
    **{f"conv_transpose{n}d": _operation(f"{_CONVOLUTION} output_padding", n, is_layer=True) for n in (1, 2)},
    "linear": _operation("in_features out_features bias", is_layer=True),
    **dict.fromkeys(("batch_norm1d", "batch_norm2d"), _operation("channels eps", is_layer=True)),
    **dict.fromkeys(("scale", "shift", "subtract_from"), _operation("channels rank", is_layer=True)),
    "constant": _operation("shape", is_layer=True),
    **dict.fromkeys(("layer_norm", "rms_norm"), _operation("shape eps affine bias", is_layer=True)),
    "group_norm": _operation("groups channels eps affine", is_layer=True),
    **dict.fromkeys(("instance_norm1d", "instance_norm2d"), _operation("channels eps affine", is_layer=True)),
    "local_response_norm": _operation("width alpha beta k"),
    "prelu": _operation("channels", is_layer=True),
    **dict.fromkeys(
        ("relu", "relu6", "selu", "sigmoid", "tanh", "softsign", "hardsigmoid", "hardswish", "mish", "silu",
         "log_sigmoid"), _operation(),
    ),
    "leaky_relu": _operation("slope"),
    **dict.fromkeys(("elu", "celu"), _operation("alpha")),
    "softplus": _operation("beta"),
    "hardtanh": _operation("least most"),
    "gelu": _operation("approximate"),
    **dict.fromkeys(("softmax", "log_softmax"), _operation("axis")),
    **{f"max_pool{n}d": _operation(f"{_WINDOW} dilation", n) for n in (1, 2)},
    **{f"avg_pool{n}d": _operation(f"{_WINDOW} count_include_pad", n) for n in (1, 2)},
    **{f"adaptive_{kind}_pool{n}d": _operation("size", n) for kind in ("avg", "max") for n in (1, 2)},
    "zero_pad1d": _operation("padding", 2),
    "zero_pad2d": _operation("padding", 4),
    "flatten": Operation({"start": ("axis", 0)}),
    "reshape": _operation("shape"),
    "permute": _operation("axes"),
    "narrow": Operation({"axis": ("axis", 0), "start": ("offset", 0), "length": ("count", 0)}),
    "roll": Operation({"axis": ("axis", 0), "start": ("offset", 0)}),
    **dict.fromkeys(("add", "multiply", "matmul"), Operation(inputs=(2, 2))),
    "cat": Operation({"axis": ("axis", 0)}, inputs=(1, LIMITS.nodes)),
}  # fmt: skip
