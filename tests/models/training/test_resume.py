import json
from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from ncviz.config import AttackConfig
from ncviz.data.datasets import Dataset, load_dataset
from ncviz.errors import CancelledError, ModelError
from ncviz.models.loading import load_checkpoint
from ncviz.models.training.train import train, train_zoo_model
from ncviz.models.zoo import MODELS, Recipe

SPEC = replace(
    MODELS["mlp-digits-relu"], name="mine", checkpoint="mine.safetensors", recipe=Recipe(4, 64, 0.01)
)


def pictures(split, count):
    """Digits enlarged to what VGG-9 takes: real images, tiny sets."""
    data = load_dataset("digits", split)
    fields = {name: getattr(data, name) for name in Dataset.__dataclass_fields__}
    inputs = data.inputs[:count].repeat(1, 3, 4, 4)
    return Dataset(**{**fields, "inputs": inputs, "labels": data.labels[:count], "name": "cifar10"})


def digits(split, count):
    data = load_dataset("digits", split)
    fields = {name: getattr(data, name) for name in Dataset.__dataclass_fields__}
    return Dataset(**{**fields, "inputs": data.inputs[:count], "labels": data.labels[:count]})


def stop_after(epochs):
    def on_epoch(found):
        if found.epoch == epochs:
            raise CancelledError

    return on_epoch


@pytest.mark.slow
@pytest.mark.parametrize(
    ("architecture", "data", "options"),
    [
        ("mlp-digits-relu", digits, {"weight_decay": 1e-3}),
        ("mlp-digits-relu", digits, {"attack": AttackConfig(0.1, 0.05, 2)}),
        # Batch normalisation's running values, and draws of the augmentation, are part of where a training is.
        ("vgg9-cifar10-relu", pictures, {"augment": True, "batch_size": 16}),
        ("resnet8-cifar10", pictures, {"precision": "bfloat16", "optimiser": "sgd"}),
    ],
)
def test_an_interrupted_training_ends_in_the_same_weights_bit_for_bit(architecture, data, options, tmp_path):
    settings = {"epochs": 3, "batch_size": 32, "learning_rate": 0.01, "seed": 5, **options}
    parts = data("train", 64), data("test", 40)
    whole = train(architecture, *parts, **settings)
    resume = tmp_path / "kept"
    for epoch in (1, 2):
        with pytest.raises(CancelledError):
            train(architecture, *parts, **settings, resume=resume, on_epoch=stop_after(epoch))
    torch.rand(3)
    seen = []
    found = train(architecture, *parts, **settings, resume=resume, on_epoch=seen.append)
    assert [epoch.epoch for epoch in seen] == [3]
    assert found.history == whole.history
    assert found.seconds > 0
    assert [machine[0] for machine in found.progress.machines] == [1, 2, 3]
    for name, values in whole.net.state_dict().items():
        assert torch.equal(values, found.net.state_dict()[name]), name


def test_a_finished_training_is_not_begun_again(tmp_path):
    settings = {"epochs": 2, "batch_size": 32, "learning_rate": 0.01, "resume": tmp_path / "kept"}
    first = train("mlp-digits-relu", digits("train", 64), digits("test", 40), **settings)
    again = train(
        "mlp-digits-relu", digits("train", 64), digits("test", 40), **settings, on_epoch=stop_after(2)
    )
    assert again.history == first.history
    assert again.progress.machines == first.progress.machines
    assert torch.equal(again.net[1].weight, first.net[1].weight)


@pytest.mark.parametrize(
    "change", [{"seed": 1}, {"learning_rate": 0.02}, {"epochs": 4}, {"precision": "bfloat16"}]
)
def test_another_training_is_not_gone_on_from(change, tmp_path):
    settings = {"epochs": 2, "batch_size": 32, "learning_rate": 0.01, "resume": tmp_path / "kept"}
    parts = digits("train", 64), digits("test", 40)
    train("mlp-digits-relu", *parts, **settings)
    with pytest.raises(
        ModelError, match="kept belongs to a training with other settings or images; delete it"
    ):
        train("mlp-digits-relu", *parts, **{**settings, **change})
    with pytest.raises(ModelError, match="other settings or images"):
        train("mlp-digits-relu", digits("train", 65), parts[1], **settings)


def test_a_training_that_diverged_stands_in_nobodys_way(tmp_path, monkeypatch):
    settings = {"epochs": 2, "batch_size": 32, "resume": tmp_path / "kept"}
    parts = digits("train", 64), digits("test", 40)
    with pytest.raises(CancelledError):
        train("mlp-digits-relu", *parts, **settings, learning_rate=0.01, on_epoch=stop_after(1))
    with monkeypatch.context() as patch:
        patch.setattr(F, "cross_entropy", lambda *given: torch.tensor(float("nan")))
        with pytest.raises(ModelError, match="loss became nan in epoch 2; train with a learning rate below"):
            train("mlp-digits-relu", *parts, **settings, learning_rate=0.01)
    assert len(train("mlp-digits-relu", *parts, **settings, learning_rate=0.001).history) == 2


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x80\x04N."])
def test_a_damaged_file_is_refused_in_one_sentence(content, tmp_path):
    (tmp_path / "kept").write_bytes(content)
    with pytest.raises(ModelError, match="kept cannot be read, so the training cannot go on from it"):
        train(
            "mlp-digits-relu",
            digits("train", 64),
            digits("test", 40),
            epochs=2,
            batch_size=32,
            learning_rate=0.01,
            resume=tmp_path / "kept",
        )


def test_a_file_that_would_run_code_runs_none(tmp_path):
    class Evil:
        def __reduce__(self):
            return (tmp_path.joinpath("ran").touch, ())

    torch.save({"key": Evil()}, tmp_path / "kept")
    with pytest.raises(ModelError, match="cannot be read"):
        train(
            "mlp-digits-relu",
            digits("train", 64),
            digits("test", 40),
            epochs=2,
            batch_size=32,
            learning_rate=0.01,
            resume=tmp_path / "kept",
        )
    assert not (tmp_path / "ran").exists()


def test_the_card_tells_of_an_interruption_and_of_none(tmp_path):
    for place in ("whole", "parts"):
        if place == "parts":
            with pytest.raises(CancelledError):
                train_zoo_model(SPEC, out_dir=tmp_path / place, on_epoch=stop_after(1), is_resumable=True)
            assert [file.name for file in (tmp_path / place).iterdir()] == ["mine.training"]
        train_zoo_model(SPEC, out_dir=tmp_path / place, is_resumable=True, command="as told")
        assert sorted(file.name for file in (tmp_path / place).iterdir()) == ["mine.json", "mine.safetensors"]
    cards = {place: json.loads((tmp_path / place / "mine.json").read_text()) for place in ("whole", "parts")}
    assert cards["whole"]["name"] == "mine"
    assert cards["whole"]["command"] == "as told"
    assert cards["whole"]["epochs"] == 4
    told = cards["parts"].pop("interrupted")
    assert [line.split(":")[0] for line in told] == ["epoch 1 on", "epoch 2 on"]
    assert cards["parts"] == cards["whole"]
    nets = [load_checkpoint(tmp_path / place / "mine.safetensors", "mlp-digits-relu") for place in cards]
    for one, other in zip(*(net.parameters() for net in nets), strict=True):
        assert torch.equal(one, other)
