import pytest
import torch
from torch import fx

from ncviz.errors import ModelError
from ncviz.models.catalogue.architectures import (
    build_empty,
    build_seeded,
    build_without_weights,
    find_architecture,
)
from ncviz.models.catalogue.torchvision_models import torchvision_names


def test_the_metadata_say_shape_classes_and_preprocessing():
    architecture = find_architecture("torchvision/resnet18")
    assert architecture.input_shape == (3, 224, 224)
    assert architecture.num_classes == len(architecture.classes) == 1000
    assert architecture.classes[:2] == ("tench", "goldfish")
    found = architecture.preprocessing
    assert (found.resize, found.crop) == (256, 224)
    assert found.mean == (0.485, 0.456, 0.406)
    assert found.std == (0.229, 0.224, 0.225)


# One of each kind: the large ones are made of the same layers, and take seconds to trace.
SMALLEST = (
    "alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "efficientnet_v2_s", "mnasnet0_5", "mobilenet_v2",
    "mobilenet_v3_small", "regnet_x_400mf", "regnet_y_400mf", "resnet18", "resnext50_32x4d", "shufflenet_v2_x0_5",
    "squeezenet1_1", "vgg11", "wide_resnet50_2",
)  # fmt: skip


@pytest.mark.parametrize("name", torchvision_names())
def test_every_name_builds_traces_and_has_a_title(name):
    architecture = find_architecture(name)
    net = build_without_weights(architecture)
    # ConvNeXts make their layers' scales with ordinary values.
    assert all(parameter.is_meta or parameter.numel() < 10_000 for parameter in net.parameters())
    assert "_" not in architecture.title
    if name.endswith(SMALLEST):
        fx.symbolic_trace(net)


def test_what_has_attention_is_known_but_not_offered():
    everything, offered = torchvision_names(is_plain=False), torchvision_names()
    assert {"torchvision/vit_b_16", "torchvision/swin_t", "torchvision/maxvit_t"} <= set(everything) - set(
        offered
    )
    assert {"torchvision/convnext_tiny", "torchvision/efficientnet_b0", "torchvision/regnet_y_400mf"} <= set(
        offered
    )


def test_building_draws_no_global_random_numbers():
    before = torch.get_rng_state()
    for name in ("torchvision/regnet_x_400mf", "torchvision/squeezenet1_1", "torchvision/swin_t"):
        build_empty(name)
    build_seeded("torchvision/squeezenet1_1@3", 0)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("name", ["squeezenet1_1", "mobilenet_v2", "resnet18", "alexnet", "densenet121"])
def test_another_number_of_classes_changes_the_last_layer_alone(name):
    usual = build_without_weights(find_architecture(f"torchvision/{name}")).state_dict()
    own = build_without_weights(find_architecture(f"torchvision/{name}@7")).state_dict()
    changed = [key for key in usual if usual[key].shape != own[key].shape]
    assert changed == list(usual)[-2:]
    assert all(own[key].shape[0] == 7 for key in changed)
    assert find_architecture(f"torchvision/{name}@7").classes == ()
    assert find_architecture(f"torchvision/{name}@1000") == find_architecture(f"torchvision/{name}")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("torchvision/resnet19", "Unknown architecture 'torchvision/resnet19'; .*alexnet, .*resnet18"),
        ("torchvision/googlenet", "Unknown architecture"),
        ("torchvision/../os", "Unknown architecture"),
        ("torchvision/resnet18@", "must end in a number of classes after the @"),
        ("torchvision/resnet18@-3", "must end in a number of classes"),
        ("torchvision/resnet18@1", "is built for 2 to 1,000 classes, got 1"),
        ("resnet20@99999999", "is built for 2 to 1,000 classes"),
        ("resnet20@" + "9" * 5000, "must end in a number"),
        ("resnet20@²", "must end in a number"),
        ("", "Unknown architecture ''; choose one of mlp-digits-relu"),
    ],
)
def test_names_that_are_none(name, message):
    with pytest.raises(ModelError, match=message) as caught:
        find_architecture(name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["torchvision/vit_b_32@3", "torchvision/swin_t@3"])
def test_what_its_own_code_begins_with_is_drawn_by_the_seed(name):
    before = torch.get_rng_state()
    first, again, other = (build_seeded(name, seed).state_dict() for seed in (0, 0, 1))
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(first[key], again[key]) for key in first)
    changed = [key for key in first if not torch.equal(first[key], other[key])]
    assert sum(first[key].numel() for key in changed) > 0.95 * sum(each.numel() for each in first.values())
