"""The network canvas on the Explore page: what is drawn in it, and what the reader selects."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import streamlit as st

from ncviz.config import ORDERS, Group
from ncviz.plots.network.closeup import ALL, IN_STRIP, Closeup, Shown, shown_nodes
from ncviz.plots.network.line_arrays import SelectionLines, line_arrays
from ncviz.plots.network.payload import NetworkPayload, payload
from ncviz.plots.network.ranks import Forward
from ncviz.plots.palette import Scale
from ncviz.scene.cards.card import NetworkState, card, representative_edge
from ncviz.scene.flow_choices import group_choice, image_choices
from ncviz.scene.names import unit_layer_links
from ncviz.scene.return_files import file_stem
from ncviz.scene.selected_lines import selected_lines, selected_nodes
from ncviz.scene.selection import Channel, KernelSlice, Unit, Weight, read_selection
from ncviz.tasks.curvature.spread import SPREAD_DRAWS, CurvatureSpread
from ncviz.ui.components.network.component import network_canvas
from ncviz.ui.explore.by_hand.operate import take_step
from ncviz.ui.explore.by_hand.own_groups import group_count, lit_weights, marks_of
from ncviz.ui.explore.drawn import drawn_network, nearest_detail
from ncviz.ui.explore.flows import lay_flow_aside
from ncviz.ui.explore.live_curves import slider_step
from ncviz.ui.explore.living import browser_forward, can_follow, flow_basis, own_image, take_file, take_image
from ncviz.ui.link.view_state import ALL_LAYERS
from ncviz.ui.session import address, session
from ncviz.ui.session.subject import Subject, change

HEIGHT, HEIGHT_BESIDE = 340, 250
# On a stage the picture has the whole height to itself.
STAGE_HEIGHT = 490


def draw_network(subject: Subject, *, link: str | None = None, is_still: bool = False) -> None:
    """Draw the network, and take what the reader selects in it.

    Args:
        subject: The network with its results.
        link: Name of a channel; pictures on it zoom together.
        is_still: Whether it has no slider, whose panel else says what flows.
    """
    view, side, record = subject.view, subject.side, subject.drawn
    order = (record.key, view.criterion, view.scope, view.never, view.hand)
    detail, forward = nearest_detail(subject), browser_forward(subject)
    samples = tuple(subject.samples or ())
    # Shares of layers go by the order, and what is a group's own may be known by now.
    known = len(lit_weights(subject)) if view.group else 0
    marked = (samples, view.group, group_count(subject), known, view.order if view.hand else "")
    sight = view.edges, view.layer, subject.scale, _closeup(subject, detail, samples)
    flows = image_choices(subject.record, subject.network, view.flow, own_image(subject.record))
    flows |= {"of": flow_basis(subject), "lines": view.lines, "is_still": is_still}
    group = group_choice(subject.record, subject.network, view.flow, with_images=forward is not None)
    flows |= {"groups": [] if group is None else [group]}
    on = {
        "selection": lambda selection: _select(subject, selection, is_still=is_still),
        "flow": lambda flow: session.change(flow=flow),
        "zoom": lambda layer: _zoom(subject, int(layer)),
        "maps": lambda by: session.change(maps=by),
        "lines": lambda lines: session.change(lines=lines),
        "image": take_image,
        "file": take_file(subject.network),
    }
    if not is_still:
        # What is done by hand shows with the slider alone.
        on["operate"] = lambda step: take_step(subject, step)
    elif not can_follow(subject):
        # Nothing flows here until the slider's panel asks the server.
        flows |= {"drawing": None, "can_bring": False}
    picked = network_canvas(
        _payload(order, sight, detail, marked, forward is not None, subject, forward),
        slider_step(subject),
        height=HEIGHT_BESIDE if view.compare else STAGE_HEIGHT if view.present else HEIGHT,
        key=f"network-{side.name}-{subject.network.fingerprint[:12]}",
        selection=view.selected,
        card=None if view.compare else card(state_of(subject), subject.selection),
        link=link,
        flows=flows,
        own=_own_lines(order, detail, view.selected, subject) if view.selected else None,
        on=on,
        file_name=f"{file_stem(subject.network)}-curvature",
        is_bare=view.compare,
    )
    if picked.open is not None:
        edge = representative_edge(record, read_selection(picked.open))
        if edge is not None:
            session.change(edge=str(edge))
            if subject.flow is None and subject.samples is not None:
                # A line that shows κ over all images is asked about where that is least, whichever image flows.
                lay_flow_aside()
            address.write_link()
            st.switch_page("pages/edge.py")


def _zoom(subject: Subject, layer: int) -> None:
    """Fill the picture with a layer of units, or show all again; of another network beside this one it says nothing."""
    if subject.side.is_other and subject.view.model != session.view().model:
        return
    names = unit_layer_links(subject.record)
    session.change(zoom=names[layer] if 0 <= layer < len(names) else ALL_LAYERS)


def _select(subject: Subject, selection: str, *, is_still: bool) -> None:
    """Select a part; a class's node also looks at the bottlenecks of that class, where there is a slider."""
    session.change(selected=selection)
    selected, last = read_selection(selection), len(subject.record.layer_shapes) - 1
    if is_still or not isinstance(selected, Unit) or selected.layer != last or subject.view.hides("classes"):
        return
    if selected.index < len(subject.classes):
        change(subject.side, group=str(Group("class", (selected.index,))))


