"""Layers of a ``torch.export`` program: weights and pooling."""

from __future__ import annotations

from typing import Any

import numpy as np

from ncviz.models.files.graph.pointwise import Pointwise
from ncviz.models.files.graph.reading import Node, Reading, Source, Value
from ncviz.models.files.pt2.values import Arguments, Operator, many, step_of


def _weights(reading: Reading, node: Node, value: Any, slot: int) -> tuple[np.ndarray, Source]:
    if not isinstance(value, np.ndarray):
        raise reading.refusal(
            node, "has weights that the network computes (as attention does), expected constants"
        )
    return value, Source(node.index, slot, value.shape)


def convolution(axes: int, is_transposed: bool = False) -> Operator:
    """Return the reader of a convolution over so many axes."""

    def read(reading: Reading, node: Node, arguments: Arguments) -> Value:
        return _convolved(reading, node, arguments, axes, is_transposed)

    return read


def any_convolution(reading: Reading, node: Node, arguments: Arguments) -> Value:
    """Read ``aten.convolution``, which says by its arguments what kind it is."""
    axes = np.ndim(arguments["weight"]) - 2
    return _convolved(reading, node, arguments, axes, bool(arguments.get("transposed", False)))


def _convolved(reading: Reading, node: Node, arguments: Arguments, axes: int, is_transposed: bool) -> Value:
    step = step_of(reading, node, arguments)
    weight, source = _weights(reading, node, arguments["weight"], 1)
    if axes not in (1, 2) or weight.ndim != axes + 2:
        raise reading.refusal(node, f"works on {axes} axes, of which 1 and 2 are supported")
    arrays = {"weight": (weight, source)}
    if arguments.get("bias") is not None:
        arrays["bias"] = _weights(reading, node, arguments["bias"], 2)
    kernel, groups = weight.shape[2:], arguments.get("groups", 1)
    stride, dilation = many(arguments.get("stride"), axes, 1), many(arguments.get("dilation"), axes, 1)
    padding = arguments.get("padding")
    if isinstance(padding, str):
        total = [
            (width - 1) * spread if padding == "same" else 0
            for width, spread in zip(kernel, dilation, strict=True)
        ]
        if any(size % 2 for size in total):
            raise reading.refusal(node, "has padding that differs between sides, which is not supported here")
        padding = [size // 2 for size in total]
    settings: dict[str, Any] = {
        "in_channels": weight.shape[0] if is_transposed else weight.shape[1] * groups,
        "out_channels": weight.shape[1] * groups if is_transposed else weight.shape[0],
        "kernel": kernel,
        "stride": stride,
        "padding": many(padding, axes, 0),
        "dilation": dilation,
        "groups": groups,
        "bias": "bias" in arrays,
    }
    if is_transposed:
        settings["output_padding"] = many(arguments.get("output_padding"), axes, 0)
    return reading.layer(
        node, f"conv{'_transpose' if is_transposed else ''}{axes}d", step, arrays, **settings
    )


def linear(reading: Reading, node: Node, arguments: Arguments) -> Value:
    """Read a linear layer."""
    return _joined(reading, node, arguments["input"], arguments["weight"], arguments.get("bias"), 1)


def addmm(reading: Reading, node: Node, arguments: Arguments) -> Value:
    """Read a linear layer with a bias, as decompositions write it."""
    if arguments.get("alpha", 1) != 1 or arguments.get("beta", 1) != 1:
        raise reading.refusal(node, "has an alpha or beta, which is not supported")
    return _joined(reading, node, arguments["mat1"], np.transpose(arguments["mat2"]), arguments["self"], 2)


def matmul(reading: Reading, node: Node, arguments: Arguments) -> Value:
    """Read a linear layer without a bias."""
    other: Any = arguments.get("mat2", arguments.get("other"))
    if isinstance(other, Pointwise):
        raise reading.refusal(node, "multiplies two activations, as attention does, which is not supported")
    return _joined(reading, node, arguments["self"], np.transpose(other), None, 1)


def _joined(reading: Reading, node: Node, value: Any, weight: Any, bias: Any, slot: int) -> Value:
    step = reading.step_of(value, node)
    matrix, source = _weights(reading, node, weight, slot)
    if matrix.ndim != 2:
        raise reading.refusal(node, f"has weights of shape {list(matrix.shape)}, expected a matrix")
    arrays = {"weight": (matrix, source)}
    if bias is not None:
        arrays["bias"] = _weights(reading, node, bias, 2)
    return reading.layer(
        node, "linear", step, arrays, slot, in_features=matrix.shape[1], out_features=matrix.shape[0],
        bias=bias is not None,
    )  # fmt: skip


def batch_norm(reading: Reading, node: Node, arguments: Arguments) -> Value:
    """Read a BatchNorm in eval mode."""
    step = step_of(reading, node, arguments)
    shape = reading.draft.shapes[step]
    if arguments.get("training"):
        raise reading.refusal(node, "is in training mode; export the network after net.eval()")
    if len(shape) > 3 or arguments["running_mean"] is None or arguments["running_var"] is None:
        raise reading.refusal(
            node, "keeps no running statistics, or has more than 3 axes, which is not supported"
        )
    plain = {"weight": np.ones(shape[0]), "bias": np.zeros(shape[0])}
    arrays = {}
    for slot, name in enumerate(("weight", "bias", "running_mean", "running_var"), start=1):
        given = arguments.get(name)
        arrays[name] = _weights(
            reading, node, plain[name] if given is None and name in plain else given, slot
        )
    operation = "batch_norm2d" if len(shape) == 3 else "batch_norm1d"
    return reading.layer(node, operation, step, arrays, channels=shape[0], eps=float(arguments["eps"]))


def prelu(reading: Reading, node: Node, arguments: Arguments) -> Value:
    """Read a PReLU."""
    weight, source = _weights(reading, node, arguments["weight"], 1)
    arrays = {"weight": (weight.reshape(-1), source)}
    return reading.layer(
        node, "prelu", reading.step_of(arguments["self"], node), arrays, channels=weight.size
    )


def pool(kind: str, axes: int) -> Operator:
    """Return the reader of a pooling ("max", "avg") over so many axes."""

    def read(reading: Reading, node: Node, arguments: Arguments) -> Value:
        kernel = many(arguments["kernel_size"], axes)
        settings: dict[str, Any] = {
            "kernel": kernel,
            "stride": many(arguments.get("stride"), axes, kernel),
            "padding": many(arguments.get("padding"), axes, 0),
            "ceil_mode": bool(arguments.get("ceil_mode", False)),
        }
        if kind == "max":
            settings["dilation"] = many(arguments.get("dilation"), axes, 1)
        else:
            settings["count_include_pad"] = bool(arguments.get("count_include_pad", True))
            if arguments.get("divisor_override") is not None:
                raise reading.refusal(node, "divides by a number of its own, which is not supported")
        return reading.start(
            reading.draft.add(
                node.hint, f"{kind}_pool{axes}d", (step_of(reading, node, arguments),), **settings
            )
        )

    return read


def adaptive(kind: str, axes: int) -> Operator:
    """Return the reader of an adaptive pooling."""

    def read(reading: Reading, node: Node, arguments: Arguments) -> Value:
        step, size = step_of(reading, node, arguments), many(arguments["output_size"], axes)
        return reading.start(reading.draft.add(node.hint, f"adaptive_{kind}_pool{axes}d", (step,), size=size))

    return read


def mean(reading: Reading, node: Node, arguments: Arguments) -> Value:
    """Read a mean over all of space as a pooling."""
    step = step_of(reading, node, arguments)
    rank = len(reading.draft.shapes[step]) + 1
    axes = many(arguments["dim"], 1)
    if rank not in (3, 4) or sorted(axis % rank for axis in axes) != list(range(2, rank)):
        raise reading.refusal(
            node, f"averages over the axes {list(axes)}, of which only all of space are supported"
        )
    step = reading.draft.add(node.hint, f"adaptive_avg_pool{rank - 2}d", (step,), size=(1,) * (rank - 2))
    if not arguments.get("keepdim", False):
        step = reading.draft.add(f"{node.hint}_flat", "flatten", (step,), start=1)
    return reading.start(step)
