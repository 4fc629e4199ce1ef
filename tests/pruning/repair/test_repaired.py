"""Repairs against formulas written out slowly, on tiny networks."""

import copy
import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn import functional

import ncviz
from ncviz import compensate, recalibrate
from ncviz.config import REPAIRS
from ncviz.errors import CancelledError, DataError, NcvizError
from ncviz.limits import LIMITS
from ncviz.pruning.masks import apply_masks
from ncviz.pruning.repair import fisher, layerwise, repairer, walk
from ncviz.pruning.repair.repairer import Repairer
from ncviz.pruning.scores import weight_names
from tests.examples.tied import tied

IMAGES = 40


def seeded(make):
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return make()


@pytest.fixture
def net():
    """Groups, padding, stride, a skip and no BatchNorm."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Conv2d(2, 4, 2, stride=2, padding=1)
            self.second = nn.Conv2d(4, 4, 3, padding=1, groups=2, bias=False)
            self.last = nn.Linear(36, 3)

        def forward(self, x):
            a = torch.relu(self.first(x))
            return self.last((a + torch.relu(self.second(a))).flatten(1))

    return seeded(Net).eval()


@pytest.fixture
def images():
    return seeded(lambda: torch.randn(IMAGES, 2, 4, 4)), seeded(lambda: torch.randint(0, 3, (IMAGES,)))


def masks_of(net, share=0.6):
    return seeded(
        lambda: {
            name: torch.rand(net.get_parameter(name).shape) < 1 - share
            for name in weight_names(net, (2, 4, 4))
        }
    )


def heard_by(net, name, inputs):
    """What stands at a layer's input, and what comes out."""
    found = []
    handle = net.get_submodule(name).register_forward_hook(lambda _, x, y: found.extend([x[0], y]))
    with torch.no_grad():
        net(inputs)
    handle.remove()
    return found


def repairs(net, pruned, images):
    """Every repair of a pruned network, by name."""
    return {
        "recalibrate": recalibrate(pruned, images[0], net),
        "fisher": compensate(pruned, net, *images),
        "layerwise": compensate(pruned, net, images[0], method="layerwise"),
    }


def test_norms_take_the_population_statistics_of_what_they_hear(images):
    net = seeded(
        lambda: nn.Sequential(
            nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 2, 2), nn.BatchNorm2d(2)
        )
    )
    net.append(nn.Flatten()).eval()
    pruned = apply_masks(net, {"0.weight": seeded(lambda: torch.rand(3, 2, 3, 3) < 0.5)})
    before = copy.deepcopy(pruned.state_dict())
    found = recalibrate(pruned, images[0])
    for norm in ("1", "4"):
        heard = heard_by(found, norm, images[0])[0].double()
        own = found.get_submodule(norm)
        torch.testing.assert_close(own.running_mean.double(), heard.mean(dim=(0, 2, 3)), rtol=1e-5, atol=1e-6)
        expected = heard.var(dim=(0, 2, 3), correction=0)
        torch.testing.assert_close(own.running_var.double(), expected, rtol=1e-5, atol=1e-7)
    # The whole network changes nothing of that; weights stay, and so does what was given.
    assert torch.equal(found[0].weight, pruned[0].weight)
    assert torch.equal(found(images[0]), recalibrate(pruned, images[0], net)(images[0]))
    assert all(torch.equal(value, before[name]) for name, value in pruned.state_dict().items())


def test_channels_have_the_mean_and_variance_of_the_whole_network(net, images):
    found = recalibrate(apply_masks(net, masks_of(net)), images[0], net)
    for name, has_bias in (("first", True), ("second", False), ("last", True)):
        (_, has), (_, meant) = (heard_by(each, name, images[0]) for each in (found, net))
        axes = [0, *range(2, has.ndim)]
        live = has.var(dim=axes) > 0
        torch.testing.assert_close(has.var(dim=axes)[live], meant.var(dim=axes)[live], rtol=1e-3, atol=1e-7)
        if has_bias:
            torch.testing.assert_close(has.mean(dim=axes), meant.mean(dim=axes), rtol=1e-4, atol=1e-6)


