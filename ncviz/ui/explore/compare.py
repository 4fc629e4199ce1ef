"""Two pictures beside each other: two thresholds, two orders, or two networks."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from ncviz.models.zoo import MODELS
from ncviz.ui.components.live.title import live_title
from ncviz.ui.curvature import settings
from ncviz.ui.explore.live_curves import PANEL_ORDERS
from ncviz.ui.link.view_state import ALL_LAYERS
from ncviz.ui.session import session
from ncviz.ui.session.problems import telling_errors
from ncviz.ui.session.subject import MAIN, OTHER, Shown

SAME = ""


def controls() -> None:
    """Draw the switch between one picture and two, and what the second is of."""
    view = session.view()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.toggle(
            "Compare",
            help="Two pictures side by side: two thresholds, two orders, or two networks.",
            **session.shows("compare", view.compare, _switch),
        )
        if not view.compare:
            return
        titles = _networks()
        st.selectbox(
            "Second network",
            list(titles),
            format_func=lambda name: titles.get(name, name),
            width=320,
            # The first choice is called by the left network's name: with another one there, this is another widget.
            **session.shows(
                f"network beside {view.model}",
                SAME if view.other_model == view.model else view.other_model,
                _choose,
            ),
        )
        st.button(
            "Same fraction",
            key="same-fraction",
            on_click=lambda: session.change(other_removed=session.view().removed),
            disabled=view.other_removed == view.removed,
            help="Removes the fraction from the second picture that is removed from the first.",
        )
        st.button("Swap", key="swap-sides", on_click=_swap, help="Exchanges the two pictures.")


def show(left: Shown, draw: Callable[[Shown], None]) -> None:
    """Draw both sides, each under a heading of its own; what the right one lacks does not touch the left.

    Args:
        left: The first side.
        draw: Draws the picture of a side, and its live panel under it.
    """
    columns = st.columns(2, gap="medium")
    with columns[0]:
        _side(left, draw)
    with columns[1], telling_errors():
        network = OTHER.network
        record, sweep = settings.known(network, OTHER)
        if record is None:
            settings.empty_state(network, OTHER)
        elif sweep is None:
            settings.missing_curve(network, OTHER)
        else:
            _side(Shown(network, record, sweep, OTHER), draw)


def _side(shown: Shown, draw: Callable[[Shown], None]) -> None:
    view = shown.view
    live_title(
        channel=shown.side.name,
        network=shown.network.title if MAIN.view.model != OTHER.view.model else "",
        total=shown.total,
        removed=shown.removed,
        order=f"{view.criterion}/{view.order}",
        orders=PANEL_ORDERS,
        key=f"title-{shown.side.name}",
    )
    draw(shown)


def _networks() -> dict[str, str]:
    own = {name: network.title for name, network in session.own_networks().items()}
    titles = {name: spec.title for name, spec in MODELS.items()} | own
    here = session.view().model
    others = {name: title for name, title in titles.items() if name != here}
    return {SAME: f"The same: {titles.get(here, here)}"} | others


def _switch(on: bool) -> None:
    view = session.view()
    # Beside a pruned network, the same fraction from the other end says more than a whole one.
    removed = view.removed if on and view.other_removed == 0 else view.other_removed
    session.change(compare=on, other_removed=removed)


def _choose(name: str) -> None:
    session.change(other_model=SAME if name == session.view().model else name)


def _swap() -> None:
    """Exchange the sides; layer and selection belong to the left network, and go if it changes."""
    main, other = MAIN.view, OTHER.view
    changed = {name: getattr(other, name) for name in ("criterion", "order", "removed")}
    changed |= {f"other_{name}": getattr(main, name) for name in ("criterion", "order", "removed")}
    if main.model != other.model:
        changed |= {"model": other.model, "other_model": main.model}
        changed |= {"layer": ALL_LAYERS, "flow": "all", "selected": "", "edge": ""}
    session.change(**changed)
