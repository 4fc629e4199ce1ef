"""What each traced operation is: one name for a module, a function, a method and an ATen operator that do the same."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import fx, nn

SUPPORTED = (
    "Linear, Conv1d, Conv2d, transposed convolutions, normalisations, pooling, Flatten, reshaping, Dropout, Identity, "
    "pointwise activations, additions, products (gates), concatenations and self-attention"
)

# A function of each unit alone.
POINTWISE = frozenset({
    "relu", "relu6", "leaky_relu", "prelu", "rrelu", "elu", "celu", "selu", "gelu", "silu", "mish", "tanh", "sigmoid",
    "softplus", "softsign", "hardtanh", "hardswish", "hardsigmoid", "logsigmoid", "log_sigmoid", "hardshrink",
    "softshrink", "tanhshrink", "threshold", "clamp", "clip", "clamp_min", "clamp_max", "abs", "square", "sqrt", "pow",
})  # fmt: skip
# What makes an image's activations comparable by what others of them are; a batch normalisation in training is none.
NORMS = frozenset({
    "layer_norm", "group_norm", "instance_norm", "rms_norm", "local_response_norm", "normalize",
})  # fmt: skip
# What passes on what it reads, once the network is trained.
SILENT = frozenset({
    "identity", "dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout",
    "feature_dropout", "stochastic_depth", "contiguous", "clone", "detach", "alias",
})  # fmt: skip
# What gives numbers another type or another place in memory.
CASTS = frozenset({
    "to", "_to_copy", "type", "type_as", "float", "double", "half", "bfloat16", "cpu", "cuda",
})  # fmt: skip
# What puts units in another order or shape, takes some of them, or repeats them.
RELABEL = frozenset({
    "flatten", "unflatten", "reshape", "view", "permute", "transpose", "squeeze", "unsqueeze", "chunk", "split",
    "unbind", "narrow", "select", "slice", "getitem", "index_select", "swapaxes", "movedim", "channel_shuffle",
    "pixel_shuffle", "pixel_unshuffle", "split_with_sizes", "repeat", "expand", "tile", "repeat_interleave",
    "broadcast_to", "flip", "roll", "expand_as", "view_as", "reshape_as",
})  # fmt: skip
JOIN = frozenset({"cat", "stack", "hstack", "vstack", "dstack"})
# Repeats the nearest unit; in other modes it mixes them.
NEAREST = frozenset({"interpolate", "upsample", "upsample_nearest1d", "upsample_nearest2d"})
# Makes a constant of a value's shape.
LIKE = frozenset({"zeros_like", "ones_like", "full_like", "new_zeros", "new_ones", "new_full"})
SHAPE = frozenset({"size", "shape", "dim", "ndim", "sym_size", "getattr"})
SOFTMAX = frozenset({"softmax", "log_softmax"})
SPACE = ("1d", "2d")
CONVOLUTIONS = frozenset(f"conv{space}" for space in SPACE)
TRANSPOSED = frozenset(f"conv_transpose{space}" for space in SPACE)
# What reads a weight and may add a bias.
WEIGHTED = CONVOLUTIONS | TRANSPOSED | {"linear"}
POOLS = frozenset(
    f"{prefix}{kind}_pool{space}"
    for prefix in ("", "adaptive_")
    for kind in ("max", "avg")
    for space in SPACE
)
REDUCTIONS = frozenset({"mean", "amax"})

_MODULES: dict[type[nn.Module], str] = {
    nn.Linear: "linear", nn.Conv1d: "conv1d", nn.Conv2d: "conv2d",
    nn.ConvTranspose1d: "conv_transpose1d", nn.ConvTranspose2d: "conv_transpose2d",
    nn.BatchNorm1d: "batch_norm", nn.BatchNorm2d: "batch_norm",
    nn.LayerNorm: "layer_norm", nn.GroupNorm: "group_norm", nn.RMSNorm: "rms_norm", nn.GLU: "glu",
    nn.InstanceNorm1d: "instance_norm", nn.InstanceNorm2d: "instance_norm",
    nn.LocalResponseNorm: "local_response_norm", nn.CrossMapLRN2d: "local_response_norm",
    nn.MaxPool1d: "max_pool1d", nn.MaxPool2d: "max_pool2d", nn.AvgPool1d: "avg_pool1d", nn.AvgPool2d: "avg_pool2d",
    nn.AdaptiveMaxPool1d: "adaptive_max_pool1d", nn.AdaptiveMaxPool2d: "adaptive_max_pool2d",
    nn.AdaptiveAvgPool1d: "adaptive_avg_pool1d", nn.AdaptiveAvgPool2d: "adaptive_avg_pool2d",
    nn.ZeroPad1d: "pad", nn.ZeroPad2d: "pad", nn.ConstantPad1d: "pad", nn.ConstantPad2d: "pad",
    nn.Flatten: "flatten", nn.Unflatten: "unflatten", nn.ChannelShuffle: "channel_shuffle",
    nn.PixelShuffle: "pixel_shuffle", nn.PixelUnshuffle: "pixel_unshuffle",
    nn.Upsample: "upsample", nn.UpsamplingNearest2d: "upsample",
    nn.Identity: "identity", nn.Dropout: "dropout", nn.Dropout1d: "dropout", nn.Dropout2d: "dropout",
    nn.Dropout3d: "dropout", nn.AlphaDropout: "dropout", nn.FeatureAlphaDropout: "dropout",
    nn.Softmax: "softmax", nn.LogSoftmax: "log_softmax",
    nn.ReLU: "relu", nn.ReLU6: "relu6", nn.LeakyReLU: "leaky_relu", nn.PReLU: "prelu", nn.RReLU: "rrelu", nn.ELU: "elu",
    nn.CELU: "celu", nn.SELU: "selu", nn.GELU: "gelu", nn.SiLU: "silu", nn.Mish: "mish", nn.Tanh: "tanh",
    nn.Sigmoid: "sigmoid", nn.Softplus: "softplus", nn.Softsign: "softsign", nn.Hardtanh: "hardtanh",
    nn.Hardswish: "hardswish", nn.Hardsigmoid: "hardsigmoid", nn.LogSigmoid: "logsigmoid",
    nn.Hardshrink: "hardshrink", nn.Softshrink: "softshrink", nn.Tanhshrink: "tanhshrink", nn.Threshold: "threshold",
}  # fmt: skip
NORM_MODULES = (nn.BatchNorm1d, nn.BatchNorm2d)
TRANSPOSED_MODULES = (nn.ConvTranspose1d, nn.ConvTranspose2d)
WEIGHT_MODULES = (nn.Linear, nn.Conv1d, nn.Conv2d, *TRANSPOSED_MODULES)

_OTHERS = frozenset({
    "linear", "batch_norm", "pad", "concat", "add", "sub", "mul", "multiply", "div", "divide", "true_divide", "glu",
})  # fmt: skip
_SAME = {
    "concat": "cat", "concatenate": "cat", "true_divide": "div", "truediv": "div", "divide": "div",
    "multiply": "mul", "native_layer_norm": "layer_norm", "native_group_norm": "group_norm",
    "_fused_rms_norm": "rms_norm", "iadd": "add", "isub": "sub",
    "rsub": "sub",
    "imul": "mul", "itruediv": "div", "constant_pad_nd": "pad", "_softmax": "softmax", "_log_softmax": "log_softmax",
    "lift_fresh_copy": "clone", "_unsafe_view": "view", "to_dtype": "to",
    "_native_batch_norm_legit_no_training": "batch_norm_no_training", "t": "transpose",
}  # fmt: skip
_PLAIN = _OTHERS.union(
    POINTWISE,
    NORMS,
    SILENT,
    CASTS,
    RELABEL,
    SOFTMAX,
    CONVOLUTIONS,
    TRANSPOSED,
    POOLS,
    REDUCTIONS,
    JOIN,
    NEAREST,
)
_FUNCTIONS: dict[Callable[..., Any], str] = {
    found: name
    for name in sorted(_PLAIN)
    for home in (torch, F)
    if (found := getattr(home, name, None)) is not None
} | {
    operator.add: "add", operator.iadd: "add", operator.sub: "sub", operator.isub: "sub", operator.mul: "mul",
    operator.imul: "mul", operator.truediv: "div", operator.itruediv: "div", operator.getitem: "getitem",
    getattr: "getattr",
}  # fmt: skip
# Whose name in a trace, or kind of module, says that a network attends or recurs.
_ATTENTION = ("attention", "attn", "transformer")
_RECURRENCE = ("lstm", "gru", "rnn")


def name_of(node: fx.Node, modules: dict[str, nn.Module]) -> str:
    """Return the name of what an operation of a trace does, whether or not it can be read on units."""
    if node.op == "call_module":
        return next((name for kind, name in _MODULES.items() if type(modules[str(node.target)]) is kind), "")
    if node.op == "call_method":
        name = str(node.target).removesuffix("_")
    elif isinstance(node.target, torch._ops.OpOverload):
        name = node.target._schema.name.split("::")[-1].removesuffix("_")
    elif node.target in _FUNCTIONS:
        name = _FUNCTIONS[node.target]
    else:
        # Functions of the same name and meaning live in several places, such as torchvision's stochastic_depth.
        name = getattr(node.target, "__name__", "").removesuffix("_")
    return _SAME.get(name, name)


def operation(node: fx.Node, modules: dict[str, nn.Module]) -> str:
    """Return the name of what an operation of a trace does, "" where ncviz knows none."""
    name = name_of(node, modules)
    return name if name in _PLAIN | SHAPE or name == "batch_norm_no_training" else ""


def reads_values(node: fx.Node, of: fx.Node) -> bool:
    """Return whether an operation reads the values of another one, not its size or type alone."""
    name = str(node.target) if node.op == "call_method" else getattr(node.target, "__name__", "")
    if name in ("size", "dim", "getattr", "sym_size.int"):
        return False
    return not name.partition(".")[0].endswith("_as") or node.args[:1] == (of,)


def is_pointwise(node: fx.Node, modules: dict[str, nn.Module]) -> bool:
    """Return whether the operation treats every unit alike and alone, or passes it on."""
    return operation(node, modules) in POINTWISE | SILENT | CASTS


def is_softmax(node: fx.Node, modules: dict[str, nn.Module]) -> bool:
    """Return whether the operation is a softmax or its logarithm."""
    return operation(node, modules) in SOFTMAX


def returns_several(node: fx.Node) -> bool:
    """Return whether a normalisation is one of torch's inner forms, which return statistics, too."""
    return "native" in str(node.target) or "fused" in str(node.target)


def describe(node: fx.Node, modules: dict[str, nn.Module]) -> str:
    """Return an operation's name, and what it is, for a message."""
    if node.op == "call_module":
        kind = type(modules[str(node.target)]).__name__
        name = str(node.target)
    else:
        kind = getattr(node.target, "__name__", str(node.target))
        name = place(node)
    lowered = kind.lower()
    if any(word in lowered for word in _ATTENTION):
        kind += ", attention"
    elif any(lowered.startswith(word) for word in _RECURRENCE):
        kind += ", recurrence"
    return f"'{name}' ({kind})"


def place(node: fx.Node) -> str:
    """Return the name of the module in whose forward an operation stands, its own where the trace does not tell."""
    stack = node.meta.get("nn_module_stack") or {}
    found = next((str(path) for path, _ in reversed(list(stack.values())) if path), "") if stack else ""
    return found or node.name
