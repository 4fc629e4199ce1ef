"""A copy gives what the network gives, whatever its weights are made of, and leaves the network as it was."""

from __future__ import annotations

import copy
import threading
from collections import OrderedDict
from functools import partial
from types import MethodType

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import prune

import ncviz
from ncviz.copies.own_copy import own_copy, plain_copy
from ncviz.errors import ModelError, NcvizError
from tests.examples.computed_weights import COMPUTED, equalised, plain

IMAGES = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def given(net):
    """What plain PyTorch gives, in eval mode."""
    net.eval()
    with torch.no_grad():
        return net(IMAGES)


@pytest.mark.parametrize("name", COMPUTED)
def test_a_copy_gives_the_same_to_the_last_bit(name):
    net = COMPUTED[name]().train()
    state = {key: value.clone() for key, value in net.state_dict().items()}
    attributes = [dict(vars(module)) for module in net.modules()]
    random = torch.get_rng_state()
    own = own_copy(net, IMAGES)
    assert torch.equal(torch.get_rng_state(), random)
    assert all(module.training for module in net.modules())
    assert all(torch.equal(value, state[key]) for key, value in net.state_dict().items())
    for module, before in zip(net.modules(), attributes, strict=True):
        assert vars(module).keys() == before.keys()
        assert all(vars(module)[key] is before[key] for key in before)
    assert torch.equal(given(own), given(net))
    names = [key for key, _ in own.named_parameters() if key.endswith("weight")]
    assert all(
        key.replace("layer.", "") in {"0.weight", "1.weight", "3.weight", "4.weight", "5.weight"}
        for key in names
    )
    assert not any("parametrizations" in key or "mask" in key for key in own.state_dict())


@pytest.mark.parametrize("name", [name for name in COMPUTED if name != "equalised"])
def test_a_plain_copy_can_be_copied_and_trained(name):
    net = COMPUTED[name]()
    expected = given(copy.deepcopy(plain_copy(net)))
    assert torch.equal(given(net), expected) or name == "pruned_below_its_norm"
    again = plain_copy(net)
    again(IMAGES).sum().backward()
    assert any(each.grad is not None for each in again.parameters())


def test_a_network_pruned_below_its_norm_uses_at_its_first_pass_what_stood_there_before():
    # PyTorch computes the weight before the mask that it is made of: the first pass lags behind the second.
    net = COMPUTED["pruned_below_its_norm"]()
    own = own_copy(net, IMAGES)
    assert torch.equal(given(own), given(net))


@pytest.mark.parametrize("name", COMPUTED)
def test_graph_curvature_accuracy_and_scores_are_those_of_the_permanent_network(name):
    net = COMPUTED[name]()
    labels = given(COMPUTED[name]()).argmax(dim=1)
    labels[0] = (labels[0] + 1) % 5
    assert ncviz.accuracy(net, IMAGES, labels) == 5 / 6
    permanent = plain_copy(own_copy(net, IMAGES))
    weights = dict(permanent.named_parameters(remove_duplicate=False))
    graph = ncviz.build_graph(net, (1, 8, 8))
    assert graph.number_of_edges == ncviz.build_graph(permanent, (1, 8, 8)).number_of_edges
    assert {each.parameter for each in graph.connections} <= set(weights)
    found = ncviz.neural_curvature(net, IMAGES[:1], layers=[graph.connections[-1].parameter])
    wanted = ncviz.neural_curvature(permanent, IMAGES[:1], layers=[graph.connections[-1].parameter])
    for key in wanted.weights:
        assert np.array_equal(found.weights[key], wanted.weights[key], equal_nan=True)
    scores = ncviz.pruning_scores(net, "magnitude", inputs=IMAGES)
    for key, score in scores.items():
        if name != "pruned_below_its_norm":
            assert torch.equal(score, weights[key].detach().abs().double())


