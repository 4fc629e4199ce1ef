"""What the Edge page says of an edge is about the same part of the network as the result that it explains."""

import numpy as np
import pytest

from ncviz import tasks
from ncviz.config import CurvatureConfig
from ncviz.store import Store
from ncviz.tasks import Context, Desk


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("mlp-digits-relu", {"channels": 8}),
        ("mlp-digits-relu", {"channels": 8, "seed": 3}),
        ("mlp-digits-relu", {"layers": 1}),
        ("lenet-mnist-relu", {"channels": 3}),
    ],
)
def test_an_edge_has_the_numbers_of_a_part(tmp_path, name, parts):
    network = tasks.open_network(name)
    parts = dict(parts)
    if "layers" in parts:
        parts["layers"] = tuple(tasks.shapes_of(network))[: parts["layers"]]
    context = Context(Desk(Store(str(tmp_path / "cache")), has_memory=True))
    record = context.run(tasks.Curvature(network, CurvatureConfig(**parts))).result
    assert record.measured < record.total
    images, compared = {}, 0
    for connection, edges in enumerate(record.edges):
        for at in np.flatnonzero(edges.sample >= 0)[::7][:6].tolist():
            on = tasks.ImageActivations(network, record, int(edges.sample[at]))
            ends = int(edges.source[at]), int(edges.target[at])
            problem = context.run(tasks.EdgeOnImage(on, (connection, *ends))).result
            assert problem.curvature() == pytest.approx(float(edges.curvature[at]), rel=1e-5, abs=1e-5)
            images[on.sample] = context.run(on).result
            compared += 1
    assert compared > 3
    if record.config.layers:
        assert all(image.connections == (0,) for image in images.values())


def test_an_edge_is_measured_once_and_kept_in_memory_alone(tmp_path):
    network, store = tasks.open_network("mlp-digits-relu"), Store(str(tmp_path / "cache"))
    context = Context(Desk(store, has_memory=True))
    record = context.run(tasks.Curvature(network, CurvatureConfig(samples_per_class=1))).result
    stored = [each.key for each in store.entries()]
    edges = record.edges[1]
    at = int(edges.curvature.argmin())
    on = tasks.ImageActivations(network, record, int(edges.sample[at]))
    edge = tasks.EdgeOnImage(on, (1, int(edges.source[at]), int(edges.target[at])))
    problem = context.run(edge).result
    alphas, weights = (0.0, 0.5, 0.9), (problem.weight / 2, problem.weight)
    for task in (
        tasks.EdgeCurvature(edge, 0.5, problem.weight),
        tasks.EdgeCurve(edge, alphas, (problem.weight,)),
        tasks.EdgeCurve(edge, (0.5,), weights),
    ):
        assert context.look_up(task) is None
        assert context.run(task).result is context.run(task).result
    assert context.run(edge).result is problem
    found = context.run(tasks.EdgeCurvature(edge, 0.5, problem.weight)).result
    assert found.curvature == problem.at(0.5).curvature
    np.testing.assert_array_equal(
        context.run(tasks.EdgeCurve(edge, alphas, (problem.weight,))).result, problem.curve(alphas)
    )
    np.testing.assert_array_equal(
        context.run(tasks.EdgeCurve(edge, (0.5,), weights)).result, problem.weight_curve(weights, 0.5)
    )
    assert [each.key for each in store.entries()] == stored
