import io
import re
import zipfile
from collections import OrderedDict

import pytest
import torch
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import nn

from ncviz.errors import ModelError
from ncviz.models.catalogue.architectures import ARCHITECTURES, build_seeded
from ncviz.models.files.state_dict.candidates import find_candidates
from ncviz.models.loading import load_checkpoint, load_model, save_checkpoint

NAME = "mlp-digits-relu"
VGG = "vgg9-cifar10-relu"


def torch_bytes(value, **options):
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


@pytest.fixture
def state():
    return {key: tensor.clone() for key, tensor in build_seeded(NAME, 1).state_dict().items()}


def assert_same(net, state):
    assert not net.training
    assert all(parameter.requires_grad for parameter in net.parameters())
    assert list(net.state_dict()) == list(build_seeded(NAME, 1).state_dict())
    for key, tensor in net.state_dict().items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, state[key].float())


def refusal(content, architecture=NAME, **options):
    with pytest.raises(ModelError) as caught:
        load_checkpoint(content, architecture, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    return message


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("format", ["safetensors", "pt"])
def test_round_trip_by_buffer_path_and_bytes(architecture, format, tmp_path):
    net = build_seeded(architecture, 5)
    path, buffer = tmp_path / "new" / f"net.{format}", io.BytesIO()
    save_checkpoint(net, path, format=format)
    save_checkpoint(net, buffer, format=format)
    assert path.read_bytes() == buffer.getvalue()
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    buffer.seek(0)
    with path.open("rb") as file:
        for source in (path, str(path), path.read_bytes(), buffer, file):
            loaded = load_checkpoint(source, architecture).state_dict()
            assert list(loaded) == list(net.state_dict())
            assert all(torch.equal(loaded[key], tensor) for key, tensor in net.state_dict().items())


@pytest.mark.parametrize("architecture", [NAME, VGG])
@pytest.mark.parametrize("format", ["safetensors", "pt"])
def test_half_precision_is_in_the_file_and_nowhere_else(architecture, format):
    net, buffer = build_seeded(architecture, 5), io.BytesIO()
    before = {key: tensor.clone() for key, tensor in net.state_dict().items()}
    save_checkpoint(net, buffer, format=format, half=True)
    content = buffer.getvalue()
    written = load_safetensors(content) if format == "safetensors" else torch.load(io.BytesIO(content))
    loaded = load_checkpoint(content, architecture).state_dict()
    for key, tensor in net.state_dict().items():
        assert torch.equal(tensor, before[key])
        assert loaded[key].dtype == tensor.dtype
        if tensor.is_floating_point():
            assert written[key].dtype == torch.float16
            assert torch.equal(loaded[key], tensor.half().float())
        else:
            assert torch.equal(written[key], tensor)


def test_what_half_precision_cannot_hold_is_named(tmp_path):
    net = build_seeded(VGG, 0)
    net[1].running_var.fill_(1e5)
    with pytest.raises(ModelError, match=r"^`1\.running_var` exceeds 65504, .*half=False\.$"):
        save_checkpoint(net, tmp_path / "net.pt", half=True)
    assert not list(tmp_path.iterdir())


def test_batch_norms_without_their_counter_are_read():
    net = build_seeded(VGG, 3)
    net[1].running_mean.normal_()
    state = net.state_dict()
    for key in [key for key in state if key.endswith("num_batches_tracked")]:
        del state[key]
    loaded = load_checkpoint(torch_bytes(state), VGG).state_dict()
    assert all(torch.equal(loaded[key], tensor) for key, tensor in state.items())
    assert loaded["1.num_batches_tracked"] == 0
    del state["1.running_mean"]
    assert refusal(torch_bytes(state), VGG) == f"Keys do not match {VGG}: 1 missing, first `1.running_mean`."


def test_negative_variances_are_refused():
    state = build_seeded(VGG, 0).state_dict()
    state["4.running_var"][3:5] = -1
    assert "`4.running_var` holds 2 negative values" in refusal(torch_bytes(state), VGG)


def test_saving_says_what_is_wrong(tmp_path):
    with pytest.raises(ModelError, match="written as safetensors or pt, got 'onnx'"):
        save_checkpoint(build_seeded(NAME, 0), tmp_path / "net.onnx", format="onnx")
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="cannot be written"):
        save_checkpoint(build_seeded(NAME, 0), tmp_path / "file" / "net.pt")


