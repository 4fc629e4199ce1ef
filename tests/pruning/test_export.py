"""The files load in plain PyTorch by the very lines that are shown, and give the accuracy that was measured."""

import copy

import pytest
import torch
from safetensors.torch import load
from torch import nn

import ncviz
from ncviz.errors import NcvizError
from ncviz.models.catalogue.architectures import ARCHITECTURES, build_seeded
from ncviz.pruning import export
from ncviz.pruning.curve import Evaluator
from ncviz.pruning.masks import apply_masks, masks_at
from ncviz.pruning.order import removal_ranks
from tests.examples.tied import tied

NETWORKS = {"mlp-digits-relu": "digits", "lenet-mnist-tanh": "mnist", "vgg9-cifar10-relu": "cifar10"}


@pytest.fixture(scope="module", params=list(NETWORKS))
def pruned(request):
    """A network, masks by magnitude, images, labels and the accuracy under the masks."""
    net = ncviz.load_model(request.param)
    images = ncviz.load_dataset(NETWORKS[request.param], split="test")
    inputs, labels = images.inputs[:300], images.labels[:300]
    scores = ncviz.pruning_scores(net, "magnitude")
    ranks = removal_ranks([values.numpy() for values in scores.values()])
    masks = masks_at(
        ranks, round(0.8 * len(ranks)), {name: tuple(values.shape) for name, values in scores.items()}
    )
    return net, masks, inputs, labels, Evaluator(net, inputs, labels).accuracy(masks)


def run(snippet, folder, monkeypatch, **known):
    monkeypatch.chdir(folder)
    space = dict(known)
    exec(compile(snippet, "snippet", "exec"), space)
    return space


def test_the_pruned_checkpoint_loads_and_gives_the_accuracy(pruned, tmp_path, monkeypatch):
    net, masks, inputs, labels, accuracy = pruned
    (tmp_path / "own.safetensors").write_bytes(export.pruned_file(net, masks))
    snippet = export.pruned_snippet(net, "own.safetensors", tuple(inputs.shape[1:]))
    assert "ncviz" not in snippet
    space = run(snippet, tmp_path, monkeypatch)
    assert space["accuracy"](inputs, labels) == accuracy
    kept = dict(space["net"].named_parameters())
    for name, mask in masks.items():
        assert bool((kept[name][~mask] == 0).all())


def test_the_reparametrised_checkpoint_loads_gives_the_accuracy_and_keeps_what_it_masks(
    pruned, tmp_path, monkeypatch
):
    net, masks, inputs, labels, accuracy = pruned
    (tmp_path / "own.safetensors").write_bytes(export.reparametrised_file(net, masks))
    snippet = export.reparametrised_snippet(net, "own.safetensors", tuple(inputs.shape[1:]))
    assert "ncviz" not in snippet
    space = run(snippet, tmp_path, monkeypatch)
    assert space["accuracy"](inputs, labels) == accuracy
    name = next(iter(masks))
    module = space["net"].get_submodule(name.rpartition(".")[0])
    assert torch.equal(module.weight_orig, dict(net.named_parameters())[name])
    assert torch.equal(module.weight_mask.bool(), masks[name])
    torch.nn.utils.prune.remove(module, "weight")
    assert bool((module.weight[~masks[name]] == 0).all())


@pytest.mark.slow
@pytest.mark.parametrize("has_run", [False, True])
def test_what_the_lines_give_is_read_as_any_network(pruned, tmp_path, monkeypatch, has_run):
    net, masks, inputs, labels, accuracy = pruned
    (tmp_path / "own.safetensors").write_bytes(export.reparametrised_file(net, masks))
    shape = tuple(inputs.shape[1:])
    space = run(export.reparametrised_snippet(net, "own.safetensors", shape), tmp_path, monkeypatch)
    found = space["net"]
    if has_run:
        assert space["accuracy"](inputs, labels) == accuracy
    assert ncviz.accuracy(found, inputs, labels) == accuracy
    whole = apply_masks(net, masks)
    graphs = ncviz.build_graph(found, shape), ncviz.build_graph(whole, shape)
    assert (
        graphs[0].number_of_edges == graphs[1].number_of_edges < ncviz.build_graph(net, shape).number_of_edges
    )
    scores = ncviz.pruning_scores(found, "magnitude")
    for name, weight in whole.named_parameters():
        assert name not in scores or torch.equal(scores[name], weight.detach().abs().double())
    again = ncviz.prune(found, scores, sparsity=0.8)
    assert ncviz.accuracy(again, inputs, labels) == accuracy


