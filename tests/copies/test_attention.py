"""An attention that calls its projections: the same outputs, and every layer heard, repaired and scored."""

import copy

import pytest
import torch
from torch import nn

import ncviz
from ncviz.copies.attention import CalledAttention, call_projections
from ncviz.errors import NcvizError

WIDE, HEADS, TOKENS = 12, 3, 5


def attention(**options):
    torch.manual_seed(0)
    own = nn.MultiheadAttention(WIDE, HEADS, **options).eval()
    for each in own.parameters():
        nn.init.normal_(each, std=0.5)
    return own


MASKS = {
    "none": None,
    "added": torch.randn(TOKENS, TOKENS, generator=torch.Generator().manual_seed(1)),
    "causal": torch.ones(TOKENS, TOKENS, dtype=torch.bool).triu(1),
    "by head": torch.randn(2 * HEADS, TOKENS, TOKENS, generator=torch.Generator().manual_seed(2)),
}


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("options", [{}, {"batch_first": True}, {"bias": False}], ids=str)
def test_it_gives_what_the_module_gives(mask, options):
    own = attention(**options)
    opened = call_projections(copy.deepcopy(own))
    assert type(opened) is CalledAttention
    x = torch.randn(2, TOKENS, WIDE) if own.batch_first else torch.randn(TOKENS, 2, WIDE)
    for more in ({"need_weights": False}, {}, {"average_attn_weights": False}):
        expected, found = (each(x, x, x, attn_mask=MASKS[mask], **more) for each in (own, opened))
        torch.testing.assert_close(found[0], expected[0], atol=2e-6, rtol=2e-6)
        assert (found[1] is None) == (expected[1] is None)
        if expected[1] is not None:
            torch.testing.assert_close(found[1], expected[1], atol=2e-6, rtol=2e-6)


def test_what_it_does_not_write_out_is_the_modules_own():
    own = attention(batch_first=True)
    opened = call_projections(copy.deepcopy(own))
    x, y = torch.randn(2, TOKENS, WIDE), torch.randn(2, TOKENS, WIDE)
    assert torch.equal(opened(x, y, y)[0], own(x, y, y)[0])
    assert torch.equal(opened(x[0], x[0], x[0])[0], own(x[0], x[0], x[0])[0])
    padding = torch.zeros(2, TOKENS, dtype=torch.bool)
    padding[:, -1] = True
    assert torch.equal(
        opened(x, x, x, key_padding_mask=padding)[0], own(x, x, x, key_padding_mask=padding)[0]
    )


@pytest.mark.parametrize("options", [{"kdim": 4, "vdim": 4}, {"add_zero_attn": True}, {"add_bias_kv": True}])
def test_others_stay_as_they_are(options):
    own = attention(**options)
    assert type(call_projections(own)) is nn.MultiheadAttention


def test_parameters_keep_their_names_and_are_shared_wherever_they_go():
    own = call_projections(attention())
    assert list(dict(own.named_parameters())) == list(dict(attention().named_parameters()))
    again = copy.deepcopy(own).double()
    assert again.in_proj.weight is again.in_proj_weight
    assert again.in_proj.bias is again.in_proj_bias


class Tokens(nn.Module):
    """Patches, an attention beside a skip, a classifier; in a block of torch's own, or written by hand."""

    def __init__(self, is_block):
        super().__init__()
        torch.manual_seed(0)
        self.patches = nn.Conv2d(1, WIDE, 2, 2)
        if is_block:
            self.block = nn.TransformerEncoderLayer(WIDE, HEADS, 16, batch_first=True, activation="gelu")
        else:
            self.attend = nn.MultiheadAttention(WIDE, HEADS, batch_first=True)
        self.is_block = is_block
        self.classify = nn.Linear(WIDE, 3)

    def forward(self, images):
        x = self.patches(images).flatten(2).transpose(1, 2)
        return self.classify((self.block(x) if self.is_block else x + self.attend(x, x, x)[0]).mean(1))


