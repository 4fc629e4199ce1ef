"""Tiny networks that are no chains, each with its layers and connections written out by hand.

A wiring says, apart from how the network is built: which layers of units there are, what each of them says for an
input, and which linear map leads from one to the other. Nothing of it comes from the code under test.
"""

import torch
import torch.nn.functional as F
from torch import nn

from tests.examples.gated import GATED
from tests.examples.maps import Wiring, conv, linear, same, scaled, window
from tests.examples.normed import NORMED


class Residual(nn.Module):
    """An identity skip around two convolutions with norms, as in ResNet; then max pooling and a classifier."""

    shape = (2, 4, 4)

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(2, 3, 3, padding=1)
        self.a, self.na = nn.Conv2d(3, 2, 3, padding=1), nn.BatchNorm2d(2)
        self.b, self.nb = nn.Conv2d(2, 3, 3, padding=1, bias=False), nn.BatchNorm2d(3)
        self.pool, self.head = nn.MaxPool2d(3, 2, padding=1), nn.Linear(12, 3)

    def forward(self, x):
        x = torch.relu(self.stem(x))
        y = self.nb(self.b(torch.relu(self.na(self.a(x)))))
        x = F.relu(x + y)
        return self.head(torch.flatten(self.pool(x), 1))

    def wiring(self, is_folded=False):
        def activations(x):
            one = torch.relu(self.stem(x))
            two = torch.relu(self.na(self.a(one)))
            three = torch.relu(one + self.nb(self.b(two)))
            four = self.pool(three)
            return [x, one, two, three, four, self.head(four.flatten(1))]

        return Wiring(activations, [
            (0, 1, "stem.weight", conv(self.stem)), (1, 2, "a.weight", conv(self.a, self.na, is_folded)),
            (2, 3, "b.weight", conv(self.b, self.nb, is_folded)), (1, 3, "", same), (3, 4, "", window(3, 2, 1)),
            (4, 5, "head.weight", linear(self.head)),
        ])  # fmt: skip