def test_the_masks_over_the_whole_network_give_the_accuracy(pruned, tmp_path, monkeypatch):
    net, masks, inputs, labels, accuracy = pruned
    (tmp_path / "masks.safetensors").write_bytes(export.masks_file(net, masks))
    snippet = export.masks_snippet("masks.safetensors", tuple(inputs.shape[1:]))
    space = run(snippet, tmp_path, monkeypatch, net=copy.deepcopy(net))
    assert space["accuracy"](inputs, labels) == accuracy
    found = load((tmp_path / "masks.safetensors").read_bytes())
    assert {name: mask.dtype for name, mask in found.items()} == dict.fromkeys(masks, torch.bool)


def test_the_network_itself_is_left_alone(pruned):
    net, masks, *_ = pruned
    before = {name: values.clone() for name, values in net.state_dict().items()}
    export.pruned_file(net, masks)
    export.reparametrised_file(net, masks)
    after = net.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(values, after[name]) for name, values in before.items())


@pytest.mark.parametrize("name", [name for name in ARCHITECTURES if name.startswith(("mlp", "lenet", "vgg"))])
def test_the_expression_builds_the_architecture_again(name):
    net = build_seeded(name, 0)
    built = eval(export.source_of(net), {"nn": nn})
    assert str(built) == str(net)


def test_what_is_not_usual_is_written_out():
    net = nn.Sequential(
        nn.Conv2d(
            4, 6, (2, 3), stride=(1, 2), padding=1, dilation=2, groups=2, bias=False, padding_mode="reflect"
        ),
        nn.BatchNorm2d(6, eps=1e-3, momentum=None),
        nn.LeakyReLU(0.2),
        nn.Sequential(nn.Dropout(0.3), nn.Flatten()),
        nn.Linear(3, 2, bias=False),
    )
    assert str(eval(export.source_of(net), {"nn": nn})) == str(net)


class Own(nn.Module):
    def forward(self, inputs):
        return inputs


@pytest.mark.parametrize(
    "net",
    [nn.Sequential(Own()), nn.Sequential(nn.ModuleList([nn.Linear(1, 1)])), Own()],
)
def test_what_cannot_be_rebuilt_is_a_sentence(net):
    with pytest.raises(NcvizError, match=r"^The lines .*\.$"):
        export.source_of(net)


def test_masks_that_do_not_fit_are_a_sentence():
    net = nn.Sequential(nn.Linear(2, 2))
    for masks in ({"1.weight": torch.ones(2, 2, dtype=torch.bool)}, {"0.weight": torch.ones(3).bool()}):
        with pytest.raises(NcvizError, match="no weight"):
            export.reparametrised_file(net, masks)


@pytest.mark.parametrize("kind", ["module", "parameter"])
@pytest.mark.parametrize("form", ["masks", "reparametrised"])
def test_a_weight_that_two_layers_share_is_pruned_in_both(kind, form, tmp_path, monkeypatch):
    net, masks = tied(kind)
    inputs, own = torch.rand(20, 6), tied(kind, seed=1)[0]
    if form == "masks":
        own.load_state_dict(net.state_dict())
        content, snippet = export.masks_file(net, masks), export.masks_snippet("net.safetensors", (6,))
    else:
        content = export.reparametrised_file(net, masks)
        snippet = export.reparametrised_snippet(net, "net.safetensors", (6,))
    (tmp_path / "net.safetensors").write_bytes(content)
    space = run(snippet, tmp_path, monkeypatch, net=own)
    with torch.no_grad():
        torch.testing.assert_close(space["net"](inputs), apply_masks(net, masks)(inputs))
