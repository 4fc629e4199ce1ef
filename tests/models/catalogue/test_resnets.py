"""ResNet-8 and ResNet-20 against the paper's description and the same arithmetic written out."""

import pytest
import torch
from torch import fx, nn
from torch.nn import functional as F

from ncviz.models.catalogue.architectures import build_seeded, find_architecture


def randomised(name):
    net = build_seeded(name, 0)
    drawn = torch.Generator().manual_seed(1)
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for tensor in (layer.weight.data, layer.running_var, layer.bias.data, layer.running_mean):
                tensor.uniform_(0.5, 1.5, generator=drawn)
    return net.eval()


def by_hand(state, inputs, blocks):
    def normalised(values, name):
        keys = [state[f"{name}.{key}"] for key in ("running_mean", "running_var", "weight", "bias")]
        return F.batch_norm(values, *keys)

    found = F.relu(normalised(F.conv2d(inputs, state["conv1.weight"], padding=1), "bn1"))
    for stage in (1, 2, 3):
        for block in range(blocks):
            name, stride = f"stage{stage}.{block}", 2 if stage > 1 and block == 0 else 1
            inner = F.conv2d(found, state[f"{name}.conv1.weight"], stride=stride, padding=1)
            inner = F.conv2d(
                F.relu(normalised(inner, f"{name}.bn1")), state[f"{name}.conv2.weight"], padding=1
            )
            inner = normalised(inner, f"{name}.bn2")
            if stride == 2:
                found = F.conv2d(found, state[f"{name}.shortcut.0.weight"], stride=2)
                found = normalised(found, f"{name}.shortcut.1")
            found = F.relu(inner + found)
    return found.mean((2, 3)) @ state["fc.weight"].T + state["fc.bias"]


@pytest.mark.parametrize(("name", "blocks", "parameters"), [("resnet8", 1, 78_042), ("resnet20", 3, 272_474)])
def test_it_computes_what_the_paper_describes(name, blocks, parameters):
    net, inputs = randomised(name), torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        expected = by_hand(net.state_dict(), inputs, blocks)
        assert torch.allclose(net(inputs), expected, atol=1e-4)
        assert torch.allclose(fx.symbolic_trace(net)(inputs), net(inputs))
    assert sum(parameter.numel() for parameter in net.parameters()) == parameters
    in_line = [
        layer for key, layer in net.named_modules() if isinstance(layer, nn.Conv2d) and "shortcut" not in key
    ]
    assert len(in_line) + 1 == 6 * blocks + 2


def test_another_number_of_classes_and_another_size():
    architecture = find_architecture("resnet20@100")
    assert architecture.name == "resnet20-cifar10@100"
    assert architecture.num_classes == 100
    assert build_seeded("resnet20@100", 0).eval()(torch.zeros(1, 3, 48, 40)).shape == (1, 100)
