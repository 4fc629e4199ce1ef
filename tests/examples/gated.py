"""Tiny networks with gates, and with norms of each image by itself, each written out by hand."""

import torch
import torch.nn.functional as F
from torch import nn

from tests.examples.maps import Wiring, conv, linear, same


def spread(x):
    """Return what a mean over space is to its edges."""
    return x.mean((2, 3), keepdim=True)


class Excited(nn.Module):
    """A squeeze and excitation, which is broadcast, in a residual block: its last convolution ends in the product."""

    shape = (2, 2, 2)

    def __init__(self):
        super().__init__()
        self.stem, self.norm = nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3)
        self.down, self.up = nn.Conv2d(3, 2, 1), nn.Conv2d(2, 3, 1)
        self.back, self.head = nn.Conv2d(3, 2, 1, bias=False), nn.Linear(8, 2)

    def forward(self, x):
        y = F.silu(self.norm(self.stem(x)))
        y = y * F.hardsigmoid(self.up(F.relu(self.down(F.adaptive_avg_pool2d(y, 1)))))
        return self.head(F.dropout(x + self.back(y), training=self.training).flatten(1))

    def wiring(self, is_folded=False):
        def activations(x):
            one = F.silu(self.norm(self.stem(x)))
            two = spread(one)
            three = F.relu(self.down(two))
            four = one * F.hardsigmoid(self.up(three))
            five = x + self.back(four)
            return [x, one, two, three, four, five, self.head(five.flatten(1))]

        return Wiring(activations, [
            (0, 1, "stem.weight", conv(self.stem, self.norm, is_folded)), (1, 2, "", spread),
            (2, 3, "down.weight", conv(self.down)),
            (3, 4, "up.weight", lambda x: conv(self.up)(x).expand(-1, -1, 2, 2)), (1, 4, "", same),
            (4, 5, "back.weight", conv(self.back)), (0, 5, "", same), (5, 6, "head.weight", linear(self.head)),
        ])  # fmt: skip


class Units(nn.Module):
    """Gated linear units, by a module and halves of one layer, and of two layers; norms before and after them."""

    shape = (3,)

    def __init__(self):
        super().__init__()
        self.both, self.glu, self.first = nn.Linear(3, 6), nn.GLU(), nn.RMSNorm(3)
        self.halves, self.norm = nn.Linear(3, 4), nn.LayerNorm(2)
        self.gate, self.value, self.head = nn.Linear(2, 3), nn.Linear(2, 3), nn.Linear(3, 2)
        # A norm of two values says ±1 of both, so that rounding alone would decide which of them is larger.
        nn.init.constant_(self.norm.weight[1:], 0.6)

    def forward(self, x):
        x = self.first(self.glu(self.both(x)))
        a, b = self.halves(x).chunk(2, dim=-1)
        x = self.norm(F.gelu(a) * b)
        return self.head(F.silu(self.gate(x)) * self.value(x))

    def wiring(self, is_folded=False):
        def activations(x):
            one = self.first(F.glu(self.both(x)))
            halves = self.halves(one)
            two = self.norm(F.gelu(halves[:, :2]) * halves[:, 2:])
            three = F.silu(self.gate(two)) * self.value(two)
            return [x, one, two, three, self.head(three)]

        def rows(layer, begin, end):
            return lambda x: F.linear(x, layer.weight[begin:end])

        return Wiring(activations, [
            (0, 1, "both.weight", rows(self.both, 0, 3)), (0, 1, "both.weight", rows(self.both, 3, 6)),
            (1, 2, "halves.weight", rows(self.halves, 0, 2)), (1, 2, "halves.weight", rows(self.halves, 2, 4)),
            (2, 3, "gate.weight", linear(self.gate)), (2, 3, "value.weight", linear(self.value)),
            (3, 4, "head.weight", linear(self.head)),
        ])  # fmt: skip


