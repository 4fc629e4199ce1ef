"""The straight line as a whole, on the smallest bundled network."""

import json
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch

from ncviz import accuracy, load_model, neural_curvature, prune, pruning_scores, tasks
from ncviz.config import COMPARED, COMPARED_DRAWS, CurvatureConfig, PruningConfig
from ncviz.errors import CancelledError, DataError, ModelError, NcvizError, StoreError
from ncviz.models.files.open_file import read_file
from ncviz.pruning.compare import GRID
from ncviz.pruning.curve import grid_of
from ncviz.store import Record, StoreWarning
from ncviz.tasks import bundling, sweeps
from ncviz.tasks.curvature import task as curvature
from tests.examples.contexts import NOWHERE, here

NAME = "mlp-digits-relu"


def test_second_time_comes_from_the_store_and_is_the_same(store, network):
    config = CurvatureConfig(samples_per_class=2, seed=5)
    assert here(store).look_up(tasks.Curvature(network, config)) is None
    first = here(store).run(tasks.Curvature(network, config))
    assert not first.is_stored
    assert first.problem is None
    second = here(store).run(tasks.Curvature(network, config))
    assert second.is_stored
    for name, values in first.result.weights.items():
        assert np.array_equal(values, second.result.weights[name])
        assert np.array_equal(first.result.samples[name], second.result.samples[name], equal_nan=True)
    for one, other in zip(first.result.edges, second.result.edges, strict=True):
        assert np.array_equal(one.curvature, other.curvature)
        assert np.array_equal(one.source, other.source)
    assert second.result.config == config
    assert second.result.layer_shapes == ((1, 8, 8), (32,), (16,), (10,))
    assert len(second.result.calibration) == 20


def test_every_input_counts_in_the_key_and_alpha_only_where_it_matters(network):
    keys = {
        tasks.Curvature(network, CurvatureConfig(samples_per_class=n, seed=s, alpha=a)).key(NOWHERE)
        for n, s, a in [(1, 0, 0.9), (2, 0, 0.9), (1, 1, 0.9), (1, 0, 0.4), (1, 0, 0.3)]
    }
    assert len(keys) == 5
    same = tasks.Curvature(network, CurvatureConfig(alpha=0.5)).key(NOWHERE)
    assert same == tasks.Curvature(network, CurvatureConfig(alpha=0.99)).key(NOWHERE)
    changed = dict(network.arrays)
    first = next(iter(changed))
    changed[first] = changed[first].copy()
    changed[first].reshape(-1)[0] += 1e-7
    other = tasks.Network("x", "x", network.architecture, network.dataset, changed)
    assert other.fingerprint != network.fingerprint
    tanh = tasks.Network("x", "x", "mlp-digits-tanh", network.dataset, network.arrays)
    assert tanh.fingerprint != network.fingerprint


def test_how_batchnorm_is_read_counts_where_there_is_one(network):
    folded = CurvatureConfig(batchnorm="folded")
    norms = tasks.open_network("vgg9-cifar10-relu")
    assert (network.has_batchnorm, norms.has_batchnorm) == (False, True)

    def of(make):
        return [make(config).key(NOWHERE) for config in (CurvatureConfig(), folded)]

    one, other = of(lambda config: tasks.Curvature(network, config))
    assert one == other
    one, other = of(lambda config: tasks.Curvature(norms, config))
    assert one != other
    divided = CurvatureConfig(scale="fan-in")
    assert tasks.Curvature(network, divided).key(NOWHERE) != tasks.Curvature(network, CurvatureConfig()).key(
        NOWHERE
    )
    assert PruningConfig(scale="fan-in").calibration == divided
    # What was stored before there was a choice is found.
    assert all("scale" not in config.key() | config.as_dict() for config in (CurvatureConfig(), folded))
    for criterion, count in (("curvature", 2), ("curvature-lamp", 2), ("magnitude", 1), ("wanda", 1)):
        keys = {
            tasks.Order(norms, PruningConfig(criterion, batchnorm=batchnorm)).key(NOWHERE)
            for batchnorm in ("own", "folded")
        }
        assert len(keys) == count
    assert PruningConfig(batchnorm="folded").calibration == folded


def test_seed_draws_other_images(store, network):
    picks = [
        here(store).run(tasks.Curvature(network, CurvatureConfig(seed=seed))).result.calibration
        for seed in (0, 1, 1)
    ]
    assert not np.array_equal(picks[0], picks[1])
    assert np.array_equal(picks[1], picks[2])