def test_layers_solve_their_least_squares(net, images):
    masks = masks_of(net)
    found = compensate(apply_masks(net, masks), net, images[0], method="layerwise")
    for name in ("first", "second", "last"):
        own, whole = found.get_submodule(name), net.get_submodule(name)
        (x, _), (_, y) = heard_by(found, name, images[0]), heard_by(net, name, images[0])
        kept = masks[f"{name}.weight"]
        for output in range(len(kept)):
            if name == "last":
                rows, wanted = x, y[:, output]
            else:
                inputs = x if name == "first" else x[:, 2 * (output // 2) : 2 * (output // 2) + 2]
                unfolded = functional.unfold(inputs, own.kernel_size, padding=1, stride=own.stride)
                rows, wanted = unfolded.transpose(1, 2).flatten(0, 1), y[:, output].flatten()
            of = kept[output].flatten()
            w = whole.weight[output].detach().flatten()
            if own.bias is not None:
                rows = torch.cat([rows, torch.ones(len(rows), 1)], dim=1)
                of, w = torch.cat([of, torch.tensor([True])]), torch.cat([w, whole.bias[output : output + 1]])
            rows, wanted, w = rows.double(), wanted.double(), w.detach().double()
            extra = layerwise.DAMPING * (rows**2).sum() / rows.shape[1]
            # λ |v − w|² as rows of the least squares.
            more = extra.sqrt() * torch.eye(len(w), dtype=torch.float64)
            system = torch.cat([rows, more])[:, of]
            solution = torch.linalg.lstsq(system, torch.cat([wanted, more @ w])).solution
            got = own.weight[output].detach().flatten().double()
            got = got if own.bias is None else torch.cat([got, own.bias[output : output + 1].double()])
            torch.testing.assert_close(got[of], solution, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("share", [0.3, 0.8])
def test_the_joint_update_is_that_of_the_inverse_fisher(net, images, share):
    masks = masks_of(net, share)
    found = compensate(apply_masks(net, masks), net, *images)
    slopes = []
    names = list(masks)
    for image, label in zip(*images, strict=True):
        loss = functional.cross_entropy(net(image[None]), label[None])
        grads = torch.autograd.grad(loss, [net.get_parameter(name) for name in names])
        slopes.append(torch.cat([each.flatten() for each in grads]))
    G = torch.stack(slopes).double()
    F = G.T @ G / len(G)
    F += fisher.DAMPING * F.diagonal().mean() * torch.eye(len(F), dtype=torch.float64)
    w = torch.cat([net.get_parameter(name).detach().flatten() for name in names]).double()
    gone = ~torch.cat([masks[name].flatten() for name in names])
    inverse = torch.linalg.inv(F)
    # WoodFisher, for all removed weights at once.
    expected = w - inverse[:, gone] @ torch.linalg.solve(inverse[gone][:, gone], w[gone])
    got = torch.cat([found.get_parameter(name).detach().flatten() for name in names]).double()
    assert not got[gone].any()
    torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-5)


def test_removed_stays_removed_and_nothing_removed_changes_nothing(net, images):
    masks = masks_of(net)
    pruned = apply_masks(net, masks)
    for name, found in repairs(net, pruned, images).items():
        kept = {weight: found.get_parameter(weight) for weight in masks}
        assert all(not each[~masks[weight]].any() for weight, each in kept.items()), name
        assert any(not torch.equal(each, pruned.get_parameter(weight)) for weight, each in kept.items()), name
        assert not torch.equal(found(images[0]), pruned(images[0])), name
    for name, found in repairs(net, pruned, images).items():
        again = repairs(net, pruned, images)[name]
        assert all(torch.equal(value, again.state_dict()[key]) for key, value in found.state_dict().items())
    for name, found in repairs(net, net, images).items():
        assert torch.equal(found(images[0]), net(images[0])), name


@pytest.mark.parametrize("way", REPAIRS[1:])
def test_with_less_memory_the_same_comes_out(net, images, way, monkeypatch):
    masks = [masks_of(net, share) for share in (0.4, 0.7)]
    whole = list(Repairer(net, *images, way).under(masks))
    # Too little for all images at once, for what the layers give, and for all gradients.
    few = replace(LIMITS, repair_bytes=6000)
    for module in (walk, layerwise, fisher):
        monkeypatch.setattr(module, "LIMITS", few)
    # The joint update becomes block-diagonal, and is another one then.
    monkeypatch.setattr(
        fisher, "split_blocks", lambda sizes, most: [fisher.Block(tuple(sizes), 0, sum(sizes.values()), 0)]
    )
    for one, other in zip(whole, Repairer(net, *images, way).under(masks), strict=True):
        assert one.keys() == other.keys()
        for name, value in one.items():
            torch.testing.assert_close(value, other[name], rtol=1e-3, atol=1e-4)


def test_blocks_hold_whole_tensors_or_parts_of_one():
    sizes = {"a": 3, "b": 4, "c": 25, "d": 2}
    blocks = fisher.split_blocks(sizes, 10)
    assert [(block.names, block.start, block.stop, block.place) for block in blocks] == [
        (("a", "b"), 0, 7, 0), (("c",), 0, 10, 7), (("c",), 10, 20, 17), (("c",), 20, 25, 27), (("d",), 0, 2, 32),
    ]  # fmt: skip


def test_a_joint_update_by_blocks_leaves_no_weight_out(net, images, monkeypatch):
    masks = masks_of(net)
    monkeypatch.setattr(fisher, "LIMITS", replace(LIMITS, repair_bytes=4 * IMAGES * 20))
    (found,) = Repairer(net, *images, "fisher").under([masks])
    assert found.keys() == masks.keys()
    for name, value in found.items():
        assert not value[~masks[name]].any()
        # Of each block something changes; where a unit is silent there is no gradient.
        is_other = ((value != net.get_parameter(name)) & masks[name]).flatten()
        assert all(part.any() for part in is_other.split(20) if len(part) > 10), name


@pytest.mark.parametrize("kind", ["module", "parameter"])
@pytest.mark.parametrize("way", REPAIRS[1:])
def test_shared_weights_are_repaired_once(kind, way):
    net, masks = tied(kind)
    inputs, labels = seeded(lambda: torch.rand(20, 6)), seeded(lambda: torch.randint(0, 3, (20,)))
    (found,) = Repairer(net, inputs, labels, way).under([masks])
    assert not found["0.weight"][~masks["0.weight"]].any()
    repaired = copy.deepcopy(net)
    repaired.load_state_dict(found, strict=False)
    assert repaired[2].weight is repaired[0].weight


def test_layers_that_share_a_weight_are_solved_each_with_its_own_bias():
    net, masks = tied("parameter")
    with torch.no_grad():
        net[2].bias += 3.0
    inputs = seeded(lambda: torch.rand(20, 6))
    found = compensate(apply_masks(net, masks), net, inputs, method="layerwise")
    rows, wanted = [], []
    for name, ones in (("0", [1.0, 0.0]), ("2", [0.0, 1.0])):
        # All are heard in one pass, before either is changed.
        x = heard_by(apply_masks(net, {"0.weight": masks["0.weight"]}), name, inputs)[0]
        rows.append(torch.cat([x, torch.tensor(ones).expand(20, 2)], dim=1))
        wanted.append(heard_by(net, name, inputs)[1].detach())
    rows, wanted = torch.cat(rows).double(), torch.cat(wanted).double()
    more = (layerwise.DAMPING * (rows**2).sum() / 8).sqrt() * torch.eye(8, dtype=torch.float64)
    for output, kept in enumerate(masks["0.weight"]):
        w = torch.cat([net[0].weight[output], net[0].bias[output, None], net[2].bias[output, None]]).detach()
        of = torch.cat([kept, torch.tensor([True, True])])
        meant = torch.cat([wanted[:, output], more @ w.double()])
        solution = torch.linalg.lstsq(torch.cat([rows, more])[:, of], meant).solution.float()
        got = torch.cat([found[0].weight[output], found[0].bias[output, None], found[2].bias[output, None]])
        torch.testing.assert_close(got.detach()[of], solution, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("method", ["fisher", "layerwise"])
def test_what_is_solved_for_stands_beside_the_statistics_it_was_solved_with(images, method):
    net = seeded(lambda: nn.Sequential(nn.Flatten(), nn.Linear(32, 6), nn.BatchNorm1d(6), nn.Linear(6, 3)))
    pruned = apply_masks(net.eval(), masks_of(net))
    expected = compensate(pruned, net, *images, method=method).state_dict()
    found = compensate(recalibrate(pruned, images[0]), net, *images, method=method).state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in found.items())
    assert torch.equal(found["2.running_mean"], net[2].running_mean)


@pytest.mark.parametrize("way", REPAIRS[1:])
def test_weights_go_to_the_device_before_they_are_compared(net, images, way):
    moved = []

    class Elsewhere(torch.Tensor):
        def to(self, *where):
            moved.append(where)
            return self.as_subclass(torch.Tensor)

    state = {
        name: value.detach().as_subclass(Elsewhere)
        for name, value in apply_masks(net, masks_of(net)).named_parameters()
    }
    list(Repairer(net, *images, way).repaired([state]))
    assert moved == [("cpu",)] * len(state)


def test_a_layer_that_is_called_by_keyword_is_heard(net, images):
    class Named(type(net)):
        def forward(self, x):
            a = torch.relu(self.first(input=x))
            return self.last(input=(a + torch.relu(self.second(input=a))).flatten(1))

    named, masks = Named().eval(), masks_of(net)
    named.load_state_dict(net.state_dict())
    for way in ("recalibrate", "layerwise"):
        one, other = (next(Repairer(each, *images, way).under([masks])) for each in (named, net))
        assert all(torch.equal(value, one[name]) for name, value in other.items())
    one, other = (ncviz.pruning_scores(each, "wanda", inputs=images[0]) for each in (named, net))
    assert all(torch.equal(value, one[name]) for name, value in other.items())


def test_a_cancel_is_heard(net, images):
    cancel = threading.Event()
    for way in REPAIRS[1:]:
        made = Repairer(net, *images, way)
        cancel.set()

        def say(_):
            if cancel.is_set():
                raise CancelledError

        with pytest.raises(CancelledError):
            next(made.under([masks_of(net)], say))


def test_what_cannot_be_repaired_is_told_in_a_sentence(net, images):
    pruned = apply_masks(net, masks_of(net))
    split = SimpleNamespace(inputs=images[0], labels=images[1], split="test", description="40 test images")
    for repair in (
        lambda: recalibrate(pruned, split, net),
        lambda: compensate(pruned, net, split),
    ):
        with pytest.raises(DataError, match="training images alone, got 40 test images"):
            repair()
    split.split = "train"
    assert torch.equal(
        compensate(pruned, net, split).last.weight, compensate(pruned, net, *images).last.weight
    )
    with pytest.raises(NcvizError, match="no BatchNorm"):
        recalibrate(pruned, images[0])
    with pytest.raises(NcvizError, match="There is no method 'obs'"):
        compensate(pruned, net, *images, method="obs")
    with pytest.raises(DataError, match="a label for each of the 40 images, got none"):
        compensate(pruned, net, images[0])
    with pytest.raises(DataError, match="from 0 to 2"):
        compensate(pruned, net, images[0], images[1] + 1)
    with pytest.raises(NcvizError, match="other weights"):
        compensate(nn.Linear(2, 3), net, *images)

    class Reads(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.rand(3, 2))

        def forward(self, x):
            return functional.linear(x, self.weight)

    reads = seeded(Reads).eval()
    without = apply_masks(reads, {"weight": torch.tensor([[True, False]] * 3)})
    with pytest.raises(NcvizError, match="'weight' is none that a forward calls"):
        compensate(without, reads, torch.rand(5, 2), method="layerwise")
    assert compensate(without, reads, torch.rand(5, 2), torch.tensor([0, 1, 2, 0, 1])).weight[:, 0].all()


def test_the_repairs_are_public():
    assert {"recalibrate", "compensate"} <= set(ncviz.__all__)
    assert repairer.REPAIRS is REPAIRS


def test_a_mask_chosen_anew_after_each_update_keeps_more_than_one_chosen_once():
    images, test = (ncviz.load_dataset("mnist", split) for split in ("train", "test"))
    whole = stepwise = ncviz.load_model("mlpnet-mnist")

    def pruned(net, sparsity):
        smaller = ncviz.prune(net, ncviz.pruning_scores(net, "lamp"), sparsity=sparsity)
        return ncviz.compensate(smaller, whole, images, method="layerwise")

    for sparsity in (0.6, 0.8, 0.9):
        stepwise = pruned(stepwise, sparsity)
    assert sum(int((weight == 0).sum()) for weight in stepwise.parameters()) >= 29124  # nine tenths of 32,360
    kept = [ncviz.accuracy(net, test.inputs, test.labels) for net in (stepwise, pruned(whole, 0.9))]
    assert kept[0] > kept[1] + 0.05
