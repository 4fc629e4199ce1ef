"""Tiny transformers: their wiring written out, and their neural graphs made by hand."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ncviz.curvature.result import result_of
from ncviz.engine.results import Settings
from ncviz.engine.run import run
from ncviz.engine.sampled import completed
from ncviz.graph.activations import normalise
from ncviz.graph.connection import Connection
from ncviz.graph.neural_graph import NeuralGraph
from ncviz.graph.varying import ActivationProduct
from tests.examples.maps import Wiring, same


class Attention(nn.Module):
    """Queries, keys and values of tokens [n, channels, T], mixed by heads."""

    def __init__(self, channels, heads, inner):
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v = (nn.Conv1d(channels, inner, 1) for _ in range(3))
        self.out = nn.Conv1d(inner, channels, 1)

    def apart(self, x):
        """Return [n, heads, T, dims]."""
        return x.unflatten(1, (self.heads, -1)).transpose(2, 3)

    def steps(self, x):
        """Return queries, keys and values, scores [n, heads, T, T], and what they mix."""
        q, k, v = self.q(x), self.k(x), self.v(x)
        own = self.apart(q) @ self.apart(k).transpose(2, 3) / (q.shape[1] / self.heads) ** 0.5
        scores = own.softmax(dim=-1)
        return [q, k, v, scores, (scores @ self.apart(v)).transpose(2, 3).flatten(1, 2)]

    def forward(self, x):
        return self.out(self.steps(x)[-1])


class Transformer(nn.Module):
    """Blocks on tokens, the mean of the tokens, a last linear layer.

    Args:
        heads: Of each attention.
        blocks: How many.
        wide: Units of the MLPs; 0 for none.
        is_residual: Whether each block adds to what came in, after a norm of its own.
        tokens: How many.
        channels: Of the stem and the blocks.
        inner: Of queries, keys and values.
    """

    def __init__(self, heads=1, blocks=1, wide=0, is_residual=True, tokens=3, channels=3, inner=4):
        super().__init__()
        self.shape, self.wide, self.is_residual = (2, tokens), wide, is_residual
        self.stem, self.head = nn.Conv1d(2, channels, 1), nn.Linear(channels, 2)
        self.attend = nn.ModuleList([Attention(channels, heads, inner) for _ in range(blocks)])
        self.norms = nn.ModuleList([nn.LayerNorm(channels) for _ in range(2 * blocks)])
        if wide:
            self.up = nn.ModuleList([nn.Conv1d(channels, wide, 1) for _ in range(blocks)])
            self.down = nn.ModuleList([nn.Conv1d(wide, channels, 1) for _ in range(blocks)])

    def normed(self, x, at):
        return self.norms[at](x.transpose(1, 2)).transpose(1, 2) if self.is_residual else x

    def steps(self, x):
        """Return the layers' activations, and the maps between them as (source, target, parameter, map)."""
        found, maps, products = [x], [], []

        def layer(value, *ways):
            found.append(value)
            maps.extend((source, len(found) - 1, *way) for source, *way in ways)
            return len(found) - 1

        def each(module):
            return lambda x: F.conv1d(x, module.weight)

        x = self.stem(x)
        at = layer(x, (0, "stem.weight", each(self.stem)))
        for block, attend in enumerate(self.attend):
            own = self.normed(x, 2 * block)
            found[at] = own
            q, k, v, scores, mixed = attend.steps(own)
            places = []
            for name, value in zip("qkv", (q, k, v), strict=True):
                way = each(getattr(attend, name))
                places.append(layer(value, (at, f"attend.{block}.{name}.weight", way)))
            places += [layer(scores), layer(mixed)]
            products.append((attend, *places))
            way = (f"attend.{block}.out.weight", each(attend.out))
            out = attend.out(mixed)
            x = x + out if self.is_residual else out
            at = layer(x, (places[-1], *way), *([(at, "", same)] if self.is_residual else []))
            if self.wide:
                own = self.normed(x, 2 * block + 1)
                found[at] = own
                up = F.gelu(self.up[block](own))
                over = layer(up, (at, f"up.{block}.weight", each(self.up[block])))
                down = self.down[block](up)
                x = x + down if self.is_residual else down
                skip = [(at, "", same)] if self.is_residual else []
                at = layer(x, (over, f"down.{block}.weight", each(self.down[block])), *skip)
        mean = layer(x.mean(2), (at, "", lambda x: x.mean(2)))
        layer(self.head(x.mean(2)), (mean, "head.weight", lambda x: F.linear(x, self.head.weight)))
        return found, maps, products

    def forward(self, x):
        return self.steps(x)[0][-1]

    def wiring(self):
        blank = torch.zeros(1, *self.shape, dtype=self.stem.weight.dtype)

        def attentions(raw):
            listed = []
            for attend, *places in self.steps(blank)[2]:
                q, k, v, scores, mixed = places
                keys, queries, values = (attend.apart(raw[at]) for at in (k, q, v))
                weights = raw[scores]

                def apart(x, attend=attend):
                    return attend.apart(x)

                listed += [
                    (q, scores, "", lambda x, o=keys, apart=apart: apart(x) @ o.transpose(2, 3)),
                    (k, scores, "", lambda x, o=queries, apart=apart: o @ apart(x).transpose(2, 3)),
                    (scores, mixed, "", lambda x, o=values: (x @ o).transpose(2, 3).flatten(1, 2)),
                    (
                        v,
                        mixed,
                        "",
                        lambda x, o=weights, apart=apart: (o @ apart(x)).transpose(2, 3).flatten(1, 2),
                    ),
                ]
            return listed

        return Wiring(lambda x: self.steps(x)[0], self.steps(blank)[1], attentions)

    def graph(self):
        """Return the neural graph, made by hand."""
        found, maps, products = self.steps(torch.zeros(1, *self.shape, dtype=self.stem.weight.dtype))
        shapes = tuple(tuple(value.shape[1:]) for value in found)
        tokens = self.shape[1]
        connections, links = [], []
        for source, target, name, _ in maps:
            channels = shapes[source][0]
            if name == "head.weight":
                made = (np.arange(channels)[None, None], self.head.weight)
            elif name:
                weight = self.get_parameter(name)
                made = (np.arange(channels) * tokens + np.arange(tokens)[:, None], weight)
            elif len(shapes[target]) == 1:
                fields = np.arange(channels * tokens).reshape(channels, 1, tokens)
                links.append(
                    Connection("mean", "", (), fields, np.full(fields.shape, 1 / tokens), source, target)
                )
                continue
            else:
                fields = np.arange(channels * tokens).reshape(channels, tokens, 1)
                links.append(Connection("add", "", (), fields, np.ones((channels, 1, 1)), source, target))
                continue
            fields, weight = made[0].reshape(1, -1, channels), made[1].detach().double().numpy()
            connections.append(
                Connection(
                    name.removesuffix(".weight"), name, weight.shape, fields, weight.reshape(1, len(weight), -1),
                    source, target,
                )
            )  # fmt: skip
        made = []
        for attend, q, k, v, scores, mixed in products:
            units = np.arange(shapes[q][0] * tokens).reshape(attend.heads, -1, tokens)  # [heads, dims, T]
            each = np.arange(attend.heads * tokens * tokens).reshape(attend.heads, tokens, tokens)
            turned = units.transpose(0, 2, 1)
            made += [
                ActivationProduct("scores", q, k, scores, turned, turned, each),
                ActivationProduct("mixed", scores, v, mixed, each, units, turned),
            ]
        names = tuple(str(layer) for layer in range(len(shapes)))
        return NeuralGraph(
            shapes, names, tuple(connections), tuple(links), ((),) * len(shapes), products=tuple(made)
        )


