"""Tokens are drawn where their patches are; what is no patch lies apart and has a name."""

import numpy as np
import pytest
import torch
from torch import nn

from ncviz.graph.build import build_graph
from ncviz.models.catalogue.token_networks import convnext, vision_transformer
from ncviz.plots.network.lines import TokenMap, layer_subtitle
from ncviz.scene.layered_network import _met_channels, _other_factors
from ncviz.scene.token_maps import token_maps
from ncviz.tasks.curvature.links import stored_links
from ncviz.tasks.curvature.places import StoredWeights, packed


class Wiring:
    """What of a result says how its layers are joined."""

    def __init__(self, net, shape):
        graph = build_graph(net, shape)
        nothing = np.empty(0, dtype=np.uint8)
        self.layer_shapes, self.layer_names = graph.layer_shapes, graph.layer_names
        self.places = tuple(
            StoredWeights(packed(each.fields), nothing, nothing) for each in graph.connections
        )
        self.ends = tuple((each.source, each.target) for each in graph.connections)
        self.links = stored_links(graph)

    def into(self, layer):
        return tuple(at for at, (_, target) in enumerate(self.ends) if target == layer)


@pytest.fixture(scope="module")
def vit():
    torch.manual_seed(0)
    net = vision_transformer().eval()
    # As it is made its last layer is zero, so that nothing leads through it.
    nn.init.uniform_(net.heads.head.weight)
    return Wiring(net, (1, 28, 28))


def test_tokens_lie_as_their_patches_do_and_the_class_token_above_them(vit):
    found = token_maps(vit)
    own = [at for at, shape in enumerate(vit.layer_shapes) if shape[1:] == (50,)]
    # Queries, keys, values, what they mix, its projection and two of the MLP, in each of four blocks.
    assert len(own) == 28
    assert {at for at, each in enumerate(found) if each} == set(own)
    for at in own:
        tokens = found[at]
        assert tokens.apart == {0: "class token"}
        grid = np.full(tokens.rows * tokens.columns, -1)
        grid[list(tokens.cells)] = np.arange(50)
        top, left, rows, columns = tokens.image
        grid = grid.reshape(tokens.rows, tokens.columns)
        # Token 1 + 7·r + c is of the patch in row r and column c.
        np.testing.assert_array_equal(
            grid[top : top + rows, left : left + columns], 1 + np.arange(49).reshape(7, 7)
        )
        assert (grid[0] >= 0).sum() == 1
        assert (grid[1] < 0).all()
    assert found[own[0]].words(0) == "class token"
    assert found[own[0]].words(1 + 7 * 2 + 5) == "row 2, column 5"
    assert layer_subtitle((64, 1, 50), found[own[0]]) == "64 × (7×7 + 1)"


def test_maps_and_scores_are_drawn_as_they_are(vit):
    found = token_maps(vit)
    assert found[0] is None
    assert not any(found[at] for at, shape in enumerate(vit.layer_shapes) if len(shape) != 2)
    torch.manual_seed(0)
    assert not any(token_maps(Wiring(convnext().eval(), (1, 28, 28))))


def test_what_an_attention_joins_is_weighed_by_the_channel_that_it_meets(vit):
    products = [link for link in vit.links if link.kind == "product"]
    assert len(products) == 16
    beside = _other_factors(vit.links)
    at = len(vit.links) - 16
    assert beside[:at] == [None] * at
    query, key, scores, value = products[:4]
    assert beside[at : at + 4] == [key, query, value, scores]
    # Channel c of the queries meets channel c of the keys, and both end in head c // 16.
    np.testing.assert_array_equal(_met_channels(query, key), query.channels[:, 0])
    np.testing.assert_array_equal(_met_channels(key, query), key.channels[:, 0])
    # What head h mixes of value channel c ends in channel c.
    np.testing.assert_array_equal(_met_channels(value, scores), value.channels[:, 0] // 16)
    np.testing.assert_array_equal(_met_channels(scores, value), scores.channels[:, 1])


class _Rows(nn.Module):
    """Tokens without a class token that come from a map, in the order of its columns."""

    def __init__(self):
        super().__init__()
        self.embed, self.mix, self.head = nn.Conv2d(1, 3, 2, stride=2), nn.Linear(3, 3), nn.Linear(3, 2)

    def forward(self, x):
        x = self.embed(x).transpose(2, 3).flatten(2).transpose(1, 2)
        return self.head(self.mix(x).relu().mean(1))


def test_a_place_is_that_of_the_patch_whatever_the_order_of_the_tokens():
    torch.manual_seed(0)
    wiring = Wiring(_Rows().eval(), (1, 4, 6))
    [tokens] = [each for each in token_maps(wiring) if each]
    assert (tokens.rows, tokens.columns, tokens.apart) == (2, 3, {})
    assert tokens.cells == (0, 3, 1, 4, 2, 5)
    assert tokens.subtitle == "2×3"
    assert tokens.words(3) == "row 1, column 1"


def test_a_row_that_comes_from_no_map_stays_a_row():
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv1d(1, 3, 3),
        nn.ReLU(),
        nn.Conv1d(3, 2, 1),
        nn.AdaptiveAvgPool1d(1),
        nn.Flatten(),
        nn.Linear(2, 2),
    )
    assert not any(token_maps(Wiring(net.eval(), (1, 9))))


def test_several_tokens_apart_lie_beside_each_other_and_a_plane_has_each_value_once():
    tokens = TokenMap(4, 5, (2, 1, 2, 2), (1, 3, 11, 12, 16, 17), {0: "class", 1: "teacher"})
    plane = tokens.plane(np.arange(1, 7, dtype=np.uint8))
    assert plane.tolist() == [[0, 1, 0, 2, 0], [0] * 5, [0, 3, 4, 0, 0], [0, 5, 6, 0, 0]]