class Next(nn.Module):
    """A block of ConvNeXt: channels last in between, a norm, and a learned factor for each channel before the skip."""

    shape = (2, 3, 2)

    def __init__(self):
        super().__init__()
        self.stem, self.deep = nn.Conv2d(2, 2, 1), nn.Conv2d(2, 2, 3, padding=1, groups=2)
        self.begin, self.norm, self.end = nn.LayerNorm(2), nn.LayerNorm(2, eps=1e-6), nn.LayerNorm(2)
        for norm in (self.begin, self.norm, self.end):
            nn.init.constant_(norm.weight[1:], 0.6)  # as in Units
        self.up, self.down = nn.Linear(2, 3), nn.Linear(3, 2)
        self.scale, self.head = nn.Parameter(torch.tensor([0.5, -2.0]).reshape(2, 1, 1)), nn.Linear(2, 2)

    def forward(self, x):
        x = self.begin(self.stem(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        y = self.norm(self.deep(x).permute(0, 2, 3, 1))
        y = self.down(F.gelu(self.up(y))).permute(0, 3, 1, 2)
        x = x + self.scale * y
        return self.head(self.end(x.mean((2, 3))))

    def wiring(self, is_folded=False):
        def last(norm, x):
            return norm(x.movedim(1, -1)).movedim(-1, 1)

        def each(layer):
            return lambda x: F.linear(x.movedim(1, -1), layer.weight).movedim(-1, 1)

        def activations(x):
            one = last(self.begin, self.stem(x))
            two = last(self.norm, self.deep(one))
            three = F.gelu(each(self.up)(two) + self.up.bias[:, None, None])
            four = one + self.scale * (each(self.down)(three) + self.down.bias[:, None, None])
            five = self.end(four.mean((2, 3)))
            return [x, one, two, three, four, five, self.head(five)]

        return Wiring(activations, [
            (0, 1, "stem.weight", conv(self.stem)), (1, 2, "deep.weight", conv(self.deep)),
            (2, 3, "up.weight", each(self.up)), (3, 4, "down.weight", lambda x: self.scale * each(self.down)(x)),
            (1, 4, "", same), (4, 5, "", lambda x: x.mean((2, 3))), (5, 6, "head.weight", linear(self.head)),
        ])  # fmt: skip


class Prenormed(nn.Module):
    """Groups, instances and neighbouring channels normalised; what was not yet goes past them."""

    shape = (2, 3, 3)

    def __init__(self):
        super().__init__()
        self.stem, self.group, self.a = nn.Conv2d(2, 4, 2), nn.GroupNorm(2, 4), nn.Conv2d(4, 3, 1)
        self.instance, self.b = nn.InstanceNorm2d(3, affine=True), nn.Conv2d(3, 4, 1)
        self.local, self.head = nn.LocalResponseNorm(3), nn.Linear(16, 2)

    def forward(self, x):
        x = self.stem(x)
        y = self.b(torch.relu(self.instance(self.a(torch.tanh(self.group(x))))))
        x = F.normalize(self.local(x + y), dim=1)
        return F.layer_norm(self.head(x.flatten(1)), (2,))

    def wiring(self, is_folded=False):
        def activations(x):
            stem = self.stem(x)
            one = torch.tanh(self.group(stem))
            two = torch.relu(self.instance(self.a(one)))
            three = F.normalize(self.local(stem + self.b(two)), dim=1)
            return [x, one, two, three, F.layer_norm(self.head(three.flatten(1)), (2,))]

        return Wiring(activations, [
            (0, 1, "stem.weight", conv(self.stem)), (1, 2, "a.weight", conv(self.a)), (2, 3, "b.weight", conv(self.b)),
            (1, 3, "", same), (3, 4, "head.weight", linear(self.head)),
        ])  # fmt: skip


class Factors(nn.Module):
    """Factors of all kinds: a sum of two layers, one scaled, a pooling, an average, and a unit's own."""

    shape = (1, 2, 2)

    def __init__(self):
        super().__init__()
        self.stem, self.wide = nn.Conv2d(1, 2, 1), nn.Conv2d(1, 2, 3, padding=1)
        self.beside, self.last = nn.Conv2d(1, 2, 1), nn.Conv2d(2, 2, 1)
        self.register_buffer("scale", torch.tensor([2.0, -0.5]).reshape(1, 2, 1, 1))
        self.own, self.head = nn.Parameter(torch.tensor([0.3, 1.5])), nn.Linear(2, 2)

    def forward(self, x):
        a = self.stem(x) + self.wide(x)
        y = torch.tanh(a) * (1 + self.scale * self.beside(x))
        z = torch.sigmoid(F.max_pool2d(y, 2)) * y
        z = self.last(z) * F.sigmoid(z.mean((2, 3), keepdim=True)) + x.mean((2, 3), keepdim=True)
        z = z * torch.sigmoid(z)
        return self.head(F.relu(z.mean((2, 3))) * self.own)

    def wiring(self, is_folded=False):
        def activations(x):
            one = torch.tanh(self.stem(x) + self.wide(x)) * (1 + self.scale * self.beside(x))
            two = F.max_pool2d(one, 2)
            three = torch.sigmoid(two) * one
            four = spread(three)
            five = self.last(three) * torch.sigmoid(four)
            six = F.silu(five + spread(x))
            seven = F.relu(six.mean((2, 3)))
            return [x, one, torch.sigmoid(two), three, torch.sigmoid(four), five, six, seven, seven * self.own,
                    self.head(seven * self.own)]  # fmt: skip

        def most(x):
            return F.avg_pool2d(x, 2, divisor_override=1)

        def everywhere(x):
            return x.expand(-1, 2, 2, 2)

        return Wiring(activations, [
            (0, 1, "stem.weight", conv(self.stem)), (0, 1, "wide.weight", conv(self.wide)),
            (0, 1, "beside.weight", lambda x: self.scale * conv(self.beside)(x)), (1, 2, "", most),
            (2, 3, "", everywhere), (1, 3, "", same), (3, 4, "", spread), (3, 5, "last.weight", conv(self.last)),
            (4, 5, "", everywhere), (5, 6, "", same),
            (0, 6, "", lambda x: everywhere(spread(x))), (6, 7, "", lambda x: x.mean((2, 3))),
            (7, 8, "", lambda x: x * self.own), (8, 9, "head.weight", linear(self.head)),
        ])  # fmt: skip


class Tokens(nn.Module):
    """All of it on tokens: pre-norm residual blocks, a gated perceptron, mixing along both axes, and a gate."""

    shape = (2, 2, 2)

    def __init__(self):
        super().__init__()
        self.patch, self.norm = nn.Conv2d(2, 3, (1, 2)), nn.LayerNorm(3)
        self.mix, self.scale = nn.Linear(2, 2), nn.Parameter(torch.tensor([0.5, 1.5, -1.0]))
        self.second, self.up, self.down = nn.RMSNorm(3), nn.Linear(3, 4), nn.Linear(2, 3)
        self.squeeze, self.head = nn.Linear(3, 3), nn.Linear(3, 2)

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = x + self.mix(self.norm(x).transpose(1, 2)).transpose(1, 2)
        y = self.up(self.second(x))
        x = x + self.scale * self.down(y[..., :2] * F.silu(y[..., 2:]))
        x = x * torch.sigmoid(self.squeeze(x.mean(1))).unsqueeze(1).expand_as(x)
        return self.head(x.mean(1))

    def wiring(self, is_folded=False):
        def turned(x):
            return x.transpose(1, 2)

        def first(norm, x):
            return turned(norm(turned(x)))

        def each(weight):
            return lambda x: F.linear(x.transpose(1, 2), weight).transpose(1, 2)

        def activations(x):
            patches = self.patch(x).flatten(2)
            one = first(self.norm, patches)
            summed = patches + self.mix(one)
            two = first(self.second, summed)
            up = first(self.up, two)
            three = up[:, :2] * F.silu(up[:, 2:])
            four = summed + self.scale[:, None] * first(self.down, three)
            five = four.mean(2)
            six = four * torch.sigmoid(self.squeeze(five))[..., None]
            seven = six.mean(2)
            # Where tokens are mixed, they are what channels are elsewhere.
            return [x, one, two.transpose(1, 2), three, four, five, six, seven, self.head(seven)]

        return Wiring(activations, [
            (0, 1, "patch.weight", lambda x: conv(self.patch)(x).flatten(2)), (1, 2, "", turned),
            (1, 2, "mix.weight", lambda x: turned(F.linear(x, self.mix.weight))),
            (2, 3, "up.weight", lambda x: each(self.up.weight[:2])(turned(x))),
            (2, 3, "up.weight", lambda x: each(self.up.weight[2:])(turned(x))),
            (2, 4, "", turned), (3, 4, "down.weight", lambda x: self.scale[:, None] * each(self.down.weight)(x)),
            (4, 5, "", lambda x: x.mean(2)),
            (4, 6, "", same), (5, 6, "squeeze.weight", lambda x: linear(self.squeeze)(x)[..., None].expand(-1, 3, 2)),
            (6, 7, "", lambda x: x.mean(2)), (7, 8, "head.weight", linear(self.head)),
        ])  # fmt: skip


GATED = (Excited, Units, Next, Prenormed, Factors, Tokens)
