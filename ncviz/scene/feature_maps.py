"""Which layers are feature maps, and of which size: those of one dimension are a row, those of two an image."""

from __future__ import annotations

import numpy as np

from ncviz.tasks import CurvatureRecord


def drawn_shapes(record: CurvatureRecord) -> tuple[tuple[int, ...], ...]:
    """Return each layer's shape as it is drawn: [units], [channels, rows, columns], or that of a plain image."""
    return tuple(_drawn(record, layer, shape) for layer, shape in enumerate(record.layer_shapes))


def grouped_layers(record: CurvatureRecord) -> tuple[bool, ...]:
    """Return for each layer whether it consists of feature maps that a convolution or pooling reads or writes."""
    return tuple(
        len(shape) == 3 and shape[1] * shape[2] > 1 and _is_mapped(record, layer)
        for layer, shape in enumerate(drawn_shapes(record))
    )


def positions(record: CurvatureRecord, layer: int) -> int:
    """Return in how many places a layer has each of its channels."""
    return int(np.prod(record.layer_shapes[layer][1:]))


def is_convolution(record: CurvatureRecord, connection: int) -> bool:
    """Whether a connection's weights are kernels over one or two dimensions."""
    return len(record.connections[connection].shape) > 2


def kernel(record: CurvatureRecord, connection: int) -> tuple[int, int]:
    """Return rows and columns of a convolution's kernel; one of one dimension has one row."""
    space = record.connections[connection].shape[2:]
    return (1, space[0]) if len(space) == 1 else (space[0], space[1])


def _drawn(record: CurvatureRecord, layer: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    if len(shape) == 2 and _is_mapped(record, layer):
        return (shape[0], 1, shape[1])
    return shape if len(shape) < 4 else (shape[0], int(np.prod(shape[1:-1])), shape[-1])


def _is_mapped(record: CurvatureRecord, layer: int) -> bool:
    """Whether what joins a layer to others treats its places alike."""
    around = {*record.into(layer), *record.out_of(layer)}
    return any(is_convolution(record, at) or record.places[at].fields.shape[1] > 1 for at in around) or any(
        layer in (link.source, link.target) for link in record.links
    )
