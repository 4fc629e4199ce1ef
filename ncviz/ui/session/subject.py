"""What a picture is about: the network, its results, and which of two sides that are compared it stands on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ncviz import tasks
from ncviz.tasks import CurvatureRecord, SweepRecord
from ncviz.ui.link.view_state import ALL_LAYERS, ViewState
from ncviz.ui.session import session

_OWN = ("model", "criterion", "order", "removed")


@dataclass(frozen=True)
class Side:
    """One of the two pictures that can stand beside each other; the second has a pruning step of its own.

    Attributes:
        name: Distinguishes widgets, and is the channel on which panel and picture meet.
        is_other: Whether this is the second.
    """

    name: str
    is_other: bool = False

    @property
    def view(self) -> ViewState:
        """What this side shows."""
        view = session.view()
        if not self.is_other:
            return view
        return replace(
            view,
            model=view.other_model or view.model,
            criterion=view.other_criterion,
            order=view.other_order,
            removed=view.other_removed,
            parts=view.parts if view.other_model in ("", view.model) else "",
            channels=view.channels if view.other_model in ("", view.model) else 0,
            layer=view.layer if view.other_model in ("", view.model) else ALL_LAYERS,
            flow="all" if view.other_model not in ("", view.model) else view.flow,
        )

    def change(self, **values: Any) -> None:
        """Change what this side shows."""
        if self.is_other:
            values = {f"other_{name}" if name in _OWN else name: value for name, value in values.items()}
        session.change(**values)

    @property
    def network(self) -> tasks.Network:
        """The network of this side."""
        return session.network(self.view.model)


MAIN = Side("explore")
OTHER = Side("other", is_other=True)


@dataclass(frozen=True, eq=False)
class Shown:
    """A network with its results, on one side.

    Attributes:
        network: The network.
        record: Its curvature over all calibration images, by which it is pruned.
        sweep: Its accuracy curves.
        side: Where it stands.
    """

    network: tasks.Network
    record: CurvatureRecord
    sweep: SweepRecord
    side: Side = MAIN

    @property
    def view(self) -> ViewState:
        """What this side shows."""
        return self.side.view

    @property
    def total(self) -> int:
        """Number of weights."""
        return self.sweep.total

    @property
    def removed(self) -> int:
        """How many weights the view removes."""
        return round(self.view.removed * self.total)

    @property
    def key(self) -> str:
        """Name of the panel's widget: another network or other settings start a fresh one."""
        view = self.view
        part = f"-{view.channels}-{view.parts}" if view.channels or view.parts else ""
        where = f"{self.network.fingerprint[:12]}-{view.samples}-{view.seed}-{view.alpha}-{view.scope}{part}"
        return f"live-{self.side.name}-{where}"
