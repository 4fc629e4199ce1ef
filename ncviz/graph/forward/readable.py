"""Networks that hold no numbers to read, and what to give instead."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

from ncviz.copies.computed import check_materialised
from ncviz.copies.wrappers import kinds_of
from ncviz.errors import ModelError

_SHARDED = "torch.distributed.fsdp.fully_sharded_data_parallel.FullyShardedDataParallel"
_QUANTISED = ("torch.ao.nn.quantized", "torch.nn.quantized", "torch.ao.nn.intrinsic.quantized")


def check_followed(net: nn.Module) -> None:
    """Refuse TorchScript.

    Raises:
        ModelError: Naming what came, and what to give instead.
    """
    for name, module in net.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            raise ModelError(
                f"{_title(name, module)} is TorchScript, whose operations cannot be followed; give the "
                "nn.Module that torch.jit was called with, or export that to ONNX or .pt2."
            )


def check_readable(net: object) -> None:
    """Refuse what is no network, or one that holds no numbers that can be read.

    Raises:
        ModelError: Naming what came, and what to give instead.
    """
    if not isinstance(net, nn.Module):
        raise ModelError(f"net must be an nn.Module, got {type(net).__name__}{_instead(net)}.")
    check_followed(net)
    for name, module in net.named_modules():
        told = _title(name, module)
        if _SHARDED in kinds_of(module):
            raise ModelError(
                f"{told} holds a part of each weight; build the network without FSDP and load its full state dict."
            )
        if type(module).__module__.startswith(_QUANTISED):
            raise ModelError(f"{told} is quantised; give the network as it was before, with float weights.")
    if type(net).forward is nn.Module.forward and "forward" not in vars(net):
        children = [name for name, _ in net.named_children()]
        remedy = f"give net.{children[0]}" if len(children) == 1 else "give a network that can be called"
        raise ModelError(f"{_title('', net)} has no forward of its own; {remedy}.")
    check_materialised(net)
    for name, weight in (*net.named_parameters(), *net.named_buffers()):
        _check_numbers(name, weight)


def _title(name: str, module: nn.Module) -> str:
    return (f"Layer '{name}'" if name else "The network") + f" ({type(module).__name__})"


def _check_numbers(name: str, weight: Tensor) -> None:
    if weight.is_meta:
        raise ModelError(
            f"Weight '{name}' lies on the meta device and holds no numbers; build the network on the CPU and load its "
            "trained weights."
        )
    if weight.is_complex():
        raise ModelError(f"Weight '{name}' is complex ({weight.dtype}); expected real numbers.")
    kind = type(weight).__name__
    is_divided: bool = is_traceable_wrapper_subclass(weight)
    if is_divided:
        raise ModelError(
            f"Weight '{name}' is a {kind}, quantised or divided among devices; give the network with whole float "
            "weights."
        )


def _instead(net: object) -> str:
    """Return what to give in place of something that is no network, "" where nothing is known."""
    if isinstance(net, type) and issubclass(net, nn.Module):
        return f" itself; give a network of that kind: {net.__name__}(…)"
    if isinstance(net, dict):
        return "; build the network and give it these weights: net.load_state_dict(…)"
    if isinstance(net, torch.export.ExportedProgram):
        return "; give net.module()"
    inner = next(
        (name for name in ("module", "model") if isinstance(getattr(net, name, None), nn.Module)), ""
    )
    return f"; give net.{inner}" if inner else ""
