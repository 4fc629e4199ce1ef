import subprocess
import sys

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from ncviz.data.datasets import DATASETS, load_dataset
from ncviz.errors import ModelError
from ncviz.graph.build import build_graph
from ncviz.models.catalogue.architectures import ARCHITECTURES, build_empty, build_seeded, find_architecture
from ncviz.models.loading import load_model, save_checkpoint
from ncviz.models.network import open_network
from ncviz.models.zoo import MODELS, checkpoint_arrays, find_model

REQUIRED = {"digits": 0.95, "mnist": 0.983, "cifar10": 0.8, "mlpnet-mnist": 0.97, "resnet20-cifar10": 0.9}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_architecture_fits_its_data(name):
    architecture = ARCHITECTURES[name]
    net = architecture.build()
    assert architecture.input_shape == DATASETS[architecture.dataset].input_shape
    assert architecture.num_classes == len(DATASETS[architecture.dataset].classes)
    assert net(torch.zeros(3, *architecture.input_shape)).shape == (3, architecture.num_classes)


def test_lenet_is_the_papers():
    shapes = {
        name: tuple(p.shape) for name, p in ARCHITECTURES["lenet-mnist-relu"].build().named_parameters()
    }
    assert shapes == {
        "0.weight": (6, 1, 6, 6),
        "0.bias": (6,),
        "2.weight": (16, 6, 6, 6),
        "2.bias": (16,),
        "5.weight": (120, 256),
        "5.bias": (120,),
        "7.weight": (84, 120),
        "7.bias": (84,),
        "9.weight": (10, 84),
        "9.bias": (10,),
    }


def test_vgg_is_the_papers():
    net = ARCHITECTURES["vgg9-cifar10-relu"].build()
    convs = [layer for layer in net if isinstance(layer, nn.Conv2d)]
    assert [tuple(conv.weight.shape) for conv in convs] == [
        (64, 3, 2, 2), (128, 64, 3, 3), (128, 128, 3, 3), (128, 128, 3, 3), (256, 128, 3, 3), (256, 256, 3, 3),
    ]  # fmt: skip
    assert [conv.stride[0] for conv in convs] == [2, 1, 1, 2, 1, 1]
    assert [tuple(layer.weight.shape) for layer in net if isinstance(layer, nn.Linear)] == [
        (512, 256),
        (128, 512),
        (10, 128),
    ]
    graph = build_graph(net, (3, 32, 32))
    assert graph.layer_shapes == (
        (3, 32, 32), (64, 16, 16), (128, 14, 14), (128, 12, 12), (128, 5, 5), (256, 3, 3), (256, 1, 1), (512,), (128,),
        (10,),
    )  # fmt: skip


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_seeded_weights_follow_the_seed_and_pytorchs_distribution(name):
    first, again, other = (build_seeded(name, seed).state_dict() for seed in (3, 3, 4))
    net = ARCHITECTURES[name].build()
    default = net.state_dict()
    assert list(first) == list(default)
    for key, tensor in first.items():
        assert torch.equal(tensor, again[key])
        if tensor.unique().numel() == 1 or isinstance(
            net.get_submodule(key.rpartition(".")[0]), nn.BatchNorm2d
        ):
            assert torch.equal(tensor, default[key])
            continue
        assert not torch.equal(tensor, other[key])
        if tensor.numel() > 1000:
            # The largest of as many draws from a bell is known less well.
            near = 0.05 if tensor.abs().max() < 2 * tensor.std() else 0.3
            assert tensor.std().item() == pytest.approx(default[key].std().item(), rel=0.1)
            assert tensor.abs().max().item() == pytest.approx(default[key].abs().max().item(), rel=near)


def test_building_draws_no_global_random_numbers():
    before = torch.get_rng_state()
    build_empty("lenet-mnist-relu")
    build_seeded("lenet-mnist-relu", 0)
    load_model("mlp-digits-relu")
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("find", [find_architecture, find_model, load_model])
def test_unknown_name_lists_the_choices(find):
    with pytest.raises(
        ModelError, match=r"Unknown .* 'resnet'; choose one of mlp-digits-relu, .*lenet-mnist-tanh.*\."
    ):
        find("resnet")


