"""Tiny networks with a BatchNorm in every place where one can stand, each written out by hand, own and folded."""

import torch
import torch.nn.functional as F
from torch import nn

from tests.examples.maps import Wiring, conv, linear, same, scaled


class Preactivated(nn.Module):
    """Norm, activation, weights, twice, beside a skip of what was not yet normalised, as in ResNet v2."""

    shape = (2, 3, 3)

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(2, 2, 3, padding=1)
        self.na, self.a = nn.BatchNorm2d(2), nn.Conv2d(2, 3, 3, padding=1, bias=False)
        self.nb, self.b = nn.BatchNorm2d(3), nn.Conv2d(3, 2, 3, padding=1, bias=False)
        self.end, self.head = nn.BatchNorm2d(2), nn.Linear(2, 3)

    def forward(self, x):
        x = self.stem(x)
        y = self.b(F.relu(self.nb(self.a(F.relu(self.na(x))))))
        x = F.relu(self.end(x + y))
        return self.head(x.mean((2, 3)))

    def wiring(self, is_folded=False):
        def outputs(x):
            stem = self.stem(x)
            one = F.relu(self.na(stem))
            two = F.relu(self.nb(self.a(one)))
            summed = stem + self.b(two)
            three = F.relu(self.end(summed))
            return stem, one, two, summed, three, three.mean((2, 3)), self.head(three.mean((2, 3)))

        if is_folded:

            def folded(x):
                stem, one, two, _, three, four, five = outputs(x)
                return [x, stem, one, two, three, four, five]

            # The sum has one reader, the norm, whose scale goes into both of its parts.
            return Wiring(folded, [
                (0, 1, "stem.weight", conv(self.stem)), (1, 2, "", scaled(self.na)),
                (2, 3, "a.weight", conv(self.a, self.nb)), (3, 4, "b.weight", conv(self.b, self.end)),
                (1, 4, "", scaled(self.end)), (4, 5, "", lambda x: x.mean((2, 3))),
                (5, 6, "head.weight", linear(self.head)),
            ])  # fmt: skip

        def activations(x):
            _, one, two, _, three, four, five = outputs(x)
            return [x, one, two, three, four, five]

        return Wiring(activations, [
            (0, 1, "stem.weight", conv(self.stem)), (1, 2, "a.weight", conv(self.a)),
            (2, 3, "b.weight", conv(self.b)), (1, 3, "", same), (3, 4, "", lambda x: x.mean((2, 3))),
            (4, 5, "head.weight", linear(self.head)),
        ])  # fmt: skip


class Everywhere(nn.Module):
    """A norm of the pixels, before an activation, after one, before and after a pooling, and of the logits."""

    shape = (2, 4, 4)

    def __init__(self):
        super().__init__()
        self.first, self.mix = nn.BatchNorm2d(2), nn.Conv2d(2, 4, 3, padding=1, groups=2)
        self.before, self.deep = nn.BatchNorm2d(4), nn.Conv2d(4, 4, 3, padding=1, groups=4)
        self.after, self.up = nn.BatchNorm2d(4), nn.ConvTranspose2d(4, 2, 2, groups=2, bias=False)
        self.wide, self.pool, self.small = nn.BatchNorm2d(2), nn.AvgPool2d(3, 2), nn.BatchNorm2d(2)
        self.head, self.last = nn.Linear(8, 3), nn.BatchNorm1d(3)

    def forward(self, x):
        x = torch.tanh(self.before(self.mix(self.first(x))))
        x = self.after(F.relu(self.deep(x)))
        x = self.small(self.pool(self.wide(self.up(x))))
        return self.last(self.head(x.flatten(1)))

    def wiring(self, is_folded=False):
        def outputs(x):
            pixels = self.first(x)
            one = torch.tanh(self.before(self.mix(pixels)))
            two = F.relu(self.deep(one))
            three = self.after(two)
            four = self.wide(self.up(three))
            five = self.small(self.pool(four))
            return pixels, one, two, three, four, five, self.last(self.head(five.flatten(1)))

        def up(x):
            return F.conv_transpose2d(x, self.up.weight, groups=2)

        def logits(is_folded):
            return linear(self.head, self.last, is_folded)

        if is_folded:
            return Wiring(lambda x: list(outputs(x)), [
                (0, 1, "mix.weight", conv(self.mix, self.before)), (1, 2, "deep.weight", conv(self.deep)),
                (2, 3, "", scaled(self.after)), (3, 4, "up.weight", lambda x: scaled(self.wide)(up(x))),
                (4, 5, "", lambda x: scaled(self.small)(self.pool(x))), (5, 6, "head.weight", logits(True)),
            ])  # fmt: skip

        def activations(x):
            pixels, one, _, three, four, five, six = outputs(x)
            return [pixels, one, three, four, five, six]

        return Wiring(activations, [
            (0, 1, "mix.weight", conv(self.mix)), (1, 2, "deep.weight", conv(self.deep)),
            (2, 3, "up.weight", up), (3, 4, "", self.pool), (4, 5, "head.weight", logits(False)),
        ])  # fmt: skip


