"""What the card says of a node: a channel with its strongest kernels, or a unit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ncviz.scene import feature_maps
from ncviz.scene.cards.parts import LARGEST_KERNEL, Card, Drawing, NetworkState, image, least_words
from ncviz.scene.grid import connection_grid
from ncviz.scene.names import part_title, unit_layer_titles, unit_title
from ncviz.scene.selection import KernelSlice
from ncviz.scene.tables import lowest
from ncviz.scene.token_maps import token_maps
from ncviz.text import signed
from ncviz.values import NEVER_ACTIVE

MOST_KERNELS = 8
# A card stays while the slider moves on, so it does not tell of what is left.
WHOLE_ACTIVITY = "activity, whole network"


def channel_card(of: NetworkState, layer: int, channel: int) -> Card | None:
    """Return the card of a feature map; None where there is none."""
    shape = feature_maps.drawn_shapes(of.record)[layer]
    area = feature_maps.positions(of.record, layer)
    if len(shape) < 3 or channel >= shape[0]:
        return None
    activity = of.record.pictures.of(of.samples)[layer].reshape(-1, area)[channel]
    flow = "these images" if of.samples is None else "this choice of images"
    caption = (
        "The input itself."
        if layer == 0
        else f"How active its units are in the whole network, on average over {flow}."
    )
    incoming = [at for at in of.record.into(layer) if feature_maps.is_convolution(of.record, at)]
    around = incoming or list(of.record.out_of(layer))
    is_left_out = bool(of.record.left_out(layer)[channel])
    tokens = token_maps(of.record)[layer]
    plane, told = activity.reshape(shape[-2:]), f"{shape[-2]}×{shape[-1]}"
    if tokens is not None:
        plane, told = tokens.plane(activity), f"{tokens.subtitle} tokens"
        if tokens.apart:
            caption += f" Above the image's patches: {', '.join(tokens.apart.values())}."
    return Card(
        f"{unit_layer_titles(of.record)[layer]} · channel {channel}",
        [("size", told), (WHOLE_ACTIVITY, f"{activity.mean() / 255:.2f}")],
        image={**image(plane[None]), "box": None, "caption": caption},
        kernels=_kernels(of, around, channel, is_target=bool(incoming)),
        kernels_title=f"Strongest bottlenecks {'in' if incoming else 'out'}, kernel by kernel",
        note="Left out when channels were drawn, so its kernels were not measured." if is_left_out else None,
    )


def unit_card(of: NetworkState, layer: int, unit: int) -> Card | None:
    """Return the card of a unit; None where there is none."""
    record = of.record
    if unit >= int(np.prod(record.layer_shapes[layer])):
        return None
    rows = [(WHOLE_ACTIVITY, f"{record.pictures.of(of.samples)[layer][unit] / 255:.2f}")]
    least, negative = least_words(record), "bottlenecks" if record.intervals is None else "negative middles"
    for around, side, name in ((record.into(layer), "target", "in"), (record.out_of(layer), "source", "out")):
        parts = [record.edges[at].curvature[getattr(record.edges[at], side) == unit] for at in around]
        kappa = np.concatenate([np.empty(0, np.float32), *parts])
        is_measured = not around or len(kappa) > 0
        kappa = kappa[kappa < NEVER_ACTIVE]
        if len(kappa):
            rows.append((f"{least} {name}", signed(float(kappa.min()))))
            rows.append((f"{negative} {name}", f"{int((kappa < 0).sum()):,} of {len(kappa):,} active"))
        elif not is_measured and record.measured < record.total:
            rows.append((f"{least} {name}", "not measured"))
    note = "Its edges are listed below the picture, under Selected."
    return Card(unit_title(record, layer, unit, of.classes), rows, note=note)


def _kernels(of: NetworkState, connections: Sequence[int], channel: int, *, is_target: bool) -> list[Drawing]:
    """Return a channel's kernels with the lowest curvatures, of all connections on that side; those measured."""
    record = of.record
    slices = []
    for connection in connections:
        if not feature_maps.is_convolution(record, connection):
            continue
        grid = connection_grid(record, connection)
        if max(grid.area) > LARGEST_KERNEL:
            continue
        place, size = record.places[connection], record.places[connection].fields.shape[2]
        kappa = place.by_weight(record.weights[record.parameters[connection]])
        rows = np.array([channel]) if is_target else np.arange(grid.targets)
        columns = grid.columns[grid.group(rows)]
        row, own = np.nonzero(columns >= 0 if is_target else columns == channel)
        slots = grid.slots[grid.group(rows[row]), own]
        values = np.where(slots >= 0, kappa[rows[row][:, None] * size + slots], np.float32(np.nan))
        for target, source, each in zip(rows[row].tolist(), columns[row, own].tolist(), values, strict=True):
            if not np.isnan(each).all():
                slices.append((connection, target, source, each, grid.area))
    least = np.array([np.nanmin(values) for *_, values, _ in slices])
    found = []
    for connection, target, source, values, area in (slices[at] for at in lowest(least, MOST_KERNELS)):
        other = source if is_target else target
        layer, part = record.ends[connection][0 if is_target else 1], part_title(record, connection)
        whose = f"{unit_layer_titles(record)[layer]} · " if len(connections) > 1 else ""
        name = f"{'from' if is_target else 'to'} {other}"
        said = f"{least_words(record)} {signed(float(np.nanmin(values)))}"
        found.append(
            {
                "select": str(KernelSlice(connection, target, source)),
                "name": name,
                "words": f"Kernel {name}{part and f' ({part})'}: {whose}{said}",
                "rows": area[0],
                "columns": area[1],
                "curvature": [float(value) if value < NEVER_ACTIVE else None for value in values],
            }
        )
    return found
