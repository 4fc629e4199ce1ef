"""A neural graph while it is read: its layers, what joins them, and where their activations are."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from torch import Tensor, fx

from ncviz.config import SCALES, GraphConfig
from ncviz.errors import ModelError
from ncviz.graph.connection import Connection
from ncviz.graph.neural_graph import NeuralGraph, Tap
from ncviz.graph.operations import SUPPORTED
from ncviz.graph.terms import Term, check_weight
from ncviz.graph.tracing import BATCH
from ncviz.graph.values import APART, Pending, Probabilities, Units
from ncviz.graph.varying import ActivationProduct


@dataclass(frozen=True, eq=False)
class AttendedLayer:
    """What is known of a layer whose units are scores of an attention.

    Attributes:
        softmax: int64 [units], which softmax each is of.
        is_joined: bool [units], False where a mask makes it 0 on every image, so that it has no edges.
    """

    softmax: np.ndarray
    is_joined: np.ndarray


class Growing:
    """The layers that were found so far; units are numbered through all of them.

    Attributes:
        how: How the network is read.
        has_norm: Whether there was a batch normalisation.
        products: The products of two layers' activations that were found.
        scores: The layers that are scores of an attention, by their index.
        image_axes: Of operations whose images do not lie along the first axis alone, along which they do, by name.
    """

    def __init__(self, how: GraphConfig) -> None:
        self.how, self.has_norm = how, False
        self.layer_shapes: list[tuple[int, ...]] = []
        self.layer_names: list[str] = []
        self.taps: list[list[Tap]] = []
        self.starts: list[int] = [0]
        self.connections: list[Connection] = []
        self.links: list[Connection] = []
        self.products: list[ActivationProduct] = []
        self.scores: dict[int, AttendedLayer] = {}
        self.image_axes: dict[str, int] = {}
        self._stamps = np.empty(0, dtype=np.int64)  # [units], which of its values each one's activation is
        self._last_stamp = 0
        # Of what is a part of something: by the identity of the whole, which is kept so that no other has it after.
        self._finished: dict[int, tuple[Pending, Units]] = {}
        self._ended: dict[int, Pending] = {}

    def layer(self, node: fx.Node, shape: tuple[int, ...], name: str, tap: Tap) -> Units:
        """Add a layer without edges."""
        start, size = self.starts[-1], prod(shape)
        self.layer_shapes.append(shape)
        self.layer_names.append(name)
        self.taps.append([tap])
        self.starts.append(start + size)
        self._last_stamp += 1
        self._stamps = np.concatenate([self._stamps, np.full(size, self._last_stamp, dtype=np.int64)])
        ids = (
            start
            + torch.arange(size).reshape(1, *shape)
            + APART * torch.arange(BATCH).reshape(-1, *(1,) * len(shape))
        )
        return Units(ids, torch.full_like(ids, self._last_stamp), node)

    def finish(self, value: Units | Pending, tap: fx.Node | None = None) -> Units:
        """Make a sum or product a layer of units, whose activation is what an operation returns."""
        if isinstance(value, Units):
            return value
        if value.whole is not None:
            return self._part(value, value.whole, tap)
        named = [term.name for term in value.terms if term.parameter] or [term.name for term in value.terms]
        node = tap or value.node
        order = value.own.reshape(-1)
        units = None if np.array_equal(order, np.arange(len(order))) else order
        found = self.layer(node, value.shape, named[-1] or node.name, self.tap(node, units))
        layer = len(self.layer_shapes) - 1
        for term in value.terms:
            self.connect(term, layer)
        return _arranged(found, value.arrangement, node)

    def tap(self, node: fx.Node, units: np.ndarray | None) -> Tap:
        """Return where a layer's activation is read, given what belongs to which of its units."""
        return Tap(node.name, units, self.image_axes.get(node.name, 0))

    def places_of(self, layer: int) -> int:
        """Return how many places a layer has."""
        return prod(self.layer_shapes[layer][1:])

    def channel_at(self, layer: int, units: np.ndarray) -> np.ndarray:
        """Return the channel that each of a layer's own units is of."""
        return units // self.places_of(layer)

    def is_finished(self, value: Pending) -> bool:
        """Whether it is a part of what is a layer already."""
        return value.whole is not None and id(value.whole) in self._finished

    def end(self, value: Pending) -> None:
        """Take down that a value's connections end where it is joined, so that it can be no layer of its own."""
        if value.whole is not None:
            self._ended[id(value.whole)] = value.whole

    def _part(self, value: Pending, whole: Pending, tap: fx.Node | None) -> Units:
        """Finish what some units are a part of, once for all of its parts, and return these.

        Raises:
            ModelError: If the connections of others of its parts end elsewhere.
        """
        if id(whole) in self._ended:
            raise ModelError(
                f"Layer '{whole.terms[0].name}' gives some of its channels straight to a sum or product and others in "
                "another order of channels and places, which is not supported."
            )
        if id(whole) not in self._finished:
            self._finished[id(whole)] = whole, self.finish(whole)
        units = self._finished[id(whole)][1]
        at = torch.empty(prod(whole.shape), dtype=torch.int64)
        at[whole.arrangement[0].reshape(-1)] = torch.arange(len(at))
        ids, stamps = (
            part.reshape(BATCH, -1)[:, at[value.arrangement[0]]] for part in (units.ids, units.stamps)
        )
        found = Units(ids, stamps, value.node)
        return self.activated(tap or value.node, found) if tap or value.is_changed else found

    def activated(self, n: fx.Node, value: Units | Pending) -> Units:
        """Follow an activation function: the same units, whose activation is now what it returns."""
        if isinstance(value, Pending):
            return self.finish(value, n)
        ids, given = value.own.reshape(-1), value.stamps[0].numpy().reshape(-1)
        # Where another activation has been seen already, as in x + relu(x), the first one counts.
        is_latest = (ids >= 0) & (self._stamps[np.maximum(ids, 0)] == given)
        self._last_stamp += 1
        self._stamps[ids[is_latest]] = self._last_stamp
        layer = np.searchsorted(self.starts, ids, side="right") - 1
        for own in np.unique(layer[is_latest]):
            start, end = self.starts[own], self.starts[own + 1]
            is_whole = np.array_equal(ids, np.arange(start, end)) and is_latest.all()
            units = None if is_whole else np.where(is_latest & (layer == own), ids - start, -1)
            tap = self.tap(n, units)
            self.taps[own] = [tap] if is_whole else [*self.taps[own], tap]
        return Units(value.ids, torch.full_like(value.stamps, self._last_stamp), n)

    def channels_of(self, ids: Tensor) -> Tensor:
        """Return for units the channel that each is of, numbered through all layers; -1 for a zero that is no unit."""
        starts = torch.tensor(self.starts)
        layer = torch.searchsorted(starts, ids.clamp(min=0), right=True) - 1
        places = torch.tensor([prod(shape[1:]) for shape in self.layer_shapes])
        own = starts[layer] + (ids - starts[layer]) // places[layer] * places[layer]
        return torch.where(ids >= 0, own, -1)

    def is_input(self, value: Units) -> bool:
        """Whether these are all of the input's units, each once, and no others."""
        return np.array_equal(np.sort(value.own, axis=None), np.arange(self.starts[1]))

    def result(self, output: object) -> NeuralGraph:
        """Return the graph of a network that returns a value.

        Raises:
            ModelError: If that is not its last layer, or there is no weight layer.
        """
        if isinstance(output, (tuple, list)) and len(output) == 1:
            output = output[0]
        output = output.of if isinstance(output, Probabilities) else output
        if isinstance(output, dict):
            raise ModelError(
                f"The network returns a {type(output).__name__} of {', '.join(map(repr, output))}; expected its logits "
                "alone: give a network whose forward returns one of them."
            )
        if not isinstance(output, (Units, Pending)):
            several = "several values" if isinstance(output, (tuple, list)) else f"a {type(output).__name__}"
            raise ModelError(f"The network returns {several}; expected its logits alone.")
        logits = self.finish(output)
        if not self.connections:
            raise ModelError(
                f"The network has no weight layer; expected at least one Linear or Conv2d among {SUPPORTED}."
            )
        if not np.array_equal(logits.own.reshape(-1), np.arange(*self.starts[-2:])):
            raise ModelError(
                "The network's output is not the result of its last layer; expected its logits alone."
            )
        self._check_path()
        taps = tuple(tuple(each) for each in self.taps)
        return NeuralGraph(
            tuple(self.layer_shapes),
            self._names(),
            tuple(self.connections),
            tuple(self.links),
            taps,
            batchnorm=self.how.batchnorm if self.has_norm else "",
            scale=self.how.scale,
            products=tuple(self.products),
        )

    def _names(self) -> tuple[str, ...]:
        """Return what the layers are called: of one weight's queries, keys and values, each which of them it is."""
        names, bare = list(self.layer_names), {each.parameter for each in self.connections}
        for product in self.products:
            roles = {product.right: "value"}
            if product.target in self.scores:
                roles = {product.left: "query", product.right: "key"}
            for layer, role in roles.items():
                name = self.layer_names[layer]
                if self.layer_names.count(name) > 1:
                    # A weight that is no module's own has a name only within what it is of.
                    whole = name.rpartition(".")[0] if name in bare else name
                    names[layer] = f"{whole}.{role}" if whole else role
        return tuple(names)

    def _check_path(self) -> None:
        """Refuse a network in which nothing leads from the image to the logits.

        Raises:
            ModelError: Naming the weights that end every path.
        """
        reached, ends = {0}, []
        for target in range(1, len(self.layer_shapes)):
            for each in (one for one in (*self.connections, *self.links) if one.target == target):
                if each.number_of_edges and each.source in reached:
                    reached.add(target)
                elif each.source in reached:
                    ends.append(each)
            if any(p.target == target and reached & {p.left, p.right} for p in self.products):
                reached.add(target)
        if len(self.layer_shapes) - 1 in reached:
            return
        ends = [each for each in ends if each.target not in reached]
        zero = dict.fromkeys(f"'{each.parameter}'" for each in ends if not each.weight.any())
        padded = dict.fromkeys(f"'{each.name}'" for each in ends if each.weight.any())
        reasons = [f"all of {' and of '.join(zero)} is zero or multiplied by zero"] if zero else []
        if padded:
            reasons.append(f"every weight of layer {' and '.join(padded)} that is not zero falls on padding")
        remedy = "load a trained network" if zero else "give larger images or less padding"
        why = f": {', and '.join(reasons)}; {remedy}" if reasons else ""
        raise ModelError(f"No path leads from the image to the logits of this network{why}.")

    def connect(self, term: Term, target: int) -> None:
        """Add a term's connections, one for each layer that it reads."""
        layer = np.where(term.fields >= 0, np.searchsorted(self.starts, term.fields, side="right") - 1, -1)
        divisor = divisor_of(term, self.how.scale)
        weight = term.weight if divisor is None else term.weight / divisor.reshape(*term.weight.shape[:2], 1)
        # A weight layer that reads nothing but padding stays one, without edges.
        for source in np.unique(layer[layer >= 0]) if (layer >= 0).any() else [0]:
            fields = np.where(layer == source, term.fields - self.starts[source], -1)
            made = Connection(
                term.name,
                term.parameter,
                term.shape,
                fields,
                weight,
                int(source),
                target,
                term.order,
                divisor,
            )
            if term.parameter:
                self.connections.append(made)
            else:
                self.links.append(made)


