"""Weights that a file keeps as what they are computed from, and the files that the Pruning page writes."""

from __future__ import annotations

import io
import time

import pytest
import torch
from safetensors.torch import save
from torch.nn.utils import prune

import ncviz
from ncviz.budget import Budget
from ncviz.copies.own_copy import own_copy
from ncviz.errors import ModelError
from ncviz.models.files.choices import SeveralFitError
from ncviz.models.files.open_file import read_file
from ncviz.models.files.state_dict.computed import with_computed_weights
from ncviz.pruning.export import masks_file, pruned_file, reparametrised_file
from tests.examples.computed_weights import COMPUTED

UNKNOWN = {"parametrised", "low_rank", "binary"}
# Of these the state dict does not say what computes the weight.
OWN_FORMULAS = {"equalised", "own_norm"}
IMAGES = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", sorted(set(COMPUTED) - UNKNOWN - OWN_FORMULAS))
def test_a_state_dict_gives_the_weights_that_the_network_computes(name):
    net = COMPUTED[name]().eval()
    state = net.state_dict()
    with torch.no_grad():
        net(IMAGES)
    expected = own_copy(net, IMAGES).state_dict()
    found = with_computed_weights(state, "net.pt", Budget("net.pt", 1_000_000, ModelError))
    assert set(found) == set(expected)
    assert all(torch.equal(found[key], expected[key]) for key in expected)


def lenet():
    net = ncviz.load_model("lenet-mnist-relu")
    return net, {
        name: each.abs() > each.abs().median() for name, each in net.named_parameters() if each.ndim > 1
    }


@pytest.mark.parametrize("write", [pruned_file, reparametrised_file])
def test_the_files_that_are_written_come_back(write):
    net, masks = lenet()
    found = read_file(write(net, masks), "pruned.safetensors", architecture="lenet-mnist-relu")
    for name, values in net.state_dict().items():
        assert torch.equal(torch.from_numpy(found.arrays[name]), values * masks.get(name, torch.tensor(1.0)))


@pytest.mark.slow
@pytest.mark.parametrize("write", [pruned_file, reparametrised_file])
def test_the_files_that_are_written_are_recognised(write):
    with pytest.raises(SeveralFitError) as asked:
        read_file(write(*lenet()), "pruned.safetensors")
    assert asked.value.choices == ("lenet-mnist-relu", "lenet-mnist-tanh")


def test_masks_alone_are_named_as_such():
    net, masks = lenet()
    for architecture in ("lenet-mnist-relu", None):
        with pytest.raises(
            ModelError, match=r"pruned.safetensors holds masks alone.*bring the pruned network itself"
        ):
            read_file(masks_file(net, masks), "pruned.safetensors", architecture=architecture)


def test_masks_beside_the_weights_are_left_out():
    net, masks = lenet()
    buffer = io.BytesIO()
    torch.save({"masks": masks, "state_dict": net.state_dict()}, buffer)
    found = read_file(buffer.getvalue(), "net.pt", "lenet-mnist-relu")
    assert (found.arrays["0.weight"] == net[0].weight.detach().numpy()).all()


def test_a_trainers_pruned_checkpoint_comes_back():
    net, masks = lenet()
    for name, mask in masks.items():
        prune.custom_from_mask(net.get_submodule(name.removesuffix(".weight")), "weight", mask)
    buffer = io.BytesIO()
    state = {f"module.{key}": value for key, value in net.state_dict().items()}
    torch.save({"epoch": 3, "model": state, "optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}}}, buffer)
    found = read_file(buffer.getvalue(), "net.pt", "lenet-mnist-relu")
    assert found.prefix == "module."
    assert all(
        (found.arrays[name] == (net.state_dict()[f"{name}_orig"] * masks[name]).numpy()).all()
        for name in masks
    )


@pytest.mark.parametrize("name", sorted(UNKNOWN))
def test_a_parametrization_whose_formula_is_unknown_is_named(name):
    with pytest.raises(ModelError, match=r"^`\d\.weight` in net.safetensors is computed by a param"):
        read_file(
            save({k: v.contiguous() for k, v in COMPUTED[name]().state_dict().items()}), "net.safetensors"
        )


def test_names_that_share_memory_do_not_grow_beyond_what_the_file_holds():
    one = torch.ones(1000)
    state = {f"{at}.weight_{end}": one for at in range(100) for end in ("orig", "mask")}
    with pytest.raises(ModelError, match="computes more weights than it holds"):
        with_computed_weights(state, "net.pt", Budget("net.pt", 1_000_000, ModelError))
    wide = torch.ones(1).expand(10**12)
    with pytest.raises(ModelError, match="claims"):
        with_computed_weights(
            {"0.weight_orig": wide, "0.weight_mask": wide}, "net.pt", Budget("net.pt", 1_000_000, ModelError)
        )


def test_many_computed_weights_take_no_time():
    one, count = torch.ones(60_000), 4_000
    state = {"all": one}
    for at in range(count):
        state[f"{at}.weight_orig"], state[f"{at}.weight_mask"] = one[at : at + 1], one[at : at + 1]
        state[f"{at}.parametrizations.bias.original"] = one[at : at + 1]
        state[f"{at}.parametrizations.bias.0.mask"] = one[at : at + 1]
    begin = time.process_time()
    found = with_computed_weights(state, "net.pt", Budget("net.pt", 1_000_000, ModelError))
    assert list(found) == ["all", *(f"{at}.{name}" for at in range(count) for name in ("weight", "bias"))]
    assert time.process_time() - begin < 2
