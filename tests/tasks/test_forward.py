"""The browser's forward pass gives what torch gives, for whole and for pruned networks."""

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from ncviz import tasks
from ncviz.errors import DataError
from ncviz.graph.activations import layer_activations
from ncviz.graph.build import build_graph
from ncviz.graph.forward.program import forward_program
from ncviz.models.catalogue.architectures import build_seeded
from ncviz.pruning.masks import apply_masks
from ncviz.tasks.criteria import masks_of
from ncviz.tasks.forward.program import ForwardRecord
from ncviz.ui.components.bundle import bundle

SHIPPED = [name for name, spec in tasks.MODELS.items() if spec.has_results]
LARGE = ("vgg9-cifar10-relu", "resnet20-cifar10")
NO_CHAINS = ("vit-mnist", "convnext-mnist")
SMALL = [name for name in tasks.MODELS if name not in (*LARGE, *NO_CHAINS)]
RUN = """
import { readFileSync } from "node:fs";
const read = (name, kind) => new kind(readFileSync(new URL(name, import.meta.url)).buffer.slice(0));
const program = JSON.parse(readFileSync(new URL("program", import.meta.url), "utf8"));
const file = (name) => { const bytes = readFileSync(new URL(name, import.meta.url));
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length); };
const pass = new ForwardPass(program, new Float32Array(file("values")));
const ranks = new Uint32Array(file("ranks"));
const kept = JSON.parse("REMOVED").map((removed) => keptOf(ranks, removed));
const images = new Float32Array(file("images"));
const size = images.length / COUNT;
const found = [null, ...kept].map((left) => Array.from({ length: COUNT }, (_, at) =>
  pass.layersOf(pass.run(images.subarray(at * size, (at + 1) * size), left)).map((layer) => [...layer])));
const ranges = rangesOf(found[0][0]);
const activity = found.map((images) => [...scaledActivity(images[0], ranges)]);
console.log(JSON.stringify({ found, activity }));
"""


def in_browser(node, folder, record, arrays, shapes, inputs, ranks, removed):
    """What the browser computes: for each step and image the layers' activations, and the first one's as bytes."""
    (folder / "program").write_text(json.dumps(record.header(arrays, shapes)))
    (folder / "values").write_bytes(record.values(arrays).tobytes())
    (folder / "ranks").write_bytes(ranks.astype(np.uint32).tobytes())
    (folder / "images").write_bytes(inputs.numpy().astype(np.float32).tobytes())
    script = RUN.replace("REMOVED", json.dumps(removed)).replace("COUNT", str(len(inputs)))
    parts = ("flow/forward.js", "flow/activity.js", "shared/kept.js")
    return json.loads(node("".join(map(bundle, parts)) + script, folder))


