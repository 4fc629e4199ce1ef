import copy
import threading

import numpy as np
import pytest
import torch
from torch import nn

from ncviz import tasks
from ncviz.attacks import attacked
from ncviz.config import AttackConfig, PruningConfig
from ncviz.data.datasets import load_dataset
from ncviz.errors import CancelledError, DataError, DeviceError, NcvizError, StoreError
from ncviz.pruning.corruptions import CorruptionConfig, corrupted
from ncviz.pruning.masks import apply_masks
from ncviz.pruning.robustness import BATCH, Disturber
from ncviz.store import Record, Store
from ncviz.tasks.robustness import (
    Robustness,
    RobustnessConfig,
    RobustnessRecord,
    disturbed_examples,
    drawn,
)
from tests.examples.contexts import NOWHERE, here

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


MAGNITUDE = PruningConfig("magnitude")


@pytest.mark.parametrize("disturbance", [PGD, CorruptionConfig("blur", 5)])
def test_a_curve_is_what_each_point_gives_by_itself(store, network, disturbance):
    config = RobustnessConfig(MAGNITUDE, disturbance, images=60, seed=3)
    record = here(store).run(Robustness(network, config)).result
    assert record.is_complete
    assert record.images == 60
    test, rows = load_dataset(network.dataset, "test"), drawn(360, 60)
    weights = {name: torch.from_numpy(network.arrays[name]) for name in tasks.shapes_of(network)}
    flat = torch.cat([weight.abs().flatten() for weight in weights.values()])
    for at in (0, 5, 9):
        least = flat.sort().values[record.removed[at]]
        masks = {name: weight.abs() >= least for name, weight in weights.items()}
        found = Disturber(
            network.module(), test.inputs[rows], test.labels[rows], disturbance, seed=3
        ).measure(masks)
        assert record.under[at] == pytest.approx(found.accuracy)
        assert record.clean[at] == pytest.approx(found.clean_accuracy)
    assert record.sparsity.tolist() == pytest.approx(list(config.sparsities), abs=1e-3)


def test_a_curve_comes_back_from_the_store(store, network):
    config = RobustnessConfig(MAGNITUDE, FGSM, images=40)
    assert here(store).look_up(Robustness(network, config)) is None
    first = here(store).run(Robustness(network, config))
    again = here(store).run(Robustness(network, config))
    assert (first.is_stored, again.is_stored) == (False, True)
    assert np.array_equal(first.result.under, again.result.under)
    assert again.result.meta["attack"]["epsilon"] == 0.1
    assert again.result.meta["evaluated_on"] == "all 360 Digits 8×8 test images"


@pytest.mark.parametrize("by", ["event", "progress"])
def test_points_finished_before_a_cancel_are_kept_and_not_measured_again(
    store, network, tmp_path, monkeypatch, by
):
    config, cancel, seen = RobustnessConfig(MAGNITUDE, PGD, images=40), threading.Event(), []

    def progress(fraction, message):
        seen.append(fraction)
        if "sparsity 4 of 11" in message:
            if by == "progress":
                raise CancelledError
            cancel.set()

    with pytest.raises(CancelledError):
        here(store, progress=progress, cancel=cancel).run(Robustness(network, config))
    assert seen == sorted(seen)
    part = here(store).look_up(Robustness(network, config))
    assert part.known.tolist() == [True] * 3 + [False] * 8
    assert not part.is_complete
    measured = []
    original = Disturber.measure
    monkeypatch.setattr(Disturber, "measure", lambda *args: measured.append(args[1]) or original(*args))
    whole = here(store).run(Robustness(network, config)).result
    assert len(measured) == 8
    alone = here(Store(str(tmp_path / "other"))).run(Robustness(network, config)).result
    assert np.array_equal(whole.under, alone.under)
    assert np.array_equal(whole.clean, alone.clean)