class ByHand(nn.Module):
    """The same attention of plain linear layers."""

    def __init__(self, like):
        super().__init__()
        self.patches, self.classify = copy.deepcopy(like.patches), copy.deepcopy(like.classify)
        self.into, self.out = nn.Linear(WIDE, 3 * WIDE), nn.Linear(WIDE, WIDE)
        self.into.weight, self.into.bias = copy.deepcopy(
            (like.attend.in_proj_weight, like.attend.in_proj_bias)
        )
        self.out.weight, self.out.bias = copy.deepcopy(
            (like.attend.out_proj.weight, like.attend.out_proj.bias)
        )

    def forward(self, images):
        x = self.patches(images).flatten(2).transpose(1, 2)
        q, k, v = self.into(x).unflatten(-1, (3, HEADS, WIDE // HEADS)).permute(2, 0, 3, 1, 4)
        shares = torch.softmax(q @ k.transpose(-2, -1) * (WIDE // HEADS) ** -0.5, -1)
        return self.classify((x + self.out((shares @ v).transpose(1, 2).flatten(2))).mean(1))


NAMES = {"attend.in_proj_weight": "into.weight", "attend.out_proj.weight": "out.weight"}
IMAGES = torch.randn(16, 1, 8, 8, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("criterion", ["wanda", "ria"])
def test_scores_are_those_of_linear_layers(criterion):
    net = Tokens(is_block=False).eval()
    found = ncviz.pruning_scores(net, criterion, inputs=IMAGES)
    expected = ncviz.pruning_scores(ByHand(net).eval(), criterion, inputs=IMAGES)
    assert set(NAMES) <= set(found)
    for name, values in found.items():
        torch.testing.assert_close(values, expected[NAMES.get(name, name)], atol=1e-5, rtol=1e-5)
        assert bool((values > 0).all())


@pytest.mark.parametrize("repair", ["recalibrate", "layerwise"])
def test_repairs_are_those_of_linear_layers(repair):
    net = Tokens(is_block=False).eval()
    nets = net, ByHand(net).eval()
    found = []
    for whole in nets:
        pruned = copy.deepcopy(whole)
        with torch.no_grad():
            for own in pruned.parameters():
                if own.ndim == 2:
                    own[:, ::3] = 0.0
        if repair == "recalibrate":
            found.append(ncviz.recalibrate(pruned, IMAGES, whole))
        else:
            found.append(ncviz.compensate(pruned, whole, IMAGES, method="layerwise"))
        assert set(dict(found[-1].named_parameters())) == set(dict(whole.named_parameters()))
    own, expected = (dict(each.named_parameters()) for each in found)
    assert not torch.allclose(own["attend.in_proj_weight"], net.attend.in_proj_weight)
    for name, other in NAMES.items():
        torch.testing.assert_close(own[name], expected[other], atol=2e-4, rtol=2e-4)
    with torch.no_grad():
        torch.testing.assert_close(found[0](IMAGES), found[1](IMAGES), atol=2e-4, rtol=2e-4)


def test_a_block_of_torchs_own_is_heard_and_repaired_whole():
    net = Tokens(is_block=True).eval()
    scores = ncviz.pruning_scores(net, "wanda", inputs=IMAGES)
    assert {"block.self_attn.in_proj_weight", "block.self_attn.out_proj.weight"} <= set(scores)
    assert all(bool((values > 0).all()) for values in scores.values())
    pruned = copy.deepcopy(net)
    with torch.no_grad():
        pruned.block.self_attn.in_proj_weight[:, ::2] = 0.0
    again = ncviz.recalibrate(pruned, IMAGES, net)
    assert bool((again.block.self_attn.in_proj_weight[:, ::2] == 0).all())
    assert not torch.equal(again.block.self_attn.in_proj_weight, pruned.block.self_attn.in_proj_weight)


class Unheard(nn.Module):
    """A layer whose weight the forward reads, but which it never calls."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(6, 4), nn.Linear(4, 3)

    def forward(self, x):
        return self.second(torch.relu(nn.functional.linear(x.flatten(1), self.first.weight, self.first.bias)))


def test_a_layer_that_heard_nothing_is_named_in_place_of_scored_zero():
    with pytest.raises(NcvizError, match=r"'first.weight' is read by a function"):
        ncviz.pruning_scores(Unheard().eval(), "wanda", inputs=torch.randn(4, 1, 2, 3))