def test_calibration_images_are_right_and_balanced(store, network):
    record = here(store).run(tasks.Curvature(network, CurvatureConfig(samples_per_class=3))).result
    assert np.array_equal(record.labels, np.repeat(np.arange(10), 3))
    from ncviz import load_dataset

    pool = load_dataset("digits", "train")
    with torch.inference_mode():
        said = network.module()(pool.inputs[record.calibration]).argmax(dim=1)
    assert torch.equal(said, torch.from_numpy(record.labels))
    first = np.flatnonzero(pool.labels.numpy() == 0)
    assert record.calibration[0] in first[:20]


def test_too_few_right_images_name_the_class(store, network):
    with pytest.raises(
        DataError, match=r"Class '0' has \d+ correctly classified images .* 900 are asked for"
    ):
        here(store).run(tasks.Curvature(network, CurvatureConfig(samples_per_class=900)))


def test_a_network_that_gets_a_class_wrong_altogether(store, network):
    arrays = {name: values.copy() for name, values in network.arrays.items()}
    last = [name for name in arrays if name.endswith("bias")][-1]
    arrays[last][7] = -1000.0
    blind = tasks.Network("blind", "blind", network.architecture, network.dataset, arrays)
    with pytest.raises(DataError, match="Class '7' has 0 correctly classified"):
        here(store).run(tasks.Curvature(blind, CurvatureConfig()))


def test_cancel_publishes_nothing(store, network):
    stop = threading.Event()
    stop.set()
    with pytest.raises(CancelledError):
        here(store, cancel=stop).run(tasks.Curvature(network, CurvatureConfig()))
    assert store.entries() == []


def test_a_full_disk_loses_the_copy_but_not_the_result(store, network, monkeypatch):
    def full(*_):
        raise StoreError("The disk is full.")

    monkeypatch.setattr(store, "put", full)
    found = here(store).run(tasks.Curvature(network, CurvatureConfig()))
    assert found.problem == "The disk is full."
    assert found.result.weights


def test_never_active_weights_of_a_record_are_those_of_the_result(store, network):
    record = here(store).run(tasks.Curvature(network, CurvatureConfig())).result
    pool = NOWHERE.images(network, "train")
    result = neural_curvature(network.module(), pool.inputs[torch.from_numpy(record.calibration)])
    assert sum(int(mask.sum()) for mask in record.never_active.values()) > 100
    for name, mask in record.never_active.items():
        assert np.array_equal(mask, result.never_active[name].numpy())
    assert record.never_active_count == sum(int(mask.sum()) for mask in result.never_active.values())


@pytest.mark.parametrize("place", ["median", "last"])
def test_curves_with_never_active_weights_elsewhere(store, network, place):
    context = here(store)
    usual = context.run(tasks.Sweep(network)).result
    task = tasks.Sweep(network, never_active=place)
    assert task.key(context) != tasks.Sweep(network).key(context)
    found = context.run(task).result
    for name, values in found.accuracy.items():
        assert name[0] == "curvature" or np.array_equal(values, usual.accuracy[name])
    record = context.look_up(tasks.Curvature(network))
    net, test = network.module(), NOWHERE.images(network, "test")
    kappa = {name: torch.from_numpy(values) for name, values in record.weights.items()}
    at = int(np.argmin(np.abs(found.removed / record.total - 0.7)))
    for order in ("redundant", "bottlenecks"):
        scores = pruning_scores(net, "curvature", curvature=kappa, never_active=place)
        pruned = prune(net, scores, sparsity=found.removed[at] / record.total, order=order)
        assert found.accuracy["curvature", order][at] == pytest.approx(
            accuracy(pruned, test.inputs, test.labels)
        )


def test_a_damaged_result_is_reported_and_computed_again(store, network, tmp_path):
    first = here(store).run(tasks.Curvature(network, CurvatureConfig()))
    (file,) = [
        path for path in (tmp_path / "cache").rglob("*") if path.is_file() and path.stat().st_size > 1000
    ]
    content = bytearray(file.read_bytes())
    content[-20] ^= 0xFF
    file.write_bytes(bytes(content))
    with pytest.warns(StoreWarning):
        again = here(store).run(tasks.Curvature(network, CurvatureConfig()))
    assert not again.is_stored
    assert store.problems
    name = next(iter(first.result.weights))
    assert np.array_equal(first.result.weights[name], again.result.weights[name])


