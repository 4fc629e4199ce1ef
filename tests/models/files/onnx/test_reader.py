import io

import numpy as np
import onnx
import pytest
import torch
import torchvision
from torch import nn

from ncviz.errors import ModelError
from ncviz.models.files.graph.blueprint import Blueprint
from ncviz.models.files.graph.build import build_module
from ncviz.models.files.onnx.reader import read_onnx
from ncviz.models.files.onnx.writer import write_onnx
from ncviz.models.files.pt2.reader import read_exported
from ncviz.pruning.masks import prune
from tests.models.files.onnx.onnx_helpers import assert_same, images_of, run

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
@pytest.mark.slow
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


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.head = nn.LSTM(8, 6, num_layers=2, batch_first=True), nn.Linear(6, 4)

    def forward(self, x):
        return self.head(self.rnn(x)[0][:, -1])


UNREAD = {
    "recurrence": (Recurrent, (5, 8), ["supported: recurrence at 'rnn' (ncviz reads"]),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", UNREAD)
@pytest.mark.parametrize("kind", ["onnx", "pt2"])
def test_all_that_is_not_read_is_named_at_once_by_layer(name, kind):
    make, shape, words = UNREAD[name]
    net = make().eval()
    if kind == "onnx":
        content, read = exported(net, shape, is_dynamo=False), read_onnx
    else:
        buffer = io.BytesIO()
        torch.export.save(torch.export.export(net, (torch.zeros(2, *shape),)), buffer)
        content, read = buffer.getvalue(), read_exported
    with pytest.raises(ModelError) as caught:
        read(content, f"net.{kind}")
    for part in words:
        assert part in str(caught.value)
    assert len(str(caught.value)) < 1_200


def test_layers_are_named_as_the_newer_exporter_notes_them():
    class Summed(nn.Module):
        def forward(self, x):
            return x.cumsum(1)

    net = nn.Sequential(nn.Conv2d(3, 4, 1), Summed(), nn.Flatten(), nn.Linear(64, 4)).eval()
    with pytest.raises(ModelError, match="the operation CumSum at '1'"):
        read_onnx(exported(net, (3, 4, 4), is_dynamo=True), "net.onnx")


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


def test_an_array_that_is_trained_in_one_place_and_measured_in_another_stays_two():
    draw = np.random.default_rng(0)
    values = {
        "first": draw.standard_normal((4, 1, 3, 3)),
        "second": draw.standard_normal((4, 4, 3, 3)),
        "zeros": np.zeros(4),
        "ones": np.ones(4),
        "bias": draw.standard_normal(4),
        "last": draw.standard_normal((3, 4)),
    }
    initializers = [
        onnx.numpy_helper.from_array(array.astype(np.float32), name) for name, array in values.items()
    ]
    nodes = [
        onnx.helper.make_node(operator, inputs, [output])
        for operator, inputs, output in (
            ("Conv", ["image", "first"], "a"),
            ("BatchNormalization", ["a", "ones", "bias", "zeros", "ones"], "b"),
            ("Relu", ["b"], "c"),
            ("Conv", ["c", "second"], "d"),
            # What the layer before has measured is what this one has learned.
            ("BatchNormalization", ["d", "ones", "zeros", "zeros", "ones"], "e"),
            ("Relu", ["e"], "f"),
            ("GlobalAveragePool", ["f"], "g"),
            ("Flatten", ["g"], "h"),
        )
    ]
    nodes.append(onnx.helper.make_node("Gemm", ["h", "last"], ["scores"], transB=1))
    ends = [
        [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)]
        for name, shape in (("image", ["n", 1, 8, 8]), ("scores", ["n", 3]))
    ]
    graph = onnx.helper.make_graph(nodes, "net", *ends, initializers)
    content = onnx.helper.make_model(
        graph, ir_version=8, opset_imports=[onnx.helper.make_opsetid("", 17)]
    ).SerializeToString()
    net = build_module(*read_onnx(content, "net.onnx"))
    images = images_of((1, 8, 8))
    with torch.no_grad():
        assert_same(net(torch.from_numpy(images)).numpy(), run(content, images))
        held = {parameter.data_ptr() for parameter in net.parameters()}
        assert all(buffer.data_ptr() not in held for buffer in net.buffers())
        # Going on with training measures anew and leaves alone what is learned.
        before = [parameter.clone() for parameter in net.parameters()]
        net.train()(torch.from_numpy(images))
        assert all(torch.equal(old, new) for old, new in zip(before, net.parameters(), strict=True))
