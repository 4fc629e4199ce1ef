import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch
import torchvision
from torch import nn

from ncviz.errors import ModelError
from ncviz.fingerprint import digest
from ncviz.limits import LIMITS
from ncviz.models.files.choices import SeveralFitError
from ncviz.models.files.graph import reader
from ncviz.models.files.graph.blueprint import Step
from ncviz.models.files.graph.build import build_module
from ncviz.models.files.graph.builder import BlueprintBuilder
from ncviz.models.files.open_file import read_file
from ncviz.models.files.pt2.reader import read_exported
from ncviz.models.files.write_file import write_file
from tests.models.files.onnx.onnx_helpers import assert_same, images_of

# torch.export warns of its own deprecations.
pytestmark = pytest.mark.filterwarnings("ignore")


def exported(net, shape, is_decomposed=False, is_open=True):
    batch = ({0: torch.export.Dim("batch")},) if is_open else None
    program = torch.export.export(net.eval(), (torch.zeros(2, *shape),), dynamic_shapes=batch)
    buffer = io.BytesIO()
    torch.export.save(program.run_decompositions() if is_decomposed else program, buffer)
    return buffer.getvalue()


def small():
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(64, 10),
    )  # fmt: skip


class Wired(nn.Module):
    """What Sequential cannot say: constants, branches, functions, views."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.1, 0.2, 0.3]).reshape(3, 1, 1))
        self.narrow, self.wide = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 6, 3, padding="same")
        self.up, self.head = nn.ConvTranspose2d(9, 2, 2, stride=2), nn.Linear(32, 4)

    def forward(self, x):
        x = (x - self.mean) / 0.5
        joined = torch.cat([self.narrow(x) + x, self.wide(x)], dim=1)
        x = self.up(nn.functional.avg_pool2d(nn.functional.pad(torch.relu(joined), (1, 0)), 2)).sigmoid()
        x = nn.functional.max_pool2d(x, 2).permute(0, 2, 3, 1).reshape(x.shape[0], -1)
        return self.head(x).softmax(-1)


class Changing(nn.Module):
    """Changes in place what it reads again."""

    def __init__(self, reads_view):
        super().__init__()
        self.conv, self.head, self.reads_view = nn.Conv2d(3, 3, 1), nn.Linear(3 * 64, 4), reads_view

    def forward(self, x):
        x = self.conv(x)
        view = x.flatten(1)
        torch.relu_(x)
        return self.head(view if self.reads_view else (x + x.tanh()).flatten(1))


class Divided(nn.Module):
    """Takes its channels apart, in every way that torch has, and puts them together in another order."""

    def __init__(self):
        super().__init__()
        self.first, self.head = nn.Conv2d(3, 7, 1), nn.Linear(18 * 36, 4)

    def forward(self, x):
        x = self.first(x)
        one, two, three = x.chunk(3, dim=1)  # 3, 3 and 1 channels
        four, five = x.split([2, 5], 1)
        six = torch.cat(x.split(3, dim=-3)[1:], 1)  # 3 and 1
        last = x[:, -1].unsqueeze(1)
        x = torch.cat([five, four, three, one * 2, six, x[:, -3:-2], two[:, 0:1], last], 1)
        return self.head(x.relu()[..., 1:-1, 2:].flatten(1))


def activations():
    layers = [nn.SiLU(), nn.GELU(), nn.GELU("tanh"), nn.Hardswish(), nn.Mish(), nn.LeakyReLU(0.2), nn.ELU(0.5),
              nn.SELU(), nn.CELU(0.5), nn.Softplus(), nn.Softsign(), nn.Hardtanh(), nn.ReLU6(), nn.Hardsigmoid(),
              nn.Sigmoid(), nn.Tanh(), nn.PReLU(), nn.LogSigmoid()]  # fmt: skip
    inner = [step for layer in layers for step in (nn.Conv2d(3, 3, 1), layer)]
    return nn.Sequential(*inner, nn.AdaptiveMaxPool2d(2), nn.Flatten(), nn.Linear(12, 5), nn.LogSoftmax(1))


def line():
    return nn.Sequential(
        nn.Conv1d(2, 4, 3, stride=2), nn.BatchNorm1d(4), nn.ReLU(), nn.MaxPool1d(2), nn.ConvTranspose1d(4, 3, 2),
        nn.AdaptiveAvgPool1d(2), nn.Flatten(), nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 5),
    )  # fmt: skip


class Spread(nn.Module):
    """A grey image for three colours, and other ways of repeating."""

    def __init__(self, function):
        super().__init__()
        self.conv, self.function = nn.LazyConv2d(4, 3), function
        self(torch.zeros(1, 1, 5, 5))

    def forward(self, x):
        return self.conv(self.function(x)).flatten(1)


SPREAD = {
    "repeat": lambda x: x.repeat(1, 3, 1, 2),
    "expand": lambda x: (x.expand(-1, 3, -1, -1) - 0.5) / torch.tensor([0.2, 0.3, 0.4]).reshape(1, 3, 1, 1),
    "tile": lambda x: torch.tile(x, (3, 1, 1)),
    "stack": lambda x: torch.stack([x[:, 0], x[:, 0]], dim=1),
    "hstack": lambda x: torch.hstack([x, x]),
    "each": lambda x: x.repeat_interleave(2, dim=-1),
}
NETS = {
    **{
        f"{name}{', decomposed' * is_decomposed}": (lambda make=make: Spread(make), (1, 5, 5), is_decomposed)
        for name, make in SPREAD.items()
        for is_decomposed in (False, True)
    },
    "small": (small, (3, 8, 8), False),
    "small, decomposed": (small, (3, 8, 8), True),
    "wired": (Wired, (3, 8, 8), False),
    "changed in place": (lambda: Changing(False), (3, 8, 8), False),
    "divided": (Divided, (3, 8, 8), False),
    "divided, decomposed": (Divided, (3, 8, 8), True),
    "shufflenet": (lambda: torchvision.models.shufflenet_v2_x0_5(num_classes=10), (3, 32, 32), False),
    "activations": (activations, (3, 8, 8), False),
    "one axis": (line, (2, 20), False),
    "one axis, decomposed": (line, (2, 20), True),
    "resnet18": (lambda: torchvision.models.resnet18(num_classes=10), (3, 32, 32), False),
    "squeezenet1_1": (lambda: torchvision.models.squeezenet1_1(num_classes=10), (3, 40, 40), True),
    "mobilenet_v2": (
        lambda: torchvision.models.mobilenet_v2(num_classes=10, width_mult=0.25),
        (3, 32, 32),
        False,
    ),
}
LARGE = {"shufflenet", "mobilenet_v2", "squeezenet1_1", "resnet18"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name in LARGE else name for name in NETS]
)
def test_programs_compute_the_same(name):
    make, shape, is_decomposed = NETS[name]
    torch.manual_seed(0)
    net = make().eval()
    for layer in net.modules():
        if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
            nn.init.uniform_(layer.running_var, 0.05, 0.2)
            nn.init.normal_(layer.running_mean, std=0.1)
    blueprint, arrays = read_exported(exported(net, shape, is_decomposed), "net.pt2")
    images = torch.from_numpy(images_of(shape))
    with torch.no_grad():
        expected = net(images).numpy()
        assert_same(build_module(blueprint, arrays)(images).numpy(), expected)
    own = {key: value.numpy() for key, value in net.state_dict().items() if key != "mean"}
    assert own.keys() <= arrays.keys()
    for key, values in own.items():
        np.testing.assert_array_equal(arrays[key], values)


class Unchanged(nn.Module):
    """Calls what changes nothing as it is used here."""

    def __init__(self, function):
        super().__init__()
        self.conv, self.head, self.function = nn.Conv2d(3, 4, 3), nn.Linear(144, 5), function

    def forward(self, x):
        return self.head(self.function(self.conv(x)).flatten(1))


@pytest.mark.parametrize(
    ("function", "step", "key"),
    [
        (lambda x: x.permute(0, 1, 2, 3), ("permute", "permute", ("conv",), (("axes", (0, 1, 2, 3)),)),
         "4521afbeddb13e25f357fecb36d8d181316918f13e985726299cd48adb5ced60"),
        (lambda x: x.transpose(2, 2), ("transpose", "permute", ("conv",), (("axes", (0, 1, 2, 3)),)),
         "8845a2c7d67e25ca319319bde3585c19f607005eb052cf23654f30873e4dfef2"),
        (lambda x: nn.functional.pad(x, (0, 0)), ("pad", "zero_pad2d", ("conv",), (("padding", (0, 0, 0, 0)),)),
         "e5ba622180ef4cb923452ca8a1973f681f3fa3b02afe1d5dc7af7580ba79e7cd"),
        (lambda x: x.view(-1, 4, 6, 6), ("flatten", "flatten", ("conv",), (("start", 1),)),
         "5f36b291f53b7e529647f6f3a1aafccb4ef2d545c7e9af198998792d2d404fa6"),
        (lambda x: x.narrow(1, 0, 4), ("flatten", "flatten", ("conv",), (("start", 1),)),
         "5f36b291f53b7e529647f6f3a1aafccb4ef2d545c7e9af198998792d2d404fa6"),
    ],
    ids=["permute", "transpose", "pad", "view", "narrow"],
)  # fmt: skip
def test_steps_are_those_by_which_stored_results_are_found(function, step, key):
    blueprint, _ = read_exported(exported(Unchanged(function), (3, 8, 8)), "net.pt2")
    assert blueprint.steps[1] == Step(*step)
    assert digest(blueprint.to_json()) == key


def test_a_batch_that_the_program_fixes_is_left_open():
    blueprint, arrays = read_exported(exported(small(), (3, 8, 8), is_open=False), "net.pt2")
    assert build_module(blueprint, arrays)(torch.zeros(5, 3, 8, 8)).shape == (5, 10)


class Tied(nn.Module):
    """Two layers of one weight, or one layer twice."""

    def __init__(self, kind):
        super().__init__()
        self.kind, self.first, self.second = kind, nn.Linear(6, 6), nn.Linear(6, 6)
        self.head = nn.Linear(6, 3)
        self.second.weight = self.first.weight

    def forward(self, x):
        again = self.second if self.kind == "two layers" else self.first
        return self.head(again(self.first(x).relu()).relu())


@pytest.mark.parametrize("kind", ["two layers", "one layer twice"])
@pytest.mark.parametrize("is_decomposed", [False, True])
def test_shared_weights_are_one_and_go_back_as_they_came(kind, is_decomposed):
    torch.manual_seed(1)
    net = Tied(kind).eval()
    network = read_file(exported(net, (6,), is_decomposed), "net.pt2")
    assert sum(values.size for values in network.arrays.values() if values.ndim == 2) == 36 + 18
    module, x = network.module(), torch.rand(5, 6)
    torch.testing.assert_close(module(x), net(x))
    weight, _ = (name for name, values in module.named_parameters() if values.ndim == 2)
    pruned = np.where(np.abs(network.arrays[weight]) < 0.2, np.float32(0), network.arrays[weight])
    back, _ = write_file(network, {weight: pruned})
    other = Tied(kind).eval()
    state = torch.export.load(io.BytesIO(back)).state_dict
    left_out = other.load_state_dict(state, strict=kind == "two layers").missing_keys
    assert set(left_out) <= {"second.weight", "second.bias"}  # which the program never held
    with torch.no_grad():
        net.first.weight.copy_(torch.from_numpy(pruned))
    torch.testing.assert_close(other(x), net(x))


def test_a_shared_weight_stays_where_only_its_second_layer_is_needed():
    builder = BlueprintBuilder("net", (6,))
    weight = np.ones((6, 6), dtype=np.float32)
    unused, needed, last = (
        builder.add(name, "linear", ("input",), {"weight": weight}, in_features=6, out_features=6, bias=False)
        for name in ("unused", "needed", "last")
    )
    output = builder.add("sum", "add", (needed, last))
    blueprint = builder.finish(output)
    assert list(builder.arrays) == ["needed.weight"]
    assert blueprint.ties == (("last.weight", "needed.weight"),)
    assert unused not in {step.name for step in blueprint.steps}
    assert torch.equal(build_module(blueprint, builder.arrays)(torch.ones(1, 6)), torch.full((1, 6), 12.0))


class Batchwise(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.conv, self.head, self.function = nn.Conv2d(3, 3, 1), nn.Linear(3 * 64, 4), function

    def forward(self, x):
        return self.head(self.function(self.conv(x)).flatten(1))


@pytest.mark.parametrize(
    ("function", "match"),
    [
        (lambda x: torch.cat(x.chunk(2, 0), 0), "divides a batch"),
        (lambda x: torch.cat([x[1:], x[1:], x[:1]])[:2], "takes some of a batch"),
        (lambda x: x.repeat(2, 1, 1, 1)[:2], "repeats its input"),
        (lambda x: x.repeat_interleave(torch.tensor([1, 0, 2]), 1), "repeats values along no axis"),
        (lambda x: torch.cat([x[:, ::2], x[:, :1]], 1), "takes every other of an axis"),
    ],
)
def test_what_divides_otherwise_is_named(function, match):
    with pytest.raises(ModelError, match=f"node '.*' .*{match}.*, which is not supported"):
        read_exported(exported(Batchwise(function), (3, 8, 8), is_open=False), "net.pt2")


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.rnn = nn.Linear(8, 8), nn.LSTM(8, 8, batch_first=True)
        self.norm = nn.LayerNorm(8)

    def forward(self, x):
        x, _ = self.rnn(self.first(x))
        return self.norm(x).cumsum(1).mean(1)


def test_what_is_not_read_is_named():
    with pytest.raises(ModelError, match=r"recurrence at 'rnn'; the operation cumsum") as caught:
        read_exported(exported(Recurrent(), (4, 8)), "net.pt2")
    assert "'norm'" not in str(caught.value)


class Part(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x):
        x = self.first(x)
        x[:, :2].mul_(2.0)
        return self.last(x)


def test_a_part_that_changes_in_place_is_not_passed_over():
    with pytest.raises(ModelError, match="in place"):
        read_exported(exported(Part(), (4,)), "net.pt2")


def test_a_view_of_what_changes_in_place_is_refused():
    with pytest.raises(ModelError, match="in place, which is read again later"):
        read_exported(exported(Changing(True), (3, 8, 8)), "net.pt2")


GOOD = exported(small(), (3, 8, 8))


class Filling(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function, self.head = function, nn.Linear(6, 4)
        self.register_buffer("mask", torch.tensor([True, False, False, True, False, False]))

    def forward(self, x):
        return self.head(self.function(x, self.mask))


def filled_copy(x, mask):
    first = torch.ones(6)
    second = first.clone()
    second.fill_(4.0)
    return x + first + second


def filled_whole(x, mask):
    first = torch.full((6,), 2.5)
    first.fill_(4.0)
    return x + first


def masked_in_place(x, mask):
    return x + torch.zeros(6).masked_fill_(mask, 3.0)


@pytest.mark.parametrize("function", [filled_copy, filled_whole, masked_in_place])
def test_constants_that_change_in_place_are_read_as_torch_changes_them(function):
    net, images = Filling(function).eval(), torch.from_numpy(images_of((6,)))
    blueprint, arrays = read_exported(exported(net, (6,)), "a.pt2")
    with torch.inference_mode():
        assert_same(build_module(blueprint, arrays)(images).numpy(), net(images).numpy())


def masked_view(x, mask):
    first = torch.zeros(6)
    view = first.view(2, 3)
    first.masked_fill_(mask, 3.0)
    return x + view.reshape(6)


def filled_weights(x, mask):
    weights = torch.ones(6, 6)
    found = nn.functional.linear(x, weights)
    weights.fill_(0.5)
    return found


def filled_in_another_type(x, mask):
    first = torch.ones(6)
    first.to(torch.float64).fill_(4.0)
    return x + first


def joined_constants(x, mask):
    return x + torch.cat([torch.ones(3), torch.zeros(3)])


@pytest.mark.parametrize(
    ("function", "match"),
    [
        (masked_view, "read again later"),
        (filled_weights, "no constant of the graph's own"),
        (filled_in_another_type, "a part of a constant in place"),
        (joined_constants, "joins constants alone"),
    ],
)
def test_constants_that_change_where_it_would_be_missed_are_refused(function, match):
    with pytest.raises(ModelError, match=match):
        read_exported(exported(Filling(function), (6,)), "a.pt2")


def changed(change):
    """The good program whose entries went through ``change(name, data)``, which may drop them by None."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(GOOD)) as good, zipfile.ZipFile(buffer, "w") as packed:
        for name in good.namelist():
            data = change(name, good.read(name))
            if data is not None:
                packed.writestr(name, data)
    return buffer.getvalue()


