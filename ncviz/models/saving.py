"""Write weights and model cards, whole or not at all."""

from __future__ import annotations

import io
import json
import os
import tempfile
from pathlib import Path
from typing import BinaryIO

import torch
from safetensors.torch import save
from torch import Tensor, nn

from ncviz.copies.own_copy import plain_state
from ncviz.errors import ModelError

FORMATS = ("safetensors", "pt")


def save_checkpoint(
    net: nn.Module, target: str | Path | BinaryIO, format: str = "safetensors", *, half: bool = False
) -> None:
    """Write the network's state dict to a file or a binary buffer; ``load_checkpoint`` reads both formats.

    Weights that are computed before each pass, as those of ``torch.nn.utils.prune``, are written as they are used.

    Args:
        net: The network to save; it is not changed.
        target: A path, whose folder is made if it is missing, or a binary buffer.
        format: "safetensors" or "pt".
        half: Round weights to half precision, which halves the file.

    Raises:
        ModelError: If the format is unknown, a weight is too large for half precision, or the file cannot be written.
    """
    if format not in FORMATS:
        raise ModelError(f"Checkpoints are written as {' or '.join(FORMATS)}, got {format!r}.")
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in plain_state(net).items()}
    if half:
        tensors = {name: _halved(name, tensor) for name, tensor in tensors.items()}
    if format == "safetensors":
        # The file itself sorts its tensors by name.
        content = save(tensors, {"order": json.dumps(list(tensors))})
    else:
        buffer = io.BytesIO()
        torch.save(tensors, buffer)
        content = buffer.getvalue()
    if isinstance(target, (str, Path)):
        write_atomically(Path(target), content)
    else:
        target.write(content)


def _halved(name: str, tensor: Tensor) -> Tensor:
    if not tensor.is_floating_point():
        return tensor
    rounded = tensor.half()
    if bool((rounded.isinf() & ~tensor.isinf()).any()):
        raise ModelError(
            f"`{name}` exceeds {torch.finfo(torch.half).max:g}, the most that half precision holds; "
            "save with half=False."
        )
    return rounded


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, making its folder if it is missing.

    Raises:
        ModelError: If the folder or the file cannot be written.
    """
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = file.name
            file.write(content)
        os.chmod(temporary, 0o644)  # noqa: PTH101
        Path(temporary).replace(path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise ModelError(f"{path} cannot be written ({error.strerror}); name a folder that can.") from error
