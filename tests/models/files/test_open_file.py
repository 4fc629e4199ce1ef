"""Files in, networks out, and the same files back with other weights: accuracy is the same at every step."""

import dataclasses
import io
import warnings
import zipfile

import numpy as np
import pytest
import torch
import torchvision
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import nn

import ncviz
from ncviz import tasks
from ncviz.data.datasets import load_dataset
from ncviz.data.user_data.uploads import read_uploads
from ncviz.errors import DataError, ModelError
from ncviz.models.catalogue.architectures import build_seeded
from ncviz.models.files.open_file import read_file
from ncviz.models.files.pt2.writer import write_exported
from ncviz.models.files.write_file import write_file
from ncviz.models.loading import load_model, save_checkpoint
from ncviz.models.network import open_network

NAME = "mlp-digits-relu"


def torch_bytes(value):
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def onnx_bytes(net, shape):
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own, on its age
        torch.onnx.export(
            net,
            (torch.zeros(1, *shape),),
            buffer,
            dynamo=False,
            input_names=["x"],
            dynamic_axes={"x": {0: "n"}},
        )
    return buffer.getvalue()


def accuracy(net, data):
    with torch.inference_mode():
        return float((net(data.inputs).argmax(1) == data.labels).double().mean())


def thinned(network):
    """Return the network's arrays with the smaller half of each weight matrix at zero."""
    arrays = {}
    for name, values in network.arrays.items():
        if values.ndim > 1:
            arrays[name] = np.where(np.abs(values) < np.median(np.abs(values)), 0, values).astype(
                values.dtype
            )
    return arrays


def changed(network, arrays):
    return dataclasses.replace(network, arrays={**network.arrays, **arrays})


@pytest.fixture(scope="module")
def trained():
    return load_model(NAME)


@pytest.mark.parametrize(
    ("file", "to_bytes"),
    [
        ("net.pt", lambda net: torch_bytes({"state_dict": net.state_dict(), "epoch": 3})),
        (
            "net.pth",
            lambda net: torch_bytes({f"module.{key}": value for key, value in net.state_dict().items()}),
        ),
        ("net.safetensors", lambda net: save_safetensors(net.state_dict())),
    ],
)
def test_a_state_dict_goes_out_as_it_came_and_keeps_its_accuracy(trained, file, to_bytes):
    data = load_dataset("digits")
    content = to_bytes(trained)
    network = read_file(content, file, NAME)
    assert accuracy(network.module(), data) == accuracy(trained, data)
    arrays = thinned(network)
    shown = accuracy(changed(network, arrays).module(), data)
    assert shown != accuracy(trained, data)
    back, ending = write_file(network, arrays)
    assert ending == (".safetensors" if file.endswith("safetensors") else ".pt")
    # What anybody would do with plain PyTorch.
    state = (
        load_safetensors(back)
        if ending == ".safetensors"
        else torch.load(io.BytesIO(back), weights_only=True)
    )
    net = build_seeded(NAME, 1).eval()
    if file == "net.pth":
        assert set(state) == {f"module.{key}" for key in net.state_dict()}
        net = torch.nn.DataParallel(net).cpu().eval()
    net.load_state_dict(state)
    assert accuracy(net, data) == shown
    assert accuracy(read_file(back, f"back{ending}", NAME).module(), data) == shown


def test_an_onnx_file_goes_out_as_it_came_and_keeps_its_accuracy(trained):
    onnxruntime = pytest.importorskip("onnxruntime")
    data = load_dataset("digits")
    network = read_file(onnx_bytes(trained, (1, 8, 8)), "net.onnx", dataset="digits")
    assert (network.architecture, network.format, network.input_shape) == ("onnx", "onnx", (1, 8, 8))
    assert accuracy(network.module(), data) == accuracy(trained, data)
    arrays = thinned(network)
    shown = accuracy(changed(network, arrays).module(), data)
    back, ending = write_file(network, arrays)
    assert ending == ".onnx"
    session = onnxruntime.InferenceSession(back, providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {"x": data.inputs.numpy()})
    assert float((logits.argmax(1) == data.labels.numpy()).mean()) == pytest.approx(shown, abs=1e-9)
    assert write_file(network, {})[0] != back


