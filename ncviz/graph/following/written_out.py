"""Activation functions that a forward writes out: a unit times a function of itself (hard-swish, GELU)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from torch import fx, nn

from ncviz.graph import operations as ops

_ALONE = (
    ops.POINTWISE
    | ops.SILENT
    | ops.CASTS
    | {"erf", "exp", "expm1", "log", "log1p", "neg", "rsqrt", "reciprocal"}
)
_ARITHMETIC = frozenset({"add", "sub", "mul", "div"})
_SELF = frozenset({"mul", "div"})


@dataclass(frozen=True, eq=False)
class WrittenOut:
    """What of a trace is an activation function in several operations.

    Attributes:
        reads: For the last operation of each, the one whose units it is a function of.
        inner: The operations in between, whose results nothing else reads, and what they are functions of.
    """

    reads: Mapping[fx.Node, fx.Node]
    inner: Mapping[fx.Node, fx.Node]

    @cached_property
    def _ends(self) -> Mapping[fx.Node, Sequence[fx.Node]]:
        """The last operations of the functions of each root."""
        found: dict[fx.Node, list[fx.Node]] = {}
        for end, root in self.reads.items():
            found.setdefault(root, []).append(end)
        return found

    def root_of(self, node: fx.Node) -> fx.Node | None:
        """Return what an operation's activation function is a function of; None if it is part of none."""
        return self.inner.get(node) or self.reads.get(node)

    def only_reader(self, node: fx.Node) -> fx.Node | None:
        """Return the last operation of the activation function that alone reads an operation; None if others do."""
        ends = self._ends.get(node, ())
        is_only = len(ends) == 1 and all(user in self.inner or user is ends[0] for user in node.users)
        return ends[0] if is_only else None


def find_written_out(
    traced: fx.GraphModule, modules: dict[str, nn.Module], activations: Collection[fx.Node]
) -> WrittenOut:
    """Find the activation functions that a trace writes out; what multiplies one by a number is part of it.

    Args:
        traced: The trace.
        modules: Its modules by name.
        activations: Which of its operations hold activations, not constants or sizes.
    """
    nearest: dict[
        fx.Node, fx.Node | None
    ] = {}  # what each is a function of, unit by unit, and that of another
    depth: dict[fx.Node, int] = {}
    own_products: dict[fx.Node, fx.Node] = {}
    for node in traced.graph.nodes:
        name, read = ops.name_of(node, modules), list(dict.fromkeys(node.all_input_nodes))
        of: fx.Node | None = None
        if node in activations and name in _ALONE and len(read) == 1:
            of = read[0]
        elif node in activations and name in _ARITHMETIC and _is_of_numbers(node) and read:
            of = read[0]
            for other in read[1:]:
                of = _shared(of, other, nearest, depth)
            if (
                of is not None
                and name in _SELF
                and sum(isinstance(arg, fx.Node) for arg in node.args[:2]) == 2
            ):
                own_products[node] = of
        nearest[node], depth[node] = of, 0 if of is None else depth[of] + 1
    reads: dict[fx.Node, fx.Node] = {}
    inner: dict[fx.Node, fx.Node] = {}
    for end, root in reversed(own_products.items()):
        if end in inner or end in reads:
            continue
        last, region = end, _between(root, end)
        while (follower := _scaled_by_number(last, modules)) is not None:
            region.add(last)
            last = follower
        if all(user in region or user is last for each in region for user in each.users):
            reads[last] = root
            inner |= dict.fromkeys(region, root)
    return WrittenOut(reads, inner)


def _shared(
    one: fx.Node | None,
    other: fx.Node | None,
    nearest: Mapping[fx.Node, fx.Node | None],
    depth: Mapping[fx.Node, int],
) -> fx.Node | None:
    """Return the nearest of what two operations are both functions of, each of itself, too; None if there is none."""
    while one is not other and one is not None and other is not None:
        if depth[one] >= depth[other]:
            one = nearest[one]
        else:
            other = nearest[other]
    return one if one is other else None


def _is_of_numbers(node: fx.Node) -> bool:
    """Whether arithmetic has nothing but numbers and operations' results as operands, and no multiple of one."""
    operands = node.args[:2]
    return (
        len(operands) == 2
        and not node.kwargs.get("alpha")
        and all(isinstance(each, (int, float, fx.Node)) for each in operands)
    )


def _scaled_by_number(node: fx.Node, modules: dict[str, nn.Module]) -> fx.Node | None:
    """Return what alone reads an operation's result and multiplies it by a number, if there is such a thing."""
    user = next(iter(node.users)) if len(node.users) == 1 else None
    if user is None or ops.name_of(user, modules) not in _SELF or not _is_of_numbers(user):
        return None
    is_divided_by = ops.name_of(user, modules) == "div" and user.args[1] is node
    return (
        user
        if len(user.all_input_nodes) == 1 and not is_divided_by and user.args[0] is not user.args[1]
        else None
    )


def _between(root: fx.Node, end: fx.Node) -> set[fx.Node]:
    """Return the operations on the ways from one to another, without both."""
    found: set[fx.Node] = set()
    waiting = list(end.all_input_nodes)
    while waiting:
        node = waiting.pop()
        if node is not root and node not in found:
            found.add(node)
            waiting += node.all_input_nodes
    return found