class Projected(nn.Module):
    """A skip with a convolution of its own, with stride; average pooling over padding; global mean."""

    shape = (2, 5, 5)

    def __init__(self):
        super().__init__()
        self.a, self.na = nn.Conv2d(2, 3, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(3)
        self.skip, self.ns = nn.Conv2d(2, 3, 1, stride=2, bias=False), nn.BatchNorm2d(3)
        self.pool = nn.AvgPool2d(2, 1, padding=1)
        self.head = nn.Linear(3, 3)

    def forward(self, x):
        x = torch.tanh(self.na(self.a(x)) + self.ns(self.skip(x)))
        return self.head(self.pool(x).mean((2, 3)))

    def wiring(self, is_folded=False):
        def activations(x):
            one = torch.tanh(self.na(self.a(x)) + self.ns(self.skip(x)))
            two = self.pool(one)
            three = two.mean((2, 3))
            return [x, one, two, three, self.head(three)]

        return Wiring(activations, [
            (0, 1, "a.weight", conv(self.a, self.na, is_folded)),
            (0, 1, "skip.weight", conv(self.skip, self.ns, is_folded)),
            (1, 2, "", lambda x: F.avg_pool2d(x, 2, 1, 1)), (2, 3, "", lambda x: x.mean((2, 3))),
            (3, 4, "head.weight", linear(self.head)),
        ])  # fmt: skip


class Fire(nn.Module):
    """Two branches side by side, concatenated, as in SqueezeNet; classified by a convolution and global pooling."""

    shape = (1, 4, 4)

    def __init__(self):
        super().__init__()
        self.squeeze = nn.Conv2d(1, 2, 1)
        self.left, self.right = nn.Conv2d(2, 2, 1), nn.Conv2d(2, 3, 3, padding=1)
        self.last = nn.Conv2d(5, 3, 2, stride=2)

    def forward(self, x):
        x = F.relu(self.squeeze(x), inplace=True)
        x = torch.cat([F.relu(self.left(x)), F.gelu(self.right(x))], 1)
        return F.adaptive_avg_pool2d(F.relu(self.last(x)), (1, 1)).flatten(1)

    def wiring(self, is_folded=False):
        def activations(x):
            one = F.relu(self.squeeze(x))
            left, right = F.relu(self.left(one)), F.gelu(self.right(one))
            four = F.relu(self.last(torch.cat([left, right], 1)))
            return [x, one, left, right, four, four.mean((2, 3))]

        def part(begin, end):
            return lambda x: F.conv2d(x, self.last.weight[:, begin:end], None, 2)

        return Wiring(activations, [
            (0, 1, "squeeze.weight", conv(self.squeeze)), (1, 2, "left.weight", conv(self.left)),
            (1, 3, "right.weight", conv(self.right)), (2, 4, "last.weight", part(0, 2)),
            (3, 4, "last.weight", part(2, 5)),
            (4, 5, "", lambda x: x.mean((2, 3))),
        ])  # fmt: skip


class Dense(nn.Module):
    """Norms before activations, and each layer read by all that follow, as in DenseNet."""

    shape = (2, 3, 3)

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(2, 2, 3, padding=1)
        self.norm, self.grow = nn.BatchNorm2d(2), nn.Conv2d(2, 2, 3, padding=1)
        self.end, self.head = nn.BatchNorm2d(4), nn.Linear(4, 3)

    def forward(self, x):
        x = self.stem(x)
        x = torch.cat((x, self.grow(F.relu(self.norm(x)))), dim=1)
        x = F.adaptive_avg_pool2d(F.relu(self.end(x)), 1)
        return self.head(torch.flatten(x, 1))

    def wiring(self, is_folded=False):
        def outputs(x):
            one = self.stem(x)
            two = F.relu(self.norm(one))
            three = self.grow(two)
            four = F.relu(self.end(torch.cat([one, three], 1)))
            five = four.mean((2, 3), keepdim=True)
            return one, two, three, four, five, self.head(five.flatten(1))

        def put(begin, end, after):
            def apply(x):
                out = x.new_zeros(len(x), 4, *x.shape[2:])
                out[:, begin:end] = x
                return after(out)

            return apply

        def mean(x):
            return x.mean((2, 3), keepdim=True)

        if is_folded:
            return Wiring(lambda x: [x, *outputs(x)], [
                (0, 1, "stem.weight", conv(self.stem)), (1, 2, "", scaled(self.norm)),
                (2, 3, "grow.weight", conv(self.grow)), (1, 4, "", put(0, 2, scaled(self.end))),
                (3, 4, "", put(2, 4, scaled(self.end))), (4, 5, "", mean), (5, 6, "head.weight", linear(self.head)),
            ])  # fmt: skip

        def activations(x):
            # Two norms read the stem's units: the first counts.
            _, two, _, four, five, six = outputs(x)
            return [x, two, four[:, 2:], five, six]

        return Wiring(activations, [
            (0, 1, "stem.weight", conv(self.stem)), (1, 2, "grow.weight", conv(self.grow)),
            (1, 3, "", put(0, 2, mean)), (2, 3, "", put(2, 4, mean)), (3, 4, "head.weight", linear(self.head)),
        ])  # fmt: skip


class Inverted(nn.Module):
    """Two linear bottlenecks with depthwise convolutions, as in MobileNetV2: what is added has no activation."""

    shape = (2, 4, 4)

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2))
        self.up, self.deep = nn.Conv2d(2, 4, 1), nn.Conv2d(4, 4, 3, padding=1, groups=4)
        self.down = nn.Sequential(nn.Conv2d(4, 2, 1, bias=False), nn.BatchNorm2d(2))
        self.head = nn.Conv2d(2, 3, 4)

    def forward(self, x):
        x = self.stem(x)
        y = F.relu6(self.deep(F.relu6(self.up(x))))
        x = x + self.down(y)
        return self.head(x).flatten(1)

    def wiring(self, is_folded=False):
        def activations(x):
            one = self.stem(x)
            two = F.relu6(self.up(one))
            three = F.relu6(self.deep(two))
            four = one + self.down(three)
            return [x, one, two, three, four, self.head(four)]

        return Wiring(activations, [
            (0, 1, "stem.0.weight", conv(*self.stem, is_folded)), (1, 2, "up.weight", conv(self.up)),
            (2, 3, "deep.weight", conv(self.deep)), (3, 4, "down.0.weight", conv(*self.down, is_folded)),
            (1, 4, "", same),
            (4, 5, "head.weight", conv(self.head)),
        ])  # fmt: skip