def test_a_program_goes_out_as_it_came_and_keeps_its_accuracy(trained):
    data = load_dataset("digits")
    buffer = io.BytesIO()
    batch = {0: torch.export.Dim("n")}
    torch.export.save(
        torch.export.export(trained, (torch.zeros(2, 1, 8, 8),), dynamic_shapes=(batch,)), buffer
    )
    network = read_file(buffer.getvalue(), "net.pt2", dataset="digits")
    assert (network.architecture, network.format) == ("pt2", "pt2")
    assert accuracy(network.module(), data) == accuracy(trained, data)
    back, ending = write_file(network, thinned(network))
    net = torch.export.load(io.BytesIO(back)).module()
    assert ending == ".pt2"
    shown = accuracy(changed(network, thinned(network)).module(), data)
    assert shown != accuracy(trained, data)
    assert accuracy(net, data) == shown
    again = read_file(back, "back.pt2", dataset="digits")
    assert accuracy(again.module(), data) == shown
    assert again.zeros == changed(network, thinned(network)).zeros


@pytest.mark.filterwarnings("ignore:No complete tensor")
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_a_program_keeps_the_type_of_its_weights_and_what_shares_them(dtype):
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(6, 6), torch.nn.ReLU(), torch.nn.Linear(6, 6)
    )
    net[3].weight = torch.nn.Parameter(torch.randn(6, 6).t())
    net.to(dtype).eval()
    buffer = io.BytesIO()
    torch.export.save(torch.export.export(net, (torch.zeros(1, 1, 2, 3, dtype=dtype),)), buffer)
    network = read_file(buffer.getvalue(), "net.pt2")
    name = next(each for each in network.arrays if each.endswith("3.weight"))
    values = np.where(np.eye(6, dtype=bool), 0, network.arrays[name]).astype(network.arrays[name].dtype)
    back, _ = write_file(network, {name: values})
    state = torch.export.load(io.BytesIO(back)).state_dict
    assert torch.equal(state["1.weight"], net[1].weight)
    assert torch.equal(state["3.weight"], net[3].weight * (1 - torch.eye(6, dtype=dtype)))
    with pytest.raises(ModelError, match="no weights 'x'"):
        write_exported(buffer.getvalue(), {"x": np.zeros(3)}, "net.pt2")


class Spare(torch.nn.Module):
    """Has a layer and a buffer that its forward does not use, and a buffer that is no weight of a layer."""

    def __init__(self):
        super().__init__()
        self.head, self.spare = torch.nn.Linear(64, 10), torch.nn.Conv2d(1, 2, 3)
        self.norm = torch.nn.BatchNorm1d(10)
        self.register_buffer("mean", torch.full((1, 8, 8), 0.5))
        self.register_buffer("unused", torch.arange(3))

    def forward(self, x):
        return self.norm(self.head((x - self.mean[0, 0, 0]).flatten(1)))


def test_what_a_program_does_not_use_goes_back_with_the_rest():
    torch.manual_seed(0)
    whole = Spare().eval()
    buffer = io.BytesIO()
    batch = {0: torch.export.Dim("n")}
    exported = torch.export.export(whole, (torch.zeros(2, 1, 8, 8),), dynamic_shapes=(batch,))
    torch.export.save(exported, buffer)
    network = read_file(buffer.getvalue(), "net.pt2", dataset="digits")
    halved = {"head.weight": network.arrays["head.weight"] * 0.5}
    back, ending = write_file(network, halved)
    assert ending == ".pt2"
    again = Spare().eval()
    again.load_state_dict(torch.export.load(io.BytesIO(back)).state_dict)
    expected = whole.state_dict() | {"head.weight": whole.head.weight.detach() * 0.5}
    for name, values in again.state_dict().items():
        assert torch.equal(values, expected[name]), name


