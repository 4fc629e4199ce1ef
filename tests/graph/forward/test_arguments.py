"""A forward with arguments besides the image: read with their defaults, and said."""

from types import MethodType

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ncviz import build_graph, neural_curvature
from ncviz.errors import ModelError
from ncviz.preflight import preflight


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(18, 4))

    def forward(self, x):
        return self.body(x)


class WithLoss(Net):
    def forward(self, x, labels=None):
        logits = self.body(x)
        return logits if labels is None else F.cross_entropy(logits, labels)


class Masked(Net):
    def forward(self, x, mask=None):
        return self.body(x if mask is None else x + mask)


class Features(Net):
    def forward(self, x, return_features=False):
        features = self.body[2](self.body[1](self.body[0](x)))
        return features if return_features else self.body[3](features)


class Scaled(Net):
    def forward(self, x, temperature=1.0):
        return self.body(x) / temperature


class Extra(Net):
    def forward(self, x, *args, **kwargs):
        return self.body(x)


class KeywordOnly(Net):
    def forward(self, x, *, train_head=True, mode="eval"):
        return self.body(x) if train_head else x


class NamedOptional(Net):
    """As in transformers: every argument has a default, the image too."""

    def forward(self, pixel_values=None, return_dict=None):
        return self.body(pixel_values)


class Anything(Net):
    """As a wrapper that hands on whatever it is given."""

    def forward(self, *inputs, **kwargs):
        return self.body(*inputs, **kwargs)


class Decorated(Net):
    @torch.no_grad()
    def forward(self, x, labels=None):
        return self.body(x)


class Arithmetic(Net):
    """A number that is reckoned with."""

    def forward(self, x, shift=0.25, repeat=1):
        for _ in range(repeat):
            x = self.body(x)
        return x + shift


class Sizes(Net):
    """What follows the size of the image is only exported."""

    def forward(self, x, labels=None, *, threshold=2):
        if x.shape[-1] > threshold:
            x = self.body[0](x)
        return self.body[3](self.body[2](self.body[1](x)))


NETS = {
    WithLoss: "labels is None",
    Masked: "mask is None",
    Features: "return_features is False",
    Scaled: "temperature is 1.0",
    Extra: "*args is empty, **kwargs is empty",
    KeywordOnly: "train_head is True, mode is 'eval'",
    NamedOptional: "return_dict is None",
    Anything: "**kwargs is empty",
    Decorated: "labels is None",
    Arithmetic: "shift is 0.25, repeat is 1",
    Sizes: "labels is None, threshold is 2",
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", NETS)
def test_other_arguments_keep_their_defaults_and_a_note_says_so(kind):
    plain, net = Net().eval(), kind().eval()
    x = torch.rand(2, 1, 5, 5)
    with pytest.warns(UserWarning, match="Of forward, only"):
        found = neural_curvature(net, x)
    assert found.graph.notes[0].endswith(f"is given: {NETS[kind]}.")
    for name, expected in neural_curvature(plain, x).weights.items():
        assert torch.equal(found.weights[name], expected)


def test_preflight_has_the_note_and_a_plain_forward_has_none():
    found = preflight(WithLoss().eval(), (1, 5, 5))
    assert found.notes == ("Of forward, only 'x' is given: labels is None.",)
    assert preflight(Net().eval(), (1, 5, 5)).notes == ()


def test_a_default_that_is_long_is_not_spelled_out():
    class Long(Net):
        def forward(self, x, table=tuple(range(100))):
            return self.body(x)

    with pytest.warns(UserWarning, match="table is its default"):
        build_graph(Long(), (1, 5, 5))


class Two(Net):
    def forward(self, x, other):
        return self.body(x) + other


class OnlyByName(Net):
    def forward(self, *, x):
        return self.body(x)


class NeedsFlag(Net):
    def forward(self, x, *, flag):
        return self.body(x)


@pytest.mark.parametrize(
    ("net", "words"),
    [
        (Two(), "more than one input .second: 'other'."),
        (
            NeedsFlag(),
            "more than one input .second: 'flag'.; expected one. If it is no input, give it a default",
        ),
        (OnlyByName(), "takes no argument by place"),
    ],
)
def test_arguments_that_nothing_is_known_of_are_named(net, words):
    with pytest.raises(ModelError, match=words):
        build_graph(net, (1, 5, 5))


def test_a_forward_that_was_put_in_place_of_the_class_one_is_followed():
    net = Net().eval()
    net.forward = MethodType(lambda self, x: self.body[:3](x), net)
    graph = build_graph(net, (1, 5, 5))
    assert graph.layer_names == ("input", "body.0")
