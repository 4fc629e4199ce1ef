"""The lens that the Edge page lays on an edge is about the same part of the network as the result that it explains."""

import numpy as np
import pytest

from ncviz import tasks
from ncviz.config import CurvatureConfig
from ncviz.store import Store
from tests.examples.contexts import NOWHERE, here


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("mlp-digits-relu", {"channels": 8}),
        ("mlp-digits-relu", {"channels": 8, "seed": 3}),
        ("mlp-digits-relu", {"layers": 1}),
        ("lenet-mnist-relu", {"channels": 3}),
    ],
)
def test_the_lens_has_the_numbers_of_a_part(tmp_path, name, parts):
    network = tasks.open_network(name)
    parts = dict(parts)
    if "layers" in parts:
        parts["layers"] = tuple(tasks.shapes_of(network))[: parts["layers"]]
    record = (
        here(Store(str(tmp_path / "cache"))).run(tasks.Curvature(network, CurvatureConfig(**parts))).result
    )
    assert record.measured < record.total
    lenses, compared = {}, 0
    for connection, edges in enumerate(record.edges):
        for at in np.flatnonzero(edges.sample >= 0)[::7][:6].tolist():
            sample = int(edges.sample[at])
            if sample not in lenses:
                lenses[sample] = tasks.lens_on(network, record, sample, NOWHERE)
            problem = lenses[sample].edge(connection, int(edges.source[at]), int(edges.target[at]))
            assert problem.curvature() == pytest.approx(float(edges.curvature[at]), rel=1e-5, abs=1e-5)
            compared += 1
    assert compared > 3
    if record.config.layers:
        assert all(lens.connections == (0,) for lens in lenses.values())
