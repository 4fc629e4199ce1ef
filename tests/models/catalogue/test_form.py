import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import fx, nn

from ncviz.data.datasets import Dataset, load_dataset
from ncviz.errors import NcvizError
from ncviz.models.catalogue.architectures import build_seeded, find_architecture
from ncviz.models.catalogue.form import ACTIVATIONS, Conv, Form, read_form
from ncviz.models.catalogue.form_layers import build_form
from ncviz.models.training.train import train

MLP = Form("mlp", (1, 8, 8), 10, (32, 16))
CNN = Form(
    "cnn",
    (3, 32, 32),
    10,
    (64,),
    (Conv(16), Conv(16), Conv(32, 5, 2, "max")),
    "gelu",
    batch_norm=True,
    dropout=0.25,
    residual=True,
)


def test_names_say_everything():
    assert MLP.name == "form/mlp/1x8x8/32-16/relu@10"
    assert CNN.name == "form/cnn/3x32x32/16k3s1-16k3s1-32k5s2max/64/gelu-bn-drop0.25-res@10"
    assert Form("mlp", (1, 8, 8), 3).name == "form/mlp/1x8x8/none/relu@3"
    assert MLP.title == "MLP 64-32-16-10 (relu)"
    assert find_architecture(CNN.name).title == "CNN 16-16-32-64-10 (gelu)"


convs = st.builds(
    Conv,
    st.integers(1, 5),
    st.sampled_from([1, 3, 5]),
    st.integers(1, 2),
    st.sampled_from(["none", "max", "avg"]),
)
forms = st.builds(
    lambda convs, residual, **rest: Form(
        "cnn" if convs else "mlp", convs=tuple(convs), residual=residual and bool(convs), **rest
    ),
    convs=st.lists(convs, max_size=3),
    residual=st.booleans(),
    input_shape=st.tuples(st.integers(1, 3), st.integers(64, 70), st.integers(64, 70)),
    num_classes=st.integers(2, 12),
    hidden=st.lists(st.integers(1, 9), max_size=3).map(tuple),
    activation=st.sampled_from(ACTIVATIONS),
    batch_norm=st.booleans(),
    dropout=st.sampled_from([0.0, 0.1, 0.25, 0.333333, 0.9]),
)


@settings(max_examples=40, deadline=None)
@given(forms)
def test_a_name_gives_its_form_back_and_builds_what_it_says(form):
    assert read_form(form.name) == form
    architecture = find_architecture(form.name)
    assert (architecture.input_shape, architecture.num_classes) == (form.input_shape, form.num_classes)
    net = build_seeded(form.name, 0).eval()
    assert sum(parameter.numel() for parameter in net.parameters()) == form.parameters
    inputs = torch.zeros(2, *form.input_shape)
    assert net(inputs).shape == (2, form.num_classes)
    assert fx.symbolic_trace(net)(inputs).shape == (2, form.num_classes)
    found = [tuple(layer.weight.shape) for layer in net.modules() if isinstance(layer, nn.Conv2d)]
    assert found == [
        (conv.channels, before[0], conv.kernel, conv.kernel)
        for before, conv in zip(form.shapes, form.convs, strict=False)
    ]


