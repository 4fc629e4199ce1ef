"""Whether what a weight layer gives goes straight on into a sum or a product, in which its weights then end."""

from __future__ import annotations

from torch import fx, nn

from ncviz.graph import operations as ops
from ncviz.graph.following.written_out import find_written_out
from ncviz.graph.forward.contractions import CONTRACTIONS

_NAMES_ONLY = ops.RELABEL | ops.SILENT | ops.CASTS
# What may become of the scores of an attention before their softmax.
_OF_SCORES = _NAMES_ONLY | {"add", "sub", "mul", "div", "masked_fill", "attention_mask", "causal_mask"}


class Ahead:
    """Looks along a trace from each of its operations, once for all of them, from the last one back.

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
        self._merged: set[fx.Node] = set()
        self._factors: set[fx.Node] = set()
        self._scores: set[fx.Node] = set()
        self._queries: set[fx.Node] = set()
        for node in reversed(traced.graph.nodes):
            if self._is_merged(node):
                self._merged.add(node)
            if self._is_scores(node):
                self._scores.add(node)
            if self._is_query(node):
                self._queries.add(node)
            if self._is_factor(node):
                self._factors.add(node)

    def is_activation(self, node: fx.Node) -> bool:
        """Whether it holds activations, not constants or sizes."""
        return node in self._activations

    def is_merged(self, node: fx.Node) -> bool:
        """Whether its units are only put in another order before they are added to, or multiplied by a constant."""
        return node in self._merged

    def is_factor(self, node: fx.Node) -> bool:
        """Whether its units pass through norms and functions of each one alone until others multiply them."""
        return node in self._factors

    def is_query(self, node: fx.Node) -> bool:
        """Whether its units only go on, whole or multiplied by numbers, to the scores of an attention."""
        return node in self._queries

    def readers(self, node: fx.Node) -> list[fx.Node]:
        """Return what reads an operation's activations."""
        return [user for user in node.users if user in self._activations and ops.reads_values(user, node)]

    def _is_merged(self, node: fx.Node) -> bool:
        readers = self.readers(node)
        if len(readers) != 1:
            return False
        user = readers[0]
        name = ops.operation(user, self._modules)
        if name in ("add", "sub"):
            return self._read(user) > 1
        if name in ("mul", "div"):
            return self._read(user) == 1
        return name in _NAMES_ONLY and user in self._merged

    def _is_factor(self, node: fx.Node) -> bool:
        end = self.written_out.only_reader(node)
        if end is not None:
            return end in self._factors
        readers = self.readers(node)
        if len(readers) > 1:  # such as both halves of a gated linear unit
            return all(
                ops.operation(user, self._modules) in ops.RELABEL and user in self._factors
                for user in readers
            )
        if not readers:
            return False
        user = readers[0]
        name = ops.operation(user, self._modules)
        if name == "glu" or (name == "mul" and self._read(user) > 1) or self._is_product(user):
            return True
        if name in ("mul", "div") and user in self._queries:
            return True
        is_repeated = name in ops.JOIN and self._read(user) == 1
        is_shift = name in ("add", "sub") and self._read(user) == 1
        is_alone = name in _NAMES_ONLY | ops.POINTWISE | ops.NORMS or name.startswith("batch_norm")
        return (is_shift or is_alone or is_repeated) and user in self._factors

    def _is_product(self, node: fx.Node) -> bool:
        return ops.name_of(node, self._modules) in CONTRACTIONS and self._read(node) > 1

    def _is_scores(self, node: fx.Node) -> bool:
        """Whether its numbers all go on to a softmax, as the scores of an attention do."""
        readers = self.readers(node)
        names = [ops.name_of(user, self._modules) for user in readers]
        return bool(readers) and all(
            name == "softmax" or (name in _OF_SCORES and user in self._scores)
            for name, user in zip(names, readers, strict=True)
        )

    def _is_query(self, node: fx.Node) -> bool:
        readers = self.readers(node)
        if len(readers) != 1:
            return False
        user, name = readers[0], ops.name_of(readers[0], self._modules)
        if self._is_product(user):
            return user in self._scores
        is_scaled = name in ("mul", "div") and self._read(user) == 1
        return (name in _NAMES_ONLY or is_scaled) and user in self._queries

    def _read(self, node: fx.Node) -> int:
        return sum(each in self._activations for each in node.all_input_nodes)
