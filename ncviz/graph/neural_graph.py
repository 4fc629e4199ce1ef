"""The neural graph: one node per neuron, one edge per nonzero connection, length 1/|weight|.

Layers form a directed acyclic graph: a chain, or one with skip connections and branches.
Source: Tan, Sia, Bogdan, Ivanov, arXiv 2601.16366, section on the neural graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from ncviz.errors import NcvizError

if TYPE_CHECKING:
    from ncviz.graph.connection import Connection
    from ncviz.graph.varying import ActivationProduct


@dataclass(frozen=True, eq=False)
class Tap:
    """Where a layer's activation is read: what one operation of the trace returns, or a part of it.

    Attributes:
        node: Name of the traced operation.
        units: int64 [m], the layer's unit that each of the operation's values belongs to, -1 for none of this layer;
            None where they are all of the layer's units in their order.
        image_axis: Along which of the operation's axes the images lie, each image's values together; they are counted
            as if it stood first, with what else lies along it in its place.
    """

    node: str
    units: np.ndarray | None = None
    image_axis: int = 0


@dataclass(frozen=True, eq=False)
class NeuralGraph:
    """A feed-forward network as layers of units and the connections between them.

    Attributes:
        layer_shapes: Shape of each layer without the batch axis, input first, logits last, and every layer after
            those that it reads; units are numbered in C order.
        layer_names: For each layer the name of what its units come from, "input" for the first.
        connections: The weight layers, in the order in which they are computed.
        links: Connections without parameters: skips, poolings and scalings.
        taps: For each layer, where its activation is read; of several, the later one counts.
        kept: For each layer the channels that take part, growing, int64; None for all. Empty where no layer is sampled.
        notes: What a reader of any number should know of how the network was read, one sentence each.
        batchnorm: How the network's batch normalisations were read, as in ``build_graph``; "" if it has none.
        scale: What weights were divided by, likewise.
        products: Products of two layers' activations, whose edges have other weights on each image; see ``on_image``.
        is_of_image: Whether it was made so.
    """

    layer_shapes: tuple[tuple[int, ...], ...]
    layer_names: tuple[str, ...]
    connections: tuple[Connection, ...]
    links: tuple[Connection, ...]
    taps: tuple[tuple[Tap, ...], ...] = field(repr=False)
    kept: tuple[np.ndarray | None, ...] = field(default=(), repr=False)
    notes: tuple[str, ...] = field(default=(), repr=False)
    batchnorm: str = ""
    scale: str = "own"
    products: tuple[ActivationProduct, ...] = field(default=(), repr=False)
    is_of_image: bool = False

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Number of units of each layer."""
        return tuple(prod(shape) for shape in self.layer_shapes)

    @property
    def number_of_edges(self) -> int:
        """Edges of all weight layers together."""
        return sum(connection.number_of_edges for connection in self.connections)

    @property
    def parameters(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of every weight that carries edges, in order of first use."""
        return {connection.parameter: connection.shape for connection in self.connections}

    @property
    def is_chain(self) -> bool:
        """Whether each layer is joined to the next one, and by one weight layer alone."""
        ends = [(each.source, each.target) for each in self.connections]
        is_single = not self.links and not self.products
        return is_single and ends == [(level, level + 1) for level in range(len(ends))]

    @property
    def depends_on_image(self) -> bool:
        """Whether some edges have other weights on each image."""
        return bool(self.products)

    def on_image(self, values: Sequence[np.ndarray]) -> NeuralGraph:
        """Return the graph as it is on one image: what its activations weigh is a link like any other.

        Args:
            values: For each layer its activations as they are, not normalised, float64 [units].
        """
        if not self.products:
            return self
        links = [link for each in self.products for link in each.links_on(values)]
        return replace(self, links=(*self.links, *links), products=(), is_of_image=True)

    @property
    def joined_layers(self) -> frozenset[tuple[int, int]]:
        """The pairs of layers (source, target) that something joins, on some image."""
        own = {(each.source, each.target) for each in (*self.connections, *self.links)}
        return frozenset(own.union(*({(p.left, p.target), (p.right, p.target)} for p in self.products)))

    def sources_of(self, layer: int) -> tuple[int, ...]:
        """Return the layers that a layer reads, growing."""
        return tuple(sorted(source for source, target in self.joined_layers if target == layer))

    def targets_of(self, layer: int) -> tuple[int, ...]:
        """Return the layers that read a layer, growing."""
        return tuple(sorted(target for source, target in self.joined_layers if source == layer))

    def into(self, layer: int) -> tuple[Connection, ...]:
        """Return what ends in a layer, weight layers first; without what an image weighs (``products``)."""
        return tuple(each for each in (*self.connections, *self.links) if each.target == layer)

    def out_of(self, layer: int) -> tuple[Connection, ...]:
        """Return what reads a layer, weight layers first; without what an image weighs (``products``)."""
        return tuple(each for each in (*self.connections, *self.links) if each.source == layer)

    def name_of(self, connection: Connection) -> str:
        """Return its name; of a weight that makes several layers, as queries and keys, that of the layer it makes."""
        made = {each.target for each in self.connections if each.parameter == connection.parameter}
        return connection.name if len(made) < 2 else self.layer_names[connection.target]

    def carrying(self, names: Sequence[str] | None) -> tuple[int, ...] | None:
        """Return which connections carry these weights; None for all.

        Raises:
            NcvizError: If there is no such weight.
        """
        if not names:
            return None
        unknown = [name for name in names if name not in self.parameters]
        if unknown:
            raise NcvizError(
                f"There is no weight '{unknown[0]}' with edges; choose from: {', '.join(self.parameters)}."
            )
        return tuple(at for at, each in enumerate(self.connections) if each.parameter in set(names))

    def kept_channels(self, layer: int) -> np.ndarray | None:
        """Return the channels of a layer that take part, int64; None for all."""
        return self.kept[layer] if self.kept else None

    def sampled(self, channels: int, seed: int) -> NeuralGraph:
        """Return the graph with at most so many channels of each hidden layer; the others' units are left out.

        Layers with equally many channels keep the same ones, so that a skip joins what is left at both of its ends.

        Args:
            channels: Most channels of a hidden layer.
            seed: Which ones.
        """
        last = len(self.layer_shapes) - 1
        kept = [
            None if layer in (0, last) or shape[0] <= channels else drawn_channels(shape[0], channels, seed)
            for layer, shape in enumerate(self.layer_shapes)
        ]
        return replace(self, kept=tuple(kept) if any(each is not None for each in kept) else ())

    def measured(self, connection: Connection) -> np.ndarray:
        """Return which weights of a connection join channels that take part: bool [G·C·K]."""
        groups, channels, slots = connection.weight.shape
        rows, read = np.ones(groups * channels, dtype=np.bool_), np.ones((groups, slots), dtype=np.bool_)
        before, after = self.kept_channels(connection.source), self.kept_channels(connection.target)
        if after is not None:
            rows = np.isin(np.arange(len(rows)), after)
        if before is not None:
            places = prod(self.layer_shapes[connection.source][1:])
            channel = np.where(connection.fields >= 0, connection.fields // places, -1).max(axis=1)  # [G, K]
            # What another connection of the same weight layer reads is not this one's to leave out.
            read = np.isin(channel, before) | (channel < 0)
        return (rows.reshape(groups, channels, 1) & read[:, None, :]).reshape(-1)


def drawn_channels(count: int, most: int, seed: int) -> np.ndarray:
    """Return which of a layer's channels take part where at most so many do, int64, growing."""
    return np.sort(np.random.default_rng((seed, count)).permutation(count)[:most])
