"""What the store keeps of a curvature: small, and the same edge for each weight as in the result with every edge."""

import numpy as np
import pytest
import torch
from torch import nn

from ncviz import neural_curvature
from ncviz.config import ALGORITHM_VERSION
from ncviz.tasks import from_result
from ncviz.tasks.curvature import stored
from ncviz.tasks.curvature.pictures import take_pictures

SAMPLES = 2
META = {"config": {}, "key": "k", "algorithm": ALGORITHM_VERSION}


@pytest.fixture(scope="module")
def both():
    """A grouped, padded, strided network with a batch normalisation, and a weight that is zero."""
    torch.manual_seed(3)
    net = nn.Sequential(
        nn.Conv2d(2, 4, 3, stride=2, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Conv2d(4, 4, 2, groups=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(16, 3),
    ).eval()
    net[1].running_var.copy_(torch.rand(4) + 0.5)
    net[1].weight.data.copy_(torch.tensor([1.5, -0.5, 2.0, 1.0]))
    net[0].weight.data[1, 0, 1, 1] = 0
    images = torch.rand(SAMPLES, 2, 6, 6)
    result = neural_curvature(net, images, keep_edges=True, keep_samples=True, batchnorm="folded")
    arrays = {name: values.detach().numpy() for name, values in net.state_dict().items()}
    return result, arrays, _record(net, images, result, arrays)


def _record(net, images, result, arrays):
    pictures = take_pictures(net, result.graph, images)
    number = np.arange(len(images))
    return from_result(result, arrays, number, number, pictures, META)


def test_the_kept_edge_of_each_weight_is_that_with_its_least_curvature(both):
    result, _, record = both
    for index, (connection, edges) in enumerate(zip(result.graph.connections, record.edges, strict=True)):
        listed = connection.edges
        at = {
            place: number
            for number, place in enumerate(
                zip(listed.source.tolist(), listed.target.tolist(), listed.parameter.tolist(), strict=True)
            )
        }
        assert edges.parameter.tolist() == np.unique(listed.parameter).tolist()
        kappa = [result.edges(index, sample)[2].numpy() for sample in range(SAMPLES)]
        for source, target, parameter, least, position, sample in zip(
            *(
                getattr(edges, part).tolist()
                for part in ("source", "target", "parameter", "curvature", "position", "sample")
            ),
            strict=True,
        ):
            number = at[source, target, parameter]
            assert target % connection.fields.shape[1] == position
            if sample >= 0:
                assert kappa[sample][number] == pytest.approx(least, rel=1e-6)
            else:
                assert least == 2


def test_one_image_alone_has_its_own_least_edges(both):
    result, _, record = both
    for sample in range(SAMPLES):
        alone = record.of([sample])
        assert alone.meta["key"] != record.meta["key"]
        for index, connection in enumerate(result.graph.connections):
            listed, kappa = connection.edges, result.edges(index, sample)[2].numpy()
            at = {
                key: number
                for number, key in enumerate(zip(listed.source.tolist(), listed.target.tolist(), strict=True))
            }
            edges = alone.edges[index]
            for source, target, curvature, of in zip(
                edges.source.tolist(),
                edges.target.tolist(),
                edges.curvature.tolist(),
                edges.sample.tolist(),
                strict=True,
            ):
                if of < 0:
                    assert curvature == 2
                else:
                    assert of == sample
                    assert kappa[at[source, target]] == pytest.approx(curvature, rel=1e-6)


def test_all_images_together_are_the_whole(both):
    _, _, record = both
    together = record.of(range(SAMPLES))
    for name, values in record.weights.items():
        assert np.allclose(together.weights[name], values)
    for mine, whole in zip(together.edges, record.edges, strict=True):
        assert np.array_equal(mine.position, whole.position)
        assert np.array_equal(mine.sample, whole.sample)


def test_pictures_hold_images_and_activity(both):
    result, _, record = both
    pictures = stored.decode(stored.encode(record)).pictures
    assert pictures.images.shape == (SAMPLES, 2, 6, 6)
    assert [layer.shape for layer in pictures.activity] == [
        (SAMPLES, size) for size in result.graph.layer_sizes
    ]
    for layer, mean, first in zip(pictures.activity, pictures.mean, pictures.of([0]), strict=True):
        assert layer.max(axis=1).tolist() == [255] * SAMPLES
        assert np.abs(layer.mean(axis=0) - mean).max() <= 1
        assert np.array_equal(layer[0], first)
    assert pictures.of(None) is pictures.mean
    assert pictures.of([SAMPLES + 3]) is pictures.mean
    assert len(pictures.cut([1])) == 1


def test_weights_are_shown_as_the_edges_carry_them(both):
    result, arrays, record = both
    assert record.is_folded
    assert record.batchnorm == "folded"
    assert [place.scale is None for place in record.places] == [False, True, True]
    for index, connection in enumerate(result.graph.connections):
        assert np.allclose(record.folded(index, arrays), connection.weight.reshape(-1), rtol=1e-6)


def test_own_weights_are_shown_as_the_network_has_them():
    net = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 2)).eval()
    net[1].running_var.fill_(9.0)
    images = torch.rand(SAMPLES, 3)
    result = neural_curvature(net, images)
    arrays = {name: values.detach().numpy() for name, values in net.state_dict().items()}
    record = _record(net, images, result, arrays)
    assert not record.is_folded
    assert record.batchnorm == "own"
    assert (record.folded(0, arrays) == arrays["0.weight"].reshape(-1)).all()


def test_it_comes_back_from_its_arrays(both):
    _, _, record = both
    again = stored.decode(stored.encode(record))
    for name in record.weights:
        assert np.array_equal(again.weights[name], record.weights[name])
        assert np.array_equal(again.samples[name], record.samples[name], equal_nan=True)
    for positions, expected in zip(again.sample_positions, record.sample_positions, strict=True):
        assert np.array_equal(positions, expected)
    for one, other in zip(again.edges, record.edges, strict=True):
        assert all(np.array_equal(getattr(one, part), getattr(other, part)) for part in vars(one))
    assert again.places[1].fields.dtype == np.uint8
    assert again.edges is again.edges


def test_all_edges_are_counted_though_one_for_each_weight_is_kept(both):
    result, _, record = both
    counts = [connection["edges"] for connection in record.meta["connections"]]
    assert counts == [len(connection.edges) for connection in result.graph.connections]
    assert record.meta["edges"] == sum(counts)
    live = sum(connection["work"]["live"] for connection in record.meta["connections"])
    assert 0 < live <= SAMPLES * sum(counts)
    assert len(record.edges[0].source) == 4 * 2 * 9 - 1


@pytest.mark.parametrize("most", [253, 254, 255, 65534, 65535])
def test_the_mark_for_none_is_never_a_number(most):
    from ncviz.tasks.curvature.places import packed, unpacked

    values = np.array([0, -1, most])
    assert np.array_equal(unpacked(packed(values)), values)
