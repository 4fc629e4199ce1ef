"""Weights that a forward computes from a parameter: what the layer has, under the parameter's own name and shape."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from ncviz import build_graph, neural_curvature
from ncviz.errors import ModelError


def standardised(w):
    """As in NFNet and BiT."""
    return (w - w.mean((1, 2, 3), keepdim=True)) / (w.std((1, 2, 3), keepdim=True) + 1e-5)


def standardised_by_a_norm(w):
    """As timm writes it."""
    flat = w.reshape(1, len(w.detach()) if isinstance(w, torch.Tensor) else 4, -1)
    return F.batch_norm(flat, None, None, training=True, eps=1e-6).reshape_as(w)


class Computed(nn.Module):
    def __init__(self, compute, shape=(4, 3, 3, 3)):
        super().__init__()
        torch.manual_seed(2)
        self.kernel, self.gain = nn.Parameter(torch.randn(shape)), nn.Parameter(torch.rand(4, 1, 1, 1) + 0.5)
        self.register_buffer("mask", (torch.rand(shape) > 0.4).float())
        self.act, self.table = nn.Softplus(), nn.Embedding(4, 27)
        self.compute, self.head = compute, nn.Linear(4, 3)

    def weight(self):
        return self.compute(self)

    def forward(self, x):
        x = torch.relu(F.conv2d(x, self.weight()))
        return self.head(x.mean((2, 3)))


# What is computed, where each value of the weight lies in the parameter, and whether a zero stays one.
WAYS = {
    "standardised": (lambda s: standardised(s.kernel), None, False),
    "standardised by a norm": (lambda s: standardised_by_a_norm(s.kernel), None, False),
    "with a gain": (lambda s: s.gain * F.normalize(s.kernel, dim=1), None, True),
    "masked": (lambda s: s.kernel * s.mask, None, True),
    "masked by where": (lambda s: torch.where(s.mask > 0, s.kernel, torch.zeros(())), None, True),
    "by a module": (lambda s: s.act(s.kernel), None, False),
    "by a function": (lambda s: torch.tanh(s.kernel), None, True),
    "binarised": (lambda s: s.kernel.sign() * s.kernel.abs().mean((1, 2, 3), keepdim=True), None, True),
    "straight through": (lambda s: s.kernel + (s.kernel.sign() - s.kernel).detach(), None, True),
    "cast": (lambda s: s.kernel.double().float(), None, True),
    "flipped": (lambda s: s.kernel.flip((2, 3)), lambda w: w.flip((2, 3)), True),
    "channels last": (lambda s: s.kernel.view(3, 3, 3, 4).permute(3, 2, 0, 1).contiguous(),
                      lambda w: w.view(3, 3, 3, 4).permute(3, 2, 0, 1), True),
    "with an update": (lambda s: s.kernel + s.table.weight.view(4, 3, 3, 3)[:, :, :1] * 0.1, None, False),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_the_curvature_is_that_of_the_weights_that_the_layer_has(way):
    compute, moved, keeps_zeros = WAYS[way]
    net, x = Computed(compute).eval(), torch.rand(2, 3, 6, 6)
    plain = nn.Sequential(
        nn.Conv2d(3, 4, 3, bias=False), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), net.head
    )
    with torch.no_grad():
        plain[0].weight.copy_(net.weight())
    expected = neural_curvature(plain.eval(), x)
    if keeps_zeros:
        found = neural_curvature(net, x)
        assert found.graph.notes == ()
    else:
        with pytest.warns(
            UserWarning, match="compute their weights from 'kernel' so that a value that is set to zero"
        ):
            found = neural_curvature(net, x)
    assert list(found.weights) == ["kernel", "head.weight"]
    own = found.weights["kernel"].view(4, 3, 3, 3) if moved is None else moved(found.weights["kernel"])
    assert torch.allclose(own, expected.weights["0.weight"], atol=1e-5)
    assert torch.allclose(found.weights["head.weight"], expected.weights["4.weight"], atol=1e-5)


@pytest.mark.parametrize(
    ("compute", "words"),
    [
        (lambda s: s.kernel[:1].expand(4, -1, -1, -1), "uses a part of 'kernel', or repeats its values"),
        (lambda s: s.kernel + s.table.weight.view(4, 3, 3, 3), "from 'kernel' and 'table.weight', but not each"),
        (lambda s: s.table(torch.arange(4)).view(4, 3, 3, 3), "computed from 'table.weight', but not each"),
        (lambda s: (s.kernel.flatten(1) @ s.kernel.flatten(1).t() @ s.kernel.flatten(1)).view(4, 3, 3, 3),
         "computed from 'kernel', but not each from one of its values"),
        (lambda s: s.mask, "weights that are no parameters of the network"),
    ],
)  # fmt: skip
def test_what_is_no_parameter_value_by_value_is_refused_in_true_words(compute, words):
    with pytest.raises(ModelError, match=words):
        build_graph(Computed(compute).eval(), (3, 6, 6))


def test_a_transposed_convolution_reads_its_own_order():
    class Transposed(nn.Module):
        def __init__(self):
            super().__init__()
            self.w, self.head = nn.Parameter(torch.randn(3, 3, 2, 4)), nn.Linear(4, 3)

        def forward(self, x):
            x = F.conv_transpose2d(x, torch.tanh(self.w).permute(2, 3, 0, 1), padding=1)
            return self.head(torch.relu(x).mean((2, 3)))

    torch.manual_seed(0)
    net, x = Transposed().eval(), torch.rand(2, 2, 5, 5)
    plain = nn.Sequential(nn.ConvTranspose2d(2, 4, 3, padding=1, bias=False), nn.ReLU(), nn.AdaptiveAvgPool2d(1),
                          nn.Flatten(), net.head)  # fmt: skip
    plain[0].weight.data = torch.tanh(net.w.data).permute(2, 3, 0, 1).contiguous()
    found, expected = neural_curvature(net, x), neural_curvature(plain.eval(), x)
    assert torch.allclose(found.weights["w"].permute(2, 3, 0, 1), expected.weights["0.weight"], atol=1e-5)
