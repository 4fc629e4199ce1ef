import io

import numpy as np
import onnx
import pytest
import torch
import torchvision
from torch import nn

from ncviz.models.blueprint import Blueprint, build_module
from ncviz.models.onnx_reader import read_onnx
from ncviz.models.onnx_writer import write_onnx
from ncviz.pruning.masks import prune
from tests.models.onnx_helpers import assert_same, images_of, run

# torch's exporters warn of their own deprecations.
pytestmark = pytest.mark.filterwarnings("ignore")


def exported(net, shape, is_dynamo):
    buffer, images = io.BytesIO(), torch.zeros(2, *shape)
    if is_dynamo:
        open_batch = ({0: torch.export.Dim("batch")},)
        torch.onnx.export(net, (images,), buffer, dynamo=True, dynamic_shapes=open_batch, verbose=False)
    else:
        torch.onnx.export(
            net, (images,), buffer, dynamo=False, input_names=["x"], dynamic_axes={"x": {0: "n"}}
        )
    return buffer.getvalue()


def lively(net, seed=0):
    """The network with weights that keep its signal alive to the end, and BatchNorms that do something."""
    torch.manual_seed(seed)
    for layer in net.modules():
        if isinstance(layer, (nn.Conv2d, nn.Conv1d, nn.Linear)):
            nn.init.kaiming_normal_(layer.weight)
            if layer.bias is not None:
                nn.init.normal_(layer.bias, std=0.1)
        if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, std=0.1)
            nn.init.normal_(layer.running_mean, std=0.1)
            nn.init.uniform_(layer.running_var, 0.5, 1.5)
    return net.eval()


def mlp():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 20), nn.Tanh(), nn.Linear(20, 10))


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 3), nn.ReLU(), nn.AvgPool2d(2),
        nn.Flatten(), nn.Linear(64, 20), nn.ReLU(), nn.Linear(20, 10), nn.LogSoftmax(1),
    )  # fmt: skip


def vgg():
    net = []
    for before, after in ((3, 8), (8, 16)):
        net += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2, 2)]
    return nn.Sequential(*net, nn.Flatten(), nn.Dropout(), nn.Linear(16 * 16, 10))


NETS = {
    "mlp": (mlp, (1, 8, 8)),
    "lenet": (lenet, (1, 12, 12)),
    "vgg": (vgg, (3, 16, 16)),
    "resnet18": (lambda: torchvision.models.resnet18(num_classes=10), (3, 32, 32)),
    "squeezenet1_1": (lambda: torchvision.models.squeezenet1_1(num_classes=10), (3, 40, 40)),
    "shufflenet": (lambda: torchvision.models.shufflenet_v2_x0_5(num_classes=10), (3, 32, 32)),
    "mobilenet_v2": (lambda: torchvision.models.mobilenet_v2(num_classes=10, width_mult=0.25), (3, 32, 32)),
}


# The newer exporter needs half a minute for MobileNet, and longer for ShuffleNet.
@pytest.mark.parametrize(
    ("name", "is_dynamo"),
    [(n, d) for n in NETS for d in (True, False) if not d or n not in ("mobilenet_v2", "shufflenet")],
)
def test_networks_of_torch_there_and_back(name, is_dynamo):
    make, shape = NETS[name]
    net = lively(make())
    content, images = exported(net, shape, is_dynamo), images_of(shape)
    blueprint, arrays = read_onnx(content, "net.onnx")
    assert blueprint.input_shape == shape
    assert Blueprint.from_json(blueprint.to_json()) == blueprint
    read = build_module(blueprint, arrays)
    with torch.no_grad():
        assert_same(read(torch.from_numpy(images)).numpy(), run(content, images))
        assert_same(net(torch.from_numpy(images)).numpy(), run(content, images))

    weights = [key for key, values in arrays.items() if values.ndim > 1 and values.size < 200_000]
    generator = np.random.default_rng(1)
    pruned = dict(arrays)
    for key in weights:
        pruned[key] = arrays[key] * (generator.random(arrays[key].shape) > 0.3)
    written = write_onnx(content, pruned)
    onnx.checker.check_model(onnx.load_from_string(written), full_check=True)
    with torch.no_grad():
        expected = build_module(blueprint, pruned)(torch.from_numpy(images)).numpy()
    assert_same(run(written, images), expected)
    assert np.abs(expected - run(content, images)).max() > 1e-3 * np.abs(expected).max()
    again, changed = read_onnx(written, "net.onnx")
    assert again == blueprint
    for key in pruned:
        np.testing.assert_array_equal(changed[key] == 0, pruned[key] == 0)


def test_the_apps_own_pruning_goes_back_out():
    net = lively(lenet())
    content, images = exported(net, (1, 12, 12), is_dynamo=True), images_of((1, 12, 12))
    blueprint, arrays = read_onnx(content, "net.onnx")
    read = build_module(blueprint, arrays)
    scores = {name: values.abs() for name, values in read.named_parameters() if values.ndim > 1}
    pruned = prune(read, scores, sparsity=0.5)
    state = {name: values.numpy() for name, values in pruned.state_dict().items()}
    with torch.no_grad():
        assert_same(run(write_onnx(content, state), images), pruned(torch.from_numpy(images)).numpy())
