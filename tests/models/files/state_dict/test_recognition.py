import io

import pytest
import torch
from safetensors.torch import load, save
from torch import nn

from ncviz.errors import ModelError
from ncviz.models.catalogue.architectures import build_seeded, build_without_weights, find_architecture
from ncviz.models.files.open_file import read_file
from ncviz.models.files.state_dict.recognition import guess_architectures, recognise
from ncviz.models.files.write_file import write_file


def torch_bytes(value):
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def outline(name):
    return build_without_weights(find_architecture(name)).state_dict()


@pytest.mark.parametrize(
    "name",
    [
        "resnet8-cifar10",
        "resnet20-cifar10@37",
        "vgg9-cifar10-relu@43",
        "torchvision/alexnet",
        "torchvision/resnet18",
        "torchvision/resnet18@7",
        "torchvision/vgg11_bn@10",
        "torchvision/squeezenet1_1@12",
        "torchvision/mobilenet_v2@2",
        "torchvision/densenet121@5",
        "torchvision/shufflenet_v2_x0_5@5",
        "torchvision/regnet_x_400mf@5",
        "torchvision/mnasnet0_5@5",
        "torchvision/vit_b_16",
    ],
)
def test_an_architecture_is_told_by_its_keys_and_shapes(name):
    state = outline(name)
    first = guess_architectures(state)[0]
    assert first.architecture == name
    assert first.is_exact
    assert first.expected == sum(not key.endswith("num_batches_tracked") for key in state)
    without = {key: tensor for key, tensor in state.items() if "num_batches_tracked" not in key}
    assert recognise(without, "it") == name


def test_what_only_activations_tell_apart_is_asked_for():
    state = outline("lenet-mnist-tanh")
    exact = [guess.architecture for guess in guess_architectures(state) if guess.is_exact]
    assert exact == ["lenet-mnist-relu", "lenet-mnist-tanh"]
    with pytest.raises(ModelError, match="fit lenet-mnist-relu and lenet-mnist-tanh alike.*choose one"):
        recognise(state, "it")
    assert recognise(outline("vgg9-cifar10-relu@100"), "it") == "vgg9-cifar100-relu"


def test_guesses_come_in_order_of_how_well_they_fit():
    guesses = guess_architectures(outline("torchvision/resnet34@10"))
    shares = [guess.fitting / max(guess.expected, guess.given) for guess in guesses]
    assert shares == sorted(shares, reverse=True)
    assert [guess.is_exact for guess in guesses] == [True] + [False] * (len(guesses) - 1)


def test_a_network_that_is_not_known_says_what_to_do():
    own = nn.Sequential(nn.Linear(12, 5), nn.ReLU(), nn.Linear(5, 2)).state_dict()
    with pytest.raises(
        ModelError, match=r"does not know \(first key `0.weight`\).*torch.onnx.export.*form\.$"
    ):
        recognise(own, "own.pt")
    state = outline("torchvision/resnet18")
    state["fc.extra"] = torch.zeros(1)
    with pytest.raises(ModelError, match="torchvision/resnet18 comes nearest, with 102 of 102 keys"):
        recognise(state, "own.pt")
    state = outline("torchvision/resnet18")
    state["fc.weight"] = torch.zeros(5000, 512)
    with pytest.raises(ModelError, match="fits no architecture|does not know"):
        recognise(state, "own.pt")


@pytest.mark.parametrize(
    ("wrap", "prefix"),
    [
        (lambda state: state, ""),
        (lambda state: {"net": state, "acc": 0.5, "epoch": 3}, ""),
        (lambda state: {"model": state, "optimizer": {"state": {}}, "args": {"lr": 0.1}}, ""),
        (lambda state: {"state_dict": {f"model.{key}": value for key, value in state.items()}}, "model."),
        (lambda state: {f"module.{key}": value for key, value in state.items()}, "module."),
        (
            lambda state: {f"_orig_mod.module.{key}": value for key, value in state.items()},
            "_orig_mod.module.",
        ),
    ],
)
def test_a_checkpoint_opens_without_naming_its_architecture(wrap, prefix):
    net = build_seeded("resnet8@5", 3)
    network = read_file(torch_bytes(wrap(net.state_dict())), "mine.pt")
    assert network.architecture == "resnet8-cifar10@5"
    assert network.prefix == prefix
    assert network.format == "pt"
    assert network.input_shape == (3, 32, 32)
    inputs = torch.rand(2, 3, 32, 32)
    assert torch.equal(network.module()(inputs), net.eval()(inputs))