def test_two_runs_of_one_curve_keep_each_others_points(store, network, monkeypatch):
    config = RobustnessConfig(PruningConfig("magnitude"), FGSM, images=30)
    alone = here(store).run(Robustness(network, config)).result
    key = Robustness(network, config).key(NOWHERE)
    store.remove(key)
    measured, half = Disturber.measure, len(alone.removed) // 2

    def measure(self, masks, report=None):
        # Meanwhile another run stores the second half.
        clean, under = alone.clean.copy(), alone.under.copy()
        clean[:half] = under[:half] = np.nan
        other = Robustness(network, config).encode(RobustnessRecord(alone.removed, clean, under, alone.meta))
        store.put(key, other.arrays, other.meta)
        raise CancelledError

    cancelled = iter(range(half))

    def until(self, masks, report=None):
        return measured(self, masks, report) if next(cancelled, None) is not None else measure(self, masks)

    monkeypatch.setattr(Disturber, "measure", until)
    with pytest.raises(CancelledError):
        here(store).run(Robustness(network, config))
    kept = here(store).look_up(Robustness(network, config))
    assert kept.is_complete
    assert np.array_equal(kept.under, alone.under)


def test_the_key_holds_what_decides_the_curve_and_nothing_else(network):
    base = RobustnessConfig(MAGNITUDE, PGD, 40)
    others = [
        RobustnessConfig(PruningConfig("lamp"), PGD, 40),
        RobustnessConfig(PruningConfig("magnitude", order="bottlenecks"), PGD, 40),
        RobustnessConfig(PruningConfig("magnitude", protected=("1.weight",)), PGD, 40),
        RobustnessConfig(MAGNITUDE, FGSM, 40),
        RobustnessConfig(MAGNITUDE, CorruptionConfig(), 40),
        RobustnessConfig(MAGNITUDE, CorruptionConfig(severity=4), 40),
        RobustnessConfig(MAGNITUDE, PGD, 41),
        RobustnessConfig(MAGNITUDE, PGD, 40, seed=1),
    ]
    keys = {Robustness(network, config).key(NOWHERE) for config in [base, *others]}
    assert len(keys) == 1 + len(others)
    same = RobustnessConfig(PruningConfig("magnitude", 5, seed=7), PGD, 40)
    assert Robustness(network, same).key(NOWHERE) == Robustness(network, base).key(NOWHERE)


def test_protected_layers_end_the_curve(store, network):
    names = list(tasks.shapes_of(network))
    config = RobustnessConfig(PruningConfig("magnitude", protected=tuple(names[:1])), FGSM, images=20)
    record = here(store).run(Robustness(network, config)).result
    free = sum(network.arrays[name].size for name in names[1:])
    assert record.is_complete
    assert 0 < record.removed.max() <= free < record.total
    assert len(record.removed) < len(config.sparsities)


def test_examples_are_those_of_the_curve(store, network):
    config = RobustnessConfig(MAGNITUDE, PGD, images=40)
    record = here(store).run(Robustness(network, config)).result
    data, rows, found = disturbed_examples(network, config, 0.5, here(store))
    assert found.accuracy == pytest.approx(record.under[config.sparsities.index(0.5)])
    assert torch.equal(data.labels[rows], found.labels)
    assert float((data.inputs[rows] - found.images).abs().max()) <= 0.1 + 1e-6


@pytest.mark.parametrize(("total", "count"), [(10, 3), (10, 10), (10, 99), (7, 1), (2000, 500)])
def test_images_are_drawn_once_and_for_all(total, count):
    found = drawn(total, count)
    assert len(found) == len(set(found.tolist())) == min(total, count)
    assert 0 <= found.min() <= found.max() < total
    assert found.tolist() == sorted(found.tolist())
    assert set(drawn(total, max(1, count // 2)).tolist()) <= set(found.tolist())


@pytest.mark.parametrize("labels", [np.arange(2000) % 10, np.arange(2000) // 200])
def test_every_class_is_drawn_however_the_data_are_arranged(labels):
    counts = np.bincount(labels[drawn(2000, 500)], minlength=10)
    assert counts.min() > 30
    assert counts.max() < 70


@pytest.mark.parametrize(("values", "message"), [({"images": 0}, "number of images"), ({"seed": -1}, "seed")])
def test_settings_of_a_curve_out_of_range(values, message):
    with pytest.raises(NcvizError, match=message):
        RobustnessConfig(MAGNITUDE, PGD, **values)


def test_a_record_of_another_kind_is_refused():
    read = Robustness(None, RobustnessConfig(MAGNITUDE, PGD)).read
    with pytest.raises(StoreError, match="clear it from the cache"):
        read(Record({}, {"kind": "sweep"}))
    with pytest.raises(StoreError, match="lacks 'removed'"):
        read(Record({}, {"kind": "robustness", "total": 1, "images": 1}))
