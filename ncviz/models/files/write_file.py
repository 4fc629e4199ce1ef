"""The way back: changed weights in the format that the network came in."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np

from ncviz.data.image_settings import size_of
from ncviz.errors import ModelError
from ncviz.limits import LIMITS
from ncviz.models.files.state_dict.naming import renamed
from ncviz.models.network import Network
from ncviz.text import megabytes


def write_file(network: Network, arrays: Mapping[str, np.ndarray]) -> tuple[bytes, str]:
    """Return a file with changed weights, as the network's own came, and the ending of its name.

    Safetensors and ``.pt`` come back as a state dict under the keys of the file, in float32. ONNX comes back as the
    same model with other weights, ``.pt2`` as the same program. What did not come in a file goes out as safetensors.

    Args:
        network: The network as it came.
        arrays: Parameter name → changed array of the same shape; those left out stay as they are.

    Returns:
        The file's content, and ".safetensors", ".pt", ".onnx" or ".pt2".

    Raises:
        ModelError: If an array is none of the network's, or of another shape.
    """
    for name, values in arrays.items():
        if name not in network.arrays or values.shape != network.arrays[name].shape:
            expected = list(network.arrays[name].shape) if name in network.arrays else "no such weights"
            raise ModelError(f"`{name}` has shape {list(values.shape)}, but {network.name} has {expected}.")
    whole = {
        name: np.array(arrays.get(name, values), dtype=values.dtype)
        for name, values in network.arrays.items()
    }
    if network.format == "onnx" and network.original is not None:
        from ncviz.models.files.onnx.writer import write_onnx

        shape = network.blueprint.input_shape if network.blueprint is not None else ()
        size = size_of(shape) if len(shape) == 3 else None
        return write_onnx(network.original, whole, size, network.arrays), ".onnx"
    names = () if network.blueprint is None else network.blueprint.names
    if names:
        named = {array for _, array in names}
        nbytes = sum(whole[array].nbytes for _, array in names)
        if network.format != "pt2" and nbytes > LIMITS.file_bytes:
            raise ModelError(
                f"{network.name} has names for its weights that would make a file of {megabytes(nbytes)}, at most "
                f"{megabytes(LIMITS.file_bytes)} are written; give each array one name."
            )
        # Copies, since a file in which two names share memory is not what every reader takes; a program's own may.
        given = {
            name: whole[array] if network.format == "pt2" else whole[array].copy() for name, array in names
        }
        whole = {name: values for name, values in whole.items() if name not in named} | given
    if network.format == "pt2" and network.original is not None:
        from ncviz.models.files.pt2.writer import write_exported

        own = {name: whole[name] for name, array in names if array in arrays}
        own |= {name: whole[name] for name in set(arrays) - {array for _, array in names}}
        return write_exported(network.original, own, network.name), ".pt2"
    state = {
        network.prefix + renamed(name, network.words, is_back=True): values for name, values in whole.items()
    }
    if network.format in {"pt", "pt2"}:
        import torch

        buffer = io.BytesIO()
        torch.save({name: torch.from_numpy(values) for name, values in state.items()}, buffer)
        return buffer.getvalue(), ".pt"
    from safetensors.numpy import save

    return save(state), ".safetensors"
