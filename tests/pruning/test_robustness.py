import copy

import pytest
import torch
from torch import nn

from ncviz.attacks import attacked
from ncviz.config import AttackConfig
from ncviz.errors import CancelledError, DataError, DeviceError, NcvizError
from ncviz.pruning.corruptions import CorruptionConfig, corrupted
from ncviz.pruning.masks import apply_masks
from ncviz.pruning.robustness import BATCH, Disturber

FGSM = AttackConfig.fgsm(0.1)
PGD = AttackConfig(0.1, 0.03, 4)


@pytest.fixture
def net():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(9, 8), nn.ReLU(), nn.Linear(8, 3)).eval()


@pytest.fixture
def images(net):
    generator = torch.Generator().manual_seed(1)
    inputs = torch.rand(BATCH + 30, 1, 3, 3, generator=generator)
    labels = net(inputs).argmax(1)
    # Some that the network gets wrong from the start.
    labels[::7] = (labels[::7] + 1) % 3
    return inputs, labels


@pytest.fixture
def masks(net):
    generator = torch.Generator().manual_seed(2)
    return {
        name: torch.rand(weight.shape, generator=generator) > 0.4
        for name, weight in net.named_parameters()
        if weight.ndim > 1
    }


def test_an_attack_is_computed_on_the_pruned_network_itself(net, images, masks):
    found = Disturber(net, *images, FGSM).measure(masks)
    pruned = apply_masks(net, masks)
    moved = attacked(pruned, *images, FGSM)
    torch.testing.assert_close(found.images, moved)
    assert torch.equal(found.clean, pruned(images[0]).argmax(1))
    assert torch.equal(found.under, pruned(moved).argmax(1))
    assert not torch.equal(found.images, Disturber(net, *images, FGSM).measure().images)


def test_accuracy_counts_every_image(net, images, masks):
    found = Disturber(net, *images, FGSM).measure(masks)
    right = sum(
        int(guess == label) for guess, label in zip(found.under.tolist(), images[1].tolist(), strict=True)
    )
    assert found.accuracy == pytest.approx(right / len(images[1]))
    clean = sum(
        int(guess == label) for guess, label in zip(found.clean.tolist(), images[1].tolist(), strict=True)
    )
    assert found.clean_accuracy == pytest.approx(clean / len(images[1]))
    assert found.accuracy < found.clean_accuracy < 1


def test_a_corruption_is_the_same_for_every_mask(net, images, masks):
    config = CorruptionConfig("noise", 4)
    disturber = Disturber(net, *images, config, seed=5)
    whole, pruned = disturber.measure(), disturber.measure(masks)
    assert torch.equal(whole.images, corrupted(images[0], config, 5))
    assert torch.equal(whole.images, pruned.images)
    assert torch.equal(pruned.under, apply_masks(net, masks)(whole.images).argmax(1))


@pytest.mark.parametrize("disturbance", [PGD, CorruptionConfig("noise", 5)])
def test_the_seed_decides_and_the_order_of_measuring_does_not(net, images, masks, disturbance):
    first = Disturber(net, *images, disturbance, seed=1)
    alone = Disturber(net, *images, disturbance, seed=1).measure(masks)
    first.measure()
    assert torch.equal(first.measure(masks).images, alone.images)
    other = Disturber(net, *images, disturbance, seed=2).measure(masks)
    assert not torch.equal(other.images, alone.images)


def test_without_room_to_move_nothing_changes(net, images):
    found = Disturber(net, *images, AttackConfig(0.0, 0.01, 3)).measure()
    assert torch.equal(found.images, images[0])
    assert found.accuracy == found.clean_accuracy


def test_a_network_without_weights_has_no_gradient(net, images):
    nothing = {
        name: torch.zeros_like(w, dtype=torch.bool) for name, w in net.named_parameters() if w.ndim > 1
    }
    found = Disturber(net, *images, FGSM).measure(nothing)
    assert torch.equal(found.images, images[0])


def test_the_network_is_left_alone(net, images, masks):
    before = copy.deepcopy(net.state_dict())
    Disturber(net, *images, PGD).measure(masks)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(parameter.requires_grad and parameter.grad is None for parameter in net.parameters())


def test_progress_comes_after_each_batch_and_may_cancel(net, images):
    seen = []
    Disturber(net, *images, FGSM).measure(report=seen.append)
    assert seen == [pytest.approx(BATCH / (BATCH + 30)), 1.0]

    def cancel(fraction):
        raise CancelledError

    with pytest.raises(CancelledError):
        Disturber(net, *images, FGSM).measure(report=cancel)


def test_what_does_not_fit_is_one_sentence(net, images):
    inputs, labels = images
    for bad in ((inputs[:0], labels[:0]), (inputs, labels[:3])):
        with pytest.raises(DataError, match="as many labels as images"):
            Disturber(net, *bad, FGSM)
    for pixels in (inputs * 2, inputs - 0.5, torch.full_like(inputs, float("nan"))):
        with pytest.raises(DataError, match=r"must lie in \[0, 1\]"):
            Disturber(net, pixels, labels, FGSM)
    with pytest.raises(DeviceError, match="cuda:99"):
        Disturber(net, inputs, labels, FGSM, device="cuda:99")
    with pytest.raises(NcvizError, match="seed must be"):
        Disturber(net, inputs, labels, FGSM, seed=-1)
    with pytest.raises(NcvizError, match="has no weight 'nose'"):
        Disturber(net, inputs, labels, FGSM).measure({"nose": torch.ones(1, dtype=torch.bool)})
