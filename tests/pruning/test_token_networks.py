"""A transformer and a ConvNeXt pruned, trained on, repaired, written out and read back: what is zero stays zero."""

import copy

import pytest
import torch

import ncviz
from ncviz import tasks
from ncviz.models.catalogue.architectures import build_seeded
from ncviz.pruning.finetune import FineTuneConfig, fine_tune
from ncviz.pruning.masks import apply_masks, masks_at
from ncviz.pruning.order import removal_ranks
from ncviz.scene.return_files import snippet
from ncviz.tasks.pruned_forms import FORMS, form_file, form_snippet

IMAGES = 40


def vit():
    """A transformer as a user brings one, which came from no file."""
    net = build_seeded("vit-mnist", 0)
    # As it is made its last layer is zero, so that nothing leads through it.
    torch.nn.init.normal_(net.heads.head.weight, generator=torch.Generator().manual_seed(0))
    arrays = {name: values.numpy() for name, values in net.state_dict().items()}
    return tasks.Network("own", "own", "vit-mnist", "mnist", arrays, is_bundled=False)


@pytest.fixture(scope="module", params=["vit", "convnext-mnist"])
def pruned(request):
    """A network, its ranks and masks by magnitude with seven tenths removed, and some images."""
    of = vit() if request.param == "vit" else tasks.open_network(request.param)
    net = of.module()
    scores = ncviz.pruning_scores(net, "magnitude")
    shapes = {name: tuple(values.shape) for name, values in scores.items()}
    ranks = removal_ranks([values.numpy() for values in scores.values()])
    removed = round(0.7 * len(ranks))
    data = ncviz.load_dataset("mnist", "train")
    return of, net, ranks, removed, shapes, masks_at(ranks, removed, shapes), data


def logits(net, data):
    with torch.inference_mode():
        return net(data.inputs[:IMAGES])


def assert_masked(net, masks):
    own = dict(net.named_parameters())
    assert all(bool((own[name][~mask] == 0).all()) for name, mask in masks.items())


def test_only_weights_with_edges_are_pruned(pruned):
    _, net, _, _, shapes, *_ = pruned
    kinds = {type(net.get_submodule(name.rpartition(".")[0])).__name__ for name in shapes}
    assert kinds <= {"Linear", "Conv2d", "NonDynamicallyQuantizableLinear", "MultiheadAttention"}
    assert all(name.endswith("weight") for name in shapes)
    others = {name for name, values in net.named_parameters() if name not in shapes}
    spared = {"class_token", "encoder.pos_embedding", "features.1.0.layer_scale"}
    assert others & spared
    assert all(
        name in spared or name.endswith("layer_scale") or net.get_parameter(name).dim() == 1
        for name in others
    )


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.slow
def test_every_form_loads_by_its_lines_and_says_what_the_pruned_network_says(
    pruned, form, tmp_path, monkeypatch
):
    of, net, ranks, removed, shapes, masks, data = pruned
    whole = form == "pruned"
    content = (
        tasks.pruned_file(of, ranks, removed, shapes)[0]
        if whole
        else form_file(of, ranks, removed, shapes, form)
    )
    (tmp_path / "net.safetensors").write_bytes(content)
    monkeypatch.chdir(tmp_path)
    space = {"net": copy.deepcopy(net), "images": data.inputs[:IMAGES]}
    lines = (
        form_snippet(of, "net.safetensors", (1, 28, 28), form)
        if of.is_bundled or form == "masks"
        else snippet(of, "net.safetensors", "pixels", is_reparametrised=form != "pruned")
    )
    exec(compile(lines, "snippet", "exec"), space)
    expected = logits(apply_masks(net, masks), data)
    assert not torch.equal(expected, logits(net, data))
    torch.testing.assert_close(logits(space["net"], data), expected, atol=1e-5, rtol=1e-5)
    if whole:
        again = ncviz.load_network(tmp_path / "net.safetensors", of.architecture)
        assert_masked(again, masks)
        torch.testing.assert_close(logits(again, data), expected, atol=1e-5, rtol=1e-5)


def test_what_is_removed_stays_removed_while_the_rest_learns(pruned):
    _, net, _, _, _, masks, data = pruned
    some = data.inputs[:IMAGES], data.labels[:IMAGES]
    found = fine_tune(net, masks, some, some, FineTuneConfig(epochs=2, batch_size=20))
    assert_masked(found.net, masks)
    before, after = (dict(each.named_parameters()) for each in (net, found.net))
    # Every weight that is kept learns, those that an attention reads without calling their layer as well.
    for name, mask in masks.items():
        assert bool((before[name][mask] != after[name][mask]).any()), name
    assert found.loss[-1] < found.loss[0]


def test_a_repair_keeps_zeros(pruned):
    _, net, _, _, _, masks, data = pruned
    own = apply_masks(net, masks)
    again = ncviz.recalibrate(own, data.inputs[:IMAGES], net)
    assert_masked(again, masks)
    assert not torch.equal(logits(again, data), logits(own, data))
    assert set(dict(again.named_parameters())) == set(dict(net.named_parameters()))
    both = ncviz.compensate(own, net, data.inputs[:20], data.labels[:20])
    assert_masked(both, masks)
    # So few images tell too little to be the better for it.
    assert bool(logits(both, data).isfinite().all())
    assert not torch.equal(logits(both, data), logits(own, data))