class Beside(nn.Module):
    """A skip beside a convolution of the same units: parallel edges, of which the shorter one is the distance."""

    shape = (2, 3, 3)

    def __init__(self):
        super().__init__()
        self.stem, self.mix = nn.Conv2d(2, 2, 1), nn.Conv2d(2, 2, 3, padding=1)
        self.act, self.head = nn.SiLU(), nn.Linear(18, 3)

    def forward(self, x):
        x = self.act(self.stem(x))
        x += self.mix(x)
        x = x * torch.sigmoid(x)
        return self.head(x.view(x.size(0), -1))

    def wiring(self, is_folded=False):
        def activations(x):
            one = F.silu(self.stem(x))
            two = F.silu(one + self.mix(one))
            return [x, one, two, self.head(two.flatten(1))]

        return Wiring(activations, [
            (0, 1, "stem.weight", conv(self.stem)), (1, 2, "mix.weight", conv(self.mix)), (1, 2, "", same),
            (2, 3, "head.weight", linear(self.head)),
        ])  # fmt: skip


class Transposed(nn.Module):
    """A transposed convolution with stride and groups, then a dilated one, zero padding and an adaptive maximum."""

    shape = (2, 3, 3)

    def __init__(self):
        super().__init__()
        self.up = nn.ConvTranspose2d(2, 4, 3, stride=2, padding=1, output_padding=1, groups=2)
        self.pad, self.wide = nn.ZeroPad2d((1, 0, 1, 0)), nn.Conv2d(4, 2, 2, dilation=2)
        self.pool, self.head = nn.AdaptiveMaxPool2d((2, 3)), nn.Linear(12, 3)

    def forward(self, x):
        x = torch.sigmoid(self.up(x))
        x = F.leaky_relu(self.wide(self.pad(x)))
        return F.log_softmax(self.head(self.pool(x).reshape(-1, 12)), dim=1)

    def wiring(self, is_folded=False):
        def activations(x):
            one = torch.sigmoid(self.up(x))
            two = F.leaky_relu(self.wide(self.pad(one)))
            three = self.pool(two)
            return [x, one, two, three, self.head(three.flatten(1))]

        def up(x):
            return F.conv_transpose2d(x, self.up.weight, None, 2, 1, 1, 2)

        def windows(x):  # of 5 × 5 places, by the rule of adaptive pooling
            rows, columns = [(0, 3), (2, 5)], [(0, 2), (1, 4), (3, 5)]
            return torch.stack([
                torch.stack([x[:, :, a:b, c:d].sum((2, 3)) for c, d in columns], -1) for a, b in rows
            ], -2)  # fmt: skip

        return Wiring(activations, [
            (0, 1, "up.weight", up),
            (1, 2, "wide.weight", lambda x: F.conv2d(self.pad(x), self.wide.weight, dilation=2)),
            (2, 3, "", windows), (3, 4, "head.weight", linear(self.head)),
        ])  # fmt: skip


class Sequence(nn.Module):
    """One-dimensional: convolution, maximum with a rest, a linear layer at each place, permuted; average to two."""

    shape = (2, 7)

    def __init__(self):
        super().__init__()
        self.a, self.pool = nn.Conv1d(2, 3, 3, padding=1), nn.MaxPool1d(2, ceil_mode=True)
        self.each, self.b = nn.Linear(3, 2, bias=False), nn.ConvTranspose1d(2, 2, 2)
        self.short, self.head = nn.AdaptiveAvgPool1d(2), nn.Linear(4, 3)

    def forward(self, x):
        x = self.pool(F.elu(self.a(x)))
        x = torch.tanh(self.each(x.permute(0, 2, 1))).transpose(1, 2)
        x = self.short(F.softplus(self.b(x)))
        return self.head(torch.flatten(x, start_dim=1))

    def wiring(self, is_folded=False):
        def activations(x):
            one = F.elu(self.a(x))
            two = self.pool(one)
            three = torch.tanh(self.each(two.transpose(1, 2))).transpose(1, 2)
            four = F.softplus(self.b(three))
            five = self.short(four)
            return [x, one, two, three, four, five, self.head(five.flatten(1))]

        def pairs(x):
            return torch.stack([x[:, :, 2 * k : 2 * k + 2].sum(2) for k in range(4)], 2)

        return Wiring(activations, [
            (0, 1, "a.weight", conv(self.a)), (1, 2, "", pairs),
            (2, 3, "each.weight", lambda x: F.linear(x.transpose(1, 2), self.each.weight).transpose(1, 2)),
            (3, 4, "b.weight", lambda x: F.conv_transpose1d(x, self.b.weight)),
            (4, 5, "", lambda x: torch.stack([x[:, :, 0:3].mean(2), x[:, :, 2:5].mean(2)], 2)),
            (5, 6, "head.weight", linear(self.head)),
        ])  # fmt: skip


