import copy
import threading

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from ncviz import accuracy, tasks
from ncviz.config import PruningConfig
from ncviz.data.datasets import load_dataset
from ncviz.errors import CancelledError, DataError, DeviceError, ModelError, NcvizError, StoreError
from ncviz.models.loading import load_checkpoint
from ncviz.pruning.finetune import FineTuneConfig, fine_tune, steps_of
from ncviz.pruning.masks import apply_masks, masks_at
from ncviz.store import Record
from ncviz.tasks.finetuning import FineTune, PruneAndTune, tuned_checkpoint, tuned_network
from tests.examples.contexts import NOWHERE, here
from tests.examples.tied import tied


@pytest.fixture
def net():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(9, 8), nn.ReLU(), nn.Linear(8, 3)).eval()


@pytest.fixture
def normalised():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = [
            nn.Conv2d(1, 4, 2, bias=False),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(16, 3),
        ]
        return nn.Sequential(*layers).eval()


@pytest.fixture
def images():
    """Images whose class is that of their brightest of three pixels: something to learn."""
    inputs = torch.rand(70, 1, 3, 3, generator=torch.Generator().manual_seed(1))
    return inputs, inputs[:, 0, 0].argmax(dim=1)


def masks_of(net, share=0.6, seed=3):
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.rand(weight.shape, generator=generator) >= share
        for name, weight in net.named_parameters()
        if weight.ndim > 1
    }


def slow(net, masks, images, config):
    """Adam written out, weights and gradients multiplied by the masks by hand."""
    net = copy.deepcopy(net).train()
    values = dict(net.named_parameters())
    first, second = ({name: torch.zeros_like(value) for name, value in values.items()} for _ in range(2))
    order, step = torch.Generator().manual_seed(config.seed), 0
    with torch.no_grad():
        for name, mask in masks.items():
            values[name] *= mask
    for _ in range(config.epochs):
        parts = list(torch.randperm(len(images[1]), generator=order).split(config.batch_size))
        if len(parts[-1]) == 1:
            parts = [*parts[:-2], torch.cat(parts[-2:])]
        for batch in parts:
            step += 1
            loss = functional.cross_entropy(net(images[0][batch]), images[1][batch])
            slopes = torch.autograd.grad(loss, list(values.values()))
            with torch.no_grad():
                for (name, value), slope in zip(values.items(), slopes, strict=True):
                    slope = (slope + config.weight_decay * value) * masks.get(name, torch.tensor(1.0))
                    first[name] = 0.9 * first[name] + 0.1 * slope
                    second[name] = 0.999 * second[name] + 0.001 * slope**2
                    size = first[name] / (1 - 0.9**step)
                    value -= config.learning_rate * size / ((second[name] / (1 - 0.999**step)).sqrt() + 1e-8)
    return net.eval()


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("kind", ["net", "normalised"])
def test_agrees_with_adam_by_hand(kind, decay, images, request):
    net = request.getfixturevalue(kind)
    masks, config = masks_of(net), FineTuneConfig(3, 16, 0.01, decay, seed=4)
    found = fine_tune(net, masks, images, images, config).net
    expected = slow(net, masks, images, config).state_dict()
    assert list(found.state_dict()) == list(expected)
    for name, value in found.state_dict().items():
        torch.testing.assert_close(value, expected[name], rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("kind", ["net", "normalised"])
def test_what_is_removed_stays_exactly_zero_and_the_network_is_left_alone(kind, images, request):
    net = request.getfixturevalue(kind)
    before, masks = copy.deepcopy(net.state_dict()), masks_of(net)
    found = fine_tune(net, masks, images, images, FineTuneConfig(5, 16, 0.05, 0.3)).net
    for name, mask in masks.items():
        weight = found.state_dict()[name]
        assert not weight[~mask].any()
        assert weight[mask].all()
        assert not torch.equal(weight[mask], before[name][mask])
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert not found.training
    assert not list(found.buffers(recurse=False))


def test_removed_weights_count_for_nothing_at_any_step(net, images):
    """Whatever the removed weights were, the losses are the same."""
    masks = masks_of(net)
    other = copy.deepcopy(net)
    with torch.no_grad():
        for name, mask in masks.items():
            other.get_parameter(name)[~mask] = 7.0
    config = FineTuneConfig(2, 16, 0.01, 0.2)
    first, second = (fine_tune(of, masks, images, images, config) for of in (net, other))
    assert first.loss == second.loss
    assert first.accuracy == second.accuracy


def test_it_learns_and_says_how_much(net, images):
    masks = masks_of(net, 0.3)
    found = fine_tune(net, masks, images, images, FineTuneConfig(40, 16, 0.02))
    with torch.no_grad():
        before, after = (
            float((of(images[0]).argmax(1) == images[1]).double().mean())
            for of in (apply_masks(net, masks), found.net)
        )
    assert found.accuracy[0] == pytest.approx(before)
    assert found.accuracy[-1] == pytest.approx(after)
    assert after > before + 0.3
    assert len(found.accuracy) == 41
    assert found.loss[-1] < found.loss[0]


def test_it_follows_its_seed_and_leaves_the_global_random_state(net, images):
    before = torch.get_rng_state()
    config = FineTuneConfig(2, 16)
    first, again = (fine_tune(net, masks_of(net), images, images, config) for _ in range(2))
    other = fine_tune(net, masks_of(net), images, images, FineTuneConfig(2, 16, seed=1))
    assert torch.equal(before, torch.get_rng_state())
    assert first.loss == again.loss
    assert first.loss != other.loss
    for one, two in zip(first.net.parameters(), again.net.parameters(), strict=True):
        assert torch.equal(one, two)


def test_batch_norm_remembers_what_it_saw(normalised, images):
    found = fine_tune(normalised, masks_of(normalised), images, images, FineTuneConfig(2, 16))
    assert found.net[1].num_batches_tracked == 2 * 5
    assert not torch.equal(found.net[1].running_mean, normalised[1].running_mean)


@pytest.mark.parametrize(
    ("count", "size", "steps"), [(65, 64, 1), (66, 64, 2), (64, 64, 1), (5, 1, 5), (1, 64, 1)]
)
def test_an_image_left_over_joins_the_batch_before(net, count, size, steps):
    inputs, labels = torch.rand(count, 1, 3, 3), torch.zeros(count, dtype=torch.long)
    config = FineTuneConfig(2, size)
    found = fine_tune(net, {}, (inputs, labels), (inputs, labels), config)
    assert len(found.loss) == 2 * steps == steps_of(count, config)


def test_callbacks_see_every_step_and_epoch_and_may_cancel(net, images):
    steps, epochs = [], []
    config = FineTuneConfig(2, 16)
    found = fine_tune(
        net,
        masks_of(net),
        images,
        images,
        config,
        on_step=lambda number, loss: steps.append((number, loss)),
        on_epoch=lambda number, accuracy: epochs.append((number, accuracy)),
    )
    assert steps == list(enumerate(found.loss, 1))
    assert epochs == list(enumerate(found.accuracy))

    def cancel(number, loss):
        raise CancelledError

    with pytest.raises(CancelledError):
        fine_tune(net, masks_of(net), images, images, config, on_step=cancel)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": 0}, "epochs must be a whole number from 1 to 100, got 0"),
        ({"batch_size": 0}, "batch size must be"),
        ({"seed": -1}, "seed must be"),
        ({"learning_rate": 0.0}, "learning rate must be a number from"),
        ({"learning_rate": float("nan")}, "learning rate must be"),
        ({"learning_rate": True}, "learning rate must be"),
        ({"weight_decay": -0.1}, "weight decay must be a number from 0 to 1"),
        ({"weight_decay": "much"}, "weight decay must be"),
    ],
)
def test_settings_out_of_range(values, message):
    with pytest.raises(NcvizError, match=message):
        FineTuneConfig(**values)