def test_a_weight_is_pruned_under_its_own_name():
    net = COMPUTED["pruned_thrice"]()
    scores = ncviz.pruning_scores(net, "magnitude")
    assert set(scores) == {"0.weight", "3.weight", "5.weight"}
    found = ncviz.prune(net, scores, sparsity=0.9)
    assert set(found.state_dict()) == set(plain().state_dict())
    total = sum(each.numel() for each in scores.values())
    zeros = sum(int((found.state_dict()[name] == 0).sum()) for name in scores)
    assert zeros == round(0.9 * total)
    kept = found.state_dict()["3.weight"]
    whole = (net[3].weight_orig * net[3].weight_mask).detach()
    assert torch.equal(kept[kept != 0], whole[kept != 0])
    assert hasattr(net[3], "weight_orig")


@pytest.mark.parametrize(
    "criterion",
    ["snip", pytest.param("fisher", marks=pytest.mark.slow), "grasp", "wanda", "lamp", "synflow", "random"],
)
def test_every_criterion_takes_a_pruned_network_as_its_permanent_self(criterion):
    net, permanent = COMPUTED["pruned_globally"](), COMPUTED["pruned_globally"]()
    for module, name in ((permanent[0], "weight"), (permanent[3], "weight"), (permanent[3], "bias")):
        prune.remove(module, name)
    labels = torch.arange(6) % 5
    found, wanted = (
        ncviz.pruning_scores(each, criterion, inputs=IMAGES, labels=labels) for each in (net, permanent)
    )
    assert found.keys() == wanted.keys()
    for key in wanted:
        assert torch.allclose(found[key], wanted[key], rtol=1e-12, atol=0)


def test_a_weight_that_is_out_of_date_is_never_used():
    trained = COMPUTED["pruned"]()
    net = plain(seed=9)
    with torch.no_grad():
        prune.identity(net[3], "weight")
        net.load_state_dict(trained.state_dict())
    labels = given(trained).argmax(dim=1)
    with torch.no_grad():
        assert ncviz.accuracy(net, IMAGES, labels) == 1.0
        prune.remove(trained[3], "weight")
        edges = ncviz.build_graph(trained, (1, 8, 8)).number_of_edges
        assert ncviz.build_graph(net, (1, 8, 8)).number_of_edges == edges


@pytest.mark.slow
def test_a_pruned_lenet_that_was_loaded_is_the_one_in_the_file():
    images = ncviz.load_dataset("mnist", split="test")

    def layers(net):
        return [layer for layer in net if hasattr(layer, "weight")]

    with torch.no_grad():
        trained, net = ncviz.load_model("lenet-mnist-relu"), ncviz.load_model("lenet-mnist-relu")
        for layer in layers(trained):
            prune.l1_unstructured(layer, "weight", 0.6)
        for layer in layers(net):
            layer.reset_parameters()
            prune.identity(layer, "weight")
        net.load_state_dict(trained.state_dict())
        assert ncviz.accuracy(net, images.inputs, images.labels) == pytest.approx(0.97)
        assert ncviz.build_graph(net, (1, 28, 28)).number_of_edges == 51_152


CHANGING = {
    "returns other values": lambda module, args, output: output.relu() - 0.5,
    "clips": lambda module, args, output: output.clamp(max=1e6),
    "in place": lambda module, args, output: output.mul_(2) is None,
    "in place behind autograd's back": lambda module, args, output: output.data.mul_(2) is None or None,
}


@pytest.mark.parametrize("told", CHANGING)
def test_a_hook_that_changes_values_is_refused_by_its_name(told):
    def scale(module, args, output):
        found = CHANGING[told](module, args, output)
        return found if isinstance(found, torch.Tensor) else None

    for at, where in ((0, "Layer '0'"), (None, r"The network \(Sequential\)")):
        net = plain()
        (net if at is None else net[at]).register_forward_hook(scale)
        for call in (
            partial(ncviz.accuracy, net, IMAGES, torch.zeros(6, dtype=torch.int64)),
            partial(ncviz.build_graph, net, (1, 8, 8)),
            partial(ncviz.neural_curvature, net, IMAGES[:1]),
            partial(ncviz.pruning_scores, net, "wanda", inputs=IMAGES),
        ):
            with pytest.raises(
                ModelError, match=rf"^{where} has a forward hook \('scale'\) that changes values; "
            ):
                call()


