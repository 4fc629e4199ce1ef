"""Attention as a forward writes it: curvature against the definition done slowly, and of other ways to write it."""

import pytest
import torch

from ncviz import neural_curvature
from tests.curvature.test_attention import edges_of, worst
from tests.examples.attending import make
from tests.examples.brute_force_wired import slow_curvature
from tests.examples.vits import WAYS, vit

NETWORKS = {
    "block": ({"heads": 2}, 0.9),
    "block, little idle": ({"heads": 2, "tokens": 2, "channels": 2}, 0.3),
    "perceptron": ({"heads": 2, "wide": 3, "inner": 2}, 0.9),
    "blocks": ({"blocks": 2, "wide": 2, "tokens": 2, "channels": 2, "inner": 2}, 0.9),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_every_edge_of_what_is_read_agrees_with_the_definition(name):
    how, alpha = NETWORKS[name]
    net, x = make(3, 0.3, **how)
    result = neural_curvature(net, x, alpha=alpha, keep_edges=True)
    assert worst(edges_of(result), slow_curvature(net.wiring(), x, alpha)) < 1e-9


def named_alike(net, weights):
    """Return κ by what a weight does, the same for every way of writing an attention."""
    found = {}
    for name, kappa in weights.items():
        if name.endswith(("qkv.weight", "in_proj_weight")):
            assert kappa.shape == (12, 4)
            found |= {letter: kappa[4 * at : 4 * at + 4] for at, letter in enumerate("qkv")}
        elif name.endswith("out_proj.weight"):
            found["out"] = kappa
        else:
            found[name.removeprefix("attention.").removesuffix(".weight")] = kappa
    return found


@pytest.mark.slow
def test_every_way_of_writing_it_has_the_same_curvature():
    x = torch.rand(2, 1, 4, 4, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    found = {way: named_alike(net, neural_curvature(net, x).weights) for way in WAYS for net in [vit(way)]}
    expected = found["written out"]
    assert {"q", "k", "v", "out", "patches", "mlp.0", "mlp.2", "head"} == set(expected)
    for own in found.values():
        assert own.keys() == expected.keys()
        for name, kappa in own.items():
            assert torch.allclose(kappa, expected[name], rtol=1e-5, atol=1e-5)
