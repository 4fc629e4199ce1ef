"""Which value of which parameter each value of a weight is, where a forward computes the weight first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx
from torch.utils._pytree import tree_map

from ncviz.graph.operations import CASTS, POINTWISE, RELABEL, SHAPE, SILENT, name_of
from ncviz.text import listed

# A function of each value alone, besides the activation functions.
_ALONE = POINTWISE | {
    "neg", "exp", "log", "sign", "round", "floor", "ceil", "trunc", "sin", "cos", "rsqrt", "erf", "nan_to_num",
}  # fmt: skip
# What makes each value another one in its place, by what the others are (weight standardisation).
_NORMALISING = frozenset({
    "batch_norm", "layer_norm", "group_norm", "instance_norm", "normalize", "softmax", "log_softmax",
})  # fmt: skip
_ARITHMETIC = frozenset({"add", "sub", "rsub", "mul", "div", "where", "masked_fill", "lerp"})
_TRANSPOSES = ("T", "mT")
_MOVING = RELABEL | {"reshape_as", "view_as", "ravel", "numpy_T", "diagonal", "_reshape_copy"}


@dataclass(frozen=True, eq=False)
class Origin:
    """Where a weight's values come from.

    Attributes:
        parameter: Name of the parameter.
        shape: Its shape.
        index: int64 of the weight's shape, which value of the flat parameter each of the weight's values is.
        is_computed: Whether the weight's values are others than the parameter's.
    """

    parameter: str
    shape: tuple[int, ...]
    index: Tensor
    is_computed: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether the weight has each of the parameter's values once."""
        return torch.equal(self.index.reshape(-1).sort().values, torch.arange(torch.Size(self.shape).numel()))


