"""Look at a checkpoint's pickle as a list of instructions, without running any, and refuse what no state dict needs."""

from __future__ import annotations

import pickletools

from ncviz.errors import ModelError
from ncviz.text import quotable

MAX_PICKLE_BYTES = 4_000_000
# Hashing a tuple nested this deep still fits a thread's stack; each tensor of a checkpoint takes about five.
MAX_TUPLES = 20_000
_PROTOCOL = 2  # what torch.save writes, and the only one that torch.load(weights_only=True) fully reads
_TUPLES = {"TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"}
_CALLABLES = {
    "collections.OrderedDict", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_parameter",
    "torch.nn.parameter.Parameter", "torch.Size", "torch.device",
}  # fmt: skip
_DTYPES = {f"torch.{name}" for name in (
    "float16", "bfloat16", "float32", "float64", "complex64", "complex128", "bool", "uint8", "int8", "int16", "int32",
    "int64",
)}  # fmt: skip
_WEIGHTS_ONLY = "save only the weights with torch.save(net.state_dict(), path)"


def check_pickle(content: bytes, label: str) -> None:
    """Accept a pickle that builds dicts, lists, numbers, strings and dense tensors, and nothing else.

    Torch's own restricted reader comes after this and is the one that decides; this check is narrower, so that
    allowed functions which reserve memory, or tuples nested until hashing overflows the stack, never get to run.

    Args:
        content: The pickle.
        label: The checkpoint's name, for messages.

    Raises:
        ModelError: If the pickle is too large, damaged, of another protocol, or refers to anything else.
    """
    if len(content) > MAX_PICKLE_BYTES:
        raise ModelError(
            f"{label} describes its tensors in {len(content):,} bytes, at most {MAX_PICKLE_BYTES:,} are read; "
            f"{_WEIGHTS_ONLY}."
        )
    tuples = 0
    try:
        for opcode, argument, _ in pickletools.genops(content):
            if opcode.name == "PROTO" and argument != _PROTOCOL:
                raise ModelError(f"{label} uses pickle protocol {argument}, expected 2; {_WEIGHTS_ONLY}.")
            if opcode.name in {"GLOBAL", "INST"}:
                _check_global(str(argument).replace(" ", "."), label)
            tuples += opcode.name in _TUPLES
    except ModelError:
        raise
    except Exception as error:  # pickletools raises whatever its decoders meet in a damaged file
        raise ModelError(
            f"{label} is damaged (its pickle ends early or is none); copy the file again."
        ) from error
    if tuples > MAX_TUPLES:
        raise ModelError(f"{label} holds more than {MAX_TUPLES:,} nested values; {_WEIGHTS_ONLY}.")


def _check_global(name: str, label: str) -> None:
    """Raise a ModelError unless a state dict of dense tensors may refer to ``name``."""
    module, _, last = name.rpartition(".")
    is_storage = module in {"torch", "torch.storage"} and last.endswith("Storage")
    if name in _CALLABLES or name in _DTYPES or is_storage:
        return
    if module == "torch._utils":
        raise ModelError(
            f"{label} holds a tensor that is sparse, quantised or without data (`{quotable(name)}`), expected dense "
            f"tensors of numbers; convert it with to_dense() or dequantize()."
        )
    raise ModelError(
        f"{label} holds more than weights: it refers to `{quotable(name)}`, and ncviz runs nothing that a file brings; "
        f"{_WEIGHTS_ONLY}."
    )
