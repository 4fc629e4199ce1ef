"""FGSM and PGD against the same attacks image by image, pixel by pixel."""

import copy

import pytest
import torch
from torch import nn

from ncviz.attacks import attacked, smallest_radii
from ncviz.config import AttackConfig, RadiusConfig
from ncviz.errors import NcvizError


@pytest.fixture
def net():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = [nn.Conv2d(1, 3, 2), nn.BatchNorm2d(3), nn.Tanh(), nn.Flatten(), nn.Linear(27, 4)]
        return nn.Sequential(*layers).double().eval()


@pytest.fixture
def images():
    generator = torch.Generator().manual_seed(1)
    inputs = torch.rand(12, 1, 4, 4, generator=generator, dtype=torch.float64)
    # Pixels at the ends of the range, where the box around the image is cut.
    inputs[:, :, 0, 0], inputs[:, :, 0, 1] = 0.0, 1.0
    return inputs, torch.randint(4, (12,), generator=generator)


def loss(net, image, label):
    logits = net(image[None])[0]
    return float(torch.log(torch.exp(logits).sum()) - logits[label])


def slow(net, image, label, attack, start=None):
    """One image: the gradient by central differences, each pixel clipped by itself."""
    found = (image if start is None else start).clone()
    with torch.no_grad():
        for _ in range(attack.steps):
            signs = torch.zeros_like(found)
            for at in range(found.numel()):
                here = [found.clone(), found.clone()]
                for other, move in zip(here, (1e-6, -1e-6), strict=True):
                    other.view(-1)[at] += move
                slope = loss(net, here[0], label) - loss(net, here[1], label)
                signs.view(-1)[at] = (slope > 0) - float(slope < 0)
            for at, first in enumerate(image.view(-1).tolist()):
                value = float(found.view(-1)[at] + attack.step * signs.view(-1)[at])
                value = min(max(value, first - attack.epsilon), first + attack.epsilon)
                found.view(-1)[at] = min(max(value, 0.0), 1.0)
    return found


@pytest.mark.parametrize(
    "attack",
    [
        AttackConfig.fgsm(0.1),
        AttackConfig(0.1, 0.03, 7, random_start=False),
        AttackConfig(0.2, 0.2, 2, False),
    ],
)
def test_agrees_with_the_attack_image_by_image(net, images, attack):
    found = attacked(net, *images, attack)
    for image, label, moved in zip(*images, found, strict=True):
        torch.testing.assert_close(moved, slow(net, image, label, attack), rtol=0, atol=1e-9)


def test_fgsm_is_one_step_as_long_as_epsilon(net, images):
    inputs, labels = images
    point = inputs.clone().requires_grad_()
    nn.functional.cross_entropy(net(point), labels).backward()
    expected = (inputs + 0.07 * point.grad.sign()).clamp(0, 1)
    torch.testing.assert_close(attacked(net, inputs, labels, AttackConfig.fgsm(0.07)), expected)


@pytest.mark.parametrize("random_start", [False, True])
def test_pixels_stay_in_the_box_and_in_range(net, images, random_start):
    attack = AttackConfig(0.15, 0.04, 10, random_start)
    found = attacked(net, *images, attack, torch.Generator().manual_seed(0))
    assert float((found - images[0]).abs().max()) <= 0.15 + 1e-12
    assert 0 <= found.min() <= found.max() <= 1