def test_what_does_not_fit_is_one_sentence(net, normalised, images):
    config = FineTuneConfig(1, 16)
    nothing = images[0][:0], images[1][:0]
    for bad in ({"1.bias2": torch.ones(3, dtype=torch.bool)}, {"1.weight": torch.ones(2, dtype=torch.bool)}):
        with pytest.raises(NcvizError, match="has no weight"):
            fine_tune(net, bad, images, images, config)
    for data in ((nothing, images), (images, nothing), ((images[0], images[1][:3]), images)):
        with pytest.raises(DataError, match="as many labels as images"):
            fine_tune(net, {}, *data, config)
    with pytest.raises(DataError, match="one image has no variance"):
        fine_tune(normalised, {}, (images[0][:1], images[1][:1]), images, config)
    with pytest.raises(DeviceError, match="cuda:99"):
        fine_tune(net, {}, images, images, config, device="cuda:99")
    spoilt = torch.full_like(images[0], float("nan")), images[1]
    with pytest.raises(ModelError, match="loss became nan in epoch 1"):
        fine_tune(net, {}, spoilt, images, config)


SHORT = PruneAndTune(PruningConfig("magnitude"), 0.9, FineTuneConfig(2, learning_rate=0.005))


def test_a_fine_tuning_is_kept_with_its_network(store, network):
    shown = []
    first = here(store, show=shown.append).run(FineTune(network, SHORT))
    again = here(store).run(FineTune(network, SHORT))
    assert (first.is_stored, again.is_stored) == (False, True)
    record = again.result
    (log,) = shown
    assert log.losses.tolist() == record.loss.tolist()
    assert log.accuracies.tolist() == record.accuracy.tolist()
    test = load_dataset("digits", "test")
    ranks = here(store).run(tasks.Order(network, SHORT.pruning)).result
    masks = masks_at(ranks, record.removed, tasks.shapes_of(network))
    pruned = apply_masks(network.module(), masks)
    assert record.whole == accuracy(network.module(), test.inputs, test.labels)
    assert record.before == accuracy(pruned, test.inputs, test.labels)
    tuned = tuned_network(network, record, "tuned").module()
    assert record.after == accuracy(tuned, test.inputs, test.labels) > record.before
    assert all(not tuned.state_dict()[name][~mask].any() for name, mask in masks.items())
    assert record.removed == sum(int((~mask).sum()) for mask in masks.values()) == round(0.9 * record.total)
    assert record.meta["trained_on"] == "all 1,437 Digits 8×8 train images"
    assert not tuned_network(network, record, "tuned").is_bundled


