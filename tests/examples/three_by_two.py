"""The smallest network that a picture can show: three inputs, two classes, six edges."""

import numpy as np

from ncviz.plots.network.lines import NetworkView


def three_by_two(layer_names=("in", "out"), classes=("a", "b")):
    edges = np.arange(6, dtype=np.int32)
    return NetworkView(
        layer_names=layer_names,
        layer_shapes=((3,), (2,)),
        classes=classes,
        source=edges // 2,
        target=3 + edges % 2,
        curvature=np.linspace(-1, 1, 6).astype(np.float32),
        weight=np.ones(6, np.float32),
        parameter=edges,
        connection=np.zeros(6, np.int32),
        connection_names=("fc",),
        parameter_count=6,
    )
