import json
from dataclasses import replace

import pytest
import torch

from ncviz.data.datasets import Dataset, load_dataset
from ncviz.errors import CancelledError, DataError, DeviceError, ModelError, NcvizError
from ncviz.models.catalogue.architectures import build_seeded
from ncviz.models.loading import load_checkpoint, save_checkpoint
from ncviz.models.training.train import train, train_zoo_model
from ncviz.models.zoo import Recipe, find_model

DEFAULTS = {"epochs": 3, "batch_size": 32, "learning_rate": 0.01}


def digits(count=None, split="train", **changes):
    data = load_dataset("digits", split)
    fields = {name: getattr(data, name) for name in Dataset.__dataclass_fields__}
    return Dataset(**{**fields, "inputs": data.inputs[:count], "labels": data.labels[:count], **changes})


def run(count=None, architecture="mlp-digits-relu", **options):
    return train(architecture, digits(count), digits(split="test"), **{**DEFAULTS, "seed": 0, **options})


@pytest.mark.parametrize("architecture", ["mlp-digits-relu", "mlp-digits-tanh"])
def test_learns_digits_in_a_few_epochs(architecture):
    result = run(architecture=architecture, epochs=5)
    assert result.test_accuracy > 0.9
    assert [entry.epoch for entry in result.history] == [1, 2, 3, 4, 5]
    assert result.history[-1].loss < result.history[0].loss
    assert result.seconds > 0
    data = digits(split="test")
    accuracy = (result.net(data.inputs).argmax(1) == data.labels).float().mean().item()
    assert accuracy == pytest.approx(result.test_accuracy)
    assert not result.net.training


def test_follows_its_seed_bit_for_bit_and_leaves_the_global_random_state():
    before = torch.get_rng_state()
    first = run(200)
    torch.rand(7)
    again, other = run(200), run(200, seed=1)
    torch.set_rng_state(before)
    run(200)
    assert torch.equal(before, torch.get_rng_state())
    assert again.history == first.history
    assert other.history != first.history
    for a, b in zip(first.net.parameters(), again.net.parameters(), strict=True):
        assert torch.equal(a, b)


def test_products_in_half_precision_leave_weights_and_accuracies_in_float32():
    result, exact = run(precision="bfloat16"), run()
    assert result.history != exact.history
    assert result.test_accuracy == pytest.approx(exact.test_accuracy, abs=0.1)
    assert {values.dtype for values in result.net.parameters()} == {torch.float32}
    data = digits(split="test")
    with torch.inference_mode():
        hits = (result.net(data.inputs).argmax(1) == data.labels).sum().item()
    assert hits / len(data) == result.test_accuracy
    with pytest.raises(ModelError, match="float32 or bfloat16"):
        run(precision="float16")


def test_momentum_runs_against_the_learning_rate_and_the_card_names_it(tmp_path):
    spec = replace(find_model("mlp-digits-relu"), recipe=Recipe(5, 32, 0.2, 5e-4, optimiser="sgd"))
    result = train_zoo_model(spec, out_dir=tmp_path)
    assert result.test_accuracy > 0.9
    card = json.loads((tmp_path / "mlp-digits-relu.json").read_text())
    assert card["optimiser"] == "SGD, Nesterov momentum, one-cycle learning rate"
    with pytest.raises(ModelError, match="adam or sgd"):
        run(optimiser="lion")


def test_progress_runs_from_zero_to_one():
    seen, epochs = [], []
    result = run(200, progress=lambda fraction, text: seen.append((fraction, text)), on_epoch=epochs.append)
    fractions = [fraction for fraction, _ in seen]
    assert fractions[0] == 0
    assert fractions[-1] == 1
    assert fractions == sorted(fractions)
    assert "Epoch 3 of 3" in seen[-1][1]
    assert tuple(epochs) == result.history


def test_progress_may_cancel():
    def cancel(fraction, text):
        if fraction > 0.3:
            raise CancelledError

    with pytest.raises(CancelledError):
        run(200, progress=cancel)


def test_weight_decay_shrinks_the_weights():
    plain, decayed = run(200), run(200, weight_decay=0.1)
    assert decayed.net[1].weight.norm() < plain.net[1].weight.norm()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"epochs": 0}, NcvizError, "epochs must be a whole number from 1 to 1000, got 0"),
        ({"epochs": True}, NcvizError, "epochs must be"),
        ({"batch_size": 0}, NcvizError, "batch size must be"),
        ({"seed": -1}, NcvizError, "seed must be"),
        ({"learning_rate": 0.0}, ModelError, "learning rate must lie in"),
        ({"learning_rate": float("nan")}, ModelError, "learning rate must lie in"),
        ({"weight_decay": -1.0}, ModelError, "weight decay must lie in"),
        ({"device": "cuda:99"}, DeviceError, "cuda:99"),
        ({"architecture": "vgg"}, ModelError, "Unknown architecture 'vgg'"),
        ({"architecture": "lenet-mnist-relu"}, DataError, "expects images of shape .1, 28, 28."),
        ({"count": 0}, DataError, "hold no images"),
    ],
)
def test_unfit_settings_and_data_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        run(**options)


