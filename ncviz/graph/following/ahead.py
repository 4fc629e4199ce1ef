"""Whether what a weight layer gives goes straight on into a sum or a product, in which its weights then end."""

from __future__ import annotations

from torch import fx, nn

from ncviz.graph import operations as ops
from ncviz.graph.following.written_out import find_written_out

_NAMES_ONLY = ops.RELABEL | ops.SILENT | ops.CASTS


class Ahead:
    """Looks along a trace from one of its operations, as long as each has a single reader.

    Args:
        traced: The trace.
        modules: Its modules by name.

    Attributes:
        written_out: The activation functions that the trace writes out.
    """

    def __init__(self, traced: fx.GraphModule, modules: dict[str, nn.Module]) -> None:
        self._modules = modules
        self._activations: set[fx.Node] = set()  # what holds activations, not constants or sizes
        for node in traced.graph.nodes:
            is_size = ops.operation(node, modules) in ops.SHAPE
            if node.op == "placeholder" or (
                not is_size and any(each in self._activations for each in node.all_input_nodes)
            ):
                self._activations.add(node)
        self.written_out = find_written_out(traced, modules, self._activations)

    def is_merged(self, node: fx.Node) -> bool:
        """Whether its units are only put in another order before they are added to, or multiplied by a constant."""
        user = self._only_reader(node)
        if user is None:
            return False
        name = ops.operation(user, self._modules)
        if name in ("add", "sub"):
            return self._read(user) > 1
        if name in ("mul", "div"):
            return self._read(user) == 1
        return name in _NAMES_ONLY and self.is_merged(user)

    def is_factor(self, node: fx.Node) -> bool:
        """Whether its units pass through norms and functions of each one alone until others multiply them."""
        end = self.written_out.only_reader(node)
        if end is not None:
            return self.is_factor(end)
        readers = self._readers(node)
        if len(readers) > 1:  # such as both halves of a gated linear unit
            return all(
                ops.operation(user, self._modules) in ops.RELABEL and self.is_factor(user) for user in readers
            )
        user = self._only_reader(node)
        if user is None:
            return False
        name = ops.operation(user, self._modules)
        if name == "glu" or (name == "mul" and self._read(user) > 1):
            return True
        is_repeated = name in ops.JOIN and self._read(user) == 1
        is_shift = name in ("add", "sub") and self._read(user) == 1
        is_alone = name in _NAMES_ONLY | ops.POINTWISE | ops.NORMS or name.startswith("batch_norm")
        return (is_shift or is_alone or is_repeated) and self.is_factor(user)

    def _only_reader(self, node: fx.Node) -> fx.Node | None:
        readers = self._readers(node)
        return readers[0] if len(readers) == 1 else None

    def _readers(self, node: fx.Node) -> list[fx.Node]:
        return [user for user in node.users if user in self._activations and ops.reads_values(user, node)]

    def _read(self, node: fx.Node) -> int:
        return sum(each in self._activations for each in node.all_input_nodes)
