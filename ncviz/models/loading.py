"""Networks with the weights of a file: the bundled ones by name, and the user's own, which are never trusted."""

from __future__ import annotations

import warnings

from torch import nn

from ncviz.models.catalogue.architectures import build_without_weights, find_architecture
from ncviz.models.files.content import Source
from ncviz.models.files.state_dict.choosing import choose_weights
from ncviz.models.files.state_dict.reader import read_checkpoint
from ncviz.models.files.state_dict.state import fit_state, load_state
from ncviz.models.saving import save_checkpoint
from ncviz.models.zoo import find_model

__all__ = ["load_checkpoint", "load_model", "save_checkpoint"]


def load_model(name: str) -> nn.Module:
    """Return a bundled trained network in eval mode, on the CPU.

    Args:
        name: A name in ``ncviz.models.zoo.MODELS``.

    Raises:
        ModelError: If the name is unknown, with the choices, or the bundled file is damaged.
    """
    spec = find_model(name)
    return load_checkpoint(spec.path, spec.architecture)


def load_checkpoint(
    source: Source, architecture: str, filename: str | None = None, *, weights: str | None = None
) -> nn.Module:
    """Return a network of a known architecture with the weights of a ``.pt``, ``.pth`` or ``.safetensors`` file.

    The file's content decides how it is read. Nothing in it is run: a zip is checked and packed anew, its pickle is
    looked through, ``torch.load(weights_only=True)`` reads it, and every tensor is checked before it is touched.

    Args:
        source: A path, the file's bytes, or an open binary file.
        architecture: A name that ``ncviz.models.catalogue.architectures.find_architecture`` finds.
        filename: The file's name for messages; by default that of the source.
        weights: Which of several weights that fit, such as "ema": the keys that lead to them, or some of these; by
            default the first that are no moving average, with a warning.

    Returns:
        The network in eval mode, on the CPU, in float32.

    Raises:
        ModelError: If the file is missing, too large, damaged, unsafe, or does not fit the architecture; one sentence.
    """
    net = build_without_weights(find_architecture(architecture))
    read = read_checkpoint(source, filename)
    chosen = choose_weights(read, architecture, weights)
    for note in chosen.notes:
        warnings.warn(note, stacklevel=2)
    fitted = fit_state(chosen.tensors, net.state_dict(), architecture, read.label)
    return load_state(net, fitted)