class Between(nn.Module):
    """A norm between a concatenation and a convolution, beside a branch that reads what was not normalised."""

    shape = (1, 3, 3)

    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Conv2d(1, 2, 1), nn.Conv2d(1, 1, 3, padding=1)
        self.norm, self.mix = nn.BatchNorm2d(3), nn.Conv2d(3, 2, 2)
        self.beside, self.head = nn.Conv2d(2, 2, 2), nn.Linear(8, 3)

    def forward(self, x):
        left = F.silu(self.left(x))
        y = self.mix(self.norm(torch.cat([left, F.relu(self.right(x))], 1)))
        return self.head(torch.tanh(y + self.beside(left)).flatten(1))

    def wiring(self, is_folded=False):
        def outputs(x):
            left, right = F.silu(self.left(x)), F.relu(self.right(x))
            both = self.norm(torch.cat([left, right], 1))
            last = torch.tanh(self.mix(both) + self.beside(left))
            return left, right, both, last, self.head(last.flatten(1))

        def part(begin, end):
            return lambda x: F.conv2d(x, self.mix.weight[:, begin:end])

        def put(begin, end):
            def apply(x):
                out = x.new_zeros(len(x), 3, *x.shape[2:])
                out[:, begin:end] = x
                return scaled(self.norm)(out)

            return apply

        stems = [(0, 1, "left.weight", conv(self.left)), (0, 2, "right.weight", conv(self.right))]
        if is_folded:
            return Wiring(lambda x: [x, *outputs(x)], [
                *stems, (1, 3, "", put(0, 2)), (2, 3, "", put(2, 3)), (3, 4, "mix.weight", conv(self.mix)),
                (1, 4, "beside.weight", conv(self.beside)), (4, 5, "head.weight", linear(self.head)),
            ])  # fmt: skip

        def activations(x):
            _, _, both, last, scores = outputs(x)
            return [x, both[:, :2], both[:, 2:], last, scores]

        return Wiring(activations, [
            *stems, (1, 3, "mix.weight", part(0, 2)), (2, 3, "mix.weight", part(2, 3)),
            (1, 3, "beside.weight", conv(self.beside)), (3, 4, "head.weight", linear(self.head)),
        ])  # fmt: skip


class Sequential1d(nn.Module):
    """Norms of sequences, by a module and by a function, where channels come first and, permuted, last."""

    shape = (2, 4)

    def __init__(self):
        super().__init__()
        self.a, self.na = nn.Conv1d(2, 3, 3, padding=1), nn.BatchNorm1d(3)
        self.each, self.nb = nn.Linear(3, 2), nn.BatchNorm1d(2)
        self.register_buffer("mean", torch.randn(2))
        self.register_buffer("spread", torch.rand(2) + 0.5)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        x = F.relu(self.na(self.a(x)))
        x = self.nb(self.each(x.transpose(1, 2)).transpose(1, 2))
        x = F.batch_norm(torch.sigmoid(x), self.mean, self.spread, training=False)
        return self.head(x.flatten(1))

    def wiring(self, is_folded=False):
        def third(x):
            return (x - self.mean[:, None]) / torch.sqrt(self.spread + 1e-5)[:, None]

        def outputs(x):
            one = F.relu(self.na(self.a(x)))
            linear_ = self.each(one.transpose(1, 2)).transpose(1, 2)
            two = torch.sigmoid(self.nb(linear_))
            return one, linear_, two, third(two), self.head(third(two).flatten(1))

        def each(x):
            return F.linear(x.transpose(1, 2), self.each.weight).transpose(1, 2)

        def spread(x):
            return x / torch.sqrt(self.spread + 1e-5)[:, None]

        if is_folded:
            # The sum is turned before it is normalised, so that there is no weight to fold the norm into.
            return Wiring(lambda x: [x, *outputs(x)], [
                (0, 1, "a.weight", conv(self.a, self.na)), (1, 2, "each.weight", each), (2, 3, "", scaled(self.nb)),
                (3, 4, "", spread), (4, 5, "head.weight", linear(self.head)),
            ])  # fmt: skip

        def activations(x):
            one, _, _, three, four = outputs(x)
            return [x, one, three, four]

        return Wiring(activations, [
            (0, 1, "a.weight", conv(self.a)), (1, 2, "each.weight", each), (2, 3, "head.weight", linear(self.head)),
        ])  # fmt: skip


NORMED = (Preactivated, Everywhere, Between, Sequential1d)
