"""Reads an ``nn.Module`` into a NeuralGraph, or names the layers that it cannot read."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from math import prod

import torch
from torch import fx, nn

from ncviz.config import BATCHNORM, SCALES, GraphConfig
from ncviz.copies.hooks import without_global_hooks
from ncviz.copies.own_copy import own_copy
from ncviz.errors import ModelError
from ncviz.graph.channels import with_channels_first
from ncviz.graph.connection import Connection
from ncviz.graph.forward.arguments import ignored_arguments
from ncviz.graph.forward.readable import check_readable
from ncviz.graph.neural_graph import NeuralGraph
from ncviz.graph.operations import NORM_MODULES, describe
from ncviz.graph.positions import MAX_PARTS, by_places
from ncviz.graph.reader import Reader
from ncviz.graph.tracing import check_trace, noise_input, record_shapes, trace
from ncviz.graph.values import Problem, sentence

_TOO_MANY_PARTS = (
    "reads the same units again and again, or other channels at each place with the same weight, and would have to be "
    f"divided into more than {MAX_PARTS} connections, which is not supported"
)


@dataclass(frozen=True, eq=False)
class Reading:
    """What there is to say of a network that was read, whether or not it is a neural graph.

    Attributes:
        graph: The neural graph; None if there are problems.
        problems: What cannot be read, in the order of the operations.
    """

    graph: NeuralGraph | None
    problems: tuple[Problem, ...]


def build_graph(
    net: nn.Module, input_shape: tuple[int, ...], *, batchnorm: str = BATCHNORM[0], scale: str = SCALES[0]
) -> NeuralGraph:
    """Read a network into its neural graph (arXiv 2601.16366, section on the neural graph).

    Args:
        net: Any network that ``torch.fx`` or ``torch.export`` can trace and whose forward is made of Linear, Conv1d and
            Conv2d (stride, zero padding, dilation, groups), their transposes, normalisations, maximum, average and
            adaptive pooling, Flatten, reshaping, Dropout, Identity, pointwise activations, additions, products,
            concatenations and self-attention, as modules, functions or methods. Not changed.
        input_shape: Shape of one input without the batch axis, e.g. (1, 28, 28).
        batchnorm: What a BatchNorm is to the graph. "own": it joins nothing and weighs nothing. Every edge has the
            network's own weight, as in the code of the paper's authors; the unit that comes out is the one that went
            in, and its activation is what comes out, after the activation function that may follow. A scale of zero
            leaves the edges. "folded": it multiplies the weights before it, so that the graph is that of the fused
            network, the parameter under its own name; where there are none (after an activation), it is a link of its
            own. Folding puts each channel's scale γ/√(variance + ε) into the lengths, and so into the ranking.
        scale: What the weights are divided by, in the graph alone; the network computes what it did. "own": by nothing,
            as in the paper. "fan-in": each weight layer's by the mean, over the units that it leads to, of the sum of
            |w| that comes into one from it, so that what comes into a unit weighs 1 on average, as an identity edge and
            an average pooling do. "channel-fan-in": each output channel's (of a linear layer, each unit's) by the mean
            over the units of that channel alone. Where several weight layers end in one unit, as in an addition, each
            is divided by what comes from itself; a weight layer that reads several layers is one, a module that is used
            twice is two. Padding brings nothing, so units at the border count with the less that they receive; zeros
            are no edges, and units that receive nothing are left out of the mean. Links stay as they are: skips,
            poolings, and a normalisation that was folded into one. With "channel-fan-in" a network and its twin with
            each BatchNorm folded into the weights before it have the same graph, as have all networks that differ in
            the scale of a channel that a normalisation follows; with "fan-in", all that differ in the scale of a layer.

    Returns:
        The graph: weights in float64; activations, biases and dropout left out. The input's units are numbered channel
        by channel, also where the network takes its channels last. A pooling is a link (edges of weight 1,
        of an average 1 over the number of units), as is the plain branch of an addition (weight 1). What a forward
        multiplies by constants multiplies the weights before it, or is a link. A product of two activations (a gate)
        makes one node for each of its units, in which the last connections of both factors end, one that is broadcast
        in every unit that it multiplies; a factor that is used elsewhere, too, or is no weight layer's output, joins by
        a link of weight 1. So does, in sums and products, what lies in another order of channels and places, and one
        channel that is joined to several: a spatial gate has units of its own, with an edge of weight 1 to every unit
        that it multiplies. A unit times a function of itself is an activation function. Normalisations are no part of
        the graph: a unit stays what it is, with the activation that comes out. Where a unit's value is used before and
        after an activation function or a normalisation, its activation is the one after; of two after it (the norms of
        DenseNet that read the same units) the first counts. A weight that is all zero has no edges; what it joins may
        be joined otherwise, as by a skip.

        Of an attention, queries, keys and values are layers of their own, also where one weight gives them; so are its
        scores after the softmax, with a channel for each head, and what they mix. Their edges weigh what the image
        makes of the other factor (``NeuralGraph.products``); a scale such as 1/√d, a bias and a relative position of
        the scores are no part of the graph, and a score that a mask makes 0 has no edges. A learned token that is
        joined to others is units that read nothing. ``F.scaled_dot_product_attention``, ``nn.MultiheadAttention`` and
        ``nn.TransformerEncoder`` are read as what they write out.

        Of the forward's arguments only the first is given; what is to be known of that, or of weights that the forward
        computes from its parameters, is a warning and one of the graph's ``notes``. ``DataParallel``,
        ``torch.compile`` and ``AveragedModel`` are looked through, weights under the names that they have there.

    Raises:
        ModelError: Naming every layer that is not supported, or the first that does not fit its input or has bad
            weights; or if nothing leads from the image to the logits.
        NcvizError: If ``batchnorm`` or ``scale`` is none of these.
    """
    found = look_at(net, input_shape, batchnorm=batchnorm, scale=scale)
    if found.graph is None:
        raise ModelError(sentence(found.problems))
    for note in found.graph.notes:
        warnings.warn(note, stacklevel=2)
    return found.graph


def look_at(
    net: nn.Module, input_shape: tuple[int, ...], *, batchnorm: str = BATCHNORM[0], scale: str = SCALES[0]
) -> Reading:
    """Read a network and collect what cannot be read instead of giving up; arguments are those of ``build_graph``.

    Raises:
        ModelError: If the forward cannot be traced, the input does not fit, or a weight is bad.
    """
    reader = _read(net, input_shape, GraphConfig(batchnorm, scale))
    if reader.problems:
        return Reading(None, tuple(reader.problems))
    graph = with_channels_first(reader.result())
    problems = []
    kept = []
    for every in (graph.connections, graph.links):
        divided = [(each, _divided(each, prod(graph.layer_shapes[each.source][1:]))) for each in every]
        problems += [Problem(f"'{each.name}'", _TOO_MANY_PARTS) for each, parts in divided if parts is None]
        kept.append(tuple(part for _, parts in divided for part in parts or ()))
    if problems:
        return Reading(None, tuple(problems))
    return Reading(replace(graph, connections=kept[0], links=kept[1], notes=tuple(reader.notes)), ())


def _divided(connection: Connection, places: int) -> list[Connection] | None:
    """Return a connection as those that can each be kept by positions; None if it takes too many."""
    parts = by_places(connection.fields, places)
    return None if parts is None else [replace(connection, fields=fields) for fields in parts]


def _read(net: nn.Module, input_shape: tuple[int, ...], how: GraphConfig) -> Reader:
    check_readable(net)
    own = own_copy(net, noise_input(net, tuple(input_shape))).cpu()
    with without_global_hooks():
        return _read_copy(own, input_shape, how)


def _read_copy(own: nn.Module, input_shape: tuple[int, ...], how: GraphConfig) -> Reader:
    notes = ignored_arguments(own)
    traced = trace(own, tuple(input_shape))
    _check_statistics(traced)
    shapes = record_shapes(own, traced, tuple(input_shape))
    check_trace(own, traced, tuple(input_shape))
    names = {id(tensor): key for key, tensor in own.named_parameters()}
    reader = Reader(traced, *shapes, names, how)
    reader.notes += notes
    try:
        with torch.no_grad():
            reader.run(*(None for node in traced.graph.nodes if node.op == "placeholder"))
    except MemoryError as error:
        raise ModelError(
            "The graph of this network does not fit this machine's memory; use smaller images or a smaller network."
        ) from error
    except ModelError:
        # What cannot be read at all is more than one bad weight beyond it.
        if not reader.problems:
            raise
    return reader


def _check_statistics(traced: fx.GraphModule) -> None:
    # Before any input is run: without statistics of its own, a BatchNorm mixes the images of a batch.
    modules = dict(traced.named_modules())
    for node in traced.graph.nodes:
        layer = modules.get(str(node.target)) if node.op == "call_module" else None
        if isinstance(layer, NORM_MODULES) and (layer.running_mean is None or layer.running_var is None):
            raise ModelError(
                f"Layer {describe(node, modules)} keeps no running statistics, so an image's activations depend on "
                "the other images of its batch; train it with track_running_stats=True."
            )
