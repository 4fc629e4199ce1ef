"""The network canvas: a layered network in the browser, pruned there without a rerun."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypedDict

import streamlit as st

from ncviz.plots.network_payload import NetworkPayload, pack
from ncviz.ui.components.bundle import bundle, read_asset

NAME = "ncviz_network"
MIN_HEIGHT = 240


class UnitPlace(TypedDict):
    """A unit: its index over all layers, and its layer and index within it."""

    unit: int
    layer: int
    index: int
    name: str


class Selection(TypedDict, total=False):
    """What is selected: `kind` is "unit" or "edge".

    A unit has the keys of `UnitPlace`. An edge has `edge` (index into the view), `parameter`, `connection`, `source`
    and `target` (each a `UnitPlace`), `curvature` and `weight`.
    """

    kind: str
    unit: int
    layer: int
    index: int
    name: str
    edge: int
    parameter: int
    connection: int
    source: UnitPlace
    target: UnitPlace
    curvature: float
    weight: float


@cache
def _component() -> Callable[..., Any]:
    """Registered at first use, not at import: importing this package must not need a running app."""
    return st.components.v2.component(
        NAME,
        html=read_asset("network.html"),
        css=read_asset("css/network.css"),
        js=bundle("network_main.js"),
    )


def network_canvas(
    payload: NetworkPayload,
    *,
    channel: str,
    height: int,
    key: str,
    removed: int = 0,
    order: str | None = None,
    selection: Mapping[str, Any] | None = None,
    ghost: bool = False,
    file_name: str = "network-curvature",
) -> Selection | None:
    """Draw a network, and report what the reader selects in it.

    Call it outside the fragment of the live panel: the panel tells the canvas about every step of a drag within the
    browser, over `channel`, so the payload travels only when the network, the filter or the number of edges changes.

    Args:
        payload: the network, from `ncviz.plots.network_payload.payload`.
        channel: the name that the live panel on this page was given too; unique per network on the page.
        height: of the canvas in pixels, at least 240.
        key: of the component; its state is also in `st.session_state[key]["selection"]`.
        removed: how many parameters are removed; a live panel on the channel overrides it.
        order: the pruning order that `removed` counts in, one of those in the payload.
        selection: what to show as selected when the page opens, as this function returned it.
        ghost: leave a faint trace of removed edges.
        file_name: of the downloads, without their ending.

    Returns:
        What is selected now, or None.
    """
    volatile = {
        "channel": channel,
        "height": max(int(height), MIN_HEIGHT),
        "removed": int(removed),
        "order": order,
        "selection": dict(selection) if selection else None,
        "ghost": ghost,
        "file_name": file_name,
    }
    result = _component()(
        key=key,
        data=pack(payload, volatile),
        on_selection_change=_ignore,
    )
    chosen: Selection | None = result.selection
    return chosen


def _ignore() -> None:
    """Nothing to do: the value is read where the component is mounted."""
