"""What the card beside the picture says of a selection: a channel, its kernels, a weight, its place on the image."""

from __future__ import annotations

import numpy as np

from ncviz.scene.cards.node import channel_card, unit_card
from ncviz.scene.cards.parts import Drawing, NetworkState
from ncviz.scene.cards.weight import connection_of, weight_card
from ncviz.scene.grid import selected_weights
from ncviz.scene.selection import Channel, Edge, KernelSlice, Selection, Unit, Weight
from ncviz.scene.tables import locate
from ncviz.tasks import CurvatureRecord

__all__ = ["NetworkState", "card", "representative_edge"]


def card(of: NetworkState, selected: Selection | None) -> Drawing | None:
    """Return what the network canvas shows beside the picture; None where nothing is selected, or nothing is there.

    Args:
        of: The network and its state.
        selected: As the view has it.
    """
    record, found = of.record, None
    if isinstance(selected, Unit | Channel) and selected.layer < len(record.layer_shapes):
        describe = channel_card if isinstance(selected, Channel) else unit_card
        found = describe(of, selected.layer, selected.index)
    elif isinstance(selected, KernelSlice) and selected.connection < len(record.places):
        found = weight_card(of, selected.connection, selected, None)
    elif isinstance(selected, Weight) and selected.parameter < record.total:
        name, at = locate(record, selected.parameter)
        found = weight_card(of, connection_of(record, name, at), selected, at)
    if found is None:
        return None
    if of.mask is not None and not isinstance(selected, Weight):
        # The first page does without it until something is done by hand.
        from ncviz.scene.surgery.resolve import weights_of_selection

        by_hand = of.left.counts(weights_of_selection(selected, record))
        told = ", ".join(f"{count:,} {what}" for what, count in by_hand.items())
        found.rows.extend([("by hand", told)] if told else [])
    return {"selection": str(selected), **vars(found)}


def representative_edge(record: CurvatureRecord, selected: Selection | None) -> Edge | None:
    """Return the edge that stands for a weight or slice: where its κ is least."""
    if not isinstance(selected, Weight | KernelSlice):
        return None
    found: list[tuple[float, Edge]] = []
    for connection, edges in enumerate(record.edges):
        own = np.flatnonzero(np.isin(edges.parameter, selected_weights(record, connection, selected)))
        if len(own):
            at = own[edges.curvature[own].argmin()]
            edge = Edge(connection, int(edges.source[at]), int(edges.target[at]))
            found.append((float(edges.curvature[at]), edge))
    return min(found, key=lambda edge: edge[0])[1] if found else None