def state_of(subject: Subject) -> NetworkState:
    """Return what a card about a selection draws on."""
    drawn, arrays, step = subject.drawn, subject.network.arrays, (subject.ranks, subject.removed)
    spread = None
    # It is of all calibration images together.
    if isinstance(subject.selection, Weight | KernelSlice) and subject.drawn_samples is None:
        # As many draws as were last chosen on the Curvature page, or the usual number.
        for draws in dict.fromkeys((int(st.session_state.get("spread-draws", SPREAD_DRAWS)), SPREAD_DRAWS)):
            task = CurvatureSpread(subject.network, subject.view.config, draws)
            spread = spread or session.context().look_up(task)
    return NetworkState(drawn, arrays, subject.classes, *step, subject.drawn_samples, subject.mask, spread)


@st.cache_resource(max_entries=24)
def _payload(
    order: tuple[str, ...],
    sight: tuple[int, str, Scale, Closeup],
    detail: str,
    marked: tuple[tuple[int, ...], str, int, int, str],
    has_forward: bool,
    _subject: Subject,
    _forward: Forward | None,
) -> NetworkPayload:
    # What an image excites is known before its curvature is.
    activity = _subject.record.pictures.of(marked[0] or None)
    drawn = drawn_network(order[0], detail, _subject, _subject.drawn)
    edges, *_, closeup = sight
    marks = marks_of(_subject)
    return payload(
        drawn, _ranks(order[1], _subject), edges, _subject.layer, activity, _forward, marks, closeup
    )


def _closeup(subject: Subject, detail: str, samples: tuple[int, ...]) -> Closeup:
    """Return what the picture shows; a map that is selected in its strip is shown."""
    view, chosen = subject.view, subject.selection
    usual = Closeup(ALL if subject.zoom is None else subject.zoom, view.maps)
    if not isinstance(chosen, Unit | Channel):
        return usual
    shown = _shown(subject.drawn.key, detail, usual, samples, subject)
    drawn = drawn_network(subject.drawn.key, detail, subject, subject.drawn)
    nodes = selected_nodes(subject.drawn, drawn, chosen)
    return replace(usual, keep=tuple(sorted(node for node in nodes if shown.state[node] == IN_STRIP)))


@st.cache_resource(max_entries=24)
def _shown(key: str, detail: str, closeup: Closeup, samples: tuple[int, ...], _subject: Subject) -> Shown:
    activity = _subject.record.pictures.of(samples or None)
    return shown_nodes(drawn_network(key, detail, _subject, _subject.drawn), closeup, activity)


@st.cache_resource(max_entries=24)
def _own_lines(
    order: tuple[str, ...], detail: str, selected: str, _subject: Subject
) -> SelectionLines | None:
    drawn = drawn_network(order[0], detail, _subject, _subject.drawn)
    lines, total = selected_lines(_subject.drawn, drawn, read_selection(selected))
    if not total:
        return None
    return SelectionLines(selected, total, *line_arrays(drawn, lines, _ranks(order[1], _subject)))


def _ranks(criterion: str, subject: Subject) -> dict[str, np.ndarray]:
    return {order: subject.at(order).ranks for order in (f"{criterion}/{way}" for way in ORDERS)}
