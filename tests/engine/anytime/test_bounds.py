"""The first bounds: those from paths of two steps, by what channels share, and the loose upper ends."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from ncviz.engine import prepared
from ncviz.engine.anytime import lower, steps
from ncviz.engine.anytime.interval import MARGIN, nothing_known
from ncviz.engine.kernels import CLOSED, LIVE
from ncviz.engine.layers import around, ends_of, layers_of
from ncviz.engine.local import search, search_all
from ncviz.engine.plan import make_plan, near_plan
from ncviz.engine.results import Settings
from ncviz.graph.activations import layer_activations, normalise
from ncviz.graph.build import build_graph
from ncviz.graph.paths import distances
from tests.examples import networks, wired

NAMES = [*networks.NETWORKS, *wired.WIRED]
SETTINGS = Settings(0.9, "cpu", keep_edges=False, keep_samples=False)


def connections(name, seed, zero_share=0.0):
    """Give each connection's near and whole plan, the layers around it, and its ends."""
    pool = networks if name in networks.NETWORKS else wired
    net, x = pool.make(name, seed, zero_share=zero_share)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        # Of the images one is faint, so that many masses are too small to count and are uniform.
        x = torch.cat([x, torch.rand(1, *x.shape[1:]), 0.02 * torch.rand(1, *x.shape[1:])])
    graph = build_graph(net, tuple(x.shape[1:]))
    layers = layers_of(graph, [normalise(layer) for layer in layer_activations(net, graph, x)])
    near = distances(graph, is_near=True)
    whole = distances(graph, known=near)
    for index in range(len(graph.connections)):
        own = around(layers, graph, index)
        yield near_plan(near, graph, index), make_plan(whole, graph, index), own, ends_of(graph, index)


def done(makes, plan, layers, ends):
    """What is known once some steps are done."""
    known = nothing_known(SETTINGS, plan, layers, ends, 0)
    for make in makes:
        for step in make(known):
            step.work(np.zeros(1, dtype=bool), np.zeros(1))
    return known


def by_edge(known):
    return [steps._bounds_of_part(known, part) for part in range(len(known.parts))]


@pytest.mark.parametrize("name", NAMES)
def test_they_are_those_of_each_edge_by_itself(name, monkeypatch):
    monkeypatch.setattr("ncviz.engine.edges.sides.MOST_OWN", 10**6)
    for seed in range(2):
        for near, whole, layers, ends in connections(name, seed, zero_share=0.3 * seed):
            assert lower.sides_of(near, layers) is not None
            fast, slow = (
                done([make], plan, layers, ends) for make, plan in ((steps.bounds_of, near), (by_edge, whole))
            )
            for own, other in ((fast.best, slow.best), (fast.low, slow.low)):
                np.testing.assert_allclose(own.curvature, other.curvature, rtol=1e-10, atol=1e-10)
                assert ((own.pair >= 0) == (other.pair >= 0)).all()
            of = [LIVE, CLOSED]
            assert (fast.counts.sum(axis=0)[of] == slow.counts.sum(axis=0)[of]).all()


@pytest.mark.parametrize("name", NAMES)
def test_they_and_loose_upper_ends_contain_the_exact_value(name):
    check_contained(name, range(2))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_so_they_do_on_hundreds_of_networks(name):
    check_contained(name, range(2, 10))


def check_contained(name, seeds):
    is_open = False
    for seed in seeds:
        for near, whole, layers, ends in connections(name, seed, zero_share=0.3 * (seed % 2)):
            known = done(
                [steps.bounds_of, lambda own: steps.upper_ends([own], is_loose=True)], near, layers, ends
            )
            least, most = known.interval()
            with ThreadPoolExecutor(1) as pool:
                exact = search_all([search(whole, layers, ends)], pool)[0].curvature
            slack = MARGIN * np.maximum(1.0, np.where(np.isinf(exact), 1.0, np.abs(exact)))
            assert (least <= exact + slack).all()
            assert (exact - slack <= most).all()
            is_open |= bool((least < most).any())
            # No looser end than what κ can be at most.
            assert (most[np.isfinite(most)] <= 2.0).all()
    assert is_open or name not in ("mlp_tanh", "conv", "Residual")


def test_near_plans_are_those_of_the_whole_without_what_lies_across():
    for near, whole, _, ends in connections("Residual", 0):
        assert near.spread <= whole.spread
        assert len(near.across.length) == 0
        assert any(ends) or len(whole.across.length) > 0
        both = zip(near._replace(across=whole.across).arrays(), whole.arrays(), strict=True)
        assert all(np.array_equal(own, other) for own, other in both)


def test_whole_plans_build_on_near_ones_and_stand_in_for_them():
    net, x = networks.make("conv", 7)
    graph = build_graph(net, tuple(x.shape[1:]))
    with ThreadPoolExecutor(1) as pool:
        near = prepared.near_plans_of(graph, "cpu", pool)
        whole = prepared.plans_of(graph, "cpu", pool)
        assert prepared.near_plans_of(graph, "cpu", pool) is whole
    for own, other in zip(near, whole, strict=True):
        assert own.pairs is other.pairs
        assert own.to_target is other.to_target
