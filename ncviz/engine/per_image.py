"""A network with products of activations: path lengths and plans of one image at a time, near them; then let go.

What no such product is near is computed on all images at once, as in any network. The least κ that a weight had on the
images before is what the next image's edges have to lie below.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np

from ncviz.engine.anytime.interval import nothing_known
from ncviz.engine.anytime.steps import bounds_of
from ncviz.engine.anytime.until import Ending, Until
from ncviz.engine.full import full_edges
from ncviz.engine.layers import Layers, around, ends_of
from ncviz.engine.local import all_edges, follow, search, search_all
from ncviz.engine.minima import Least
from ncviz.engine.plan import Plan, make_plan, near_plan
from ncviz.engine.results import ConnectionCurvature, Settings, joined, within
from ncviz.errors import CancelledError, NcvizError
from ncviz.graph.extent import check_paths
from ncviz.graph.images.room import Room
from ncviz.graph.neural_graph import NeuralGraph
from ncviz.graph.paths import Distances, distances, steps, surroundings, with_links
from ncviz.graph.positions import layer_grid
from ncviz.progress import Progress

_BOUNDS = 0.15
_TEXT, _BOUNDING = "measuring the curvature", "bounding the curvature"


@dataclass(frozen=True, eq=False)
class Images:
    """What a computation is about.

    Attributes:
        graph: The neural graph.
        values: For each layer its activations as they are, float64 [samples, units].
        layers: For each layer its activity and mass by position.
        settings: How to compute.
    """

    graph: NeuralGraph
    values: Sequence[np.ndarray]
    layers: list[tuple[np.ndarray, np.ndarray]]
    settings: Settings

    @property
    def samples(self) -> int:
        """Number of images."""
        return len(self.layers[0][0])

    def on(self, first: int, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the layers on some images."""
        return [(own[first : first + count], mass[first : first + count]) for own, mass in self.layers]


@dataclass(frozen=True, eq=False)
class Scene:
    """Images that share a graph: one, or all where no product of activations is near.

    Attributes:
        graph: The graph on them.
        steps: What joins its layers directly.
        connections: Which connections are computed on it.
        first: Number of the first image.
        count: Number of images.
    """

    graph: NeuralGraph
    steps: Distances
    connections: tuple[int, ...]
    first: int
    count: int


def is_near_product(graph: NeuralGraph, index: int) -> bool:
    """Return whether the distances that a connection's curvature depends on lead through a product of activations."""
    ways: dict[int, set[int]] = {layer: {layer} for layer in range(len(graph.layer_shapes))}
    for source, target in sorted(graph.joined_layers, reverse=True):
        ways[source] |= ways[target]
    return any(
        factor in ways[before] and after in ways[product.target]
        for before, after in surroundings(graph, index)
        for product in graph.products
        for factor in (product.left, product.right)
    )


def scenes(images: Images) -> Iterator[Scene]:
    """Give the graphs on which connections are computed: first what all images share, then each image's own."""
    graph, chosen = images.graph, images.settings.chosen(images.graph)
    plain = replace(graph, products=())
    known = steps(plain)
    near = tuple(index for index in chosen if is_near_product(graph, index))
    alike = tuple(index for index in chosen if index not in near)
    if alike:
        yield Scene(plain, known, alike, 0, images.samples)
    for image in range(images.samples if near else 0):
        own = graph.on_image([layer[image] for layer in images.values])
        yield Scene(own, with_links(known, own, own.links[len(graph.links) :]), near, image, 1)


def plan_of(
    scene: Scene,
    index: int,
    device: str,
    pool: ThreadPoolExecutor,
    cancel: threading.Event | None,
    is_near: bool,
    room: Room | None = None,
) -> Plan:
    """Return the plan of one connection on a scene's images, its path lengths between what it looks at only.

    Lengths are made in ``room``, if there is some: it must not be cleared before the plan is done with.
    """
    is_narrow = scene.count == 1
    paths = distances(
        scene.graph, device, pool, cancel, [index], scene.steps, is_near=is_near, is_narrow=is_narrow,
        room=room,
    )  # fmt: skip
    return (near_plan if is_near else make_plan)(paths, scene.graph, index, room)


