"""A pruned network as a file of the kind that it came in, and the lines that load it."""

from __future__ import annotations

import re

from ncviz import tasks
from ncviz.tasks.pruned_forms import MASKED_LINES

_ENDINGS = {"onnx": ".onnx", "pt": ".pt", "pt2": ".pt2"}
_OWN_ENDING = re.compile(r"\.(onnx|pt2?|pth|safetensors)$", re.IGNORECASE)
_REPARAMETRISED = """from safetensors.torch import load_file
from torch.nn.utils import prune

# net: your network, built as before.
state = load_file({file!r})
{masked}net.eval()  # images: float32 [n, {shape}], {pixels}
"""
_ONNX = """import onnxruntime

session = onnxruntime.InferenceSession({file!r})
name = session.get_inputs()[0].name
# images: float32 [n, {shape}], {pixels}
classes = session.run(None, {{name: images}})[0].argmax(axis=1)
"""
_PROGRAM = """import torch

net = torch.export.load({file!r}).module()
# images: float32 [n, {shape}], {pixels}
with torch.inference_mode():
    classes = net(images).argmax(dim=1)
"""
_TORCH = """import torch

# net: your network, built as before.
net.load_state_dict(torch.load({file!r}, weights_only=True))
net.eval()
# images: float32 [n, {shape}], {pixels}
with torch.inference_mode():
    classes = net(images).argmax(dim=1)
"""
_SAFETENSORS = _TORCH.replace(
    "import torch\n", "import torch\nfrom safetensors.torch import load_file\n"
).replace("torch.load({file!r}, weights_only=True)", "load_file({file!r})")


def file_stem(of: tasks.Network) -> str:
    """Return what a network's files are called, before the dash: letters, digits, dots and dashes only."""
    name = of.architecture if of.is_bundled else _OWN_ENDING.sub("", of.name)
    return re.sub(r"[^\w.]+", "-", name).strip(".-") or "network"


def ending(of: tasks.Network) -> str:
    """Return the ending of a pruned network's file, such as ".onnx"."""
    has_original = of.format not in {"onnx", "pt2"} or of.original is not None
    return _ENDINGS.get(of.format, ".safetensors") if has_original else ".safetensors"


def snippet(of: tasks.Network, file: str, pixels: str, *, is_reparametrised: bool = False) -> str:
    """Return the lines that load such a file of a network of the user's own.

    Args:
        of: The network.
        file: What the file is called.
        pixels: How pixels become inputs, in words.
        is_reparametrised: Whether the file holds ``weight_orig`` and ``weight_mask``.
    """
    lines = (
        _REPARAMETRISED
        if is_reparametrised
        else {".onnx": _ONNX, ".pt": _TORCH, ".pt2": _PROGRAM}.get(ending(of), _SAFETENSORS)
    )
    shape = ", ".join(map(str, of.image_shape))
    return lines.format(file=file, shape=shape, pixels=pixels, masked=MASKED_LINES)