def test_the_checkpoint_is_one_that_ncviz_reads(store, network, tmp_path):
    record = here(store).run(FineTune(network, SHORT)).result
    (tmp_path / "tuned.safetensors").write_bytes(tuned_checkpoint(record))
    found = load_checkpoint(tmp_path / "tuned.safetensors", network.architecture).state_dict()
    assert all(np.array_equal(found[name].numpy(), values) for name, values in record.arrays.items())


@pytest.mark.slow
def test_a_network_with_batch_norm_comes_back_whole(store):
    network = tasks.open_network("vgg9-cifar10-relu")
    config = PruneAndTune(PruningConfig("magnitude"), 0.5, FineTuneConfig(1, 50))
    record = here(store).run(FineTune(network, config)).result
    kept = here(store).look_up(FineTune(network, config))
    assert list(kept.arrays) == list(network.arrays)
    assert all(np.array_equal(kept.arrays[name], values) for name, values in record.arrays.items())
    assert kept.arrays["1.num_batches_tracked"] == network.arrays["1.num_batches_tracked"] + 2
    tuned_network(network, kept, "tuned").module()


@pytest.mark.parametrize("by", ["event", "progress"])
def test_a_cancelled_fine_tuning_leaves_nothing(store, network, by):
    cancel, seen = threading.Event(), []

    def progress(fraction, message):
        seen.append(fraction)
        if "epoch 2" in message:
            if by == "progress":
                raise CancelledError
            cancel.set()

    with pytest.raises(CancelledError):
        here(store, progress=progress, cancel=cancel).run(FineTune(network, SHORT))
    assert seen == sorted(seen)
    assert 0.5 < seen[-1] < 1
    assert here(store).look_up(FineTune(network, SHORT)) is None


def test_the_key_holds_what_decides_the_result(network):
    others = [
        PruneAndTune(PruningConfig("lamp"), 0.9, SHORT.tuning),
        PruneAndTune(SHORT.pruning, 0.8, SHORT.tuning),
        *(
            PruneAndTune(
                SHORT.pruning, 0.9, FineTuneConfig(**{"epochs": 2, "learning_rate": 0.005, **change})
            )
            for change in (
                {"epochs": 3},
                {"batch_size": 32},
                {"learning_rate": 0.01},
                {"weight_decay": 0.1},
                {"seed": 1},
            )
        ),
    ]
    keys = {FineTune(network, config).key(NOWHERE) for config in [SHORT, *others]}
    assert len(keys) == 1 + len(others)


def test_too_much_for_protected_layers_is_one_sentence(store, network):
    config = PruneAndTune(PruningConfig("magnitude", protected=("1.weight",)), 0.9, SHORT.tuning)
    with pytest.raises(NcvizError, match=r"At most 24.\d% of the weights can go while layers are protected"):
        here(store).run(FineTune(network, config))
    with pytest.raises(NcvizError, match="from 0 to 1"):
        PruneAndTune(SHORT.pruning, 1.5, SHORT.tuning)


def test_a_record_of_another_kind_is_refused():
    with pytest.raises(StoreError, match="clear it from the cache"):
        FineTune(None, SHORT).read(Record({}, {"kind": "sweep"}))
    with pytest.raises(StoreError, match="lacks 'loss'"):
        FineTune(None, SHORT).read(Record({}, {"kind": "finetune"}))


@pytest.mark.parametrize("kind", ["module", "parameter"])
def test_a_weight_that_two_layers_share_is_held_in_both(kind):
    net, masks = tied(kind)
    data = torch.rand(40, 6), torch.arange(40) % 3
    pruned = apply_masks(net, masks)
    result = fine_tune(net, masks, data, data, FineTuneConfig(epochs=2, batch_size=8))
    assert result.accuracy[0] == accuracy(pruned, *data)
    assert result.accuracy[-1] == accuracy(result.net, *data)
    # What is removed in one layer alone would have a gradient from the other, and the pruned network learn otherwise.
    again = fine_tune(pruned, masks, data, data, FineTuneConfig(epochs=2, batch_size=8))
    assert again.loss == result.loss
    assert result.net[2].weight is result.net[0].weight
    assert bool((result.net[0].weight[~masks["0.weight"]] == 0).all())