@pytest.mark.parametrize("name", MODELS)
def test_bundled_model_holds_what_its_card_says(name):
    spec, net = MODELS[name], load_model(name)
    assert spec.architecture in ARCHITECTURES
    assert not net.training
    assert spec.card["parameters"] == sum(p.numel() for p in net.parameters())
    assert spec.card["layers"] == [str(layer) for layer in net.modules() if not list(layer.children())]
    assert spec.card["test_accuracy"] >= REQUIRED.get(name, REQUIRED[spec.dataset])
    assert spec.card["test_images"] == DATASETS[spec.dataset].sizes["test"]
    assert spec.card["training_images"] == DATASETS[spec.dataset].sizes["train"]
    assert spec.card["command"].startswith(f"python -m ncviz train {name} ")
    for key in ("seed", "epochs", "optimiser", "learning_rate", "batch_size", "torch"):
        assert key in spec.card


@pytest.mark.parametrize("name", MODELS)
def test_bundled_model_classifies_the_bundled_test_images(name):
    spec = MODELS[name]
    data = load_dataset(spec.dataset)
    with torch.inference_mode():
        accuracy = (load_model(name)(data.inputs).argmax(1) == data.labels).float().mean().item()
    expected = spec.card["test_accuracy"]
    # A sample may differ by chance; MNIST's lies in blocks by writer, so by more than if it were drawn at random.
    chance = 0 if data.is_complete else 4 * (expected * (1 - expected) / len(data)) ** 0.5
    assert accuracy == pytest.approx(expected, abs=max(1e-3, chance))


@pytest.mark.parametrize("name", MODELS)
def test_arrays_are_the_state_dict_in_its_order(name):
    assert_arrays_are_the_state_dict(name)


def assert_arrays_are_the_state_dict(name):
    arrays, state = checkpoint_arrays(name), load_model(name).state_dict()
    assert list(arrays) == list(state)
    for key, tensor in state.items():
        found = torch.from_numpy(arrays[key])
        assert found.dtype == tensor.dtype
        assert found.shape == tensor.shape
        assert torch.equal(found, tensor)


@pytest.mark.parametrize("half", [True, False])
def test_arrays_and_network_agree_on_a_network_with_batch_norm(monkeypatch, tmp_path, half):
    monkeypatch.setattr("ncviz.models.zoo.CHECKPOINT_DIR", tmp_path)
    name = "vgg9-cifar10-relu"
    net = build_seeded(name, 0)
    net[1].running_mean.normal_()
    net[1].num_batches_tracked.fill_(70_000)  # beyond what half precision holds
    save_checkpoint(net, MODELS[name].path, half=half)
    assert_arrays_are_the_state_dict(name)
    opened = open_network(name)
    assert opened.arrays["1.num_batches_tracked"] == 70_000
    assert all(torch.equal(a, b) for a, b in both(opened.module(), load_model(name)))
    assert opened.fingerprint == open_network(name).fingerprint


def both(net, other):
    return zip(net.state_dict().values(), other.state_dict().values(), strict=True)


def test_card_is_read_only():
    with pytest.raises(TypeError):
        MODELS["mlp-digits-relu"].card["test_accuracy"] = 1.0


def test_names_cards_and_arrays_need_no_torch():
    code = (
        "import sys; from ncviz.models.zoo import MODELS, checkpoint_arrays;"
        "from ncviz.data.datasets import load_sample_arrays;"
        "[(spec.card, checkpoint_arrays(name), load_sample_arrays(spec.dataset)) for name, spec in MODELS.items()];"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_damaged_bundle_is_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr("ncviz.models.zoo.CHECKPOINT_DIR", tmp_path)
    with pytest.raises(ModelError, match="cannot be read"):
        checkpoint_arrays("mlp-digits-relu")
    for order in ("5", "[1]", '["a"]', "[", '["a", "b", "b"]'):
        tensors = {"a": torch.zeros(1), "b": torch.zeros(1)}
        save_file(tensors, tmp_path / "mlp-digits-relu.safetensors", {"order": order})
        with pytest.raises(ModelError, match="cannot be read"):
            checkpoint_arrays("mlp-digits-relu")
    (tmp_path / "mlp-digits-relu.safetensors").write_bytes(b"junk" * 10)
    (tmp_path / "mlp-digits-relu.json").write_text("[1]")
    with pytest.raises(ModelError, match="cannot be read"):
        checkpoint_arrays("mlp-digits-relu")
    with pytest.raises(ModelError, match="must be a JSON object"):
        _ = MODELS["mlp-digits-relu"].card