def test_loss_that_is_not_finite_stops():
    data = digits(100, inputs=torch.full((100, 1, 8, 8), float("nan")))
    with pytest.raises(ModelError, match="loss became nan in epoch 1; train with a learning rate below 0.01"):
        train("mlp-digits-relu", data, data, seed=0, **DEFAULTS)


def test_zoo_model_is_written_with_its_card(tmp_path):
    result = train_zoo_model("mlp-digits-tanh", epochs=2, seed=3, out_dir=tmp_path / "out")
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        "mlp-digits-tanh.json",
        "mlp-digits-tanh.safetensors",
    ]
    net = load_checkpoint(tmp_path / "out" / "mlp-digits-tanh.safetensors", "mlp-digits-tanh")
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), result.net.parameters(), strict=True))
    card = json.loads((tmp_path / "out" / "mlp-digits-tanh.json").read_text(encoding="utf-8"))
    assert card["command"] == "python -m ncviz train mlp-digits-tanh --epochs 2 --seed 3 --out-dir OUT"
    assert card["test_accuracy"] == pytest.approx(result.test_accuracy, abs=1e-6)
    assert (card["epochs"], card["seed"], card["training_images"], card["test_images"]) == (2, 3, 1437, 360)


def test_zoo_model_trains_on_the_bundled_sample_and_writes_nothing_unasked(monkeypatch, tmp_path):
    monkeypatch.delenv("NCVIZ_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    result = train_zoo_model("lenet-mnist-relu", epochs=1)
    assert result.settings.dataset == "mnist"
    assert not list(tmp_path.iterdir())


def cifar(count, split="train"):
    data = load_dataset("cifar10", split)
    fields = {name: getattr(data, name) for name in Dataset.__dataclass_fields__}
    return Dataset(**{**fields, "inputs": data.inputs[:count], "labels": data.labels[:count]})


def run_vgg(count=20, batch_size=10, **options):
    settings = {"epochs": 1, "learning_rate": 0.004, "seed": 0, "augment": True}
    return train(
        "vgg9-cifar10-relu", cifar(count), cifar(10, "test"), batch_size=batch_size, **settings, **options
    )


def test_a_network_with_batch_norm_trains_and_comes_back_from_its_checkpoint(tmp_path):
    result, again = run_vgg(), run_vgg()
    state = result.net.state_dict()
    assert all(torch.equal(tensor, again.net.state_dict()[key]) for key, tensor in state.items())
    assert state["1.num_batches_tracked"] == 2
    assert not torch.equal(state["1.running_mean"], torch.zeros(64))
    save_checkpoint(result.net, tmp_path / "net.safetensors")
    loaded = load_checkpoint(tmp_path / "net.safetensors", "vgg9-cifar10-relu")
    assert list(loaded.state_dict()) == list(state)
    assert all(torch.equal(tensor, state[key]) for key, tensor in loaded.state_dict().items())
    x = cifar(3).inputs
    assert torch.equal(loaded(x), result.net(x))


@pytest.mark.parametrize(("count", "batch_size"), [(20, 1), (21, 10), (1, 10)])
def test_a_batch_of_one_image_cannot_be_normalised(count, batch_size):
    with pytest.raises(ModelError, match=rf"{count} images in batches of {batch_size} leave one alone"):
        run_vgg(count, batch_size)


@pytest.mark.slow
def test_the_card_of_a_rounded_network_tells_the_accuracy_of_what_is_written(monkeypatch, tmp_path):
    monkeypatch.delenv("NCVIZ_DATA", raising=False)
    train_zoo_model("vgg9-cifar10-relu", epochs=1, out_dir=tmp_path)
    path = tmp_path / "vgg9-cifar10-relu.safetensors"
    assert path.stat().st_size < 2.1 * sum(
        parameter.numel() for parameter in build_seeded("vgg9-cifar10-relu", 0).parameters()
    )
    data = load_dataset("cifar10", "test")
    with torch.inference_mode():
        right = load_checkpoint(path, "vgg9-cifar10-relu")(data.inputs).argmax(1) == data.labels
    card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert card["test_accuracy"] == pytest.approx(right.float().mean().item(), abs=1e-3)
    assert card["augmentation"] == "mirrored and shifted by up to 4 pixels at random"
    assert "re-encoded" in card["data_sample"]
    assert card["command"].startswith("python -m ncviz train vgg9-cifar10-relu --epochs 1 ")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_trains_on_a_gpu():
    result = run(device="cuda")
    assert next(result.net.parameters()).device.type == "cpu"
    assert result.test_accuracy > 0.8