class Origins:
    """Finds the parameter that a weight is, or is computed from value by value.

    Args:
        traced: The trace.
        values: What each of its operations returns, tensors where that does not depend on the image.
        names: Name of each parameter, by the tensor's identity.
    """

    def __init__(
        self, traced: fx.GraphModule, values: Mapping[fx.Node, Any], names: Mapping[int, str]
    ) -> None:
        self._traced, self._values, self._names = traced, values, names
        self._modules = dict(traced.named_modules())
        self._found: dict[fx.Node, Origin | None] = {}
        self._taken: dict[fx.Node, Origin] = {}

    def of(self, node: object) -> Origin | None:
        """Return where an operation's values come from; None if they are not one parameter's, value by value."""
        if not isinstance(node, fx.Node):
            return None
        if node not in self._found:
            self._found[node] = self._look(node)
        return self._found[node]

    def parameters(self, node: object) -> tuple[str, ...]:
        """Return the names of all the parameters that an operation's values depend on."""
        if not isinstance(node, fx.Node):
            return ()
        found: dict[str, None] = {}
        waiting, seen = [node], {node}
        while waiting:
            own = waiting.pop(0)
            read = [self._values.get(own)]
            if own.op == "call_module":
                read += self._modules[str(own.target)].parameters()
            found |= dict.fromkeys(name for value in read if (name := self._names.get(id(value), "")))
            if _is_of_shape(own):
                continue
            new = [each for each in own.all_input_nodes if each not in seen]
            seen.update(new)
            waiting += new
        return tuple(found)

    def take(self, node: object) -> Origin | None:
        """Return the same as ``of`` for what is a layer's weight, to be told of in ``notes``."""
        origin = self.of(node)
        if origin is not None:
            assert isinstance(node, fx.Node)
            self._taken[node] = origin
        return origin

    def notes(self) -> list[str]:
        """Return what is to be known of weights whose zeros are other values than their parameters', one sentence."""
        changed = dict.fromkeys(
            f"'{origin.parameter}'"
            for node, origin in self._taken.items()
            if origin.is_computed and not self._keeps_zeros(node, origin)
        )
        if not changed:
            return []
        names = list(changed)
        told = listed(names if len(names) < 7 else [*names[:5], f"{len(names) - 5} more"])
        return [
            f"Layers compute their weights from {told} so that a value that is set to zero there is not zero in the "
            "layer: pruning it changes edges of this graph, and removes none."
        ]

    def _keeps_zeros(self, node: fx.Node, origin: Origin) -> bool:
        """Whether zeros in the parameter are zeros in what is computed from it, as seen with a random half of them."""
        interpreter = fx.Interpreter(self._traced, garbage_collect_values=False)
        kept = torch.rand(origin.shape, generator=torch.Generator().manual_seed(0)) < 0.5
        changed: set[fx.Node] = set()
        for each in self._traced.graph.nodes:
            value = self._values.get(each)
            if isinstance(value, Tensor) and self._names.get(id(value)) == origin.parameter:
                interpreter.env[each] = value * kept
                changed.add(each)
            elif changed.intersection(each.all_input_nodes) and isinstance(value, (Tensor, tuple, list)):
                interpreter.env[each] = interpreter.run_node(each)
                changed.add(each)
            else:
                interpreter.env[each] = value
            if each is node:
                break
        computed = interpreter.env[node].reshape(-1)
        return not computed[~kept.reshape(-1)[origin.index.reshape(-1)]].any()

    def why_missing(self, node: object) -> str:
        """Return why a weight is no parameter: the end of a sentence that begins with the layer's name."""
        named = [f"'{name}'" for name in self.parameters(node)]
        if not named:
            return "has weights that are no parameters of the network, which is not supported"
        if self.of(node) is not None:
            return f"uses a part of {named[0]}, or repeats its values, which is not supported"
        if len(named) == 1:
            return f"has weights computed from {named[0]}, but not each from one of its values, which is not supported"
        told = listed(named)
        return f"has weights computed from {told}, but not each from one value of one of them, which is not supported"

    def _look(self, node: fx.Node) -> Origin | None:
        value = self._values.get(node)
        if not isinstance(value, Tensor):
            return None
        name = self._names.get(id(value), "")
        if name:
            index = torch.arange(value.numel()).reshape(value.shape)
            return Origin(name, tuple(value.shape), index)
        kind = name_of(node, self._modules)
        sources = {each: self.of(each) for each in node.all_input_nodes}
        known = {each: origin for each, origin in sources.items() if origin is not None}
        if kind in _MOVING or (kind == "getattr" and node.args[1] in _TRANSPOSES):
            return self._moved(node, known)
        if kind in SILENT | CASTS | _ALONE | _NORMALISING | _ARITHMETIC:
            return self._same(known, tuple(value.shape), kind not in SILENT | CASTS)
        return None

    def _same(
        self, known: Mapping[fx.Node, Origin], shape: tuple[int, ...], is_computed: bool
    ) -> Origin | None:
        """Return the origin that has the result's shape, if all those of that shape are the same."""
        fit = [origin for origin in known.values() if tuple(origin.index.shape) == shape]
        if not fit:
            return None
        first = fit[0]
        if any(each.parameter != first.parameter or not torch.equal(each.index, first.index) for each in fit):
            return None
        return Origin(
            first.parameter, first.shape, first.index, is_computed or any(o.is_computed for o in fit)
        )

    def _moved(self, node: fx.Node, known: Mapping[fx.Node, Origin]) -> Origin | None:
        source = node.args[0]
        if not isinstance(source, fx.Node) or source not in known:
            return None
        origin = known[source]

        def given(each: Any) -> Any:
            if each is source:
                return origin.index
            return self._values[each] if isinstance(each, fx.Node) else each

        args, kwargs = tree_map(given, list(node.args)), tree_map(given, dict(node.kwargs))
        if node.op == "call_method":
            index = getattr(args[0], str(node.target))(*args[1:], **kwargs)
        elif node.op == "call_module":
            index = self._modules[str(node.target)](*args, **kwargs)
        else:
            index = node.target(*args, **kwargs)  # type: ignore[operator]
        if not isinstance(index, Tensor):
            return None
        return Origin(origin.parameter, origin.shape, index.contiguous(), origin.is_computed)


def _is_of_shape(node: fx.Node) -> bool:
    """Whether an operation asks for a value's shape or kind alone."""
    if node.op == "call_module":
        return False
    if name_of(node, {}) == "getattr":
        return node.args[1] in ("shape", "ndim", "device", "dtype")
    return name_of(node, {}) in SHAPE