@pytest.mark.parametrize(
    "wrap",
    [
        OrderedDict,
        lambda state: {"state_dict": state, "epoch": 3, "accuracy": 0.5},
        lambda state: {"model_state_dict": state, "optimizer": {"state": {0: {"step": torch.tensor(1.0)}}}},
        lambda state: {"model": state},
        lambda state: {"model": {"state_dict": state}},
        lambda state: {f"module.{key}": tensor for key, tensor in state.items()},
        lambda state: {f"_orig_mod.{key}": tensor for key, tensor in state.items()},
        lambda state: {"model": {f"module._orig_mod.{key}": tensor for key, tensor in state.items()}},
        lambda state: {key: nn.Parameter(tensor) for key, tensor in state.items()},
        lambda state: {key: tensor.t().contiguous().t() for key, tensor in state.items()},
        lambda state: dict(reversed(state.items())),
    ],
)
def test_wrapped_and_prefixed_checkpoints_are_recognised(state, wrap):
    assert_same(load_checkpoint(torch_bytes(wrap(state)), NAME), state)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("to_bytes", [torch_bytes, save_safetensors])
def test_other_floats_become_float32(state, dtype, to_bytes):
    state = {key: tensor.to(dtype) for key, tensor in state.items()}
    assert_same(load_checkpoint(to_bytes(state), NAME), state)


def test_loaded_tensors_are_the_networks_own(state):
    shared = torch.zeros(5000)
    shared[:] = torch.arange(5000)
    tied = {key: shared[: tensor.numel()].view(tensor.shape) for key, tensor in state.items()}
    net = load_checkpoint(torch_bytes(tied), NAME)
    with torch.no_grad():
        net[1].weight.zero_()
    assert net[3].weight.any()


def test_tensors_of_a_gpu_are_read_without_one(state):
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(torch_bytes(state))) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b"X\x03\0\0\0cpu", b"X\x06\0\0\0cuda:1"))
    assert b"cuda:1" in buffer.getvalue()
    assert_same(load_checkpoint(buffer.getvalue(), NAME), state)


@pytest.mark.parametrize("to_bytes", [torch_bytes, save_safetensors])
def test_foreign_checkpoint_names_missing_and_unexpected_keys(state, to_bytes):
    for old, new in (("3.weight", "fc1.weight"), ("3.bias", "fc1.bias")):
        state[new] = state.pop(old)
    del state["5.weight"]
    expected = (
        rf"Keys do not match {NAME}: 3 missing, first `3\.weight`; 2 unexpected, first `fc1\.(weight|bias)`\."
    )
    assert re.fullmatch(expected, refusal(to_bytes(state)))


def test_only_missing_or_only_unexpected_keys(state):
    extra = {**state, "7.weight": torch.ones(1)}
    assert refusal(torch_bytes(extra)) == f"Keys do not match {NAME}: 1 unexpected, first `7.weight`."
    del state["5.bias"]
    assert refusal(torch_bytes(state)) == f"Keys do not match {NAME}: 1 missing, first `5.bias`."


def test_another_shape_is_named():
    lenet = load_model("lenet-mnist-relu").state_dict()
    lenet["0.weight"] = torch.ones(6, 3, 5, 5)
    message = refusal(torch_bytes(lenet), "lenet-mnist-relu")
    assert message.startswith("`0.weight` has shape [6, 3, 5, 5], but lenet-mnist-relu expects [6, 1, 6, 6]")