def make(seed=0, zero_share=0.0, **how):
    """Return a transformer in float64 and an input [1, 2, tokens]."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = Transformer(**how).double().eval()
        with torch.no_grad():
            for name, value in net.named_parameters():
                value.mul_(2.0 if name.endswith("weight") and value.ndim > 1 else 1.0)
                if zero_share and value.ndim > 1:
                    value.mul_(torch.rand_like(value) >= zero_share)
        return net, torch.rand(1, *net.shape, dtype=torch.float64)


def computed(net, x, alpha=0.9, graph=None, until=None, layers=None, executor=None, **how):
    """Compute a transformer's curvature on its graph made by hand."""
    graph = net.graph() if graph is None else graph
    with torch.no_grad():
        raw = [value.flatten(1) for value in net.steps(x)[0]]
    raw[-1] = raw[-1].softmax(dim=1)
    settings = replace(Settings(alpha, "cpu", False, False, graph.carrying(layers)), **how)
    activity = [normalise(value) for value in raw]
    values = [value.numpy() for value in raw]

    def whole(found):
        by_index = dict(zip(settings.chosen(graph), found, strict=True))
        every = [
            completed(graph, index, by_index.get(index), settings, len(x))
            for index in range(len(graph.connections))
        ]
        return result_of(graph, alpha, every, len(x))

    if until is not None:
        until.result_of = whole
    with nullcontext(executor) if executor else ThreadPoolExecutor(2) as pool:
        return whole(run(graph, activity, settings, pool, lambda share, text: None, None, until, values))