class Shuffled(nn.Module):
    """Half of the channels pass by, the other half is convolved in groups, and all are shuffled, as in ShuffleNet."""

    shape = (4, 3, 3)

    def __init__(self):
        super().__init__()
        self.deep, self.last = nn.Conv2d(2, 2, 3, padding=1, groups=2), nn.Conv2d(4, 3, 3)
        self.shuffle = nn.ChannelShuffle(2)

    def forward(self, x):
        stays, goes = x.chunk(2, dim=1)
        x = self.shuffle(torch.cat((stays, torch.relu(self.deep(goes) / 2)), 1))
        return self.last(x).squeeze(3).squeeze(2)

    def wiring(self, is_folded=False):
        def activations(x):
            one = torch.relu(self.deep(x[:, 2:]) / 2)
            both = torch.stack([x[:, 0], one[:, 0], x[:, 1], one[:, 1]], 1)
            return [x, one, self.last(both)]

        def part(channels, first):
            return lambda x: F.conv2d(x[:, :2] if first else x, self.last.weight[:, channels])

        return Wiring(activations, [
            (0, 1, "deep.weight", lambda x: F.conv2d(x[:, 2:], self.deep.weight, padding=1, groups=2) / 2),
            (0, 2, "last.weight", part([0, 2], True)), (1, 2, "last.weight", part([1, 3], False)),
        ])  # fmt: skip


class Deep(nn.Module):
    """Two residual blocks after each other, so that paths of many lengths lead past each edge, and a long skip."""

    shape = (3,)

    def __init__(self):
        super().__init__()
        self.stem = nn.Linear(3, 3)
        self.layers = nn.ModuleList([nn.Linear(3, 3) for _ in range(4)])
        self.long, self.head = nn.Linear(3, 3), nn.Linear(3, 2)

    def forward(self, x):
        begin = x = torch.relu(self.stem(x))
        for index in (0, 2):
            x = torch.tanh(torch.add(x, self.layers[index + 1](torch.relu(self.layers[index](x)))))
        return self.head(torch.relu(x - self.long(begin)))

    def wiring(self, is_folded=False):
        first, second, third, fourth = self.layers

        def activations(x):
            one = torch.relu(self.stem(x))
            two = torch.relu(first(one))
            three = torch.tanh(one + second(two))
            four = torch.relu(third(three))
            five = torch.tanh(three + fourth(four))
            six = torch.relu(five - self.long(one))
            return [x, one, two, three, four, five, six, self.head(six)]

        return Wiring(activations, [
            (0, 1, "stem.weight", linear(self.stem)), (1, 2, "layers.0.weight", linear(first)),
            (2, 3, "layers.1.weight", linear(second)), (1, 3, "", same), (3, 4, "layers.2.weight", linear(third)),
            (4, 5, "layers.3.weight", linear(fourth)), (3, 5, "", same), (5, 6, "", same),
            (1, 6, "long.weight", linear(self.long)), (6, 7, "head.weight", linear(self.head)),
        ])  # fmt: skip


class Copied(nn.Module):
    """A grey picture shown three times, as to a network made for colours, in groups; then a layer that is fed twice."""

    shape = (1, 3, 3)

    def __init__(self):
        super().__init__()
        self.mix, self.last = nn.Conv2d(3, 2, 2, padding=1), nn.Conv2d(4, 2, 3, groups=2)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        x = torch.relu(self.mix(torch.cat([x, x, x], 1)))
        x = torch.tanh(self.last(torch.cat([x, x], 1)))
        return self.head(x.flatten(1))

    def wiring(self, is_folded=False):
        def activations(x):
            one = torch.relu(self.mix(x.expand(-1, 3, -1, -1)))
            two = torch.tanh(self.last(one.repeat(1, 2, 1, 1)))
            return [x, one, two, self.head(two.flatten(1))]

        def copy(channel):
            return lambda x: F.conv2d(x, self.mix.weight[:, channel : channel + 1], None, 1, 1)

        def half(group):
            def apply(x):
                out = x.new_zeros(len(x), 2, 2, 2)
                out[:, group] = F.conv2d(x, self.last.weight[group : group + 1])[:, 0]
                return out

            return apply

        return Wiring(activations, [
            *((0, 1, "mix.weight", copy(channel)) for channel in range(3)),
            *((1, 2, "last.weight", half(group)) for group in range(2)),
            (2, 3, "head.weight", linear(self.head)),
        ])  # fmt: skip