@pytest.mark.slow
def test_a_shuffled_program_goes_out_with_the_weights_of_its_module():
    torch.manual_seed(0)
    whole = torchvision.models.shufflenet_v2_x0_5(num_classes=10).eval()
    buffer = io.BytesIO()
    batch = {0: torch.export.Dim("n")}
    torch.export.save(
        torch.export.export(whole, (torch.zeros(2, 3, 32, 32),), dynamic_shapes=(batch,)), buffer
    )
    network = read_file(buffer.getvalue(), "shuffle.pt2")
    back, ending = write_file(network, thinned(network))
    assert ending == ".pt2"
    net = torchvision.models.shufflenet_v2_x0_5(num_classes=10).eval()
    net.load_state_dict(torch.export.load(io.BytesIO(back)).state_dict)
    assert int((net.fc.weight == 0).sum()) == net.fc.weight.numel() // 2
    images = torch.rand(2, 3, 32, 32)
    with torch.inference_mode():
        shown = changed(network, thinned(network)).module()(images)
        np.testing.assert_allclose(net(images), shown, atol=1e-6)


@pytest.mark.parametrize(
    ("net", "shape"),
    [
        (nn.Sequential(nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 3)), (12,)),
        (nn.Sequential(nn.Conv1d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(72, 3)), (2, 20)),
    ],
)
def test_features_and_lines_are_grey_pictures(net, shape):
    network = read_file(onnx_bytes(net.eval(), shape), "line.onnx")
    assert network.input_shape == (1, 1, *shape)[-3:]
    images = torch.rand(6, *shape)
    with torch.inference_mode():
        expected = net(images)
        torch.testing.assert_close(network.module()(images.reshape(6, *network.input_shape)), expected)
        torch.testing.assert_close(network.module()(images), expected)
    file = io.BytesIO()
    np.save(file, images.numpy())
    own = read_uploads([("line.npy", file.getvalue())], tasks.image_settings(network))
    bound = tasks.with_images(network, own)
    torch.testing.assert_close(load_dataset(bound.dataset).inputs.reshape(images.shape), images)
    onnxruntime = pytest.importorskip("onnxruntime")
    back, ending = write_file(network, thinned(network))
    assert ending == ".onnx"
    session = onnxruntime.InferenceSession(back, providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {"x": images.numpy()})
    with torch.inference_mode():
        pruned = changed(network, thinned(network)).module()(images)
    np.testing.assert_allclose(logits, pruned.numpy(), atol=1e-5)


def test_a_bundled_network_goes_out_as_safetensors():
    network = open_network(NAME)
    back, ending = write_file(network, {})
    assert ending == ".safetensors"
    assert read_file(back, "own.safetensors", NAME).fingerprint == network.fingerprint


def test_the_shape_of_the_images(trained):
    content = torch_bytes(build_seeded("resnet8@5", 0).state_dict())
    assert read_file(content, "r.pt").input_shape == (3, 32, 32)
    assert read_file(content, "r.pt", dataset="cifar10").input_shape is None
    large = read_file(content, "r.pt", input_shape=(3, 64, 48))
    assert large.image_shape == (3, 64, 48)
    assert large.fingerprint != read_file(content, "r.pt").fingerprint
    for shape in ((1, 32, 32), (3, 32), (3, 0, 5), (3, 10**6, 10**6), (3, 32, 32, 1)):
        with pytest.raises(ModelError, match="cannot take images of shape|An image must have"):
            read_file(content, "r.pt", input_shape=shape)
    with pytest.raises(ModelError, match="resnet8-cifar10@5 cannot take images of shape .1, 8, 8."):
        read_file(content, "r.pt", dataset="digits")
    with pytest.raises(DataError, match="Unknown data"):
        read_file(content, "r.pt", dataset="cats")
    with pytest.raises(ModelError, match="mlp-digits-relu takes images of shape .1, 8, 8., got .1, 9, 9."):
        read_file(torch_bytes(trained.state_dict()), "m.pt", NAME, input_shape=(1, 9, 9))
    program = onnx_bytes(trained, (1, 8, 8))
    assert read_file(program, "m.onnx").input_shape == (1, 8, 8)
    with pytest.raises(ModelError, match="m.onnx cannot take images of shape .1, 28, 28."):
        read_file(program, "m.onnx", dataset="mnist")