def test_the_random_start_is_anywhere_in_the_box_and_follows_the_generator(net):
    inputs, labels = torch.full((400, 1, 4, 4), 0.5).double(), torch.zeros(400, dtype=torch.long)
    attack = AttackConfig(0.1, 0.0, 1)
    first, again, other = (
        attacked(net, inputs, labels, attack, torch.Generator().manual_seed(s)) for s in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert float((first - 0.5).std()) == pytest.approx(0.1 / 3**0.5, rel=0.03)
    assert float((first - 0.5).abs().max()) <= 0.1


def test_the_loss_rises_and_more_steps_raise_it_more(net, images):
    means = []
    for attack in (
        AttackConfig.fgsm(0.0),
        AttackConfig.fgsm(0.1),
        AttackConfig(0.1, 0.02, 40, random_start=False),
    ):
        found = attacked(net, *images, attack)
        means.append(nn.functional.cross_entropy(net(found), images[1]).item())
    assert means[0] < means[1] <= means[2] + 1e-9


def test_an_image_is_attacked_the_same_whatever_stands_beside_it(net, images):
    attack = AttackConfig(0.1, 0.03, 5, random_start=False)
    alone = torch.cat(
        [attacked(net, image[None], label[None], attack) for image, label in zip(*images, strict=True)]
    )
    torch.testing.assert_close(attacked(net, *images, attack), alone, rtol=0, atol=1e-12)


def test_nothing_else_changes(net, images):
    before, state = copy.deepcopy(net.state_dict()), torch.get_rng_state()
    inputs = images[0].clone()
    with torch.no_grad():
        found = attacked(net, *images, AttackConfig(0.1, 0.03, 3), torch.Generator().manual_seed(0))
    assert torch.equal(inputs, images[0])
    assert not found.requires_grad
    assert all(parameter.grad is None for parameter in net.parameters())
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epsilon": -0.1}, "epsilon must be a number from 0 to 1, got -0.1"),
        ({"epsilon": float("nan")}, "epsilon must be"),
        ({"step": 2}, "step must be a number from 0 to 1"),
        ({"step": "far"}, "step must be"),
        ({"steps": 0}, "steps must be a whole number from 1 to 1000"),
    ],
)
def test_settings_out_of_range(values, message):
    with pytest.raises(NcvizError, match=message):
        AttackConfig(**values)


def test_the_smallest_radius_of_a_linear_network_is_its_margin():
    generator = torch.Generator().manual_seed(4)
    weight = torch.randn(2, 9, generator=generator, dtype=torch.float64)
    images = 0.5 + 0.1 * torch.rand(30, 1, 3, 3, generator=generator, dtype=torch.float64)
    scores = images.flatten(1) @ weight.T
    labels = scores.argmax(dim=1)
    # Of two classes, all pixels moving against the difference of the rows close the gap at once.
    gap = (scores[:, 0] - scores[:, 1]).abs() / (weight[0] - weight[1]).abs().sum()
    search = RadiusConfig(largest=1.001 * float(gap.median()), steps=5, restarts=1, halvings=12)
    radius, is_fooled = smallest_radii(lambda x: x.flatten(1) @ weight.T, images, labels, search)
    assert torch.equal(is_fooled, gap < search.largest)
    resolution = search.largest / 2**12
    assert (radius[is_fooled] - gap[is_fooled]).min() >= 0
    assert (radius[is_fooled] - gap[is_fooled]).max() <= resolution
    assert (radius[~is_fooled] == search.largest).all()


def test_what_is_found_fools_and_restarts_only_help(net, images):
    inputs = images[0]
    with torch.no_grad():
        labels = net(inputs).argmax(dim=1)
    net.requires_grad_(False)

    def search(restarts):
        generator = torch.Generator().manual_seed(0)
        return smallest_radii(net, inputs, labels, RadiusConfig(0.5, 10, restarts, 6), generator)

    (one, is_one), (more, is_more) = search(1), search(4)
    assert is_one.any()
    assert (is_more | ~is_one).all()
    assert (more <= one).all()
    # A brute search at the radius that was found finds a point that fools as well.
    at = int(is_one.nonzero()[0])
    epsilon, own = float(one[at]), slice(at, at + 1)
    points = [
        attacked(net, inputs[own], labels[own], AttackConfig(epsilon, 2.5 * epsilon / 10, steps, False))
        for steps in range(1, 11)
    ]
    assert any(int(net(point).argmax()) != int(labels[at]) for point in points)


@pytest.mark.parametrize(
    "settings",
    [{"largest": 0}, {"largest": 2}, {"largest": "far"}, {"steps": 0}, {"restarts": 0}, {"halvings": -1}],
)
def test_bad_searches_are_refused(settings):
    with pytest.raises(NcvizError, match="must be"):
        RadiusConfig(**settings)
