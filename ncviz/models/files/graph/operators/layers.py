"""Operators with weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from ncviz.models.files.graph.operators.placing import weights_of
from ncviz.models.files.graph.operators.windows import padded, window
from ncviz.models.files.graph.reader import GraphReader, Handler, Node, Source, Value


def convolution(is_transposed: bool) -> Handler:
    """Return the reader of a convolution, or a transposed one, over one or two axes."""

    def handle(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
        step = reader.step_of(inputs[0], node)
        weight = weights_of(reader, node, inputs[1])
        shape, groups = reader.builder.shapes[step], node.get("group", 1)
        kernel, channels = weight.shape[2:], weight.shape[0]
        more: dict[str, Any] = {}
        if is_transposed:
            if "output_shape" in node.attributes or node.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
                raise reader.refusal(
                    node, "asks for an output shape instead of padding, which is not supported"
                )
            more["output_padding"] = tuple(node.get("output_padding", (0,) * len(kernel)))
        stride, dilation, before, after = window(reader, node, shape, kernel)
        if is_transposed:
            channels = weight.shape[1] * groups
        elif groups < 1 or weight.shape[1] * groups != shape[0]:
            raise reader.refusal(
                node,
                f"has weights of shape {list(weight.shape)} in {groups} groups, but reads {shape[0]} channels",
            )
        if before != after:
            if is_transposed:
                raise reader.refusal(
                    node, "has padding that differs between sides, which is not supported here"
                )
            step, before = padded(reader, node, step, before, after), (0,) * len(before)
        arrays = {"weight": (weight, Source(node.index, 1, weight.shape))}
        if _has_bias(inputs):
            bias = weights_of(reader, node, inputs[2])
            arrays["bias"] = (bias, Source(node.index, 2, bias.shape))
        return reader.layer(
            node, f"conv{'_transpose' * is_transposed}{len(kernel)}d", step, arrays, in_channels=shape[0],
            out_channels=channels, kernel=kernel, stride=stride, padding=before, dilation=dilation, groups=groups,
            bias=_has_bias(inputs), **more,
        )  # fmt: skip

    return handle


def _has_bias(inputs: list[Any]) -> bool:
    return len(inputs) > 2 and inputs[2] is not None


def gemm(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
    """Read a linear layer, with a factor to its weights and another to its bias."""
    step = reader.step_of(inputs[0], node)
    weight = weights_of(reader, node, inputs[1])
    alpha, beta = float(node.get("alpha", 1.0)), float(node.get("beta", 1.0))
    if node.get("transA", 0) or weight.ndim != 2 or alpha == 0.0:
        raise reader.refusal(node, "is no linear layer (transA, alpha = 0, or weights that are no matrix)")
    is_transposed = not node.get("transB", 0)
    matrix = weight.T if is_transposed else weight
    arrays = {"weight": (_times(matrix, alpha), Source(node.index, 1, weight.shape, is_transposed, alpha))}
    outputs = matrix.shape[0]
    has_bias = _has_bias(inputs) and beta != 0.0
    if has_bias:
        bias = weights_of(reader, node, inputs[2])
        if bias.size not in (1, outputs) or bias.ndim > 2 or (bias.ndim == 2 and bias.shape[0] != 1):
            raise reader.refusal(node, f"has a bias of shape {list(bias.shape)}, expected {outputs} numbers")
        wide = np.broadcast_to(bias.reshape(-1), (outputs,))
        # A single number for all outputs comes back as one for each.
        arrays["bias"] = (_times(wide, beta), Source(node.index, 2, (outputs,), False, beta))
    return reader.layer(
        node, "linear", step, arrays, in_features=matrix.shape[1], out_features=outputs, bias=has_bias
    )


def _times(values: np.ndarray, factor: float) -> np.ndarray:
    return values if factor == 1.0 else values.astype(np.float64) * factor


def layer_norm(operation: str) -> Handler:
    """Return the reader of a norm over an image's last axes, "layer_norm" or "rms_norm"."""

    def handle(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
        step = reader.step_of(inputs[0], node)
        shape = reader.builder.shapes[step]
        first = int(node.get("axis", -1)) % (len(shape) + 1)
        if first == 0 or any(node.outputs[1:]):
            raise reader.refusal(node, "normalises over the images of a batch, or gives its statistics, too")
        axes = node.get("axes", None)
        if axes is not None and {int(axis) % (len(shape) + 1) for axis in axes} != {
            *range(first, len(shape) + 1)
        }:
            raise reader.refusal(
                node, f"normalises over the axes {list(axes)[:9]}, which are not the last ones"
            )
        own = shape[first - 1 :]
        arrays = _affine(reader, node, inputs, own)
        return reader.layer(
            node, operation, step, arrays, shape=own, eps=float(node.get("epsilon", 1e-5)), affine="weight" in arrays,
            bias="bias" in arrays,
        )  # fmt: skip

    return handle


def group_norm(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
    """Read a norm over groups of an image's channels."""
    step = reader.step_of(inputs[0], node)
    channels, groups = reader.builder.shapes[step][0], int(node.get("num_groups", 1))
    if channels % max(1, groups):
        raise reader.refusal(node, f"divides {channels} channels into {groups} groups")
    arrays = _affine(reader, node, inputs, (channels,))
    eps = float(node.get("epsilon", 1e-5))
    return reader.layer(
        node, "group_norm", step, arrays, groups=groups, channels=channels, eps=eps, affine=bool(arrays)
    )


def instance_norm(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
    """Read a norm over each channel of an image."""
    step = reader.step_of(inputs[0], node)
    shape = reader.builder.shapes[step]
    if len(shape) not in (2, 3):
        raise reader.refusal(node, f"normalises values of {len(shape)} axes, of which 2 and 3 are supported")
    arrays = _affine(reader, node, inputs, shape[:1])
    operation, eps = f"instance_norm{len(shape) - 1}d", float(node.get("epsilon", 1e-5))
    return reader.layer(node, operation, step, arrays, channels=shape[0], eps=eps, affine=bool(arrays))


def local_response_norm(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
    """Read a norm over neighbouring channels."""
    usual = {"alpha": 1e-4, "beta": 0.75, "bias": 1.0}
    alpha, beta, k = (float(node.get(name, value)) for name, value in usual.items())
    step, width = reader.step_of(inputs[0], node), int(node.attributes["size"])
    if width % 2 == 0:
        # Torch and ONNX take one more channel on different sides.
        raise reader.refusal(node, "normalises over an even number of channels, which is not supported")
    found = reader.builder.add(
        node.hint, "local_response_norm", (step,), width=width, alpha=alpha, beta=beta, k=k
    )
    return reader.start(found)


def _affine(
    reader: GraphReader, node: Node, inputs: list[Any], shape: tuple[int, ...]
) -> dict[str, tuple[np.ndarray, Source]]:
    """Return a norm's scale and shift, as far as it has them."""
    arrays = {}
    for slot, name in enumerate(("weight", "bias"), start=1):
        if len(inputs) <= slot or inputs[slot] is None:
            continue
        values = weights_of(reader, node, inputs[slot])
        if values.shape != shape:
            raise reader.refusal(
                node, f"has a {name} of shape {list(values.shape)}, of which only {list(shape)} is supported"
            )
        index, place = dict(enumerate(node.get("places", ()), start=1)).get(slot, (node.index, slot))
        arrays[name] = (values, Source(index, place, shape))
    return arrays


def batch_norm(reader: GraphReader, node: Node, inputs: list[Any]) -> Value:
    """Read a BatchNorm in eval mode."""
    step = reader.step_of(inputs[0], node)
    if node.get("training_mode", 0) or (len(node.outputs) > 1 and any(node.outputs[1:])):
        raise reader.refusal(node, "is in training mode; export the network after net.eval()")
    rank = len(reader.builder.shapes[step])
    if rank > 3:
        raise reader.refusal(node, f"normalises values of {rank} axes, at most 3 are supported")
    names = ("weight", "bias", "running_mean", "running_var")
    arrays = {}
    for slot, name in enumerate(names, start=1):
        values = weights_of(reader, node, inputs[slot])
        arrays[name] = (values, Source(node.index, slot, values.shape))
    channels = reader.builder.shapes[step][0]
    eps = float(node.get("epsilon", 1e-5))
    return reader.layer(
        node, "batch_norm2d" if rank == 3 else "batch_norm1d", step, arrays, channels=channels, eps=eps
    )
