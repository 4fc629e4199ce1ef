import numpy as np
import pytest
import torch
from torch import nn

from ncviz import accuracy, curvature, explain_edge, load_dataset, load_model, neural_curvature
from ncviz.config import check_alpha
from ncviz.data.calibration import select_calibration
from ncviz.devices import Device, available_devices, free_memory, guard, resolve_device
from ncviz.errors import DeviceError, ModelError
from ncviz.graph import extent

has_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def test_the_cpu_is_always_there_and_first():
    assert available_devices()[0].name == "cpu"
    assert resolve_device("cpu") == "cpu"


@pytest.mark.parametrize("name", ["cuda:99", "tpu", "", "cuda:x", "CPU"])
def test_a_missing_device_names_those_that_are_there(name):
    with pytest.raises(DeviceError, match="choose one of: cpu"):
        resolve_device(name)


def test_out_of_memory_is_one_sentence_that_offers_another_device():
    with pytest.raises(DeviceError, match="ran out of memory.*cpu"), guard("cpu"):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")
    with pytest.raises(DeviceError, match="This machine ran out of memory"), guard("cpu"):
        raise MemoryError


def test_out_of_memory_of_the_cpu_allocator_and_other_runtime_errors():
    with pytest.raises(DeviceError, match="This machine ran out of memory"), guard("cpu"):
        torch.empty(2**60)
    with pytest.raises(RuntimeError, match="other"), guard("cpu"):
        raise RuntimeError("other")


def test_calibration_on_a_missing_device():
    with pytest.raises(DeviceError, match="not on this machine"):
        select_calibration(load_model("mlp-digits-relu"), load_dataset("digits"), 1, device="cuda:99")


def test_devices_of_torch_and_numbers_of_numpy():
    assert resolve_device(torch.device("cpu")) == "cpu"
    assert check_alpha(np.float32(0.5)) == 0.5


def test_out_of_memory_in_a_computation_reaches_the_caller_as_that_sentence(monkeypatch):
    from ncviz import curvature

    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(curvature, "layer_activations", full)
    with pytest.raises(DeviceError, match="out of memory"):
        neural_curvature(load_model("mlp-digits-relu"), load_dataset("digits").inputs[:1])


def test_a_device_tells_its_free_memory():
    assert str(Device("cuda:0", "Some GPU", 8 * 2**30, 16 * 2**30)) == "cuda:0 · Some GPU, 8.0 GB free"


@pytest.mark.gpu
@has_gpu
@pytest.mark.parametrize("name", ["mlp-digits-relu", "mlp-digits-tanh", "lenet-mnist-relu"])
def test_cpu_and_gpu_agree(name):
    net = load_model(name)
    data = load_dataset("digits" if "digits" in name else "mnist", "train")
    one, other = (neural_curvature(net, data.inputs[:2], device=device) for device in ("cpu", "cuda:0"))
    for key, values in one.weights.items():
        assert torch.allclose(values, other.weights[key], rtol=1e-6, atol=1e-6)
    assert accuracy(net, data.inputs, data.labels) == pytest.approx(
        accuracy(net, data.inputs, data.labels, device="cuda:0"), abs=0.002
    )


def test_what_memory_cannot_hold_is_refused_before_it_is_tried(monkeypatch):
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))
    image = torch.rand(1, 8, 8)
    monkeypatch.setattr(extent, "LARGE", 0)
    # 64 + 144 + 3 neurons, 24 bytes each for an image: more than the path lengths take.
    monkeypatch.setattr(extent, "free_memory", lambda: 24 * 211 * 3)
    with pytest.raises(ModelError, match="neurons say of 4 images takes .* choose fewer samples per class"):
        neural_curvature(net, torch.rand(4, 1, 8, 8))
    monkeypatch.setattr(curvature, "check_activity", lambda graph, samples: None)
    monkeypatch.setattr(extent, "free_memory", lambda: 1000)
    for work in (lambda: neural_curvature(net, image[None]), lambda: explain_edge(net, image, 0, 0, 0)):
        with pytest.raises(ModelError, match="only 0.0 GB are free; use smaller images"):
            work()
    monkeypatch.setattr(extent, "free_memory", lambda: None)
    neural_curvature(net, image[None])
    monkeypatch.setattr(extent, "free_memory", lambda: 1000)
    # Its path lengths are there already.
    neural_curvature(net, image[None])


def test_free_memory_is_told():
    assert free_memory() is None or 0 < free_memory() < 2**50