@dataclass(eq=False)
class _State:
    """What is known of one connection.

    Attributes:
        low: The least lower bound over all images, and where it is.
        best: The least κ so far; of each image alone where that is wanted.
        each: Those of the images that are done.
        grids: Every edge's κ on them.
        positions: The output position of each pair.
        is_done: Whether all images are.
    """

    low: Least
    best: Least
    each: list[Least] = field(default_factory=list)
    grids: list[np.ndarray] = field(default_factory=list)
    positions: np.ndarray | None = None
    upper: np.ndarray | None = None


def run_on_images(
    images: Images,
    pool: ThreadPoolExecutor,
    report: Progress,
    cancel: threading.Event | None,
    until: Until | None,
) -> list[ConnectionCurvature]:
    """Compute the connections that the settings name.

    Args:
        images: What to compute.
        pool: Threads of this process.
        report: Called with the fraction done and a short message.
        cancel: Set it to stop.
        until: When to stop before everything is exact, and who is told meanwhile.

    Raises:
        CancelledError: If ``cancel`` was set.
        ModelError: If the distance tables are too large.
        NcvizError: If there is a time limit at an idleness at which there are no intervals before the exact values.
    """
    if until is not None and until.time_limit is not None and not images.settings.is_closed:
        raise NcvizError(
            "Below idleness 1/2 the curvature of a network with attention comes with no intervals before it is exact: "
            "leave out time_limit, or choose alpha from 0.5 on."
        )
    check_paths(images.graph, images.settings.chosen(images.graph))
    return _Run(images, pool, report, cancel, until).run()


