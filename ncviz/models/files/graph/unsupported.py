"""What a file's graph holds that is not read: all of it at once, by kind, each with the layers that it stands in."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence

from ncviz.errors import ModelError
from ncviz.models.files.graph.reader import Node
from ncviz.text import quotable

SUPPORTED = (
    "convolutions, linear layers, normalisations, pointwise activations, pooling, flatten, reshape, transpose, "
    "additions, products, self-attention, concatenations, chunks and slices"
)
_ATTENTION, _QUOTIENT, _RECURRENCE = "attention", "divisions by activations", "recurrence"
_NORMALISATION = "a kind of normalisation"
# Kind → operators of ONNX, and parts of the names of ATen's.
_KINDS: dict[str, tuple[frozenset[str], tuple[str, ...]]] = {
    _RECURRENCE: (frozenset({"LSTM", "GRU", "RNN"}), ("lstm", "gru", "rnn")),
    _ATTENTION: (
        frozenset({"Attention", "MultiHeadAttention", "RotaryEmbedding"}),
        ("scaled_dot_product", "multi_head_attention", "bmm", "transformer"),
    ),
    _NORMALISATION: (
        frozenset({
            "LayerNormalization", "InstanceNormalization", "GroupNormalization", "RMSNormalization", "LRN",
            "LpNormalization", "MeanVarianceNormalization", "SimplifiedLayerNormalization",
        }),
        ("layer_norm", "group_norm", "instance_norm", "rms_norm", "local_response_norm"),
    ),
    "control flow": (frozenset({"If", "Loop", "Scan", "SequenceMap"}), ("cond", "while_loop", "map_impl")),
    "quantised weights": (
        frozenset({
            "QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger", "QuantizeLinear", "DequantizeLinear",
            "DynamicQuantizeLinear",
        }),
        ("quantize",),
    ),
}  # fmt: skip
_PRODUCTS = frozenset({"MatMul", "Einsum", "matmul", "bmm", "einsum", "scaled_dot_product_attention"})
_DIVISIONS = frozenset({"Div", "div"})
# What is part of these needs no naming of its own.
_WHOLE = (_ATTENTION, _RECURRENCE)
_NAMED, _KINDS_NAMED = 5, 8


def check_read(
    nodes: Sequence[Node],
    image: str,
    label: str,
    *,
    fault: Callable[[Node], str],
    plain: Callable[[Node], str],
    unitwise: Container[str],
    shapes: Container[str],
    handled: Container[str],
) -> bool:
    """Refuse a graph with operations that are not read, naming every one of them.

    Args:
        nodes: The nodes that the output needs, in their order.
        image: Name of the input that takes the images.
        label: The file's name.
        fault: What is wrong with a node whatever it reads, such as a custom operator; else "".
        plain: The name of what a node does.
        unitwise: Operations that treat each unit alone, or pass on what they read.
        shapes: Operations that give sizes, not activations.
        handled: Operations that are read.

    Returns:
        Whether activations are multiplied by each other as matrices, as in an attention.

    Raises:
        ModelError: With one part for each kind.
    """
    attends = False
    roots = {image: image}  # activation → what it is a function of, unit by unit
    found: dict[str, dict[str, None]] = {}
    on_constants: dict[str, dict[str, None]] = {}
    for node in nodes:
        name = plain(node)
        activations = [roots[each] for each in node.inputs if each in roots]
        read = list(dict.fromkeys(activations))
        attends |= name in _PRODUCTS and len(activations) > 1
        kind = _kind(node, name, fault, handled)
        if kind:
            where = found if read or fault(node) else on_constants
            where.setdefault(kind, {})[_place(node)] = None
        if not read or name in shapes:
            continue
        if name in unitwise and len(read) > 1 and name in _DIVISIONS:
            found.setdefault(_QUOTIENT, {})[_place(node)] = None
        keeps = name in unitwise and len(read) == 1
        roots |= {output: read[0] if keeps else output for output in node.outputs}
    # An unknown operation on sizes or weights alone matters only where all the rest is read.
    found = found or on_constants
    inside = {place for whole in _WHOLE for place in found.get(whole, {})}
    for kind in found.keys() - set(_WHOLE):
        found[kind] = {place: None for place in found[kind] if place not in inside}
    kinds = [(kind, list(places)) for kind, places in found.items() if places]
    # What they are first, then what has no name but its operator's.
    known = [*_KINDS, _QUOTIENT]
    kinds.sort(
        key=lambda entry: next((at for at, k in enumerate(known) if entry[0].startswith(k)), len(known))
    )
    if kinds:
        parts = [f"{kind} at {_listed(places)}" for kind, places in kinds[:_KINDS_NAMED]]
        if len(kinds) > _KINDS_NAMED:
            parts.append(f"{len(kinds) - _KINDS_NAMED} other kinds of operations")
        raise ModelError(
            f"{label} has layers that are not supported: {'; '.join(parts)} (ncviz reads {SUPPORTED})."
        )
    return attends


def _kind_of(name: str) -> str:
    """Return what an operator is in a network, "" for none of the known kinds."""
    return next(
        (
            kind
            for kind, (operators, parts) in _KINDS.items()
            if name in operators or (name.islower() and any(part in name for part in parts))
        ),
        "",
    )


def _kind(node: Node, name: str, fault: Callable[[Node], str], handled: Container[str]) -> str:
    kind = _kind_of(name)
    if fault(node):
        return kind or fault(node)
    return "" if name in handled else kind or f"the operation {quotable(name)}"


def _place(node: Node) -> str:
    return node.place or node.hint or node.title.strip("'")


def _listed(places: list[str]) -> str:
    listed = ", ".join(f"'{quotable(place)}'" for place in places[:_NAMED])
    return f"{listed} and {len(places) - _NAMED} more" if len(places) > _NAMED else listed