def test_half_precision_and_a_named_architecture():
    state = {key: value.half() for key, value in build_seeded("mlp-digits-tanh", 0).state_dict().items()}
    with pytest.raises(ModelError, match="alike"):
        read_file(save(state), "mine.safetensors")
    network = read_file(save(state), "mine.safetensors", "mlp-digits-tanh")
    assert (network.dataset, network.input_shape, network.format) == ("digits", None, "safetensors")
    assert network.image_shape == (1, 8, 8)
    assert network.arrays["1.weight"].dtype == "float32"
    with pytest.raises(ModelError, match="Keys do not match resnet8-cifar10"):
        read_file(save(state), architecture="resnet8")
    with pytest.raises(ModelError, match="Unknown architecture 'nothing'"):
        read_file(b"", architecture="nothing")


def elsewhere(net, *words):
    """Return a network's state dict under the words of another project, put into its names by hand."""
    found = {}
    for key, value in net.state_dict().items():
        for own, other in words:
            key = key.replace(own, other)
        found[key] = value
    return found


# How M-FAC's (and torchvision's) ResNets call their parts, and how others do.
TORCHVISION = (("stage", "layer"), ("shortcut", "downsample"))
LINEAR = (("stage", "layer"), ("fc.", "linear."))


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("words", [TORCHVISION, LINEAR])
def test_a_network_trained_elsewhere_is_known_by_the_names_of_its_parts_there(words, prefix):
    net = build_seeded("resnet20-cifar10", 3)
    state = {f"{prefix}{key}": value for key, value in elsewhere(net, *words).items()}
    file_keys = {key for key in state if "num_batches" not in key}
    network = read_file(save(state), "mine.safetensors")
    assert (network.architecture, network.prefix) == ("resnet20-cifar10", prefix)
    assert set(network.words) == {
        (own, other.rstrip(".")) for own, other in ((a.rstrip("."), b) for a, b in words)
    }
    inputs = torch.rand(2, 3, 32, 32)
    assert torch.equal(network.module()(inputs), net.eval()(inputs))
    (note,) = network.notes
    assert "`layer` for `stage`" in note
    assert "--mean 0.5,0.5,0.5" in note
    content, ending = write_file(
        network, {"stage2.0.conv1.weight": network.arrays["stage2.0.conv1.weight"] * 2}
    )
    written = load(content)
    assert ending == ".safetensors"
    assert {key for key in written if "num_batches" not in key} == file_keys
    changed = next(key for key in file_keys if key.endswith("layer2.0.conv1.weight"))
    for key in file_keys:
        assert torch.equal(written[key], state[key] * (2 if key == changed else 1)), key


def test_an_mlp_of_numbered_layers_is_known():
    net = build_seeded("mlpnet-mnist", 1)
    state = elsewhere(net, ("1.", "fc1."), ("3.", "fc2."), ("5.", "fc3."))
    assert list(state) == ["fc1.weight", "fc2.weight", "fc3.weight"]
    network = read_file(torch_bytes({"model": state}), "mine.pt", "mlpnet-mnist")
    assert network.words == (("1", "fc1"), ("3", "fc2"), ("5", "fc3"))
    inputs = torch.rand(2, 1, 28, 28)
    assert torch.equal(network.module()(inputs), net.eval()(inputs))
    assert read_file(torch_bytes(state), "mine.pt").architecture == "mlpnet-mnist"


def test_what_only_shares_some_words_stays_unknown():
    state = elsewhere(build_seeded("resnet20-cifar10", 3), *TORCHVISION)
    del state["layer3.2.conv2.weight"]
    with pytest.raises(ModelError, match="does not know|comes nearest"):
        read_file(save(state), "mine.safetensors")
    both = {**elsewhere(build_seeded("resnet20-cifar10", 3), *TORCHVISION)}
    both["stage1.0.conv1.weight"] = torch.zeros(16, 16, 3, 3)
    with pytest.raises(ModelError, match="does not know|comes nearest"):
        read_file(save(both), "mine.safetensors")


def test_torchvision_s_own_names_are_left_alone():
    network = read_file(save(build_seeded("torchvision/resnet18@3", 0).state_dict()), "net.safetensors")
    assert network.architecture == "torchvision/resnet18@3"
    assert network.words == ()
    assert network.notes == ()