def with_meta(**meta):
    def change(name, data):
        if not name.endswith("weights_config.json"):
            return data
        config = json.loads(data)
        entry = config["config"]["0.weight"]
        entry["use_pickle"] = meta.pop("use_pickle", False)
        for key, value in meta.items():
            is_list = isinstance(value, list)
            entry["tensor_meta"][key] = [{"as_int": item} for item in value] if is_list else value
        return json.dumps(config).encode()

    return changed(change)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (with_meta(sizes=[4, 3, 3, 4]), "beyond what it holds"),
        (with_meta(sizes=[2**40, 2**40, 3, 3]), "beyond what it holds"),
        (with_meta(sizes=[4, 3, 3, 0]), "beyond what it holds"),
        (with_meta(strides=[27, 9, 3, 2]), "beyond what it holds"),
        (with_meta(strides=[27, 9, 3, -1]), "beyond what it holds"),
        (with_meta(strides=[27, 9, 3]), "damaged"),
        (with_meta(storage_offset={"as_int": 1}), "beyond what it holds"),
        (with_meta(storage_offset={"as_int": -1}), "beyond what it holds"),
        (with_meta(dtype=99), "damaged"),
        (with_meta(dtype=10), "damaged"),
        (with_meta(use_pickle=True), "pickle, which is not opened"),
        (changed(lambda name, data: b"big" if name.endswith("byteorder") else data), "byte order"),
        (changed(lambda name, data: None if name.endswith("weight_0") else data), "lacks the entry"),
        (changed(lambda name, data: None if name.endswith("model.json") else data), "holds 0 programs"),
        (changed(lambda name, data: b"[" * 50_000 if name.endswith("model.json") else data), "damaged"),
        (
            changed(lambda name, data: b" " * 5_000_000 if name.endswith("model.json") else data),
            "at most 4 MB",
        ),
        (
            changed(lambda name, data: data.replace(b"aten.relu_.", b"aten.system.")),
            "the operation system at '2'",
        ),
        (
            changed(lambda name, data: data.replace(b"torch.ops.aten.relu_.default", b"builtins.eval")),
            "eval|builtins",
        ),
        (GOOD[:-30], "damaged|holds 0 programs"),
        (b"", "damaged"),
    ],
)
def test_damaged_programs_are_one_sentence(content, match):
    with pytest.raises(ModelError, match=match) as caught:
        read_exported(content, "net.pt2")
    assert "\n" not in str(caught.value)


