"""The network canvas: a layered network in the browser, pruned there without a rerun."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from ncviz.plots.network.line_arrays import SelectionLines
from ncviz.plots.network.payload import NetworkPayload, pack
from ncviz.ui.components.bundle import component, ignore
from ncviz.ui.components.live.data import SliderStep

NAME = "ncviz_network"
MIN_HEIGHT = 240
# What the reader does in the picture, and stays done.
_STATES = ("selection", "flow", "image", "file", "lines", "zoom", "maps")


@dataclass(frozen=True)
class Picked:
    """What the reader did in the picture.

    Attributes:
        selection: What is selected, "" for nothing: "unit-LAYER-INDEX", "channel-LAYER-CHANNEL", "weight-PARAMETER" or
            "slice-CONNECTION-TARGET-SOURCE".
        open: A selection that was put under the lens in this run, or None.
    """

    selection: str
    open: str | None


def network_canvas(
    payload: NetworkPayload,
    step: SliderStep,
    *,
    height: int,
    key: str,
    selection: str = "",
    card: Mapping[str, Any] | None = None,
    link: str | None = None,
    flows: Mapping[str, Any] | None = None,
    own: SelectionLines | None = None,
    on: Mapping[str, Callable[[Any], None]] | None = None,
    file_name: str = "network-curvature",
    is_bare: bool = False,
) -> Picked:
    """Draw a network, and report what the reader selects in it.

    Call it outside the fragment of the live panel: the panel tells the canvas about every step of a drag within the
    browser, over its channel, so the payload travels only when the network, the filter or the number of edges changes.

    Args:
        payload: the network, from `ncviz.plots.network.payload.payload`.
        step: where the slider stands, as the live panel on this page was told too, whose word overrides it; the channel
            is unique per network on the page, the order one of those in the payload.
        height: of the canvas in pixels, at least 240.
        key: of the component; its state is also in `st.session_state[key]["selection"]`.
        selection: what is selected, as `Picked.selection` has it; a change here overrides the reader's.
        card: what is known of the selection, as `ncviz.scene.cards.card.card` says it.
        link: name of a channel; pictures on the same one zoom and pan together.
        own: all lines of what is selected, which the payload may draw only some of.
        flows: the images to choose from, as `ncviz.scene.flow_choices.image_choices` says them.
        on: called before the page runs again, with what the reader did: a "selection"; the "flow" that is to be drawn;
            an "image" drawn by hand; a "file" with a picture; what the "lines" show; the layer to "zoom" to, -1 for
            all; by what "maps" are ordered; a step to "operate" by hand, as {"action", "target"} of
            ``ncviz.scene.surgery.steps``.
        file_name: of the downloads, without their ending.
        is_bare: whether it stands beside another, without tools and images to choose from.

    Returns:
        What is selected now, and what was opened.
    """
    volatile = {
        "channel": step.channel,
        "height": max(int(height), MIN_HEIGHT),
        "removed": int(step.removed),
        "order": step.order,
        "selection": selection,
        "card": None if card is None else dict(card),
        "link": link,
        "flows": None if flows is None else dict(flows),
        "file_name": file_name,
        "is_bare": is_bare,
        "can_operate": "operate" in (on or {}),
    }
    changed = {
        f"on_{name}_change": _hand_on(key, name, (on or {}).get(name)) for name in (*_STATES, "operate")
    }
    result = component(NAME, "network/component")(
        key=key, data=pack(payload, volatile, own), on_open_change=ignore, **changed
    )
    return Picked(result.selection or "", result.open)


def _hand_on(key: str, name: str, take: Callable[[Any], None] | None) -> Callable[[], None]:
    def changed() -> None:
        value = st.session_state[key].get(name)
        if take is not None and value is not None:
            take(value)

    return changed