def test_a_residual_convolution_is_added_to_what_it_read():
    net = build_form(CNN).eval()
    inputs = torch.rand(1, 3, 32, 32)
    found = net[2](net[1](net[0](inputs)))
    body = net[3]
    assert torch.allclose(body(found), found + body[1](body[0](found)))
    assert not any(
        type(layer).__name__ == "Residual" for layer in build_form(dataclasses.replace(CNN, residual=False))
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "rnn"}, "kind of network must be one of mlp, cnn, got 'rnn'"),
        ({"activation": "softmax"}, "activation must be one of relu"),
        ({"convs": ()}, "A CNN has at least one convolution"),
        ({"kind": "mlp"}, "A CNN has at least one convolution, and an MLP none"),
        ({"hidden": (0,)}, "units of a hidden layer must be"),
        ({"hidden": (2,) * 50}, "number of hidden layers must be"),
        ({"num_classes": 1}, "number of classes must be"),
        ({"dropout": 1.0}, "Dropout must lie in"),
        ({"dropout": float("nan")}, "Dropout must lie in"),
        ({"dropout": 0.123456789}, "at most six decimals"),
        ({"convs": (Conv(4, 2),)}, "must be odd, got 2; try 3"),
        ({"convs": (Conv(4, 3, 0),)}, "stride must be"),
        ({"convs": (Conv(4, 3, 1, "min"),)}, "pooling must be one of none, max, avg"),
        (
            {"convs": (Conv(4, 3, 4, "max"),) * 3},
            "Convolution 2 leaves maps of 1×1 pixels, too small to pool",
        ),
        ({"convs": (Conv(4096),)}, "more than .* units"),
        ({"convs": (Conv(512),), "hidden": (4096,)}, "weights, at most .* are trained"),
        ({"input_shape": (3, 32)}, "channels, height and width"),
    ],
)
def test_what_cannot_be_built_is_refused(changes, message):
    with pytest.raises(NcvizError, match=message) as caught:
        dataclasses.replace(CNN, **changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        "form/",
        "form/mlp/1x8x8/32-16/relu",
        "form/mlp/1x8x8/32--16/relu@10",
        "form/mlp/1x8/32/relu@10",
        "form/mlp/1x8x8/032/relu@10",
        "form/mlp/1x8x8/32/relu-drop0.50@10",
        "form/mlp/1x8x8/32/relu-res@10",
        "form/cnn/1x8x8/16k3/32/relu@10",
        "form/cnn/1x8x8/16k3s1min/32/relu@10",
        "form/mlp/1x8x8/" + "9" * 200 + "/relu@10",
        "form/mlp/1x8x8/32/relu@" + "9" * 5000,
        "form/mlp/1x8x8/32/evil@10",
    ],
)
def test_other_names_are_none(name):
    with pytest.raises(NcvizError) as caught:
        find_architecture(name)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def digits(split, count=None):
    data = load_dataset("digits", split)
    return dataclasses.replace(data, inputs=data.inputs[:count], labels=data.labels[:count])


def learn(name, **options):
    given = {"epochs": 3, "batch_size": 32, "learning_rate": 0.01, "seed": 0, **options}
    return train(name, digits("train", 400), digits("test", 100), **given)


def test_a_form_learns_and_follows_its_seed_with_dropout_too():
    name = "form/cnn/1x8x8/8k3s1-8k3s1-16k3s1max/32/relu-bn-drop0.2-res@10"
    before = torch.get_rng_state()
    first, other = learn(name), learn(name, seed=1)
    torch.rand(3)
    again = learn(name)
    assert first.test_accuracy > 0.7
    assert first.history == again.history != other.history
    assert first.history != learn(name.replace("-drop0.2", "")).history
    torch.set_rng_state(before)
    learn(name, epochs=1)
    assert torch.equal(before, torch.get_rng_state())
    assert str(first.net) == str(find_architecture(name).build())


def test_a_training_with_dropout_goes_on_where_it_was(tmp_path):
    name, file = "form/mlp/1x8x8/32/tanh-drop0.5@10", tmp_path / "it.training"

    class StopError(Exception):
        pass

    def stop(epoch):
        if epoch.epoch == 2:
            raise StopError

    with pytest.raises(StopError):
        learn(name, resume=file, on_epoch=stop)
    assert learn(name, resume=file).history == learn(name).history


def test_any_architecture_learns_any_data_of_its_shape():
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(24) % 3
    images = torch.rand(24, 3, 40, 36, generator=generator) * 0.2 + labels[:, None, None, None] / 3
    data = Dataset(images, labels, ("a", "b", "c"), "own-1", "train", True, "24 images")
    options = {"epochs": 4, "batch_size": 6, "learning_rate": 0.01}
    result = train("resnet8@3", data, data, **options)
    assert result.history[-1].train_accuracy > 0.9
    assert (result.settings.dataset, result.settings.architecture) == ("own-1", "resnet8-cifar10@3")
    assert train("torchvision/squeezenet1_1@3", data, data, **{**options, "epochs": 1}).net is not None
    with pytest.raises(
        NcvizError, match="expects images of shape .3, 32, 32. in 10 classes, got .3, 40, 36. in 3"
    ):
        train("vgg9-cifar10-relu", data, data, **options)
    with pytest.raises(NcvizError, match="alexnet@3 cannot take images of 40×36 pixels"):
        train("torchvision/alexnet@3", data, data, **options)
    with pytest.raises(NcvizError, match="`.*` .StochasticDepth. draws random numbers"):
        train(
            "torchvision/efficientnet_b0@3",
            *[dataclasses.replace(data, inputs=torch.zeros(6, 3, 224, 224))] * 2,
            **options,
        )
    with pytest.raises(NcvizError, match="have no labels"):
        train("resnet8@3", dataclasses.replace(data, has_labels=False), data, **options)
