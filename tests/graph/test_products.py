"""Min-plus products in torch, against the compiled ones."""

import numpy as np
import pytest
import torch
import torchvision
from torch import nn

from ncviz.errors import DeviceError, ModelError
from ncviz.graph import paths, products
from ncviz.graph.build import build_graph
from ncviz.graph.minplus import best_products

has_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def _tables():
    """Two tables with infinities, and outputs of no, one, two and three products."""
    generator = np.random.default_rng(0)
    left, right = generator.random((4, 5, 3)), generator.random((3, 3, 6))
    left[left < 0.3] = np.inf
    right[:, 1] = np.inf
    products = np.array([2, 0, 1, 3, 2, 1, 1])
    start = np.concatenate([[0], np.cumsum(products)]).astype(np.int64)
    first, second = (generator.integers(0, size, start[-1]).astype(np.int32) for size in (4, 3))
    expected = np.empty((len(products), 5, 6))
    best_products(left, right, start, first, second, expected)
    return (left, right, start, first, second), expected


@pytest.mark.parametrize("elements", [1, 40, 200, 2**24])
def test_products_in_torch_are_the_compiled_ones(elements, monkeypatch):
    arguments, expected = _tables()
    monkeypatch.setattr(products, "_CHUNK_ELEMENTS", elements)
    assert np.array_equal(products.dense_products(*arguments, "cpu"), expected)


def _failing(monkeypatch, fails):
    own, asked = torch.minimum, []

    def replacement(one, other):
        asked.append(other.shape)
        if fails(other):
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return own(one, other)

    monkeypatch.setattr(torch, "minimum", replacement)
    return asked


def test_out_of_memory_halves_the_chunk(monkeypatch):
    arguments, expected = _tables()
    asked = _failing(monkeypatch, lambda part: part.shape[0] * part.shape[1] > 2)
    assert np.array_equal(products.dense_products(*arguments, "cpu"), expected)
    assert sum(shape[0] * shape[1] > 2 for shape in asked) < 6


def test_out_of_memory_for_a_single_row_is_one_sentence(monkeypatch):
    arguments, _ = _tables()
    asked = _failing(monkeypatch, lambda part: True)
    with pytest.raises(DeviceError, match="ran out of memory"):
        products.dense_products(*arguments, "cpu")
    assert asked[-1][:2] == (1, 1)


@pytest.mark.gpu
@has_gpu
def test_a_gpu_finds_the_same_distances():
    net = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(), nn.Conv2d(3, 4, 2, stride=2), nn.ReLU(),
                        nn.Conv2d(4, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(12, 3))  # fmt: skip
    graph = build_graph(net, (2, 6, 6))
    one, other = paths.distances(graph), paths.distances(graph, "cuda:0")
    assert one.tables.keys() == other.tables.keys()
    for ends, mine in one.tables.items():
        assert np.array_equal(mine.lengths, other.tables[ends].lengths)


def test_a_gate_that_reaches_more_places_than_memory_holds_is_refused_before_it_is_made(monkeypatch):
    gate = torchvision.ops.SqueezeExcitation(2, 2)
    gated = nn.Sequential(nn.Conv2d(1, 2, 1), gate, nn.Conv2d(2, 2, 1), nn.Flatten(), nn.Linear(128, 2))
    graph = build_graph(gated.eval(), (1, 8, 8))
    monkeypatch.setattr(products, "free_memory", lambda: 1_000)
    paths.distances(graph)  # so few that nobody asks
    monkeypatch.setattr(products, "_MANY_PAIRS", 100)
    with pytest.raises(ModelError, match="pairs of places, which takes .* but only"):
        paths.distances(graph)