def test_pre_hooks_keyword_hooks_and_global_hooks_are_refused_too():
    net = plain()
    net.register_forward_pre_hook(lambda module, args: (args[0] / 255,))
    with pytest.raises(ModelError, match=r"network \(Sequential\) has a forward pre-hook"):
        own_copy(net, IMAGES)
    net = plain()
    net[0].register_forward_pre_hook(lambda module, args, named: ((args[0] + 1,), named), with_kwargs=True)
    with pytest.raises(ModelError, match="'0' has a forward pre-hook"):
        own_copy(net, IMAGES)
    handle = nn.modules.module.register_module_forward_hook(lambda module, args, output: output + 1)
    try:
        with pytest.raises(ModelError, match="There is a global forward hook"):
            own_copy(plain(), IMAGES)
    finally:
        handle.remove()


@pytest.mark.parametrize(
    ("wrap", "told"),
    [
        (nn.DataParallel, r"The network \(DataParallel\)"),
        pytest.param(torch.compile, r"The network \(OptimizedModule\)", marks=pytest.mark.slow),
        (lambda net: nn.Sequential(nn.DataParallel(net)), "Layer '0'"),
    ],
)
def test_a_hook_on_what_is_wrapped_around_a_network_is_refused_too(wrap, told):
    net = wrap(plain())
    (net[0] if isinstance(net, nn.Sequential) else net).register_forward_hook(
        lambda module, args, out: out + 1
    )
    with pytest.raises(ModelError, match=rf"^{told} has a forward hook"):
        ncviz.accuracy(net, IMAGES, torch.zeros(6, dtype=torch.int64))


@pytest.mark.parametrize(
    "wrap",
    [
        nn.DataParallel,
        pytest.param(torch.compile, marks=pytest.mark.slow),
        torch.optim.swa_utils.AveragedModel,
    ],
)
def test_what_is_wrapped_around_a_pruned_network_is_looked_through(wrap):
    net = COMPUTED["pruned_without_gradients"]()
    wrapped = wrap(net)
    scores = ncviz.pruning_scores(wrapped, "magnitude")
    found = ncviz.prune(wrapped, scores, sparsity=0.9)
    total = sum(score.numel() for score in scores.values())
    state = found.state_dict()
    assert sum(int((state[name] == 0).sum()) for name in scores) == round(0.9 * total)
    labels = given(net).argmax(dim=1)
    assert ncviz.accuracy(wrapped, IMAGES, labels) == 1.0


def test_a_hook_that_only_looks_is_called_once_and_stays():
    net, seen = plain(), []

    def look(module, args, output):
        seen.append(output.detach().mean().item())  # which no tracing could follow

    def gradients(module, args, output):
        output.register_hook(lambda gradient: None)  # fails on what needs none

    def same(module, args, output):
        return output

    net[0].register_forward_hook(look)
    net[3].register_forward_hook(same)
    net[3].register_forward_pre_hook(lambda module, args: print(args[0].shape))
    net[3].register_forward_hook(lambda module, args, output: output.detach(), always_call=True)
    expected = ncviz.neural_curvature(plain(), IMAGES[:1]).weights
    found = ncviz.neural_curvature(net, IMAGES[:1]).weights
    assert len(seen) == 1
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    net[5].register_forward_hook(gradients)
    assert ncviz.build_graph(net, (1, 8, 8)).number_of_edges
    assert [len(net[at]._forward_hooks) for at in (0, 3, 5)] == [1, 2, 1]


def test_global_hooks_that_look_see_no_trace():
    seen = []
    handle = nn.modules.module.register_module_forward_hook(
        lambda module, args, out: seen.append(float(out.mean()))
    )
    try:
        assert ncviz.build_graph(nn.Sequential(plain(), nn.Flatten()), (1, 8, 8)).number_of_edges
    finally:
        handle.remove()
    assert seen