def test_strides_are_followed_where_they_stay_inside():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 2)).to(
        memory_format=torch.channels_last
    )
    _, arrays = read_exported(exported(net, (3, 8, 8)), "net.pt2")
    np.testing.assert_array_equal(arrays["0.weight"], net[0].weight.detach().numpy())


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_what_weights_take_in_memory_counts_against_the_limit(kind, monkeypatch):
    net = Tied("two layers").to(kind)
    program = torch.export.export(net.eval(), (torch.zeros(2, 6, dtype=kind),))
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    _, arrays = read_exported(buffer.getvalue(), "net.pt2")
    weight = next(values for name, values in arrays.items() if values.shape == (6, 6))
    np.testing.assert_array_equal(weight, net.first.weight.detach().float().numpy())
    taken = sum(values.nbytes for values in arrays.values())
    monkeypatch.setattr(reader, "LIMITS", replace(LIMITS, file_bytes=taken))
    read_exported(buffer.getvalue(), "net.pt2")
    monkeypatch.setattr(reader, "LIMITS", replace(LIMITS, file_bytes=taken - 1))
    with pytest.raises(ModelError, match="of constants; bring a smaller network"):
        read_exported(buffer.getvalue(), "net.pt2")


class Several(nn.Module):
    """Gives its features first, then the scores, and a number of which nobody takes classes."""

    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 6, 3), nn.Linear(6, 4)

    def forward(self, x):
        features = torch.relu(self.conv(x)).mean(dim=(2, 3))
        return features, self.head(features), features.argmax(dim=1)


