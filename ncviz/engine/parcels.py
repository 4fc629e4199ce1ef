"""One connection as a parcel: what another process or machine needs to solve it, and how its results come together."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from ncviz.engine.full import full_edges
from ncviz.engine.layers import Layers
from ncviz.engine.local import all_edges, search, search_all
from ncviz.engine.minima import Least
from ncviz.engine.prepared import plans_of
from ncviz.engine.results import Settings
from ncviz.graph.connection import Connection
from ncviz.graph.neural_graph import NeuralGraph
from ncviz.graph.paths import surroundings
from ncviz.graph.positions import layer_grid


@dataclass(frozen=True, eq=False)
class Parcel:
    """Some samples of a connection; plain arrays, so that it can travel, beside the part of the graph that it needs.

    Attributes:
        index: Which of that part's connections it is.
        layers: Activity and mass of the four layers around it.
        first_sample: Number of the first sample.
        settings: How to compute it.
        ends: Whether its sources are the input, and whether its targets are the logits.
    """

    index: int
    layers: Layers
    first_sample: int
    settings: Settings
    ends: tuple[bool, bool]


@dataclass(frozen=True, eq=False)
class Solved:
    """What comes back: the least κ of each weight, of each sample or of all, and every edge's where that was wanted."""

    least: tuple[Least, ...]
    grids: tuple[np.ndarray, ...]


def cut_out(graph: NeuralGraph, connection: int) -> tuple[NeuralGraph, int]:
    """Return the part of a graph that decides the curvature of one connection, and which it is in there.

    That is everything on a way from what its sources read to what reads its targets.
    """
    ends = surroundings(graph, connection)
    every = (*graph.connections, *graph.links)
    reached = {source for source, _ in ends}
    reaching = {target for _, target in ends}
    for each in sorted(every, key=lambda one: one.source):
        if each.source in reached:
            reached.add(each.target)
    for each in sorted(every, key=lambda one: -one.target):
        if each.target in reaching:
            reaching.add(each.source)
    layers = sorted(reached & reaching)
    number = {layer: at for at, layer in enumerate(layers)}

    def inside(some: tuple[Connection, ...]) -> tuple[Connection, ...]:
        return tuple(
            replace(each, source=number[each.source], target=number[each.target])
            for each in some
            if each.source in number and each.target in number
        )

    part = NeuralGraph(
        tuple(graph.layer_shapes[layer] for layer in layers),
        tuple(graph.layer_names[layer] for layer in layers),
        inside(graph.connections),
        inside(graph.links),
        (),
        tuple(graph.kept[layer] for layer in layers) if graph.kept else (),
        is_of_image=graph.is_of_image,
    )
    kept = [
        at for at, each in enumerate(graph.connections) if each.source in number and each.target in number
    ]
    return part, kept.index(connection)


def solve_parcel(graph: NeuralGraph, parcel: Parcel) -> Solved:
    """Solve a parcel in this process; pure but for path lengths, which are kept for the next one of the same graph.

    So a lost one is simply solved again. The ``pair`` of the minima is the output position: the receiver has no plan to
    look it up in.
    """
    ends, settings = parcel.ends, parcel.settings
    positions = layer_grid(graph.layer_shapes[graph.connections[parcel.index].target])[1]
    grids: list[np.ndarray] = []
    each: list[Least] = []
    alone = settings.keep_edges or settings.keep_samples or not settings.is_closed
    with ThreadPoolExecutor(1) as pool:
        (plan,) = plans_of(graph, "cpu", pool, connections=[parcel.index])
        for index in range(len(parcel.layers[0])) if alone else (0,):
            layers = tuple(layer[index : index + 1] for layer in parcel.layers) if alone else parcel.layers
            sample = parcel.first_sample + index
            if not settings.is_closed:
                grid, own = full_edges(plan, layers, ends, positions, pool, settings.alpha, sample=sample)
            elif settings.keep_edges:
                grid, sought = all_edges(plan, layers, ends, positions, sample=sample)
                own = search_all([sought], pool)[0]
            else:
                own = search_all([search(plan, layers, ends, first_sample=sample)], pool)[0]
            if settings.keep_edges:
                grids.append(grid)
            place = np.where(own.pair >= 0, plan.pairs.target[own.pair], -1).astype(np.int32)
            each.append(own._replace(pair=place))
    return Solved(tuple(each), tuple(grids))