def test_hooks_that_keep_what_they_saw_and_hooks_that_leave_do_not_hinder_a_copy():
    net, kept = plain(), {}

    def leave(module, args, output):
        handle.remove()

    net[0].register_forward_hook(lambda module, args, output: kept.update(features=output))
    handle = net[3].register_forward_hook(leave)
    net.kept = kept
    net(IMAGES)
    handle = net[3].register_forward_hook(leave)
    expected = kept["features"].grad_fn
    own = own_copy(net, IMAGES)
    assert expected is not None
    assert own.kept["features"].grad_fn is None
    assert len(net[3]._forward_hooks) == 1
    assert torch.equal(given(plain_copy(net)), given(plain()))


CALLS = [0]


class DriftingOutside(nn.Module):
    def forward(self, x):
        CALLS[0] += 1
        return x * CALLS[0]


def test_a_copy_that_gives_something_else_is_refused_with_the_place():
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), DriftingOutside(), nn.Linear(8, 5))
    with pytest.raises(ModelError, match=r"other outputs than the network itself, first at layer '2'"):
        own_copy(net, IMAGES)


def test_what_cannot_be_copied_is_named():
    net = plain()
    net[3].lock = threading.Lock()
    with pytest.raises(ModelError, match="attribute 'lock' of layer '3' is a lock"):
        own_copy(net, IMAGES)
    with pytest.raises(ModelError, match="^Layer 'Head' is lazy and has no weights yet"):
        own_copy(nn.Sequential(OrderedDict(Head=nn.LazyLinear(5))), IMAGES)
    with pytest.raises(ModelError, match=r"^The network \(LazyLinear\) is lazy"):
        own_copy(nn.LazyLinear(5), IMAGES)
    with pytest.raises(
        NcvizError, match=r"weight of layer '3' is computed before each pass by a hook \('EqualisedRate'\)"
    ):
        ncviz.prune(equalised(), {"3.weight": torch.rand(8, 256)}, sparsity=0.5)


def test_a_forward_that_was_replaced_is_named():
    net = plain()
    net[5].forward = lambda x: x
    with pytest.raises(
        ModelError, match=r"^Layer '5' has a forward \('<lambda>'\) that is not that of its class"
    ):
        ncviz.build_graph(net, (1, 8, 8))
    net = plain()
    net.forward = lambda x: nn.Sequential.forward(net, x) * 2
    with pytest.raises(ModelError, match=r"^The network \(Sequential\) has a forward"):
        ncviz.accuracy(net, IMAGES, torch.zeros(6, dtype=torch.int64))
    net = plain()
    net.forward = MethodType(lambda self, x: nn.Sequential.forward(self, x) * 2, net)
    own = own_copy(net, IMAGES)
    net[5].weight.data.zero_()
    assert torch.equal(given(own), nn.Sequential.forward(plain(), IMAGES) * 2)


def test_a_saved_network_holds_its_weights_as_they_are_used(tmp_path):
    net = ncviz.load_model("mlp-digits-relu")
    layers = [layer for layer in net if isinstance(layer, nn.Linear)]
    prune.l1_unstructured(layers[0], "weight", 0.5)
    nn.utils.parametrizations.spectral_norm(layers[1].eval())
    ncviz.save_checkpoint(net, tmp_path / "net.safetensors")
    again = ncviz.load_checkpoint(tmp_path / "net.safetensors", "mlp-digits-relu")
    images = torch.rand(3, 1, 8, 8)
    with torch.no_grad():
        assert torch.equal(again(images), net.eval()(images))


def test_parametrisations_of_the_caller_survive():
    net = COMPUTED["parametrised"]()
    own_copy(net, IMAGES)
    plain_copy(net)
    assert nn.utils.parametrize.is_parametrized(net[3], "weight")
    assert not torch.equal(net[3].weight, net[3].parametrizations.weight.original)


def test_a_weight_shared_by_layers_stays_one():
    own = own_copy(COMPUTED["tied"](), IMAGES)
    assert own[1].weight is own[3].weight
    assert set(ncviz.pruning_scores(COMPUTED["tied"](), "magnitude")) == {"1.weight", "5.weight"}
    own = own_copy(COMPUTED["shared"](), IMAGES)
    assert own[1] is own[3]
