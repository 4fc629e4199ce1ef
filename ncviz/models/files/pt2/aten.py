"""The ATen operators of a ``torch.export`` program that are read, each translated into those of ONNX."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ncviz.limits import LIMITS
from ncviz.models.files.graph.reader import BATCH
from ncviz.models.files.pt2.attention import attended, einsum, masked, rolled
from ncviz.models.files.pt2.calls import Call, Onnx, many, onnx
from ncviz.models.files.pt2.constants import compared, copied, filled, made

Translator = Callable[[Call], Onnx | np.ndarray | list[Onnx]]
SYMBOLIC = frozenset(
    {"sym_size", "sym_constrain_range_for_size", "_assert_scalar", "_assert_tensor_metadata"}
)
VIEWS = frozenset({
    "view", "reshape", "flatten", "permute", "transpose", "t", "squeeze", "unsqueeze", "contiguous", "detach", "alias",
    "dropout", "feature_dropout", "alpha_dropout", "to", "_unsafe_view", "identity", "numpy_T",
    "chunk", "split", "split_with_sizes", "slice", "narrow", "select", "unbind", "unflatten", "expand",
})  # fmt: skip
_FLOAT_TYPES = (None, 6, 7, 8, 13)  # codes of the file for float16, float32, float64 and bfloat16
_END = np.iinfo(np.int64).max


def _pointwise(operator: str, **names: str) -> Translator:
    """Translate what reads one tensor; ``names`` are those of ATen's arguments by ONNX's attributes."""
    return lambda call: onnx(
        operator,
        call.tensor,
        **{name: call.arguments[own] for name, own in names.items() if own in call.arguments},
    )


def _elu(call: Call) -> Onnx:
    alpha, scale, inner = (float(call.arguments.get(name, 1.0)) for name in ("alpha", "scale", "input_scale"))
    return onnx("Elu", call.tensor, alpha=alpha, gamma=scale, inner=inner)


def _clip(least: str = "min", most: str = "max", bounds: tuple[Any, Any] = (None, None)) -> Translator:
    def translate(call: Call) -> Onnx:
        given = [call.arguments.get(name) for name in (least, most)]
        limits = [usual if value is None else value for value, usual in zip(given, bounds, strict=True)]
        return onnx("Clip", call.tensor, *limits)

    return translate


def _arithmetic(operator: str, is_reversed: bool = False) -> Callable[[Call], Onnx]:
    def translate(call: Call) -> Onnx:
        arguments = call.arguments
        if arguments.get("alpha", 1) != 1 or arguments.get("rounding_mode") is not None:
            raise call.refusal("has an alpha or a rounding mode, which is not supported")
        operands = call.tensor, call.first("other", "exponent")
        return onnx(operator, *(reversed(operands) if is_reversed else operands))

    return translate


def _same(call: Call) -> Onnx:
    if call.arguments.get("train") or call.arguments.get("training"):
        raise call.refusal("is in training mode; export the network after net.eval()")
    if call.arguments.get("dtype") not in _FLOAT_TYPES and not call.is_constant:
        raise call.refusal("makes activations into another type, which is not supported")
    return onnx("Identity", call.tensor)


def _own(call: Call) -> Onnx | np.ndarray:
    """Translate what gives, or may give, its values in memory of their own."""
    found, own = _same(call), copied(call)
    return found if own is None else own


def _convolution(axes: int | None = None, is_transposed: bool = False) -> Translator:
    """Translate a convolution; without a number of axes it is told by its arguments, as decompositions write it."""

    def translate(call: Call) -> Onnx:
        arguments = call.arguments
        count = np.ndim(call.value(arguments["weight"])) - 2 if axes is None else axes
        attributes: dict[str, Any] = {
            "strides": many(arguments.get("stride"), count, 1),
            "dilations": many(arguments.get("dilation"), count, 1),
            "group": arguments.get("groups", 1),
        }
        padding = arguments.get("padding")
        if isinstance(padding, str):
            attributes["auto_pad"] = {"same": "SAME_UPPER", "valid": "VALID"}[padding]
        else:
            attributes["pads"] = 2 * many(padding, count, 0)
        if is_transposed or arguments.get("transposed"):
            attributes["output_padding"] = many(arguments.get("output_padding"), count, 0)
        operator = "ConvTranspose" if "output_padding" in attributes else "Conv"
        return onnx(operator, call.tensor, arguments["weight"], arguments.get("bias"), **attributes)

    return translate


def _addmm(call: Call) -> Onnx:
    arguments = call.arguments
    # The weights go back into a state dict by name, where there is no place for a factor.
    if arguments.get("alpha", 1) != 1 or arguments.get("beta", 1) != 1:
        raise call.refusal("has an alpha or beta, which is not supported")
    return onnx("Gemm", arguments["mat1"], arguments["mat2"], arguments["self"])


def _batch_norm(call: Call) -> Onnx:
    arguments, shape = call.arguments, call.shape
    if arguments.get("training"):
        raise call.refusal("is in training mode; export the network after net.eval()")
    if len(shape) > 4 or arguments["running_mean"] is None or arguments["running_var"] is None:
        raise call.refusal("keeps no running statistics, or has more than 3 axes, which is not supported")
    plain = {"weight": np.ones(shape[1]), "bias": np.zeros(shape[1])}
    affine = [plain[name] if arguments.get(name) is None else arguments[name] for name in plain]
    statistics = arguments["running_mean"], arguments["running_var"]
    return onnx("BatchNormalization", call.tensor, *affine, *statistics, epsilon=arguments["eps"])


def _layer_norm(operator: str) -> Translator:
    def translate(call: Call) -> Onnx:
        arguments = call.arguments
        affine = arguments.get("weight"), arguments.get("bias")
        eps = arguments.get("eps")
        # Torch's own for an RMSNorm: that of the numbers' type.
        eps = float(np.finfo(np.float32).eps) if eps is None else eps
        axis = -len(arguments["normalized_shape"])
        return onnx(
            operator, call.tensor, *affine[: 1 + (operator == "LayerNormalization")], axis=axis, epsilon=eps
        )

    return translate


def _group_norm(call: Call) -> Onnx:
    arguments = call.arguments
    affine = arguments.get("weight"), arguments.get("bias")
    groups = call.first("num_groups", "group")
    return onnx(
        "GroupNormalization", call.tensor, *affine, num_groups=groups, epsilon=arguments.get("eps", 1e-5)
    )


def _instance_norm(call: Call) -> Onnx:
    arguments = call.arguments
    if not arguments["use_input_stats"]:
        raise call.refusal("normalises instances by running statistics, which is not supported")
    affine = arguments.get("weight"), arguments.get("bias")
    return onnx("InstanceNormalization", call.tensor, *affine, epsilon=arguments["eps"])


def _gated(call: Call) -> Onnx:
    axis = int(call.arguments.get("dim", -1)) % len(call.shape)
    half = call.shape[axis] // 2
    first, second = (onnx("Slice", call.tensor, [half * at], [half * (at + 1)], [axis]) for at in range(2))
    return onnx("Mul", first, onnx("Sigmoid", second))


def _pool(operator: str, axes: int) -> Translator:
    def translate(call: Call) -> Onnx:
        arguments = call.arguments
        if arguments.get("divisor_override") is not None:
            raise call.refusal("divides by a number of its own, which is not supported")
        kernel = many(arguments["kernel_size"], axes)
        return onnx(
            operator, call.tensor, kernel_shape=kernel, strides=many(arguments.get("stride"), axes, kernel),
            pads=2 * many(arguments.get("padding"), axes, 0), dilations=many(arguments.get("dilation"), axes, 1),
            ceil_mode=arguments.get("ceil_mode", False), count_include_pad=arguments.get("count_include_pad", True),
        )  # fmt: skip

    return translate


def _adaptive(operator: str, axes: int) -> Translator:
    return lambda call: onnx(operator, call.tensor, output_size=many(call.arguments["output_size"], axes))


def _mean(call: Call) -> Onnx:
    axes = many(call.arguments["dim"], 1, list(range(len(call.shape))))
    return onnx("ReduceMean", call.tensor, axes=axes, keepdims=call.arguments.get("keepdim", False))


def _reshaped(call: Call, target: list[int]) -> Onnx:
    return onnx("Reshape", call.tensor, target, allowzero=1)


def _view(call: Call) -> Onnx:
    return _reshaped(call, [int(size) for size in call.first("size", "shape")])


def _flatten(call: Call) -> Onnx:
    shape = call.shape
    start = int(call.arguments.get("start_dim", 0)) % len(shape)
    end = int(call.arguments.get("end_dim", -1)) % len(shape)
    if end < start:
        raise call.refusal("flattens axes that end before they start")
    inner = math.prod(shape[start : end + 1])
    return _reshaped(call, [*shape[:start], inner, *shape[end + 1 :]])


def _squeeze(call: Call) -> Onnx:
    shape = call.shape
    axes = {int(axis) % len(shape) for axis in many(call.arguments.get("dim"), 1, list(range(len(shape))))}
    # torch leaves axes that are not of size 1.
    return _reshaped(call, [s for a, s in enumerate(shape) if a not in axes or s != 1])


def _unsqueeze(call: Call) -> Onnx:
    shape, axis = call.shape, int(call.arguments["dim"])
    if call.is_constant:
        return onnx("Unsqueeze", call.tensor, [axis])
    axis %= len(shape) + 1
    return _reshaped(call, [*shape[:axis], 1, *shape[axis:]])


def _permute(call: Call) -> Onnx:
    axes, arguments = list(range(len(call.shape))), call.arguments
    if "dims" in arguments:
        axes = [int(axis) % len(axes) for axis in arguments["dims"]]
    elif "dim0" in arguments:
        one, other = (int(arguments[name]) % len(axes) for name in ("dim0", "dim1"))
        axes[one], axes[other] = axes[other], axes[one]
    else:
        axes.reverse()
    return onnx("Transpose", arguments["self"], perm=axes)


def _unflatten(call: Call) -> Onnx:
    shape = call.shape
    axis = _axis(call) % len(shape)
    return _reshaped(call, [*shape[:axis], *map(int, call.arguments["sizes"]), *shape[axis + 1 :]])


def _index(call: Call) -> Onnx:
    """Translate what takes values by numbers along one axis."""
    places = [(axis, each) for axis, each in enumerate(call.arguments["indices"]) if each is not None]
    if len(places) != 1:
        raise call.refusal("takes values by numbers along several axes, which is not supported")
    ((axis, numbers),) = places
    return onnx("Gather", call.tensor, numbers, axis=axis)


def _between(operator: str) -> Translator:
    """Translate arithmetic; of constants of one type it is done at once."""
    function = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply}.get(operator)
    plain = _arithmetic(operator)

    def translate(call: Call) -> Onnx | np.ndarray:
        found = plain(call)
        if function is None or not call.is_constant:
            return found
        one, other = (call.value(each) for each in found.inputs)
        is_alike = isinstance(other, np.ndarray) and other.dtype == one.dtype and one.dtype.kind == "f"
        if not is_alike:
            return found
        call.check_constant(one.shape, other.shape, itemsize=one.itemsize)
        return np.asarray(function(one, other))

    return translate


def _axis(call: Call) -> int:
    return int(call.arguments.get("dim", 0))


def _stack(call: Call) -> Onnx:
    apart = (onnx("Unsqueeze", each, [_axis(call)]) for each in call.arguments["tensors"])
    return onnx("Concat", *apart, axis=_axis(call))


def _repeat_each(call: Call) -> Onnx:
    """Translate the repetition of each value: beside itself along an axis of its own, which is then joined."""
    shape, times = call.shape, call.arguments["repeats"]
    if call.arguments.get("dim") is None or not isinstance(times, int):
        raise call.refusal("repeats values along no axis, or some more often, which is not supported")
    axis = int(call.arguments["dim"]) % len(shape)
    beside = onnx("Unsqueeze", call.tensor, [axis + 1])
    tiled = onnx("Tile", beside, [times if each == axis + 1 else 1 for each in range(len(shape) + 1)])
    target = [size * times if each == axis else size for each, size in enumerate(shape)]
    return onnx("Reshape", tiled, target, allowzero=1)


def _split(call: Call) -> Onnx:
    wanted = call.first("split_size", "split_sizes")
    if isinstance(wanted, int):
        size = _size_along(call)
        if size > LIMITS.nodes * max(1, wanted):
            raise call.refusal(f"divides {size:,} values into parts of {wanted:,}, more than are read")
        wanted = [min(wanted, size - start) for start in range(0, size, max(1, wanted))]
    return onnx("Split", call.tensor, axis=_axis(call), split=wanted)


def _shape_of_other(call: Call) -> tuple[int, ...]:
    other = call.value(call.arguments["other"])
    return other.shape if isinstance(other, np.ndarray) else (BATCH, *call.reader.shape_of(other, call.node))


def _cut(call: Call) -> Onnx:
    arguments = call.arguments
    start = int(arguments.get("start") or 0)
    stop = start + int(arguments["length"]) if "length" in arguments else arguments.get("end")
    if arguments.get("step", 1) != 1:
        raise call.refusal("takes every other of an axis (step), which is not supported")
    return onnx("Slice", call.tensor, [start], [_END if stop is None else int(stop)], [_axis(call)])


def _unbind(call: Call) -> list[Onnx]:
    size = _size_along(call)
    if size > LIMITS.nodes:
        raise call.refusal(f"divides {size:,} values along an axis, of which {LIMITS.nodes:,} are read")
    return [onnx("Gather", call.tensor, at, axis=_axis(call)) for at in range(size)]


def _select(call: Call) -> Onnx:
    return onnx("Gather", call.tensor, int(call.arguments["index"]) % _size_along(call), axis=_axis(call))


def _size_along(call: Call) -> int:
    shape = call.shape
    axis = _axis(call) % len(shape)
    if shape[axis] < 0:
        raise call.refusal("divides a batch, which is not supported")
    return shape[axis]


def _pad(call: Call) -> Onnx:
    arguments, rank = call.arguments, len(call.shape)
    sizes = [int(size) for size in arguments["pad"]]
    is_constant = arguments.get("mode", "constant") == "constant"
    if not is_constant or (arguments.get("value") or 0.0) != 0.0 or min(sizes) < 0:
        raise call.refusal("pads otherwise than with zeros, which is not supported")
    is_of_space = rank in (3, 4) and len(sizes) <= 2 * (rank - 2)
    if not any(sizes) and not is_of_space:
        return onnx("Identity", call.tensor)
    if not is_of_space:
        raise call.refusal("pads other axes than those of the image, which is not supported")
    # torch counts from the last axis, before and after it.
    sizes += [0] * (2 * rank - len(sizes))
    return onnx("Pad", call.tensor, pads=(*sizes[::2][::-1], *sizes[1::2][::-1]), hint=call.node.hint)


# What treats every unit alone, or passes it on.
UNITWISE: dict[str, Translator] = {
    **{name: _pointwise(operator) for name, operator in {
        "relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh", "silu": "Swish", "mish": "Mish", "hardswish": "HardSwish",
        "selu": "Selu", "log_sigmoid": "LogSigmoid", "softsign": "Softsign", "erf": "Erf", "exp": "Exp", "neg": "Neg",
        "abs": "Abs", "reciprocal": "Reciprocal",
    }.items()},
    "elu": _elu, "celu": _pointwise("Celu", alpha="alpha"), "gelu": _pointwise("Gelu", approximate="approximate"),
    "leaky_relu": _pointwise("LeakyRelu", alpha="negative_slope"), "relu6": _clip(bounds=(0.0, 6.0)),
    "hardsigmoid": lambda call: onnx("HardSigmoid", call.tensor, alpha=1 / 6),
    "softplus": _pointwise("Softplus", beta="beta", threshold="threshold"),
    "hardtanh": _clip("min_val", "max_val", (-1.0, 1.0)), **dict.fromkeys(("clamp", "clamp_min"), _clip()),
    **{name: _between(name.title()) for name in ("add", "sub", "mul", "div", "pow")},
    "rsub": _arithmetic("Sub", is_reversed=True),
    **dict.fromkeys(("dropout", "feature_dropout", "alpha_dropout", "detach", "alias", "identity"), _same),
    **dict.fromkeys(("contiguous", "clone", "lift_fresh_copy", "to", "_to_copy"), _own),
}  # fmt: skip
TRANSLATORS: dict[str, Translator] = {
    "conv1d": _convolution(1), "conv2d": _convolution(2), "convolution": _convolution(), "addmm": _addmm, "mean": _mean,
    "conv_transpose1d": _convolution(1, is_transposed=True), "conv_transpose2d": _convolution(2, is_transposed=True),
    "linear": lambda call: onnx("Gemm", call.tensor, call.arguments["weight"], call.first("bias"), transB=1),
    "scaled_dot_product_attention": attended, "einsum": einsum, "roll": rolled, "masked_fill": masked,
    "unflatten": _unflatten, "index": _index, "fill": filled, "ne": compared(np.not_equal), "eq": compared(np.equal),
    **dict.fromkeys(("zeros", "new_zeros"), made(0.0)), **dict.fromkeys(("ones", "new_ones"), made(1.0)),
    **dict.fromkeys(("full", "new_full"), made(None)),
    **dict.fromkeys(("mm", "matmul", "bmm"), lambda call: onnx("MatMul", call.tensor, call.first("mat2", "other"))),
    **dict.fromkeys(("batch_norm", "_native_batch_norm_legit_no_training"), _batch_norm),
    **dict.fromkeys(("layer_norm", "native_layer_norm"), _layer_norm("LayerNormalization")),
    **dict.fromkeys(("rms_norm", "_fused_rms_norm"), _layer_norm("RMSNormalization")),
    **dict.fromkeys(("group_norm", "native_group_norm"), _group_norm), "instance_norm": _instance_norm, "glu": _gated,
    **dict.fromkeys(("prelu", "_prelu_kernel"), lambda call: onnx("PRelu", call.tensor, call.arguments["weight"])),
    **UNITWISE,
    "max_pool1d": _pool("MaxPool", 1), "avg_pool1d": _pool("AveragePool", 1), "avg_pool2d": _pool("AveragePool", 2),
    **dict.fromkeys(("max_pool2d", "max_pool2d_with_indices"), _pool("MaxPool", 2)),
    **dict.fromkeys(("adaptive_avg_pool2d", "_adaptive_avg_pool2d"), _adaptive("AdaptiveAveragePool", 2)),
    "adaptive_avg_pool1d": _adaptive("AdaptiveAveragePool", 1),
    "adaptive_max_pool1d": _adaptive("AdaptiveMaxPool", 1), "adaptive_max_pool2d": _adaptive("AdaptiveMaxPool", 2),
    **dict.fromkeys(("view", "_unsafe_view", "reshape"), _view),
    "flatten": _flatten, "squeeze": _squeeze, "unsqueeze": _unsqueeze, "select": _select, "stack": _stack,
    "unbind": _unbind,
    **dict.fromkeys(("permute", "transpose", "t", "numpy_T"), _permute),
    "chunk": lambda call: onnx("Split", call.tensor, axis=_axis(call)),
    **dict.fromkeys(("split", "split_with_sizes"), _split),
    **dict.fromkeys(("slice", "narrow"), _cut),
    **dict.fromkeys(("cat", "concat"), lambda call: onnx("Concat", *call.arguments["tensors"], axis=_axis(call))),
    "hstack": lambda call: onnx("Concat", *call.arguments["tensors"], axis=1),
    **dict.fromkeys(("repeat", "tile"), lambda call: onnx("Tile", call.tensor, call.first("repeats", "dims"))),
    "repeat_interleave": _repeat_each,
    "expand": lambda call: onnx("Expand", call.tensor, call.arguments["size"]),
    "expand_as": lambda call: onnx("Expand", call.tensor, [BATCH, *_shape_of_other(call)[1:]]),
    **dict.fromkeys(("pad", "constant_pad_nd"), _pad),
    **dict.fromkeys(("softmax", "_softmax"), _pointwise("Softmax", axis="dim")),
    **dict.fromkeys(("log_softmax", "_log_softmax"), _pointwise("LogSoftmax", axis="dim")),
}  # fmt: skip
