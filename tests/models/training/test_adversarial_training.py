"""Training on attacked images (Madry et al., arXiv 1706.06083)."""

import pytest
import torch
from torch.nn import functional

from ncviz.attacks import attacked
from ncviz.config import AttackConfig
from ncviz.data.datasets import Dataset, load_dataset
from ncviz.models.training import run as training
from ncviz.models.training.train import train

ATTACK = AttackConfig(0.15, 0.05, 5)


def digits(count=None, split="train"):
    data = load_dataset("digits", split)
    fields = {name: getattr(data, name) for name in Dataset.__dataclass_fields__}
    return Dataset(**{**fields, "inputs": data.inputs[:count], "labels": data.labels[:count]})


def run(count=None, attack=ATTACK, **options):
    settings = {"epochs": 2, "batch_size": 32, "learning_rate": 0.01, "seed": 0, **options}
    return train("mlp-digits-relu", digits(count), digits(split="test"), attack=attack, **settings)


def under_attack(net):
    data = digits(split="test")
    images = attacked(net, data.inputs, data.labels, ATTACK, torch.Generator().manual_seed(0))
    return float((net(images).argmax(1) == data.labels).double().mean())


@pytest.mark.slow
def test_it_withstands_the_attack_better_than_plain_training():
    plain, robust = (run(attack=attack, epochs=8) for attack in (None, ATTACK))
    assert robust.test_accuracy > 0.8
    assert under_attack(robust.net) > under_attack(plain.net) + 0.1


def test_it_follows_its_seed_and_leaves_the_global_random_state():
    before = torch.get_rng_state()
    first, again, other = run(100), run(100), run(100, seed=1)
    assert torch.equal(before, torch.get_rng_state())
    assert first.history == again.history
    assert first.history != other.history
    assert first.history != run(100, attack=None).history
    for one, two in zip(first.net.parameters(), again.net.parameters(), strict=True):
        assert torch.equal(one, two)


def test_without_room_to_move_it_is_plain_training():
    still = AttackConfig(0.0, 0.0, 1, random_start=False)
    assert run(100, attack=still).history == run(100, attack=None).history


def test_every_step_learns_from_attacked_images_and_in_train_mode(monkeypatch):
    """Each loss is that of the images which the attack on the network of that moment gives."""
    seen = []

    def watched(logits_of, images, labels, attack, generator):
        assert not logits_of.training
        found = attacked(logits_of, images, labels, attack, generator)
        with torch.no_grad():
            loss = float(functional.cross_entropy(logits_of(found), labels))
        seen.append(
            (loss, float((found - images).abs().max()), bool((found >= 0).all() and (found <= 1).all()))
        )
        return found

    monkeypatch.setattr(training, "attacked", watched)
    result = run(96, epochs=1)
    assert len(seen) == 3
    assert result.history[0].loss == pytest.approx(sum(loss for loss, *_ in seen) / 3, rel=1e-5)
    assert all(0 < far <= 0.15 + 1e-6 and within for _, far, within in seen)


def test_what_a_normalisation_remembers_comes_from_the_learning_alone():
    data = load_dataset("cifar10", "train")
    fields = {name: getattr(data, name) for name in Dataset.__dataclass_fields__}
    few = Dataset(**{**fields, "inputs": data.inputs[:20], "labels": data.labels[:20]})
    settings = {"epochs": 1, "batch_size": 10, "learning_rate": 0.004, "seed": 0}
    result = train("vgg9-cifar10-relu", few, few, attack=AttackConfig(0.01, 0.005, 3), **settings)
    assert result.net.state_dict()["1.num_batches_tracked"] == 2
    assert result.net.training is False