def test_of_several_outputs_the_last_row_is_taken_and_said():
    net = Several().eval()
    content = exported(net, (3, 9, 9))
    network = read_file(content, "net.pt2")
    images = torch.rand(2, 3, 9, 9)
    torch.testing.assert_close(network.module()(images), net(images)[1])
    (note,) = network.notes
    assert "several outputs that may be the class scores" in note
    with pytest.raises(SeveralFitError) as raised:
        read_file(content, "net.pt2", is_asking=True)
    scores, features = raised.value.choices
    assert f"'{scores}' was taken; there are also {features}." in note
    torch.testing.assert_close(
        read_file(content, "net.pt2", output=features).module()(images), net(images)[0]
    )
    with pytest.raises(ModelError, match="no output 'other' of scores; choose one of"):
        read_file(content, "net.pt2", output="other")


class Ones(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.last = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 4, 1)

    def forward(self, x):
        return torch.softmax(nn.functional.adaptive_avg_pool2d(self.last(torch.relu(self.conv(x))), 1), dim=1)


def test_scores_may_have_axes_of_size_one():
    net, images = Ones().eval(), torch.rand(2, 3, 9, 9)
    found = read_file(exported(net, (3, 9, 9)), "net.pt2").module()(images)
    torch.testing.assert_close(found, net(images).flatten(1))