def _arranged(units: Units, arrangement: Tensor, node: fx.Node) -> Units:
    """Return a new layer's units as they are arranged in a traced value."""
    ids, stamps = (
        torch.stack(
            [flat[own] for flat, own in zip(part.reshape(BATCH, -1), arrangement % APART, strict=True)]
        )
        for part in (units.ids, units.stamps)
    )
    return Units(ids, stamps, node)


def divisor_of(term: Term, scale: str) -> np.ndarray | None:
    """Return what each output channel's weights are divided by in the graph, float64 [G·C]; None if by nothing.

    Args:
        term: One weight layer's share of a sum, over the units of all layers that it reads; links stay as they are.
        scale: A name in ``ncviz.config.SCALES``.

    Raises:
        ModelError: If what is left of a weight is no finite length.
    """
    if scale == SCALES[0] or not term.parameter:
        return None
    groups, channels, _ = term.weight.shape
    inside = term.fields >= 0  # [G, P, K]
    size, is_edge = np.abs(term.weight), (term.weight != 0).astype(np.float32)
    with np.errstate(over="ignore"):
        coming = (size @ inside.sum(axis=1).astype(np.float64)[:, :, None]).reshape(-1)
    # Units that nothing comes into, as those of a row that is all zero, are joined to nothing, and count for nothing.
    reached = np.stack(
        [
            np.count_nonzero(own @ places.T.astype(np.float32), axis=1)
            for own, places in zip(is_edge, inside, strict=True)
        ]
    ).reshape(-1)
    if scale == "fan-in":
        coming, reached = (np.full(groups * channels, each.sum()) for each in (coming, reached))
    divisor = np.divide(coming, reached, out=np.ones(groups * channels), where=reached > 0)
    check_weight(
        term.weight / divisor.reshape(groups, channels, 1), f"'{term.parameter}' divided by its fan-in"
    )
    return divisor