def test_a_bundled_networks_fingerprint_is_what_it_always_was():
    assert open_network(NAME).fingerprint == (
        "a8d0fe835537f4befcc41b08726373419116d71926e1ee43bf598952691ea90a"
    )


def test_a_fingerprint_tells_how_the_weights_are_joined(trained):
    network = read_file(onnx_bytes(trained, (1, 8, 8)), "net.onnx")
    again = read_file(onnx_bytes(trained, (1, 8, 8)), "renamed.onnx", dataset="digits")
    assert network.fingerprint == again.fingerprint
    steps = tuple(
        dataclasses.replace(step, operation="tanh") if step.operation == "relu" else step
        for step in network.blueprint.steps
    )
    other = dataclasses.replace(network, blueprint=dataclasses.replace(network.blueprint, steps=steps))
    assert other.fingerprint != network.fingerprint
    assert dataclasses.replace(network, input_shape=(1, 4, 16)).fingerprint != network.fingerprint
    arrays = {name: values + 1 for name, values in network.arrays.items()}
    assert dataclasses.replace(network, arrays=arrays).fingerprint != network.fingerprint


def pt2_like(name):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, "pt2")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "file", "message"),
    [
        (b"", "net.onnx", "net.onnx is empty"),
        (b"hello", "net.txt", "net.txt is no network that ncviz reads; bring a .pt, .pth or .safetensors"),
        (b"\x80\x02}q\x00.", "net.pt", "bare pickle"),
        (b"PK\x03\x04junk", "net.pt2", "damaged or incomplete zip archive"),
        (pt2_like("data.pkl"), "x.pt", "x.pt is "),
        (b"\x08" * 50, "net.onnx", "net.onnx"),
        (b"junk", "net.onnx", "net.onnx"),
        (pt2_like("net/archive_format"), "net.pt2", "net.pt2"),
    ],
)
def test_what_is_no_network_is_one_sentence(content, file, message):
    with pytest.raises(ModelError, match=message) as caught:
        read_file(content, file)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "arrays",
    [{"1.weight": np.zeros((3, 3), "float32")}, {"7.weight": np.zeros(3, "float32")}],
)
def test_arrays_that_do_not_fit_are_refused(arrays):
    with pytest.raises(ModelError, match="has shape"):
        write_file(open_network(NAME), arrays)


def test_load_network_reads_every_kind_of_file(trained, tmp_path):
    net, images = trained, load_dataset("digits", "test").inputs[:5]
    program = torch.export.export(net, (images,))
    save_checkpoint(net, tmp_path / "a.safetensors")
    for name in ("b.pt", "b.pth"):
        save_checkpoint(net, tmp_path / name, "pt")
    (tmp_path / "c.onnx").write_bytes(onnx_bytes(net, tuple(images.shape[1:])))
    torch.export.save(program, tmp_path / "d.pt2")
    for path in sorted(tmp_path.iterdir()):
        has_graph = path.suffix in (".onnx", ".pt2")
        read = ncviz.load_network(str(path), None if has_graph else "mlp-digits-relu")
        assert not read.training
        with torch.no_grad():
            torch.testing.assert_close(read(images), net(images))


def test_load_network_finds_the_architecture_or_says_what_is_wrong(tmp_path):
    path = tmp_path / "net.pt"
    save_checkpoint(build_seeded("resnet8@5", 0), path, "pt")
    assert ncviz.load_network(path)(torch.zeros(1, 3, 32, 32)).shape == (1, 5)
    with pytest.raises(ModelError, match="Keys do not match"):
        ncviz.load_network(path, "mlp-digits-relu")
    with pytest.raises(ModelError, match="There is no file"):
        ncviz.load_network(tmp_path / "none.onnx")
