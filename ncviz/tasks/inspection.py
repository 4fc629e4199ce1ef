"""What a network is made of, and how well it does class by class, as plain rows and arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from ncviz.models.network import Network


def layer_rows(network: Network) -> list[dict[str, Any]]:
    """Return one row for each connection between two layers: name, kind, units at both ends, weights, edges.

    Raises:
        NcvizError: If the network cannot be read.
    """
    from ncviz.graph.build import build_graph

    graph = build_graph(network.module(), network.image_shape)
    rows: list[dict[str, Any]] = []
    for connection in graph.connections:
        kernel = "×".join(map(str, connection.shape[2:]))
        rows.append(
            {
                "layer": connection.name,
                "kind": f"convolution {kernel}" if kernel else "linear",
                "input units": "×".join(map(str, graph.layer_shapes[connection.source])),
                "output units": "×".join(map(str, graph.layer_shapes[connection.target])),
                "weights": int(np.prod(connection.shape)),
                "edges": connection.number_of_edges,
            }
        )
    return rows
