"""The command line on networks and images of one's own, and the way back into the format they came in."""

import io
import json
import zipfile

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image
from torch import nn

from ncviz import load_checkpoint, load_model
from ncviz.data.datasets import load_sample_arrays
from ncviz.pruning.export import reparametrised_file
from ncviz.pruning.masks import apply_masks
from tests.examples.keras_files import keras_file

ARCHITECTURE = "mlp-digits-relu"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the digits network as .onnx, .pt, .pt2 and .safetensors, and 360 digits as PNGs in a zip."""
    place = tmp_path_factory.mktemp("own")
    net = load_model(ARCHITECTURE)
    torch.onnx.export(
        net, (torch.zeros(1, 1, 8, 8),), place / "net.onnx", dynamo=False, dynamic_axes={"input": [0]},
        input_names=["input"],
    )  # fmt: skip
    torch.save(
        {"epoch": 3, "state_dict": {f"module.{k}": v for k, v in net.state_dict().items()}}, place / "net.pt"
    )
    any_number = {0: torch.export.Dim("n")}
    program = torch.export.export(net.eval(), (torch.zeros(2, 1, 8, 8),), dynamic_shapes=(any_number,))
    torch.export.save(program, place / "net.pt2")
    images, labels = load_sample_arrays("digits", "test")
    with zipfile.ZipFile(place / "digits.zip", "w") as archive:
        for number, (image, label) in enumerate(zip(images, labels, strict=True)):
            content = io.BytesIO()
            Image.fromarray((image * 15).astype(np.uint8)).save(content, "PNG")
            archive.writestr(f"{label}/{number}.png", content.getvalue())
    return place


def inputs_of(folder):
    with zipfile.ZipFile(folder / "digits.zip") as archive:
        names = archive.namelist()
        pixels = [np.asarray(Image.open(io.BytesIO(archive.read(name)))) for name in names]
    labels = np.array([int(name.split("/")[0]) for name in names])
    return (np.stack(pixels)[:, None] / 255).astype(np.float32), labels


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("file", "suffix"),
    [("net.onnx", ".onnx"), ("net.pt", ".pt"), ("net.pt", ".safetensors"), ("net.pt2", ".pt2")],
)
def test_the_pruned_network_comes_back_and_gives_the_accuracy_shown(run, folder, tmp_path, file, suffix):
    saved = tmp_path / f"pruned{suffix}"
    own = ["--checkpoint", folder / file, "--images", folder / "digits.zip"]
    if file == "net.pt":
        own += ["--architecture", ARCHITECTURE]
    code, out, errors = run("prune", *own, "--sparsity", "0.6", "--save", saved, "--json")
    assert (code, errors) == (0, "")
    shown = json.loads(out)["curves"]["redundant"][0]
    inputs, labels = inputs_of(folder)
    if suffix == ".onnx":
        session = onnxruntime.InferenceSession(saved)
        logits = session.run(None, {"input": inputs})[0]
        zeros = sum(int((values == 0).sum()) for values in (onnx_weights(saved)))
    elif suffix == ".pt2":
        program = torch.export.load(saved)
        logits = program.module()(torch.from_numpy(inputs)).detach().numpy()
        zeros = sum(int((each == 0).sum()) for each in program.state_dict.values() if each.ndim == 2)
    else:
        net = nn.Sequential(
            nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 10)
        )
        if suffix == ".pt":
            state = {
                key.removeprefix("module."): value
                for key, value in torch.load(saved, weights_only=True).items()
            }
            net.load_state_dict(state)
        else:
            net = load_checkpoint(saved, ARCHITECTURE)
        with torch.no_grad():
            logits = net(torch.from_numpy(inputs)).numpy()
        zeros = sum(int((layer.weight == 0).sum()) for layer in net if isinstance(layer, nn.Linear))
    assert (logits.argmax(1) == labels).mean() == pytest.approx(shown["accuracy"], abs=1e-9)
    assert zeros == shown["removed"] == round(0.6 * 2720)


def onnx_weights(path):
    import onnx

    graph = onnx.load(path).graph
    return [onnx.numpy_helper.to_array(each) for each in graph.initializer if len(each.dims) == 2]


@pytest.mark.filterwarnings("ignore")
def test_the_zeros_of_a_pruned_network_count_as_removed(run, folder, tmp_path):
    net = load_model(ARCHITECTURE)
    masks = {name: each.abs() > 0.1 for name, each in net.named_parameters() if each.ndim > 1}
    zeros = sum(int((~mask).sum()) for mask in masks.values())
    (tmp_path / "own.safetensors").write_bytes(reparametrised_file(net, masks))
    own = ["--checkpoint", tmp_path / "own.safetensors", "--images", folder / "digits.zip"]
    own += ["--architecture", ARCHITECTURE]
    code, out, errors = run("prune", *own, "--json")
    assert (code, errors) == (0, "")
    found = json.loads(out)
    assert (found["zeros"], found["weights"]) == (zeros, 2720)
    inputs, labels = inputs_of(folder)
    for order in ("redundant", "bottlenecks"):
        first = found["curves"][order][0]
        assert (first["removed"], first["accuracy"]) == (zeros, found["baseline"])
    with torch.no_grad():
        logits = apply_masks(net, masks)(torch.from_numpy(inputs)).numpy()
    assert (logits.argmax(1) == labels).mean() == pytest.approx(found["baseline"], abs=1e-9)
    _, told, _ = run("prune", *own, "--sparsity", "0.1")
    assert f"{zeros:,} of 2,720 weights are zero already" in " ".join(told.split())


@pytest.mark.filterwarnings("ignore")
def test_a_part_of_the_curvature_is_the_same_numbers(run, folder):
    own = ["--checkpoint", folder / "net.onnx", "--images", folder / "digits.zip", "--json"]
    whole = json.loads(run("curvature", *own)[1])["layers"]
    name = whole[1]["parameter"]
    code, out, _ = run("curvature", *own, "--layer", name)
    assert code == 0
    part = {layer["parameter"]: layer for layer in json.loads(out)["layers"]}
    assert part[name]["least"] == whole[1]["least"]
    assert part[whole[0]["parameter"]]["least"] is None
    code, out, _ = run("curvature", *own, "--channels", "8")
    assert code == 0


def test_what_is_there_can_be_looked_at_first(run, folder):
    code, out, errors = run(
        "inspect", "--checkpoint", folder / "net.onnx", "--images", folder / "digits.zip", "--json"
    )
    assert (code, errors) == (0, "")
    found = json.loads(out)
    assert found["edges"] == found["parameters"] == 2720
    assert found["fits"]
    assert [layer["kind"] for layer in found["layers"]] == ["Linear"] * 3
    assert all(0 < layer["live"] <= 1 for layer in found["layers"])


def test_unreadable_layers_are_named_and_the_exit_code_says_so(run, tmp_path):
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 4), nn.LPPool1d(2, 1), nn.Linear(4, 2))
    torch.export.save(torch.export.export(net, (torch.zeros(1, 1, 2, 2),)), tmp_path / "odd.pt2")
    code, _, errors = run("inspect", "--checkpoint", tmp_path / "odd.pt2")
    assert code == 2
    assert "has layers that are not supported: " in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "Say which network"),
        (("--model", ARCHITECTURE, "--mean", "0.5"), "name them with --images"),
        (("--checkpoint", "{net}", "--images", "{zip}", "--mean", "a,b"), "--mean takes one number"),
        (("--model", ARCHITECTURE, "--white", "16"), "name them with --images"),
        (
            ("--checkpoint", "{net}", "--images", "{zip}", "--white", "16"),
            "--white is for the numbers in an .npz",
        ),
        (("--checkpoint", "{net}", "--size", "8by8"), "--size takes height and width"),
        (("--checkpoint", "{net}"), "name yours with --images"),
        (("--checkpoint", "{net}", "--images", "nowhere.zip"), "cannot be read"),
    ],
)
def test_bad_options_are_one_sentence(run, folder, options, words):
    given = [part.format(net=folder / "net.onnx", zip=folder / "digits.zip") for part in options]
    code, _, errors = run("curvature", *given)
    assert code == 2
    assert words in errors
    assert len(errors.strip().splitlines()) == 1


def test_what_white_counts_is_told_or_said(run, folder, tmp_path):
    images, labels = load_sample_arrays("digits", "test")
    np.savez(tmp_path / "digits.npz", images=images, labels=labels)
    own = (
        "--checkpoint",
        folder / "net.onnx",
        "--images",
        tmp_path / "digits.npz",
        "--sparsity",
        "0",
        "--json",
    )
    found = []
    for white in ((), ("--white", "16"), ("--white", "255")):
        code, out, errors = run("prune", *own, *white)
        assert code == 0, errors
        assert ("run from 0 to 16; 16 was taken for white" in errors) == (not white)
        found.append(out)
    assert found[0] == found[1] != found[2]


def test_an_architecture_can_be_looked_at_without_weights(run):
    code, out, _ = run(
        "inspect", "--architecture", "torchvision/squeezenet1_1@10", "--size", "32x32", "--json"
    )
    assert code == 0
    found = json.loads(out)
    assert found["parameters"] == 724_672
    assert found["input_shape"] == [3, 32, 32]
    fire = next(layer for layer in found["layers"] if layer["name"] == "features.4.squeeze")
    assert len(fire["reads"]) == 2


@pytest.mark.parametrize("layout", [(), ("--layout", "channels_last")])
def test_photos_for_a_network_with_its_channels_last(run, tmp_path, layout):
    (tmp_path / "net.onnx").write_bytes(keras_file())
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for number in range(4):
            content = io.BytesIO()
            pixels = np.random.default_rng(number).integers(0, 256, (30, 24, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(content, "PNG")
            archive.writestr(f"{number}.png", content.getvalue())
    own = ["--checkpoint", tmp_path / "net.onnx", "--images", tmp_path / "photos.zip", *layout]
    code, out, errors = run("curvature", *own, "--json")
    assert code == 0, errors
    assert [layer["weights"] for layer in json.loads(out)["layers"]] == [108, 180, 15]
    code, _, errors = run("curvature", *own[:4], "--layout", "channels_first")
    assert code != 0
    assert "of which channels first makes 20 channels; images have 1 or 3. Choose channels_last." in errors
    code, _, errors = run("curvature", *own[:2], "--layout", "channels_last")
    assert "name them with --images" in errors


@pytest.mark.filterwarnings("ignore")
def test_what_a_file_leaves_open_is_said_and_can_be_chosen(run, tmp_path):
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.head = nn.Conv2d(1, 5, 3), nn.Linear(5, 10)

        def forward(self, x):
            found = torch.relu(self.conv(x)).mean(dim=(2, 3))
            return found, self.head(found)

    file = tmp_path / "two.onnx"
    torch.onnx.export(
        Two().eval(), (torch.zeros(1, 1, 9, 9),), file, dynamo=False, input_names=["x"],
        output_names=["embedding", "logits"], dynamic_axes={"x": {0: "n", 2: "h", 3: "w"}},
    )  # fmt: skip
    code, out, errors = run("inspect", "--checkpoint", file, "--size", "12x10")
    assert code == 0, errors
    assert "Note: two.onnx has several outputs" in errors
    assert "'logits' was taken; there are also embedding." in errors
    assert "5×10×8" in out
    code, _, errors = run("inspect", "--checkpoint", file, "--scores", "logits")
    assert code == 0
    assert "several outputs" not in errors
    assert "28×28 were taken" in errors
    code, _, errors = run("inspect", "--checkpoint", file, "--scores", "other")
    assert code != 0
    assert "no output 'other' of scores; choose one of 'embedding' and 'logits'" in errors
    checkpoint = tmp_path / "two.pt"
    state = load_model(ARCHITECTURE).state_dict()
    torch.save({"model": state, "ema": {key: value * 2 for key, value in state.items()}}, checkpoint)
    own = ("inspect", "--checkpoint", checkpoint, "--architecture", ARCHITECTURE)
    code, _, errors = run(*own)
    assert (code, "those under 'model' were taken; there are also ema" in errors) == (0, True)
    code, _, errors = run(*own, "--weights", "ema")
    assert (code, errors) == (0, "")
