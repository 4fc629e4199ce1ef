"""Symbolic tracing of a forward that is given one image batch, in one thread while others use networks of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from torch import fx, nn

from ncviz.graph.forward.opening import NotOpenedError, opened

# torch.fx and torch.export put their own in place of nn.Module.__call__ while they trace, for the whole process: two
# at once would take each other's for the original.
TRACING = threading.RLock()


class ImageTracer(fx.Tracer):
    """Traces a forward with one argument, the others at their defaults.

    While torch.fx traces, a call of any module in the process comes to the tracer. Those of other threads, and of
    modules that are no part of the traced network (a slice of an ``nn.Sequential``), go on as if it were not there.
    """

    def __init__(self) -> None:
        # A shape of a parameter is a number, which may decide the way.
        super().__init__(param_shapes_constant=True)
        self._thread = threading.get_ident()
        self._opened: set[nn.Module] = set()

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Whether a module's call is one operation."""
        return m not in self._opened and super().is_leaf_module(m, module_qualified_name)

    def create_args_for_root(
        self, root_fn: Callable[..., Any], is_module: bool, concrete_args: Any = None
    ) -> tuple[Callable[..., Any], list[Any]]:
        """Return how the root is called; its own forward, which may be another than its class has."""
        root = self.root
        image = self.create_proxy("placeholder", "x", (), {})
        return (lambda images: root.forward(images)), [image]

    def call_module(
        self, m: nn.Module, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Note a call of a module, or follow it."""
        if threading.get_ident() != self._thread or m not in (self.submodule_paths or {}):
            return forward(*args, **kwargs)
        written = opened(m)
        if written is None:
            return super().call_module(m, forward, args, kwargs)
        self._opened.add(m)
        try:
            return super().call_module(m, written, args, kwargs)
        except NotOpenedError:
            self._opened.discard(m)
            return super().call_module(m, forward, args, kwargs)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        """Note that a parameter is read."""
        if threading.get_ident() != self._thread:
            return attr_val
        return super().getattr(attr, attr_val, parameter_proxy_cache)


def symbolic_trace(net: nn.Module) -> fx.GraphModule:
    """Return the operations of a network's forward on one image batch.

    Raises:
        Exception: Of any kind, if it cannot be traced.
    """
    tracer = ImageTracer()
    with TRACING:
        graph = tracer.trace(net)
    return fx.GraphModule(tracer.root, graph, type(net).__name__)