@dataclass(eq=False)
class _Run:
    images: Images
    pool: ThreadPoolExecutor
    report: Progress
    cancel: threading.Event | None
    until: Until | None
    known: dict[int, _State] = field(default_factory=dict)
    is_exact: bool = False

    def run(self) -> list[ConnectionCurvature]:
        graph, settings = self.images.graph, self.images.settings
        chosen = settings.chosen(graph)
        for index in chosen:
            weights = graph.connections[index]
            rows = graph.kept_channels(weights.target)
            channels = layer_grid(graph.layer_shapes[weights.target])[0] if rows is None else len(rows)
            count = channels * weights.weight.shape[2]
            self.known[index] = _State(Least.nothing(count), Least.nothing(count))
        begin = 0.0
        if self.until is not None and settings.is_closed:
            self._bound()
            begin = _BOUNDS
        ending = self.cancel if self.until is None else Ending(self.until, self.cancel)
        try:
            self._solve(begin, ending)
            self.is_exact = True
        except CancelledError:
            if self.cancel is not None and self.cancel.is_set():
                raise
        self.report(1.0, _TEXT)
        return self.found()

    def found(self) -> list[ConnectionCurvature]:
        """Return what is known of each connection."""
        return [self._found(index) for index in self.images.settings.chosen(self.images.graph)]

    def _found(self, index: int) -> ConnectionCurvature:
        state, settings = self.known[index], self.images.settings
        assert state.positions is not None
        if self.is_exact:
            return joined(state.positions, state.each, state.grids, settings, None)
        best, low = state.best, state.low
        for each in state.each:
            best = best.merge(each)
        assert state.upper is not None
        upper = np.minimum(state.upper, best.curvature)
        lower = np.minimum(low.curvature, upper)
        is_open = np.isinf(best.curvature) & (low.pair >= 0)
        shown = best._replace(
            curvature=upper,
            pair=np.where(is_open, low.pair, best.pair),
            sample=np.where(is_open, low.sample, best.sample),
            short=np.zeros(len(upper)),
        )
        whole = joined(state.positions, [shown], (), replace(settings, keep_samples=False), None)
        return within(whole, lower, upper, np.zeros(len(upper), dtype=np.bool_))

    def _bound(self) -> None:
        """Bound all weights from below on all images."""

        def note(index: int, scene: Scene, plan: Plan, layers: Layers, ends: tuple[bool, bool]) -> None:
            state = self.known[index]
            known = nothing_known(self.images.settings, plan, layers, ends, scene.first)
            listed = bounds_of(known)
            stop, done = np.zeros(1, dtype=np.bool_), np.zeros((len(listed), 1))
            futures = [self.pool.submit(step.work, stop, done[at]) for at, step in enumerate(listed)]
            follow(futures, stop, done, self.cancel, None)
            lower, upper = known.interval()
            state.upper = upper if state.upper is None else np.minimum(state.upper, upper)
            state.low = state.low.merge(known.low._replace(curvature=np.minimum(lower, known.low.curvature)))

        self._each(note, (0.0, _BOUNDS), _BOUNDING, self.cancel, is_near=True)
        self._tell()

    def _solve(self, begin: float, ending: threading.Event | None) -> None:
        """Find κ on all images."""
        settings = self.images.settings
        alone = settings.keep_edges or settings.keep_samples or not settings.is_closed

        def note(index: int, scene: Scene, plan: Plan, layers: Layers, ends: tuple[bool, bool]) -> None:
            state = self.known[index]
            positions = layer_grid(scene.graph.layer_shapes[scene.graph.connections[index].target])[1]
            for at in range(scene.count) if alone else (0,):
                own = tuple(layer[at : at + 1] for layer in layers) if alone else layers
                sample = scene.first + at
                if not settings.is_closed:
                    grid, least = full_edges(
                        plan, own, ends, positions, self.pool, settings.alpha, sample=sample, cancel=ending
                    )
                elif settings.keep_edges:
                    grid, sought = all_edges(plan, own, ends, positions, sample=sample)
                    least = search_all([sought], self.pool, cancel=ending)[0]
                else:
                    best = Least.nothing(plan.weights) if alone else state.best
                    sought = search(plan, own, ends, first_sample=sample, best=best)
                    least = search_all([sought], self.pool, cancel=ending)[0]
                if settings.keep_edges:
                    state.grids.append(grid)
                if alone or not state.each:
                    state.each.append(least)
                else:
                    state.each[0] = least._replace(counts=least.counts + state.each[0].counts)

        self._each(note, (begin, 1.0), _TEXT, ending, is_near=False)

    def _each(
        self,
        do: Callable[[int, Scene, Plan, Layers, tuple[bool, bool]], None],
        share: tuple[float, float],
        text: str,
        ending: threading.Event | None,
        is_near: bool,
    ) -> None:
        """Do something with the plan of each connection on each image."""
        graph, settings = self.images.graph, self.images.settings
        chosen = settings.chosen(graph)
        edges = {index: max(1, graph.connections[index].number_of_edges) for index in chosen}
        total, done = sum(edges.values()) * self.images.samples, 0
        begin, end = share
        room = Room()
        for scene in scenes(self.images):
            layers = self.images.on(scene.first, scene.count)
            for index in scene.connections:
                self.report(begin + (end - begin) * done / total, text)
                if ending is not None and ending.is_set():
                    raise CancelledError
                plan = plan_of(scene, index, settings.device, self.pool, ending, is_near, room)
                self.known[index].positions = plan.pairs.target
                do(index, scene, plan, around(layers, scene.graph, index), ends_of(scene.graph, index))
                # No thread is at work on it any more, and what was found holds nothing of it.
                del plan
                room.clear()
                done += edges[index] * scene.count
                if not is_near:
                    self._tell()

    def _tell(self) -> None:
        if self.until is not None and all(state.upper is not None for state in self.known.values()):
            self.until.tell(self.found)
