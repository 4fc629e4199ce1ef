"""Each criterion against its formula, written out slowly on a tiny network."""

import copy
import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

import ncviz
from ncviz import pruning_scores
from ncviz.errors import DataError, NcvizError
from ncviz.graph.build import build_graph
from ncviz.graph.linear import linearised
from ncviz.limits import LIMITS
from ncviz.pruning.criteria import woodfisher
from ncviz.pruning.criteria.layers import among_not_smaller
from ncviz.pruning.scores import SCORES
from tests.examples.tied import tied

DATA_DRIVEN = [
    name
    for name, score in SCORES.items()
    if (score.needs_images or score.needs_shape) and name != "curvature"
]


@pytest.fixture
def net():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        found = nn.Sequential(
            nn.Conv2d(2, 4, 2, stride=2, padding=1, groups=2),
            nn.BatchNorm2d(4),
            nn.Tanh(),
            nn.Flatten(),
            nn.Linear(36, 5),
            nn.ReLU(),
            nn.Linear(5, 3),
        ).eval()
        found[1].running_var.copy_(torch.rand(4) + 0.5)
        found[1].weight.data.copy_(torch.tensor([1.5, -0.5, 2.0, 1.0]))
        return found


@pytest.fixture
def data():
    generator = torch.Generator().manual_seed(1)
    return torch.rand(7, 2, 4, 4, generator=generator), torch.randint(3, (7,), generator=generator)


def loss_of(net, images, labels):
    return nn.functional.cross_entropy(net.double()(images.double()), labels)


def test_lamp_is_the_share_of_what_is_not_smaller(net):
    scores = pruning_scores(net, "lamp")
    for name, score in scores.items():
        squares = net.get_parameter(name).detach().double().reshape(-1) ** 2
        slow = torch.stack([square / squares[squares >= square].sum() for square in squares])
        assert torch.allclose(score.reshape(-1), slow)
        assert score.max() == 1


def test_lamp_of_equal_and_zero_weights(net):
    with torch.no_grad():
        net[6].weight.copy_(torch.tensor([1.0, 1.0, 0.0, 2.0, 2.0]).repeat(3, 1))
    score = pruning_scores(net, "lamp")["6.weight"]
    assert (score[:, 2] == 0).all()
    assert torch.allclose(score[:, 0], torch.full((3,), 1 / 30, dtype=torch.float64))
    assert torch.allclose(score[:, 3], torch.full((3,), 4 / 24, dtype=torch.float64))


