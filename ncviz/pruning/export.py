"""A pruned network as files that plain PyTorch reads, and the lines of Python that read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn.utils import prune as torch_prune

from ncviz.copies.own_copy import plain_copy
from ncviz.errors import NcvizError
from ncviz.pruning.masks import apply_masks, places_of, under_all_names
from ncviz.pruning.snippets import PRODUCTS, WITH_MASKS

# Arguments of a layer's constructor, the ones that must be named with their defaults.
_ARGUMENTS: dict[type[nn.Module], tuple[tuple[str, ...], dict[str, Any]]] = {
    nn.Linear: (("in_features", "out_features"), {}),
    nn.Conv2d: (
        ("in_channels", "out_channels", "kernel_size"),
        {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1, "padding_mode": "zeros"},
    ),
    nn.BatchNorm1d: (("num_features",), {"eps": 1e-5, "momentum": 0.1, "affine": True}),
    nn.BatchNorm2d: (("num_features",), {"eps": 1e-5, "momentum": 0.1, "affine": True}),
    nn.Flatten: ((), {"start_dim": 1, "end_dim": -1}),
    nn.Dropout: (("p",), {}),
}
_ACCURACY = """

def accuracy(images, labels):
    \"\"\"images [n, {shape}], {pixels}; labels [n].\"\"\"
    with torch.inference_mode():
        return (net(images).argmax(dim=1) == labels).double().mean().item()
"""


def pruned_file(net: nn.Module, masks: Mapping[str, Tensor]) -> bytes:
    """Return the network's state dict with zeros in place of the weights that are not kept, as safetensors.

    Raises:
        NcvizError: If a mask names no weight of the network or has another shape.
    """
    return save(_plain(apply_masks(net, masks).state_dict()))


def reparametrised_file(net: nn.Module, masks: Mapping[str, Tensor]) -> bytes:
    """Return a state dict as ``torch.nn.utils.prune`` keeps it: ``weight_orig`` and ``weight_mask``, as safetensors.

    The weights that are not kept are still there, so that other masks can be laid over them, or training go on.

    Raises:
        NcvizError: If a mask names no weight of the network or has another shape.
    """
    own = plain_copy(net)
    for module, parameter, mask in places_of(own, masks):
        torch_prune.custom_from_mask(module, parameter, mask)
    return save(_plain(own.state_dict()))


def masks_file(net: nn.Module, masks: Mapping[str, Tensor]) -> bytes:
    """Return the masks alone, True where a weight is kept, as safetensors of booleans.

    Raises:
        NcvizError: If a mask names no weight of the network or has another shape.
    """
    return save(_plain(under_all_names(net, masks)))


def pruned_snippet(net: nn.Module, file: str, shape: tuple[int, ...], bundled: str = "") -> str:
    """Return the lines that load ``pruned_file`` without ncviz, or with it where only that can build the network.

    Args:
        net: The network.
        file: What the file is called.
        shape: Of one image.
        bundled: Name of the bundled model that it is; "" if it is none.

    Raises:
        NcvizError: If the network has layers that no line of Python makes, and is no bundled model.
    """
    imported, built = _building(net, bundled)
    return (
        f"import torch\nfrom safetensors.torch import load_file\n{imported}\n"
        f"net = {built}\n"
        f"net.load_state_dict(load_file({file!r}))\n"
        f"net.eval()\n{_accuracy(shape)}"
    )


def reparametrised_snippet(net: nn.Module, file: str, shape: tuple[int, ...], bundled: str = "") -> str:
    """Return the lines that load ``reparametrised_file``; arguments as in ``pruned_snippet``."""
    imported, built = _building(net, bundled)
    return (
        f"import torch\nfrom safetensors.torch import load_file\n{imported}"
        "from torch.nn.utils import prune\n\n"
        f"net = {built}\n"
        f"state = load_file({file!r})\n"
        "# Makes room for weight_orig and weight_mask; the weight is their product at every pass.\n"
        f"{WITH_MASKS}"
        f"{PRODUCTS if _reads_uncalled(net) else ''}"
        f"net.eval()\n{_accuracy(shape)}"
    )


def masks_snippet(file: str, shape: tuple[int, ...]) -> str:
    """Return the lines that lay ``masks_file`` over the whole network; arguments as in ``pruned_snippet``."""
    return (
        "import torch\nfrom safetensors.torch import load_file\nfrom torch.nn.utils import prune\n\n"
        "# net: your network with its weights loaded, in eval mode.\n"
        f"for name, mask in load_file({file!r}).items():\n"
        '    module, _, parameter = name.rpartition(".")\n'
        "    prune.custom_from_mask(net.get_submodule(module), parameter, mask)\n"
        f"{_accuracy(shape)}"
    )


def _reads_uncalled(net: nn.Module) -> bool:
    """Whether a network reads weights of layers that it does not call."""
    return any(isinstance(module, nn.MultiheadAttention) for module in net.modules())


def _building(net: nn.Module, bundled: str) -> tuple[str, str]:
    """Return what is imported to build a network, and the expression that does."""
    try:
        return "from torch import nn\n", source_of(net)
    except NcvizError:
        if not bundled:
            raise
    return "from ncviz import load_model\n", f"load_model({bundled!r})"


def source_of(net: nn.Module, indent: int = 0) -> str:
    """Return the expression that builds a chain of PyTorch's own layers, such as "nn.Sequential(…)".

    Args:
        net: The network.
        indent: Spaces before its closing bracket.

    Raises:
        NcvizError: If it holds a layer that is not PyTorch's own, or a container other than nn.Sequential.
    """
    kind = type(net)
    if isinstance(net, nn.Sequential):
        keys = list(net._modules)
        if kind is not nn.Sequential or keys != [str(index) for index in range(len(keys))]:
            raise NcvizError(
                "The lines that rebuild a network are written for an nn.Sequential without names."
            )
        inner = " " * (indent + 4)
        lines = "".join(f"{inner}{source_of(layer, indent + 4)},\n" for layer in net)
        return f"nn.Sequential(\n{lines}{' ' * indent})"
    if not kind.__module__.startswith("torch.nn.modules.") or list(net.children()):
        raise NcvizError(f"The lines that rebuild a network cannot be written for a layer {kind.__name__}.")
    if kind not in _ARGUMENTS:
        return f"nn.{net!r}"
    placed, named = _ARGUMENTS[kind]
    words = [_argument(getattr(net, name)) for name in placed]
    words += [
        f"{name}={getattr(net, name)!r}" for name, usual in named.items() if getattr(net, name) != usual
    ]
    if isinstance(net, (nn.Linear, nn.Conv2d)) and net.bias is None:
        words.append("bias=False")
    return f"nn.{kind.__name__}({', '.join(words)})"


def _argument(value: Any) -> str:
    return repr(value[0]) if isinstance(value, tuple) and len(set(value)) == 1 else repr(value)


def _accuracy(shape: tuple[int, ...]) -> str:
    return _ACCURACY.format(shape=", ".join(map(str, shape)), pixels="pixels scaled to [0, 1]")


def _plain(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors that share no memory, as safetensors wants them."""
    return {name: torch.clone(tensor.detach().cpu()).contiguous() for name, tensor in state.items()}
