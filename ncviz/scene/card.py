"""What the card beside the picture says of a selection: a channel, its kernels, a weight, its place on the image."""

from __future__ import annotations

import numpy as np

from ncviz.scene import selection as selections
from ncviz.scene.card_parts import Card, Subject
from ncviz.scene.node_card import channel_card, unit_card
from ncviz.scene.tables import locate
from ncviz.scene.weight_card import connection_of, weight_card
from ncviz.tasks import CurvatureRecord

__all__ = ["Card", "Subject", "card", "lens_edge"]


def card(of: Subject, selection: str) -> Card | None:
    """Return what the network canvas shows beside the picture; None where nothing is selected, or nothing is there.

    Args:
        of: The network and its state.
        selection: As the view has it.
    """
    kind, _, rest = selection.partition("-")
    numbers = [int(number) for number in rest.split("-")] if rest else []
    found = None
    if kind in ("unit", "channel") and numbers[0] < len(of.record.layer_shapes):
        found = channel_card(of, *numbers) if kind == "channel" else unit_card(of, *numbers)
    elif kind == "slice" and numbers[0] < len(of.record.places):
        found = weight_card(of, numbers[0], selection, None)
    elif kind == "weight" and numbers[0] < of.record.total:
        name, at = locate(of.record, numbers[0])
        found = weight_card(of, connection_of(of.record, name, at), selection, at)
    return None if found is None else {"selection": selection, **found}


def lens_edge(record: CurvatureRecord, selection: str) -> str | None:
    """Return the edge "CONNECTION-SOURCE-TARGET" that stands for a weight or slice: where its κ is least."""
    kind = selection.partition("-")[0]
    if kind not in ("weight", "slice"):
        return None
    found: list[tuple[float, str]] = []
    for connection, edges in enumerate(record.edges):
        own = np.flatnonzero(np.isin(edges.parameter, selections.weights(record, connection, selection)))
        if len(own):
            at = own[edges.curvature[own].argmin()]
            found.append((float(edges.curvature[at]), f"{connection}-{edges.source[at]}-{edges.target[at]}"))
    return min(found, key=lambda edge: edge[0])[1] if found else None