class Enlarged(nn.Module):
    """Channels become places, so that a convolution reads other channels at each place; a layer on rows follows."""

    shape = (4, 2, 2)

    def __init__(self):
        super().__init__()
        self.enlarge, self.mix = nn.PixelShuffle(2), nn.Conv2d(1, 2, 3, padding=1)
        self.rows, self.head = nn.Linear(4, 2), nn.Linear(16, 3)

    def forward(self, x):
        x = torch.relu(self.mix(self.enlarge(x)))
        return self.head(torch.sigmoid(self.rows(x)).flatten(1))

    def wiring(self, is_folded=False):
        def activations(x):
            one = torch.relu(self.mix(self.enlarge(x)))
            # Units are numbered with the rows' features first.
            two = torch.sigmoid(self.rows(one)).movedim(3, 1)
            return [x, one, two, self.head(two.movedim(1, 3).flatten(1))]

        return Wiring(activations, [
            (0, 1, "mix.weight", lambda x: F.conv2d(self.enlarge(x), self.mix.weight, padding=1)),
            (1, 2, "rows.weight", lambda x: F.linear(x, self.rows.weight).movedim(3, 1)),
            (2, 3, "head.weight", lambda x: F.linear(x.movedim(1, 3).flatten(1), self.head.weight)),
        ])  # fmt: skip


class Wrapped(nn.Module):
    """A narrow picture beside itself: a kernel that is wider reads a unit from both of its sides."""

    shape = (2, 2, 2)

    def __init__(self):
        super().__init__()
        self.mix, self.head = nn.Conv2d(2, 2, (1, 3)), nn.Linear(8, 3)

    def forward(self, x):
        return self.head(torch.relu(self.mix(torch.cat([x, x], 3))).flatten(1))

    def wiring(self, is_folded=False):
        def activations(x):
            one = torch.relu(self.mix(torch.cat([x, x], 3)))
            return [x, one, self.head(one.flatten(1))]

        def column(at):
            def apply(x):
                weight = torch.zeros_like(self.mix.weight)
                weight[..., at] = self.mix.weight[..., at]
                return F.conv2d(torch.cat([x, x], 3), weight)

            return apply

        return Wiring(activations, [
            *((0, 1, "mix.weight", column(at)) for at in range(3)), (1, 2, "head.weight", linear(self.head)),
        ])  # fmt: skip


WIRED = {
    kind.__name__: kind
    for kind in (
        Residual, Projected, Fire, Dense, Inverted, Beside, Transposed, Sequence, Shuffled, Deep,
        Copied, Enlarged, Wrapped, *NORMED, *GATED,
    )
}  # fmt: skip

# Each as it is, and those with a BatchNorm with it folded, too.
CASES = [
    (name, batchnorm)
    for name, kind in WIRED.items()
    for batchnorm in ("own", "folded")
    if batchnorm == "own"
    or any(isinstance(each, nn.modules.batchnorm._BatchNorm) for each in kind().modules())
]


def make(name, seed, zero_share=0.0):
    """Return one of these networks with random weights and statistics, and an input [1, …], all float64."""
    torch.manual_seed(seed)
    net = WIRED[name]().double().eval()
    generator = torch.Generator().manual_seed(seed)
    for module in net.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.running_mean.copy_(torch.randn(module.num_features, generator=generator))
            module.running_var.copy_(torch.rand(module.num_features, generator=generator) + 0.3)
            module.weight.data.copy_(torch.randn(module.num_features, generator=generator))
            module.bias.data.copy_(torch.randn(module.num_features, generator=generator))
            if zero_share:
                module.weight.data[-1] = 0
        elif zero_share and getattr(module, "weight", None) is not None:
            keep = torch.rand(module.weight.shape, generator=generator) >= zero_share
            keep.view(-1)[0] = True
            module.weight.data *= keep
    x = torch.rand((1, *net.shape), generator=generator, dtype=torch.float64)
    return net, x
