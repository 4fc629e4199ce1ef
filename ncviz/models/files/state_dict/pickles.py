"""What a checkpoint's pickle may refer to: the little that a state dict needs, and what is left out, never run."""

from __future__ import annotations

from ncviz.errors import ModelError
from ncviz.text import quotable

ORDERED_DICT, DEFAULT_DICT = "collections.OrderedDict", "collections.defaultdict"
CALLABLES = {
    ORDERED_DICT, "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_parameter", "torch.nn.parameter.Parameter",
}  # fmt: skip
# What trainers keep beside the weights: it becomes None, and is never looked up.
_ASIDE = {
    DEFAULT_DICT, "collections.Counter", "torch.Size", "torch.device",
    *(f"torch.{name}" for name in ("float16", "bfloat16", "float32", "float64", "complex64", "complex128", "bool",
                                   "uint8", "int8", "int16", "int32", "int64")),
    "argparse.Namespace", "types.SimpleNamespace", "_codecs.encode", "numpy.dtype", "numpy.ndarray",
    "numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer",
    *(f"{module}.{name}" for module in ("builtins", "__builtin__")
      for name in ("list", "dict", "set", "tuple", "int", "float", "bool", "str", "complex", "frozenset")),
    *(f"numpy.{module}.multiarray.{name}" for module in ("core", "_core") for name in ("scalar", "_reconstruct")),
    *(f"datetime.{name}" for name in ("date", "datetime", "time", "timedelta", "timezone")),
    *(f"{module}.{kind}Path" for module in ("pathlib", "pathlib._local")
      for kind in ("", "Pure", "Posix", "Windows", "PurePosix", "PureWindows")),
}  # fmt: skip
# Packages of settings and of trainers, whose objects are settings, too.
_ASIDE_PACKAGES = {
    "numpy.dtypes", "omegaconf", "easydict", "yacs", "munch", "addict", "ml_collections", "pytorch_lightning",
    "lightning", "lightning_fabric", "mmengine", "mmcv",
}  # fmt: skip
WEIGHTS_ONLY = (
    "where it was made, export the network with torch.onnx.export(net, (images,), 'net.onnx'), which is read as it is, "
    "or save only its weights with torch.save(net.state_dict(), path)"
)


def is_aside(name: str, label: str) -> bool:
    """Return whether a pickle's global is something that is left out; False for what a state dict needs.

    Args:
        name: Module and name, with a dot between.
        label: The checkpoint's name, for messages.

    Raises:
        ModelError: If it is neither.
    """
    module, _, last = name.rpartition(".")
    is_storage = module in {"torch", "torch.storage"} and last.endswith("Storage")
    if name in CALLABLES or is_storage:
        return False
    if name in _ASIDE or module.partition(".")[0] in _ASIDE_PACKAGES or module in _ASIDE_PACKAGES:
        return True
    if module == "torch._utils":
        raise ModelError(
            f"{label} holds a tensor that is sparse, quantised or without data (`{quotable(name)}`), expected dense "
            f"tensors of numbers; convert it with to_dense() or dequantize()."
        )
    raise ModelError(
        f"{label} holds more than weights: it refers to `{quotable(name)}`, and ncviz runs nothing that a file brings; "
        f"{WEIGHTS_ONLY}."
    )
