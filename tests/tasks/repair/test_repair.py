"""Repairs as tasks: on training images alone, under keys of their own, in curves and in files."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load
from torch.nn.utils import prune as torch_prune

import ncviz
from ncviz import tasks
from ncviz.config import REPAIRS, PruningConfig
from ncviz.data.datasets import load_dataset
from ncviz.errors import DataError
from ncviz.limits import LIMITS
from ncviz.pruning.finetune import FineTuneConfig
from ncviz.pruning.masks import masks_at
from ncviz.tasks import comparison
from ncviz.tasks.finetuning import FineTune, PruneAndTune
from ncviz.tasks.pruned_forms import form_file
from ncviz.tasks.repair import repairing
from ncviz.tasks.repair.network import Repaired
from ncviz.tasks.repair.repairing import repair_rows
from tests.examples.contexts import NOWHERE, here

SPARSITIES = (0.0, 0.6)
PLAIN = PruningConfig("magnitude")


def repaired_by_hand(network, way, sparsity):
    net, pool = network.module(), load_dataset("digits", "train")
    rows = repair_rows(pool)
    pruned = ncviz.prune(net, ncviz.pruning_scores(net, "magnitude"), sparsity=sparsity)
    if way == "recalibrate":
        return ncviz.recalibrate(pruned, pool.inputs[rows], net)
    return ncviz.compensate(pruned, net, pool.inputs[rows], pool.labels[rows], method=way)


@pytest.mark.parametrize("way", REPAIRS[1:])
def test_a_curve_is_that_of_repairing_by_hand(store, network, way):
    said = []
    context = replace(here(store), progress=lambda fraction, message: said.append((fraction, message)))
    found = context.run(tasks.Curve(network, replace(PLAIN, repair=way), SPARSITIES)).result
    test = load_dataset("digits", "test")
    whole = ncviz.accuracy(network.module(), test.inputs, test.labels)
    by_hand = [
        ncviz.accuracy(repaired_by_hand(network, way, sparsity), test.inputs, test.labels)
        for sparsity in SPARSITIES[1:]
    ]
    np.testing.assert_allclose(
        found.accuracy["magnitude", "redundant"], [whole, *by_hand], atol=1 / len(test)
    )
    assert found.meta["repaired_on"] == "1,000 of all 1,437 Digits 8×8 train images"
    assert [fraction for fraction, _ in said] == sorted(fraction for fraction, _ in said)
    # Within a point too: a repair takes long, and a cancel is heard there; a joint one is one system of equations.
    steps = {fraction for fraction, message in said if "repair and accuracy" in message}
    assert way == "fisher" or len(steps) > len(SPARSITIES) + 1


def test_a_key_says_nothing_of_a_repair_where_there_is_none(network):
    def keys(config):
        return [
            tasks.Curve(network, config, SPARSITIES).key(NOWHERE),
            FineTune(network, PruneAndTune(config, 0.5, FineTuneConfig())).key(NOWHERE),
        ]

    each = [keys(replace(PLAIN, repair=way)) for way in REPAIRS]
    assert all(len(set(of)) == len(REPAIRS) for of in zip(*each, strict=True))
    orders = {tasks.Order(network, replace(PLAIN, repair=way)).key(NOWHERE) for way in REPAIRS}
    assert len(orders) == 1
    assert "repair" not in PLAIN.as_dict()
    assert replace(PLAIN, repair="fisher").as_dict()["repair"] == "fisher"


def test_the_memory_is_part_of_a_key_where_it_decides_into_what_blocks_a_matrix_falls(network, monkeypatch):
    configs = [replace(PLAIN, repair=way) for way in REPAIRS]
    configs += [PruningConfig("fisher"), PruningConfig("woodfisher")]

    def keys():
        return [tasks.Curve(network, config, SPARSITIES).key(NOWHERE) for config in configs]

    before = keys()
    for module in (repairing, comparison):
        monkeypatch.setattr(module, "LIMITS", replace(LIMITS, repair_bytes=1000))
    changed = [one != other for one, other in zip(before, keys(), strict=True)]
    assert changed == [False, False, True, False, False, True]


def test_test_images_are_refused():
    assert len(repair_rows(load_dataset("digits", "train"))) == 1000
    with pytest.raises(DataError, match="training images alone, got all 360 "):
        repair_rows(load_dataset("digits", "test"))


def test_files_hold_the_repaired_network(store, network):
    config = replace(PLAIN, repair="layerwise")
    ranks = here(store).run(tasks.Order(network, config)).result
    removed, shapes = round(0.6 * len(ranks)), tasks.shapes_of(network)
    found = here(store).run(Repaired(network, config, removed)).result
    expected = repaired_by_hand(network, "layerwise", 0.6).state_dict()
    state = load(tasks.pruned_checkpoint(network, ranks, removed, shapes, found))
    assert load(tasks.pruned_file(network, ranks, removed, shapes, repaired=found)[0]).keys() == state.keys()
    for name, value in state.items():
        torch.testing.assert_close(value, expected[name], rtol=1e-4, atol=1e-6)
    kept = load(form_file(network, ranks, removed, shapes, "reparametrised", found))
    masks = masks_at(ranks, removed, shapes)
    net = network.module()
    for name, mask in masks.items():
        module = net.get_submodule(name.rpartition(".")[0])
        # What is removed is still what it was, and what is kept is repaired.
        assert torch.equal(kept[f"{name}_orig"][~mask], net.get_parameter(name)[~mask])
        torch_prune.identity(module, "weight")
    net.load_state_dict(kept)
    images = load_dataset("digits", "test").inputs[:20]
    for module in net.modules():
        if hasattr(module, "weight_mask"):
            module.weight = module.weight_orig * module.weight_mask
    torch.testing.assert_close(
        net(images), repaired_by_hand(network, "layerwise", 0.6)(images), rtol=1e-3, atol=1e-4
    )