def check(node, folder, net, record, inputs, arrays):
    graph = build_graph(net, tuple(inputs.shape[1:]))
    shapes = graph.parameters
    total = sum(int(np.prod(shape)) for shape in shapes.values())
    ranks = np.random.default_rng(0).permutation(total)
    removed = [total // 20, total // 2, total]
    told = in_browser(node, folder, record, arrays, shapes, inputs, ranks, removed)
    ranges = None
    for at, step in enumerate([0, *removed]):
        pruned = apply_masks(net, masks_of(ranks, step, shapes))
        expected = layer_activations(pruned, graph, inputs)
        for image, own in enumerate(told["found"][at]):
            for layer, values in zip(expected, own, strict=True):
                np.testing.assert_allclose(values, layer[image].numpy(), atol=1e-4, rtol=1e-5)
        first = [layer[0].numpy() for layer in expected]
        ranges = tasks.ranges_of(first) if ranges is None else ranges
        activity = tasks.scaled_activity(first, ranges).astype(int)
        assert np.abs(activity - told["activity"][at]).max() <= 1


@pytest.mark.parametrize("name", SMALL)
def test_a_bundled_network_is_run_as_torch_runs_it(node, tmp_path, name):
    network = tasks.open_network(name)
    context = tasks.open_context(str(tmp_path / "store"))
    record = context.run(tasks.Forward(network)).result
    inputs = context.images(network, "test").inputs[:3]
    check(node, tmp_path, network.module(), record, inputs, network.arrays)


@pytest.mark.parametrize("name", ["mlp-digits-relu", "lenet-mnist-relu"])
def test_the_server_shows_the_same_flow_as_the_pictures_that_were_kept(tmp_path, name):
    network, context = tasks.open_network(name), tasks.open_context(str(tmp_path))
    record = context.look_up(tasks.Curvature(network))
    passes = tasks.ForwardPass(network, context)
    for image in (0, 7):
        [inputs] = tasks.calibration_inputs(network, context, [int(record.calibration[image])])
        # What a browser, which has bytes alone, makes of them is what the network sees.
        own = tasks.input_of(network, context, record.pictures.images[image])
        assert torch.equal(inputs, own)
        layers = passes.layers(inputs)
        activity = tasks.scaled_activity(layers, tasks.ranges_of(layers))
        kept = np.concatenate([layer[image] for layer in record.pictures.activity])
        assert np.abs(activity.astype(int) - kept).max() <= 1
    together = tasks.calibration_inputs(network, context, record.calibration.tolist())
    each = passes.layers_of_each(together)
    mean = tasks.mean_state([tasks.state_of(own, tasks.ranges_of(own)) for own in each])
    assert np.abs(mean.activity.astype(int) - np.concatenate(record.pictures.of(None))).max() <= 1
    assert mean.said.tolist() == [int(own[-1].argmax()) for own in each]
    np.testing.assert_allclose(mean.scores, np.mean([own[-1] for own in each], axis=0), atol=1e-6)
    ranks = np.arange(record.total)
    pruned = passes.layers(inputs, masks_of(ranks, record.total, record.shapes))
    assert not pruned[-1].max() > pruned[-1].mean() + 0.9  # biases alone
    np.testing.assert_array_equal(passes.layers(inputs)[-1], layers[-1])


def test_a_picture_of_ones_own_is_made_as_the_data_are(tmp_path):
    paper = np.full((60, 60), 240, np.uint8)
    paper[10:50, 28:32] = 10
    stream = io.BytesIO()
    Image.fromarray(paper).save(stream, "PNG")
    pixels, note = tasks.read_picture(stream.getvalue(), "one.png", tasks.open_network("lenet-mnist-relu"))
    assert pixels.shape == (1, 28, 28)
    assert pixels[0, 0, 0] < 30 < 200 < pixels[0, 14, 14]
    assert "white on black" in note
    pixels, note = tasks.read_picture(stream.getvalue(), "one.png", tasks.open_network("vgg9-cifar10-relu"))
    assert pixels.shape == (3, 32, 32)
    assert not note
    with pytest.raises(DataError, match="cannot be read"):
        tasks.read_picture(b"none", "none.png", tasks.open_network("vgg9-cifar10-relu"))


def test_the_first_page_has_it_before_torch_is_there(tmp_path):
    context = tasks.open_context(str(tmp_path))
    known = [context.look_up(tasks.Forward(tasks.open_network(name))) for name in SHIPPED]
    assert [bool(each) for each in known] == [name in SMALL for name in SHIPPED]
    again = tasks.Forward(tasks.open_network("lenet-mnist-relu"))
    assert again.run(context) == context.look_up(again)


def test_every_kind_of_operation_is_run_as_torch_runs_it(node, tmp_path):
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(2, 6, (3, 2), stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2), nn.BatchNorm2d(6),
        nn.LeakyReLU(0.2), nn.MaxPool2d(3, 2, padding=1, ceil_mode=True), nn.Conv2d(6, 4, 2, bias=False), nn.ELU(0.7),
        nn.AvgPool2d(2, 1, padding=1), nn.Hardtanh(-0.4, 0.9), nn.AvgPool2d(2, 2, 1, count_include_pad=False),
        nn.Dropout(), nn.Flatten(), nn.LazyLinear(7), nn.BatchNorm1d(7), nn.SiLU(), nn.Linear(7, 6), nn.ReLU6(),
        nn.Linear(6, 5), nn.Softsign(), nn.Linear(5, 4), nn.Hardswish(), nn.Linear(4, 4), nn.Hardsigmoid(),
        nn.Linear(4, 4), nn.Sigmoid(), nn.Linear(4, 3), nn.Softmax(1),
    )  # fmt: skip
    inputs = torch.rand(2, 2, 12, 11)
    net(torch.rand(8, 2, 12, 11))  # gives the lazy layer its size, and the statistics values of their own
    net.eval()
    for module in net:
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            nn.init.normal_(module.weight), nn.init.normal_(module.bias)
    found = forward_program(net, build_graph(net, (2, 12, 11)), (2, 12, 11))
    record = ForwardRecord(tuple(found["operations"]), tuple(found["layers"]))
    arrays = {name: tensor.numpy() for name, tensor in net.state_dict().items()}
    check(node, tmp_path, net, record, inputs, arrays)


class _Skip(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, x):
        return self.last(x + self.first(x).relu())


_ROW = nn.Sequential(nn.Unflatten(1, (1, 4)), nn.Conv1d(1, 2, 3), nn.Flatten(), nn.Linear(4, 3))
_GELU = nn.Sequential(nn.Linear(4, 5), nn.GELU(), nn.Linear(5, 3))


@pytest.mark.parametrize("net", [_Skip(), _GELU, _ROW], ids=["skip", "gelu", "one dimension"])
def test_what_no_browser_runs_has_no_program(net):
    assert forward_program(net.eval(), build_graph(net.eval(), (4,)), (4,)) is None


@pytest.mark.parametrize("name", NO_CHAINS)
def test_nor_has_an_attention_nor_a_learned_scale(name):
    net = build_seeded(name, 0).eval()
    if name == "vit-mnist":
        # Its first head is zero, through which nothing leads.
        nn.init.uniform_(net.heads.head.weight)
    assert forward_program(net, build_graph(net, (1, 28, 28)), (1, 28, 28)) is None