@pytest.mark.parametrize("dtype", [torch.int64, torch.int8, torch.bool, torch.complex64])
def test_other_numbers_are_refused(state, dtype):
    state["3.weight"] = state["3.weight"].to(dtype)
    name = str(dtype).removeprefix("torch.")
    assert f"`3.weight` holds {name} values, but {NAME} expects float32" in refusal(torch_bytes(state))


def test_values_that_are_not_finite_are_counted(state):
    state["3.weight"][0, :3] = torch.tensor([float("nan"), float("inf"), -float("inf")])
    assert "`3.weight` holds 3 NaN or infinite values of 512" in refusal(torch_bytes(state))
    state["3.weight"] = torch.full((16, 32), 1e300, dtype=torch.float64)
    assert "`3.weight` holds 512 NaN or infinite values" in refusal(save_safetensors(state))


def test_a_network_of_zeros_is_refused(state):
    zeros = {key: torch.zeros_like(tensor) if tensor.ndim > 1 else tensor for key, tensor in state.items()}
    assert "Every weight in The checkpoint is zero" in refusal(torch_bytes(zeros))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({}, "holds no tensors by name"),
        ({"epoch": 3}, "holds no tensors by name"),
        ({"state_dict": {}}, "holds no tensors by name"),
        ({"state_dict": {"model": {"model": {"model": {}}}}}, "holds no tensors by name"),
        (torch.ones(3), "holds a single tensor, expected a state dict"),
        ([torch.ones(3)], "holds no tensors by name"),
        (None, "holds nothing, expected a state dict"),
        (7, "holds an int, expected a state dict"),
        ({"1.weight": torch.ones(2), "epoch": 3}, "missing, first `1.bias`"),
        ({1: torch.ones(2)}, "holds no tensors by name"),
        ({"<b>\n`x`": torch.ones(2)}, "1 unexpected, first `<b>??x?`"),
        ({"k" * 1000: torch.ones(2)}, f"first `{'k' * 59}…`"),
    ],
)
def test_what_is_no_state_dict(value, expected):
    assert expected in refusal(torch_bytes(value))


def test_empty_safetensors():
    assert "holds no tensors" in refusal(save_safetensors({}))


def test_messages_carry_the_files_name(tmp_path, state):
    path = tmp_path / "mine.pt"
    path.write_bytes(torch_bytes({}))
    assert refusal(path).startswith("mine.pt holds no tensors")
    assert refusal(path.read_bytes(), filename="yours.pt").startswith("yours.pt holds no tensors")
    assert refusal(path.read_bytes(), filename="a\nb.pt").startswith("a?b.pt")


def test_missing_files_and_folders(tmp_path):
    assert re.match(r"There is no file .*gone\.pt; give the path", refusal(tmp_path / "gone.pt"))
    assert "There is no file" in refusal(tmp_path)
    assert "There is no file" in refusal("\0")


def test_unknown_architecture(state):
    assert "Unknown architecture 'vgg'; choose one of" in refusal(torch_bytes(state), "vgg")


def test_keys_that_overflow_the_stack_when_printed_or_stripped():
    nested = ()
    for _ in range(2000):
        nested = (nested,)
    loaded = {nested: torch.ones(2)}
    with pytest.raises(ModelError, match="holds no tensors by name"):
        find_candidates(loaded, "it")
    with pytest.raises(ModelError, match="holds no tensors by name"):
        find_candidates({nested: {nested: loaded}}, "it")
    assert "missing" in refusal(torch_bytes({"module." * 5000 + "weight": torch.ones(2)}))


class _Broken:
    def __init__(self, result):
        self.result = result

    def read(self, size=-1):
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def test_any_source_of_bytes(state):
    assert_same(load_checkpoint(bytearray(torch_bytes(state)), NAME), state)
    assert "cannot be read (RuntimeError)" in refusal(_Broken(RuntimeError("closed")))
    assert "cannot be read (AttributeError)" in refusal(7)
    assert "gave str instead of bytes" in refusal(io.StringIO("text"))
    assert "gave NoneType instead of bytes" in refusal(_Broken(None))
