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


@pytest.mark.parametrize("name", torchvision_names())
def test_every_name_builds_traces_and_has_a_title(name):
    architecture = find_architecture(name)
    net = build_without_weights(architecture)
    assert all(parameter.is_meta for parameter in net.parameters())
    fx.symbolic_trace(net)
    assert "_" not in architecture.title


def test_what_has_attention_or_gates_is_known_but_not_offered():
    everything = torchvision_names(is_plain=False)
    assert {"torchvision/vit_b_16", "torchvision/efficientnet_b0"} <= set(everything)
    assert set(torchvision_names()) < set(everything)
    assert not any("vit" in name or "efficientnet" in name for name in torchvision_names())


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


def test_layers_without_a_known_start_are_refused():
    with pytest.raises(ModelError, match="cannot be trained from the start here: `"):
        build_seeded("torchvision/vit_b_32@3", 0)