def test_sweep_covers_every_criterion_and_is_stored(store, network):
    record = here(store).run(tasks.Curvature(network, CurvatureConfig())).result
    first = here(store).run(tasks.Sweep(network, record.config))
    orders = {(c, o) for c in tasks.CRITERIA for o in ("redundant", "bottlenecks")}
    assert set(first.result.accuracy) == orders - {("random", "bottlenecks")}
    ends = {(accuracy[0], accuracy[-1]) for accuracy in first.result.accuracy.values()}
    assert len(ends) == 1
    assert first.result.baseline == pytest.approx(first.result.at("magnitude", "redundant", 0))
    assert here(store).run(tasks.Sweep(network, record.config)).is_stored
    assert not here(store).run(tasks.Sweep(network, record.config, "layer")).is_stored
    measured = tasks.evaluator(network, NOWHERE)
    by = tasks.ranks(network, "curvature", record, NOWHERE)
    from ncviz.pruning.masks import masks_at

    at = first.result.removed[20]
    assert measured.accuracy(masks_at(by, int(at), record.shapes)) == first.result.at(
        "curvature", "redundant", at
    )


def test_bottlenecks_matter_and_redundant_weights_do_not(store, network):
    record = here(store).run(tasks.Curvature(network, CurvatureConfig())).result
    curve = here(store).run(tasks.Sweep(network, record.config)).result
    total = curve.total
    assert curve.at("curvature", "redundant", round(0.3 * total)) > curve.baseline - 0.05
    assert curve.at("curvature", "bottlenecks", round(0.3 * total)) < 0.5


def test_a_heavy_network_is_measured_at_fewer_points(store, network, monkeypatch):
    record = here(store).run(tasks.Curvature(network, CurvatureConfig())).result
    monkeypatch.setattr(sweeps, "HEAVY", 1)
    few = here(store).run(tasks.Sweep(network, record.config)).result
    assert few.removed.tolist() == grid_of(few.total, is_coarse=True).tolist()
    assert len({len(values) for values in few.accuracy.values()}) == 1, "all orders have the same points"


def test_samples_are_kept_only_where_they_are_few(store, network, monkeypatch):
    few = here(store).run(tasks.Curvature(network, CurvatureConfig())).result
    assert few.samples is not None
    monkeypatch.setattr(curvature, "MAX_SAMPLE_VALUES", 10 * few.total - 1)
    store.clear()
    many = here(store).run(tasks.Curvature(network, CurvatureConfig())).result
    assert many.samples is None
    assert here(store).look_up(tasks.Curvature(network, CurvatureConfig())).samples is None
    for name, values in few.weights.items():
        assert np.array_equal(values, many.weights[name])
        least = np.nanmin(np.where(np.isnan(few.samples[name]), 2, few.samples[name]), axis=0)
        assert np.allclose(least, values, rtol=1e-6)


def test_an_executor_of_ones_own_gives_the_same(store, network):
    config = CurvatureConfig()
    own = here(store).run(tasks.Curvature(network, config)).result
    store.clear()
    with ThreadPoolExecutor(1) as executor:
        other = here(store, executor=executor).run(tasks.Curvature(network, config)).result
    for name, values in own.weights.items():
        assert np.array_equal(values, other.weights[name])


def test_bundling_some_networks(tmp_path):
    said = []
    count = bundling.bundle(tmp_path / "bundle", lambda *now: said.append(now), models=[NAME])
    # Curvature, forward pass, curves by both scopes, and curve and order of each draw compared; magnitude has one.
    assert count == 4 + 2 * (4 * COMPARED_DRAWS + 1)
    fractions = [fraction for fraction, _ in said]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert all(message.startswith(NAME) for _, message in said)


def test_pruned_checkpoint_loads_and_is_pruned(store, network):
    record = here(store).run(tasks.Curvature(network, CurvatureConfig())).result
    by = tasks.ranks(network, "curvature", record, NOWHERE)
    content = tasks.pruned_checkpoint(network, by, 1000, record.shapes)
    loaded = read_file(content, "pruned.safetensors", network.architecture)
    zeros = sum(int((loaded.arrays[name] == 0).sum()) for name in record.shapes)
    whole = sum(int((network.arrays[name] == 0).sum()) for name in record.shapes)
    assert zeros == 1000 + whole
    again = here(store).run(tasks.Curvature(loaded, CurvatureConfig())).result
    assert again.meta["edges"] == record.meta["edges"] - 1000


