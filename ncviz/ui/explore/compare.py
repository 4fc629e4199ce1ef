"""Two pictures beside each other: two thresholds, two orders, or two networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from ncviz.config import ORDERS
from ncviz.ui.components.live.title import live_title
from ncviz.ui.explore.by_hand.own_groups import settle_by_hand
from ncviz.ui.explore.flows import with_flow
from ncviz.ui.explore.live_curves import PANEL_ORDERS, slider_step
from ncviz.ui.link.view_state import ALL_LAYERS, OF_SIDE, of_other
from ncviz.ui.session import networks, results, session
from ncviz.ui.session.lost_steps import lost_steps, swap_lost
from ncviz.ui.session.problems import telling_errors
from ncviz.ui.session.subject import Subject, first_side, second_side

SAME = ""
# How much accuracy the redundant side has lost at first where nothing was chosen.
LITTLE_LOST = 0.02
# Where bottlenecks are all it takes.
FIRST_REMOVED = 0.01


def draw_controls() -> None:
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
        st.toggle(
            "Link the sliders",
            help="Both pictures lose the same share of their weights while either slider is dragged.",
            **session.bound("linked"),
        )
        st.button(
            "Same fraction",
            key="same-fraction",
            on_click=lambda: session.change(other_removed=session.view().removed),
            disabled=view.other_removed == view.removed,
            help="Removes the fraction from the second picture that is removed from the first.",
        )
        st.button("Swap", key="swap-sides", on_click=_swap, help="Exchanges the two pictures.")


def draw_both(left: Subject, draw: Callable[[Subject], None]) -> Subject | None:
    """Draw both sides, each under a heading of its own; what the right one lacks does not touch the left.

    Args:
        left: The first side.
        draw: Draws the picture of a side, and its live panel under it.

    Returns:
        The second side, None where it cannot be drawn.
    """
    drawn = None
    columns, other = st.columns(2, gap="medium"), second_side()
    is_same = left.view.model == other.view.model
    found: list[Any] = [None, None]
    with columns[1], telling_errors():
        found = [*results.find_results(other.network, other)]
    record, sweep = found
    with columns[0]:
        _draw_side(replace(left, beside=record), draw, is_named=not is_same)
    with columns[1], telling_errors():
        network = other.network
        if record is None:
            results.offer_curvature(network, other)
        elif sweep is None:
            results.offer_curves(network, record, other)
        else:
            results.follow_sharpening(network, record, other)
            subject = Subject(network, record, sweep, other, beside=left.record)
            if settle_by_hand(subject):
                drawn = with_flow(subject)
                _draw_side(drawn, draw, is_named=not is_same)
    return drawn


def _draw_side(subject: Subject, draw: Callable[[Subject], None], *, is_named: bool) -> None:
    live_title(
        slider_step(subject),
        PANEL_ORDERS,
        network=subject.network.title if is_named else "",
        key=f"title-{subject.side.name}",
    )
    draw(subject)


def _networks() -> dict[str, str]:
    titles, here = networks.network_titles(), session.view().model
    others = {name: title for name, title in titles.items() if name != here}
    return {SAME: f"The same: {titles.get(here, here)}"} | others


def _switch(on: bool) -> None:
    view = session.view()
    if not on or view.other_removed:
        session.change(compare=on)
    elif view.removed:
        # Beside a pruned network, the same fraction from the other end says more than a whole one.
        session.change(compare=on, other_removed=view.removed)
    else:
        session.change(compare=on, **_telling_steps())


def _telling_steps() -> dict[str, float]:
    """Return how two whole networks are pruned at first, so that they differ: much of one end, little of the other."""
    _, sweep = results.find_results(session.network(), first_side())
    view, both = session.view(), {"removed": FIRST_REMOVED, "other_removed": FIRST_REMOVED}
    if sweep is None or (view.criterion, view.order, view.other_order) != ("curvature", *ORDERS):
        return both
    share, whole = sweep.removed / max(1, sweep.total), sweep.baseline
    spared = np.flatnonzero(sweep.accuracy["curvature", ORDERS[0]] >= whole - LITTLE_LOST)
    felt = np.flatnonzero(sweep.accuracy["curvature", ORDERS[1]] < whole / 2)
    if not len(spared) or not len(felt):
        return both
    return {"removed": float(share[spared[-1]]), "other_removed": float(share[felt[0]])}


def _choose(name: str) -> None:
    same = SAME if name == session.view().model else name
    session.change(other_model=same, **session.OTHER_WHOLE)


def _swap() -> None:
    """Exchange the sides; layer and selection belong to the left network, and go if it changes."""
    main, right = first_side().view, second_side().view
    own = [name for name in OF_SIDE if name != "model"]
    changed = {name: getattr(right, name) for name in own}
    changed |= of_other({name: getattr(main, name) for name in own})
    if main.model != right.model:
        changed |= {"model": right.model} | of_other({"model": main.model})
        changed |= {"layer": ALL_LAYERS, "zoom": ALL_LAYERS, "flow": "all", "selected": "", "edge": ""}
    lost = set(lost_steps())
    session.change(**changed)
    swap_lost(lost)
