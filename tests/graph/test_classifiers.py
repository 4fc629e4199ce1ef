"""Classifiers as people load them: each gives a graph, or one sentence that names what cannot be read."""

import pytest
import torch
import torchvision
from torchvision.models.swin_transformer import ShiftedWindowAttention

from ncviz.graph.build import look_at
from ncviz.graph.values import sentence

FEW = ("squeezenet1_1", "shufflenet_v2_x0_5", "mobilenet_v3_small")
FAMILIES = (
    "mobilenet_v2", "mnasnet1_3", "regnet_x_400mf", "densenet121", "resnet50", "convnext_tiny", "swin_t", "swin_v2_t",
    "regnet_y_400mf", "efficientnet_b0",
)  # fmt: skip


def by_hand(net):
    """Count edges by running the network: a weight stands on one for each place whose field it does not leave."""
    found, places = [], {}

    def count(module, given, _):
        if isinstance(module, torch.nn.Linear):
            found.append(
                int((module.weight != 0).sum()) * (given[0].numel() // len(given[0]) // module.in_features)
            )
            return
        ones = torch.ones_like(given[0][:1])
        own = torch.nn.functional.conv2d(
            ones,
            (module.weight != 0).float(),
            None,
            module.stride,
            module.padding,
            module.dilation,
            module.groups,
        )
        found.append(int(own.double().sum()) * places.get(module, 1))

    def attend(module, given, _):
        # Its weights are read by a function: queries, keys and values at the places of the image, what they mix at
        # those of whole windows.
        _, *sizes, _ = given[0].shape
        whole = [-(-size // own) * own for size, own in zip(sizes, module.window_size, strict=True)]
        found.append(int((module.qkv.weight != 0).sum()) * sizes[0] * sizes[1])
        found.append(int((module.proj.weight != 0).sum()) * whole[0] * whole[1])

    def gate(module, given):
        # Its last convolution ends in each of the places that it multiplies.
        places[module.fc2] = given[0].shape[2] * given[0].shape[3]

    for module in net.modules():
        if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)):
            module.register_forward_hook(count)
        if isinstance(module, ShiftedWindowAttention):
            module.register_forward_hook(attend)
        if isinstance(module, torchvision.ops.SqueezeExcitation):
            module.register_forward_pre_hook(gate)
    with torch.no_grad():
        net(torch.rand(2, 3, 64, 64))
    return sum(found)


def check(name):
    torch.manual_seed(0)
    net = torchvision.models.get_model(name, weights=None).eval()
    found = look_at(net, (3, 64, 64))
    if found.graph is not None:
        assert found.graph.number_of_edges == by_hand(net)
        return
    told = sentence(found.problems)
    assert told.startswith("Layer")
    assert "\n" not in told
    assert name.startswith("swin")
    assert "attention" in told


@pytest.mark.parametrize("name", FEW)
def test_a_few_of_torchvision(name):
    check(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_one_of_each_family_of_torchvision(name):
    check(name)
