"""Links of another length, against the definition done slowly on a network written out by hand."""

import numpy as np
import pytest
import torch

from ncviz.config import GraphConfig
from ncviz.errors import NcvizError
from ncviz.studies.paper import ranking
from ncviz.studies.paper.link_length import curvature_by_image, with_link_length
from tests.examples.brute_force_wired import slow_curvature
from tests.examples.contexts import here
from tests.examples.maps import Wiring
from tests.examples.wired import Residual


@pytest.fixture
def net():
    with torch.random.fork_rng():
        torch.manual_seed(3)
        found = Residual().double().eval()
        for norm in (found.na, found.nb):
            norm.running_mean.uniform_(-0.3, 0.3)
            norm.running_var.uniform_(0.5, 2.0)
            norm.weight.data.uniform_(0.5, 1.5)
        return found


@pytest.mark.parametrize("length", [0.2, 5.0])
def test_links_are_as_long_as_was_asked_for(net, length):
    image = torch.rand(1, *net.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    changed = with_link_length(net, length)
    with torch.no_grad():
        assert torch.allclose(changed(image), net(image), atol=1e-9)
    own = net.wiring()
    # Of a link the weight is 1/L, so that its length is L; a weight layer's edges have the network's own weights.
    maps = [
        (source, target, name, map_ if name else lambda x, map_=map_: map_(x) / length)
        for source, target, name, map_ in own.maps
    ]
    slow = slow_curvature(Wiring(own.activations, maps), image, 0.9)
    found = curvature_by_image(net, image, length, GraphConfig())
    usual = curvature_by_image(net, image, 1.0, GraphConfig())
    assert found.keys() == usual.keys() == {"stem.weight", "a.weight", "b.weight", "head.weight"}
    # Of a linear layer a weight is one edge.
    head = found["head.weight"][0].numpy()
    for (name, _, i, j), kappa in slow.items():
        if name == "head.weight" and not np.isnan(head[j, i]):
            assert head[j, i] == pytest.approx(kappa, abs=1e-5)
    assert not np.allclose(head, usual["head.weight"][0].numpy(), equal_nan=True, atol=1e-3)


def test_what_decides_nothing_is_refused(store, network):
    with pytest.raises(NcvizError, match="above 0"):
        with_link_length(network.module(), 0.0)
    with pytest.raises(NcvizError, match="leave out scale 'fan-in'"):
        ranking.study_rankings(
            network,
            here(store),
            samples=[1],
            seeds=[1],
            images=9,
            graph=GraphConfig(scale="fan-in"),
            link=2.0,
        )


def test_without_links_their_length_changes_nothing(store, network):
    settings = {"samples": [1], "seeds": [1], "images": 200, "names": ["paper"]}
    one, other = (ranking.study_rankings(network, here(store), **settings, link=link) for link in (1.0, 4.0))
    assert np.allclose(one.accuracy["paper", 1], other.accuracy["paper", 1], atol=0.011)