def test_wanda_is_the_weight_times_the_norm_of_its_input(net, data):
    images, _ = data
    scores = pruning_scores(net, "wanda", inputs=images)
    net = net.double()
    padded = nn.functional.pad(images.double(), (1, 1, 1, 1))
    conv = net[0].weight.detach()
    for c, i, r, s in itertools.product(range(4), range(1), range(2), range(2)):
        heard = padded[:, c // 2 + i, r : r + 5 : 2, s : s + 5 : 2]
        assert heard.shape == (7, 3, 3)
        assert scores["0.weight"][c, i, r, s] == pytest.approx(float(conv[c, i, r, s].abs() * heard.norm()))
    hidden = net[:4](images.double())
    assert torch.allclose(scores["4.weight"], net[4].weight.abs() * hidden.norm(dim=0))


def test_ria_is_a_share_of_what_comes_in_and_of_what_goes_out(net, data):
    images, _ = data
    scores, wanda = (pruning_scores(net, name, inputs=images) for name in ("ria", "wanda"))
    conv = net[0].weight.detach().double().abs()
    for c, r, s in itertools.product(range(4), range(2), range(2)):
        group = [2 * (c // 2), 2 * (c // 2) + 1]
        into, out_of = conv[c].sum(), sum(conv[other, 0, r, s] for other in group)
        norm = wanda["0.weight"][c, 0, r, s] / conv[c, 0, r, s]
        slow = (conv[c, 0, r, s] / into + conv[c, 0, r, s] / out_of) * norm**0.5
        assert scores["0.weight"][c, 0, r, s] == pytest.approx(float(slow))
    linear, norms = (
        net[4].weight.detach().double().abs(),
        net.double()[:4](images.double()).detach().norm(dim=0),
    )
    for j, i in itertools.product(range(5), range(36)):
        slow = (linear[j, i] / linear[j].sum() + linear[j, i] / linear[:, i].sum()) * norms[i] ** 0.5
        assert scores["4.weight"][j, i] == pytest.approx(float(slow))


def test_ria_of_a_transposed_convolution_and_of_zeros():
    with torch.random.fork_rng():
        torch.manual_seed(4)
        net = nn.Sequential(
            nn.ConvTranspose2d(4, 6, 2, groups=2), nn.ReLU(), nn.Flatten(), nn.Linear(54, 2)
        ).eval()
    with torch.no_grad():
        net[0].weight[1, 2, 0, 1], net[3].weight[0] = 0.0, 0.0
    images = torch.ones(1, 4, 2, 2)
    scores = pruning_scores(net, "ria", inputs=images)
    size = net[0].weight.detach().double().abs()
    for i, o, r, s in itertools.product(range(4), range(3), range(2), range(2)):
        first = 2 * (i // 2)
        into, out_of = size[first : first + 2, o].sum(), size[i, :, r, s].sum()
        # Each channel of the images is four ones.
        slow = (size[i, o, r, s] / into + size[i, o, r, s] / out_of) * 2**0.5
        assert scores["0.weight"][i, o, r, s] == pytest.approx(float(slow))
    assert not scores["3.weight"][0].any()


def test_woodfisher_is_the_surgeons_saliency_with_the_written_out_inverse(net, data, monkeypatch):
    rows = []
    own = copy.deepcopy(net)
    names = ["0.weight", "4.weight", "6.weight"]
    for image, label in zip(*data, strict=True):
        own.zero_grad()
        loss_of(own, image[None], label[None]).backward()
        rows.append(torch.cat([own.get_parameter(name).grad.reshape(-1) for name in names]))
    slopes, flat = (
        torch.stack(rows),
        torch.cat([own.get_parameter(name).detach().reshape(-1) for name in names]),
    )

    def saliency(columns):
        part = slopes[:, columns]
        matrix = part.T @ part / 7 + 1e-5 * torch.eye(part.shape[1], dtype=torch.float64)
        return flat[columns] ** 2 / (2 * torch.linalg.inv(matrix).diagonal())

    def found():
        scores = pruning_scores(net, "woodfisher", inputs=data[0], labels=data[1])
        return torch.cat([score.reshape(-1) for score in scores.values()])

    torch.testing.assert_close(found(), saliency(slice(None)), rtol=1e-6, atol=0)
    # Blocks of at most 60: the convolution, the second layer in three parts, the third.
    monkeypatch.setattr(woodfisher, "LIMITS", replace(LIMITS, repair_bytes=7 * 8 * 60))
    ends = [0, 16, 76, 136, 196, 211]
    slow = torch.cat([saliency(slice(*span)) for span in itertools.pairwise(ends)])
    torch.testing.assert_close(found(), slow, rtol=1e-6, atol=0)


def test_snip_is_the_slope_of_the_loss_when_the_weight_shrinks(net, data):
    scores = pruning_scores(net, "snip", inputs=data[0], labels=data[1])
    step = 1e-6
    for name in scores:
        for at in (0, -1):
            slopes = []
            for sign in (1, -1):
                moved = copy.deepcopy(net).double()
                with torch.no_grad():
                    moved.get_parameter(name).view(-1)[at] *= 1 + sign * step
                slopes.append(loss_of(moved, *data).item())
            slow = abs(slopes[0] - slopes[1]) / (2 * step)
            assert float(scores[name].reshape(-1)[at]) == pytest.approx(slow, rel=1e-4, abs=1e-9)


def test_fisher_is_the_mean_square_of_each_images_gradient(net, data):
    scores = pruning_scores(net, "fisher", inputs=data[0], labels=data[1])
    total = {name: torch.zeros_like(score) for name, score in scores.items()}
    own = copy.deepcopy(net)
    for image, label in zip(*data, strict=True):
        own.zero_grad()
        loss_of(own, image[None], label[None]).backward()
        for name in total:
            total[name] += own.get_parameter(name).grad ** 2
    for name, score in scores.items():
        weight = net.double().get_parameter(name).detach()
        assert torch.allclose(score, 0.5 * weight**2 * total[name] / 7)


def test_grasp_is_the_slope_of_the_gradient_flow(net, data):
    scores = pruning_scores(net, "grasp", inputs=data[0], labels=data[1])
    names, step = list(scores), 1e-5

    def flow(moved):
        loss = loss_of(moved, *data)
        slopes = torch.autograd.grad(loss, [moved.get_parameter(name) for name in names])
        return float(sum((slope**2).sum() for slope in slopes))

    for name in names:
        values = []
        for sign in (1, -1):
            moved = copy.deepcopy(net).double()
            with torch.no_grad():
                moved.get_parameter(name).view(-1)[0] *= 1 + sign * step
            values.append(flow(moved))
        # The gradient of gᵀg is 2 H g.
        slow = (values[0] - values[1]) / (2 * step) / 2
        assert float(scores[name].reshape(-1)[0]) == pytest.approx(slow, rel=1e-3, abs=1e-9)


def test_the_first_to_go_by_synflow_carry_the_least_flow(data):
    with torch.random.fork_rng():
        torch.manual_seed(2)
        net = nn.Sequential(
            nn.Conv2d(2, 4, 2, stride=2, padding=0, groups=2), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(),
            nn.Linear(16, 5), nn.Tanh(), nn.Linear(5, 3),
        ).eval()  # fmt: skip
    weights = [net[at].weight.detach().abs().double().requires_grad_() for at in (0, 4, 6)]
    maps = nn.functional.conv2d(torch.ones(1, 2, 4, 4).double(), weights[0], stride=2, groups=2)
    scale = (net[1].weight / (net[1].running_var + net[1].eps).sqrt()).abs().detach().double()
    out = weights[2] @ (weights[1] @ (maps * scale.reshape(1, -1, 1, 1)).flatten())
    slopes = torch.autograd.grad(out.sum(), weights)
    flow = torch.cat([(w * g).detach().reshape(-1) for w, g in zip(weights, slopes, strict=True)])
    scores = torch.cat(
        [score.reshape(-1) for score in pruning_scores(net, "synflow", inputs=data[0]).values()]
    )
    first_round = round((1 - 1e-3 ** (1 / 100)) * len(flow))
    assert first_round >= 5
    by_flow, by_score = flow.argsort(stable=True)[:first_round], scores.argsort(stable=True)[:first_round]
    assert set(by_flow.tolist()) == set(by_score.tolist())


class Affine(nn.Module):
    """What a BatchNorm in eval mode does, written out."""

    def __init__(self, norm):
        super().__init__()
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        self.scale = nn.Parameter(scale.detach().reshape(-1, 1, 1))
        self.shift = nn.Parameter((norm.bias - norm.running_mean * scale).detach().reshape(-1, 1, 1))

    def forward(self, x):
        return 0.5 + (x * self.scale + self.shift) * -1.0


def test_synflow_takes_constants_as_it_takes_a_norm():
    with torch.random.fork_rng():
        torch.manual_seed(3)
        net = nn.Sequential(
            nn.Conv2d(2, 4, 2, stride=2), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3)
        ).eval()
        nn.init.normal_(net[1].weight)
        nn.init.normal_(net[1].bias)
    written = nn.Sequential(net[0], Affine(net[1]), *net[2:]).eval()
    images = torch.ones(1, 2, 4, 4, dtype=torch.float64)
    assert torch.allclose(linearised(net)(images), linearised(written)(images), rtol=1e-6)


class Functions(nn.Module):
    """A network of layers as functions, each with its bias."""

    def __init__(self, layers, norm):
        super().__init__()
        self.layers, self.norm = layers, norm

    def forward(self, x):
        conv, norm, _, _, linear = self.layers
        statistics = norm.running_mean, norm.running_var, norm.weight, norm.bias
        x = self.norm(functional.conv2d(x, conv.weight, conv.bias, conv.stride), *statistics)
        return torch.addmm(linear.bias, functional.relu(x).flatten(1), linear.weight.mT)


@pytest.mark.parametrize(
    "norm",
    [
        functional.batch_norm,
        lambda x, mean, var, gamma, beta: torch.batch_norm(x, gamma, beta, mean, var, False, 0.1, 1e-5, True),
    ],
)
def test_synflow_takes_functions_as_it_takes_modules(norm):
    with torch.random.fork_rng():
        torch.manual_seed(3)
        net = nn.Sequential(
            nn.Conv2d(2, 4, 2, stride=2), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3)
        ).eval()
        for each in (net[1].weight, net[1].bias, net[1].running_mean):
            nn.init.normal_(each)
        nn.init.uniform_(net[1].running_var, 0.5, 2)
    images = torch.rand(1, 2, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = linearised(net)(images)
    assert expected.abs().min() > 1e-6
    torch.testing.assert_close(linearised(Functions(net, norm))(images), expected)
    assert not linearised(Functions(net, norm))(torch.zeros_like(images)).any()
    own, other = (build_graph(each, (2, 4, 4), batchnorm="folded") for each in (net, Functions(net, norm)))
    assert np.allclose(own.connections[0].weight, other.connections[0].weight)


def test_synflow_empties_no_layer_early(net, data):
    scores = pruning_scores(net, "synflow", inputs=data[0])
    every = torch.cat([score.reshape(-1) for score in scores.values()])
    cut = every.sort().values[int(0.8 * len(every))]
    assert all((score >= cut).any() for score in scores.values())


@pytest.mark.parametrize("criterion", SCORES)
def test_every_score_is_a_finite_number_for_every_weight(net, data, criterion):
    before = copy.deepcopy(net.state_dict())
    scores = pruning_scores(net, criterion, inputs=data[0], labels=data[1])
    assert list(scores) == ["0.weight", "4.weight", "6.weight"]
    for name, score in scores.items():
        assert score.shape == net.get_parameter(name).shape
        assert score.dtype == torch.float64
        assert torch.isfinite(score).all()
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())


@pytest.mark.parametrize("criterion", DATA_DRIVEN)
def test_what_a_criterion_lacks_is_said(net, data, criterion):
    with pytest.raises(NcvizError, match="needs calibration images"):
        pruning_scores(net, criterion)
    if SCORES[criterion].needs_labels:
        with pytest.raises(NcvizError, match="needs the labels"):
            pruning_scores(net, criterion, inputs=data[0])
        with pytest.raises(NcvizError, match="a label for each of 7"):
            pruning_scores(net, criterion, inputs=data[0], labels=data[1][:3])


def test_curvature_lamp_is_the_mean_of_two_ranks(net, data):
    images = data[0][:1]
    kappa = torch.cat([k.float().reshape(-1) for k in ncviz.neural_curvature(net, images).weights.values()])
    lamp = torch.cat([score.reshape(-1) for score in pruning_scores(net, "lamp").values()])
    assert (kappa == 2).sum() > 3  # never active: they share a rank
    found = torch.cat(
        [part.reshape(-1) for part in pruning_scores(net, "curvature-lamp", inputs=images).values()]
    )
    for at in range(len(kappa)):
        by_curvature = (kappa > kappa[at]).sum() + ((kappa == kappa[at]).sum() - 1) / 2
        by_lamp = (lamp < lamp[at]).sum() + ((lamp == lamp[at]).sum() - 1) / 2
        assert found[at] == (by_curvature + by_lamp) / 2


@pytest.mark.parametrize(
    ("criterion", "images", "labels", "said"),
    [
        ("wanda", torch.rand(3, 5), None, "does not take float32 images of shape"),
        ("wanda", torch.rand(0, 2, 4, 4), None, "at least one image"),
        ("wanda", torch.full((1, 2, 4, 4), torch.nan), None, "finite"),
        ("wanda", torch.ones(1, 2, 4, 4, dtype=torch.int64), None, "floating-point"),
        ("snip", torch.rand(2, 2, 4, 4), torch.tensor([0, 99]), "from 0 to 2"),
        ("fisher", torch.rand(2, 2, 4, 4), torch.tensor([0.0, 1.0]), "whole numbers"),
    ],
)
def test_images_and_labels_that_do_not_fit(net, criterion, images, labels, said):
    with pytest.raises(DataError, match=said):
        pruning_scores(net, criterion, inputs=images, labels=labels)


def test_a_criterion_that_looks_at_no_images_takes_whatever_stands_there(net):
    expected = pruning_scores(net, "magnitude")
    for inputs in ([], "none", torch.tensor(1.0)):
        found = pruning_scores(net, "magnitude", inputs=inputs)
        assert all(torch.equal(found[name], score) for name, score in expected.items())


@given(st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.5]), min_size=1, max_size=12))
def test_among_not_smaller_by_brute_force(values):
    given_values = np.array(values)
    slow = [value / given_values[given_values >= value].sum() if value else 0.0 for value in values]
    assert np.allclose(among_not_smaller(given_values), slow)


def test_a_weight_that_two_layers_share_hears_the_inputs_of_both():
    once, _ = tied("module")
    apart, _ = tied("parameter")
    apart[2].bias = apart[0].bias
    inputs = torch.rand(5, 6)
    expected, found = (pruning_scores(net, "wanda", inputs=inputs) for net in (once, apart))
    first, second = inputs.double(), once[:2].double()(inputs.double())
    heard = (first**2).sum(dim=0) + (second**2).sum(dim=0)
    by_hand = once[0].weight.detach().abs() * heard.sqrt()
    for scores in (expected, found):
        torch.testing.assert_close(scores["0.weight"].double(), by_hand.double(), check_dtype=False)
