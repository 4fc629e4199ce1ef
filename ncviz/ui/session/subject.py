"""What a picture is about: a network with its results and what is seen of it, fixed for one run of the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ncviz import tasks
from ncviz.config import NEVER_ACTIVE_PLACES
from ncviz.plots.palette import Scale
from ncviz.scene.colour_scale import curvature_scale
from ncviz.scene.names import connection_links, place_of, unit_layer_links
from ncviz.scene.selection import Selection, read_flow, read_selection
from ncviz.scene.surgery.left import WeightsLeft
from ncviz.tasks import CurvatureRecord, SweepRecord
from ncviz.tasks.criteria import masks_of
from ncviz.ui.link.view_state import ALL_LAYERS, OF_SIDE, ViewState, of_other, other
from ncviz.ui.server import resources
from ncviz.ui.server.fine_curves import Changed, FineCurve, fine_curve
from ncviz.ui.session import session
from ncviz.ui.session.by_hand import ByHand, by_hand

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Side:
    """One of the two pictures that can stand beside each other; the second has a pruning step of its own.

    Attributes:
        name: Distinguishes widgets, and is the channel on which panel and picture meet.
        view: What it shows.
        is_other: Whether this is the second.
    """

    name: str
    view: ViewState
    is_other: bool = False

    @property
    def network(self) -> tasks.Network:
        """The network of this side."""
        return session.network(self.view.model)


def first_side(view: ViewState | None = None) -> Side:
    """Return the first side, as the session looks at it now, or in a view."""
    return Side("explore", session.view() if view is None else view)


def second_side(view: ViewState | None = None) -> Side:
    """Return the second side, as the session looks at it now, or in a view."""
    view = session.view() if view is None else view
    own: dict[str, Any] = {name: getattr(view, other(name)) for name in OF_SIDE}
    own["model"] = own["model"] or view.model
    if own["model"] != view.model:
        # What is looked at in one network says nothing about another.
        own |= {"parts": "", "channels": 0, "layer": ALL_LAYERS, "zoom": ALL_LAYERS, "flow": "all"}
    return Side("other", replace(view, **own), is_other=True)


def change(side: Side, **values: Any) -> None:
    """Change what a side shows, for the runs that follow."""
    session.change(**(of_other(values) if side.is_other else values))


@dataclass(frozen=True, eq=False)
class Subject:
    """A network with its results, on one side.

    Attributes:
        network: The network.
        record: Its curvature over all calibration images, by which it is pruned.
        sweep: Its accuracy curves.
        side: Where it stands, and what is seen of it.
        flow: Its curvature over the images that are looked at; None for all, or until it is known.
        beside: The curvature of the network that it is compared with, whose colours mean the same.
    """

    network: tasks.Network
    record: CurvatureRecord
    sweep: SweepRecord
    side: Side
    flow: CurvatureRecord | None = None
    beside: CurvatureRecord | None = None

    @property
    def view(self) -> ViewState:
        """What this side shows."""
        return self.side.view

    @property
    def drawn(self) -> CurvatureRecord:
        """The curvature that is drawn."""
        return self.record if self.flow is None else self.flow

    @property
    def scale(self) -> Scale:
        """What the colours of its curvature mean: the same over all images and over some of them."""
        own = curvature_scale(self.record)
        return (
            own
            if self.beside is None
            else max(own, curvature_scale(self.beside), key=lambda scale: scale.low)
        )

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names."""
        return self.network.dataset_spec.classes

    @property
    def total(self) -> int:
        """Number of weights."""
        return self.sweep.total

    @property
    def removed(self) -> int:
        """How many weights the view removes, those that are zero already or cut by hand among them."""
        return min(max(round(self.view.removed * self.total), self.least), self.most)

    @property
    def least(self) -> int:
        """How many weights are removed at least: those that are zero already, and those that are cut by hand."""
        return self.zeros if self.by_hand is None else self.by_hand.least

    @property
    def most(self) -> int:
        """How many weights are removed at most: all but those that are held by hand."""
        return self.total if self.by_hand is None else self.by_hand.most

    @property
    def by_hand(self) -> ByHand | None:
        """What is done by hand in this order, None for nothing."""
        return by_hand(self.network, self.record, self.full_order, self.view.hand)

    @property
    def full_order(self) -> tuple[str, str, str, str]:
        """All that decides the criterion's order: itself, the scope, the end, the place of never-active weights."""
        view = self.view
        return view.criterion, view.scope, view.order, view.never

    @property
    def zeros(self) -> int:
        """How many weights are zero already: removed in every order, and before all others."""
        return tasks.zeros_in(self.network, self.record.weights)

    @property
    def order(self) -> str:
        """Criterion and order, such as "curvature/redundant"."""
        return f"{self.view.criterion}/{self.view.order}"

    @property
    def ranks(self) -> np.ndarray:
        """When each weight is removed in this order, int64 [N]; what is cut by hand goes first, what is held last."""
        if self.by_hand is not None:
            return self.by_hand.ranks
        view = self.view
        return resources.ranks(self.network, self.record, view.criterion, view.scope, view.order, view.never)

    @property
    def mask(self) -> tasks.OwnMask | None:
        """What is done by hand to each weight, None for nothing."""
        return None if self.by_hand is None else self.by_hand.mask

    @property
    def left(self) -> WeightsLeft:
        """What is left of each weight."""
        return WeightsLeft(self.ranks, self.removed, self.mask)

    @property
    def factor(self) -> np.ndarray | None:
        """What each weight is multiplied by where it is kept, float32 [N]; None where all are as they were."""
        return None if self.by_hand is None else self.by_hand.factor

    def masks(self, removed: int | None = None) -> dict[str, Tensor]:
        """Return what each weight is multiplied by at the view's step, or with so many removed: 0 where it is gone."""
        at = self.removed if removed is None else removed
        return masks_of(self.ranks, at, self.record.shapes, self.factor)

    @property
    def layer(self) -> int | None:
        """The connection whose edges are drawn, None for all."""
        return place_of(self.view.layer, connection_links(self.record))

    @property
    def zoom(self) -> int | None:
        """The layer of units that fills the picture, None for all."""
        return place_of(self.view.zoom, unit_layer_links(self.record))

    @property
    def layers(self) -> Sequence[int]:
        """The connections whose edges are drawn."""
        return range(len(self.record.places)) if self.layer is None else [self.layer]

    @property
    def selection(self) -> Selection | None:
        """What is selected."""
        return read_selection(self.view.selected)

    @property
    def samples(self) -> list[int] | None:
        """The calibration images that are looked at, None for all."""
        return read_flow(self.view.flow).samples(self.record.labels.tolist())

    @property
    def drawn_samples(self) -> list[int] | None:
        """The calibration images that the curvature that is drawn is about, None for all."""
        return None if self.flow is None else self.samples

    @property
    def key(self) -> str:
        """Name of the panel's widget: another network or other settings start a fresh one."""
        view = self.view
        part = f"-{view.channels}-{view.parts}" if view.channels or view.parts else ""
        part += "" if view.never == NEVER_ACTIVE_PLACES[0] else f"-{view.never}"
        part += f"-{view.batchnorm}-{view.weight_scale}"
        where = f"{self.network.fingerprint[:12]}-{view.samples}-{view.seed}-{view.alpha}-{view.scope}{part}"
        return f"live-{self.side.name}-{where}"

    def fine_curve(self) -> FineCurve | None:
        """Return the accuracy at every stop of the slider in this order, once it is measured; begin to measure it."""
        curve = self._curve()
        return curve if curve is not None and curve.is_done else None

    def is_curve_coming(self) -> bool:
        """Whether that is being measured."""
        curve = self._curve()
        return curve is not None and not curve.is_done and not curve.has_failed

    def _curve(self) -> FineCurve | None:
        if not resources.torch_ready().is_set():
            return None
        view, changed, mine = self.view, None, self.by_hand
        if mine is not None:
            changed = Changed(view.hand, mine.ranks, mine.least, mine.most, mine.factor)
        order, context = (view.criterion, view.order), session.context()
        return fine_curve(self.network, self.record, order, view.scope, context, view.never, changed)

    def showing(self, view: ViewState) -> Subject:
        """Return the same network with something else seen of it."""
        return replace(self, side=replace(self.side, view=view))

    def at(self, order: str, removed: int | None = None) -> Subject:
        """Return the same network at another pruning step.

        Args:
            order: Criterion and order, such as "curvature/redundant".
            removed: How many weights are removed, None for as many as now.
        """
        criterion, way = order.split("/")
        share = self.view.removed if removed is None else removed / max(1, self.total)
        return self.showing(replace(self.view, criterion=criterion, order=way, removed=share))

    def now(self) -> Subject:
        """Return the same network as the session looks at it by now: after a click, or in a part that runs alone."""
        return self.seen_in(session.view())

    def seen_in(self, view: ViewState) -> Subject:
        """Return the same network as a session looks at it in a view of both sides."""
        return replace(self, side=second_side(view) if self.side.is_other else first_side(view))
