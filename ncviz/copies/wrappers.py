"""What users wrap around a network, and the network within."""

from __future__ import annotations

import copy
from typing import Any

from torch import fx, nn

from ncviz.copies.hooks import share_hooks

# The wrapped network's name within each wrapper that hands on what it is called with.
_WRAPPERS = {
    "torch.nn.parallel.data_parallel.DataParallel": "module",
    "torch.nn.parallel.distributed.DistributedDataParallel": "module",
    "torch.optim.swa_utils.AveragedModel": "module",
    "torch._dynamo.eval_frame.OptimizedModule": "_orig_mod",
}
_EXPORTED = "torch.export._unlift._StatefulGraphModule"


class Unwrapped(nn.Module):
    """Stands in for a wrapper: the network within has the name that it has there, so that weights keep their names."""

    def __init__(self, wrapper: nn.Module, name: str) -> None:
        super().__init__()
        self._parameters, self._buffers = dict(wrapper._parameters), dict(wrapper._buffers)
        self._modules[name] = unwrapped(wrapper.get_submodule(name))
        self._inner, self._title = name, type(wrapper).__name__
        share_hooks(wrapper, self)

    def _get_name(self) -> str:
        return self._title

    @property
    def inner(self) -> nn.Module:
        """The network within."""
        return self.get_submodule(self._inner)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the network within returns."""
        return self.inner(*args, **kwargs)


def unwrapped(net: nn.Module) -> nn.Module:
    """Return a network without what is wrapped around it, its weights under the names that they have there.

    ``DataParallel``, ``DistributedDataParallel``, ``torch.compile`` and ``AveragedModel`` hand on what they are called
    with, and so does what stands in for them; of an exported program's module, the checks of its input are left out.

    Args:
        net: The network. Neither changed nor copied.
    """
    kinds = kinds_of(net)
    for kind, name in _WRAPPERS.items():
        if kind in kinds:
            return Unwrapped(net, name)
    if _EXPORTED in kinds:
        assert isinstance(net, fx.GraphModule)
        return _unguarded(net)
    return net


def unwrap_within(net: nn.Module) -> None:
    """Replace the wrappers inside of a network."""
    for name, child in list(net.named_children()):
        plain = unwrapped(child)
        if plain is not child:
            net._modules[name] = plain
        unwrap_within(plain)


def kinds_of(net: nn.Module) -> set[str]:
    """Return the full names of a network's class and of all its bases."""
    return {f"{kind.__module__}.{kind.__qualname__}" for kind in type(net).__mro__}


def _unguarded(program: fx.GraphModule) -> fx.GraphModule:
    """Return an exported program's module without checks of its input, such as how many images there are."""
    graph = copy.deepcopy(program.graph)
    for node in list(graph.nodes):
        if node.op == "call_module" and not node.users:
            graph.erase_node(node)
    plain = fx.GraphModule(program, graph, type(program).__name__)
    share_hooks(program, plain)
    return plain