def test_records_of_another_kind_or_with_a_part_missing(store, network):
    task = tasks.Curvature(network)
    record = task.encode(here(store).run(task).result)
    for read in (task.read, tasks.Sweep(network).read):
        with pytest.raises(StoreError, match="clear it from the cache"):
            read(Record({}, {"kind": "other"}))
    with pytest.raises(StoreError, match="another version of ncviz; clear it"):
        task.read(Record(record.arrays, {**record.meta, "algorithm": 1}))
    arrays = dict(record.arrays)
    del arrays["labels"]
    with pytest.raises(StoreError, match="labels"):
        task.read(Record(arrays, record.meta))


@pytest.mark.parametrize(
    "bad",
    [{"alpha": 1.0}, {"alpha": -0.1}, {"alpha": float("nan")}, {"alpha": "0.9"}, {"samples_per_class": 0},
     {"samples_per_class": 1.5}, {"seed": -1}, {"seed": 2**40}],
)  # fmt: skip
def test_settings_out_of_range(bad):
    with pytest.raises(NcvizError):
        CurvatureConfig(**bad)


def test_unknown_network():
    with pytest.raises(ModelError, match="mlp-digits-relu"):
        tasks.open_network("alexnet")


@pytest.mark.slow
def test_bundled_results_belong_to_the_bundled_networks():
    bundled = tasks.open_store("memory://empty-for-bundled")
    for name in [name for name, spec in tasks.MODELS.items() if spec.has_results]:
        net = tasks.open_network(name)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            record = here(bundled).look_up(tasks.Curvature(net, CurvatureConfig()))
            curve = here(bundled).look_up(tasks.Sweep(net, CurvatureConfig()))
        assert record is not None, (
            "run `python -m ncviz bundle` after changing networks, data or the algorithm"
        )
        assert curve is not None
        assert curve.baseline == pytest.approx(tasks.evaluator(net, NOWHERE).accuracy())
    # What the Pruning page shows at first ships for every network, and the first draws' orders are there at once.
    for net in map(tasks.open_network, tasks.MODELS):
        for name, seed in product(COMPARED, range(COMPARED_DRAWS)):
            compared = tasks.Curve(net, PruningConfig(name, seed=seed), GRID)
            if here(bundled).look_up(compared) is None:
                # Then it can be had for no images.
                with pytest.raises(NcvizError, match="choose another criterion"):
                    here(bundled).run(compared)
                continue
            assert seed or compared.order.is_at_hand(here(bundled))
    first = here(bundled).look_up(tasks.Curvature(tasks.open_network(NAME), CurvatureConfig()))
    from ncviz import load_dataset, neural_curvature

    fresh = neural_curvature(load_model(NAME), load_dataset("digits", "train").inputs[first.calibration])
    for name, values in fresh.weights.items():
        assert np.array_equal(values.numpy().astype(np.float32), first.weights[name])


def test_a_result_that_is_read_is_written_as_it_was():
    context, network = here(tasks.open_store("memory://empty-for-writing")), tasks.open_network(NAME)
    curve = tasks.Curve(network, PruningConfig("curvature"), GRID)
    for task in (tasks.Curvature(network), tasks.Sweep(network, scope="layer"), curve, curve.order):
        stored = context.store.get(task.key(context))
        again = task.encode(task.read(stored))
        assert list(again.arrays) == list(stored.arrays)
        for name, values in stored.arrays.items():
            assert again.arrays[name].dtype == values.dtype
            assert np.array_equal(again.arrays[name], values, equal_nan=values.dtype.kind == "f")
        assert json.loads(json.dumps(again.meta)) == stored.meta


def test_the_curvature_on_one_image_is_kept_or_computed_and_stored():
    store, network = tasks.open_store("memory://flow"), tasks.open_network("lenet-mnist-relu")
    whole = here(store).look_up(tasks.Curvature(network, CurvatureConfig()))
    held = here(store).look_up(tasks.Flow(network, whole, (3,)))
    bare = replace(whole, samples=None, sample_positions=None)
    assert here(store).look_up(tasks.Flow(network, bare, (3,))) is None
    found = here(store).run(tasks.Flow(network, bare, (3,)))
    assert not found.is_stored
    again = here(store).run(tasks.Flow(network, bare, (3,)))
    assert again.is_stored
    for record in (found.result, again.result):
        assert record.meta["key"] == held.meta["key"]
        for name, values in held.weights.items():
            assert np.allclose(record.weights[name], values, rtol=1e-5)
        for mine, other in zip(record.edges, held.edges, strict=True):
            assert set(np.unique(mine.sample)) <= {-1, 3}
            assert (mine.position == other.position).mean() > 0.99
        assert len(record.pictures) == len(whole.pictures)
