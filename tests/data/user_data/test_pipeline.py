"""A user's own images through the pipeline: normalised, without labels, attacked."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ncviz import tasks
from ncviz.config import AttackConfig, CurvatureConfig, PruningConfig
from ncviz.data.datasets import load_dataset
from ncviz.data.image_settings import ImageSettings
from ncviz.data.user_data.registry import Part, UserData, register
from ncviz.errors import DataError
from ncviz.pruning.corruptions import CorruptionConfig
from ncviz.pruning.finetune import FineTuneConfig
from ncviz.store import Store
from ncviz.tasks.finetuning import FineTune, PruneAndTune
from ncviz.tasks.robustness import Robustness, RobustnessConfig, disturber_for
from tests.examples.contexts import NOWHERE, here

CONFIG = CurvatureConfig(samples_per_class=1)


def digits(has_labels=True, mean=0.0, std=1.0):
    """The digits as a user's own images, and the network that reads them under that normalisation."""
    pool = load_dataset("digits", "test")
    settings = ImageSettings(size=(8, 8), channels=1, mean=(mean,), std=(std,))
    labels = pool.labels.numpy() if has_labels else None
    own = UserData("mine", pool.classes, settings, {"all": Part(pool.inputs.numpy(), labels, len(pool))})
    network = tasks.open_network("mlp-digits-relu")
    arrays = {name: np.array(values) for name, values in network.arrays.items()}
    first = next(name for name, values in arrays.items() if values.ndim == 2)
    bias = first.replace("weight", "bias")
    # w·x + b = (w·std)·((x - mean) / std) + (b + mean · Σw)
    arrays[bias] = arrays[bias] + np.float32(mean) * arrays[first].sum(axis=1)
    arrays[first] = arrays[first] * np.float32(std)
    return replace(network, dataset=register(own), arrays=arrays, is_bundled=False)


def test_a_normalisation_changes_neither_accuracy_nor_pictures(store):
    plain, normalised = digits(), digits(mean=0.4, std=0.3)
    assert load_dataset(normalised.dataset).inputs.min() < -1
    own, other = (tasks.evaluator(network, NOWHERE) for network in (plain, normalised))
    assert torch.equal(own.predictions(), other.predictions())
    first, second = (
        here(store).run(tasks.Curvature(network, CONFIG)).result for network in (plain, normalised)
    )
    assert np.array_equal(first.calibration, second.calibration)
    assert np.abs(first.pictures.images.astype(int) - second.pictures.images).max() <= 1
    assert second.pictures.images.max() == 255


@pytest.mark.parametrize("disturbance", [AttackConfig(), CorruptionConfig("noise", 2)])
def test_attacks_and_corruptions_stay_within_the_pixels(disturbance):
    config = RobustnessConfig(PruningConfig("magnitude"), disturbance, 60)
    found = [
        disturber_for(network, config, NOWHERE).measure() for network in (digits(), digits(mean=0.4, std=0.3))
    ]
    for disturbed in found:
        assert disturbed.images.min() >= 0
        assert disturbed.images.max() <= 1
        assert disturbed.clean_accuracy > 0.5
        assert disturbed.accuracy < disturbed.clean_accuracy
    # The same network on the same pixels is misled by the same images, but for what rounding turns round.
    assert abs(found[0].accuracy - found[1].accuracy) <= 2 / 60
    assert float((found[0].images - found[1].images).abs().mean()) < 0.01


def test_without_labels_accuracy_is_agreement(store):
    network = digits(has_labels=False)
    evaluator = tasks.evaluator(network, NOWHERE)
    assert bool((evaluator.predictions() == evaluator.labels).all())
    record = here(store).run(tasks.Curvature(network, CONFIG)).result
    data = load_dataset(network.dataset)
    says = network.module()(data.inputs[record.calibration]).argmax(dim=1)
    assert record.labels.tolist() == says.tolist() == list(range(10))
    assert record.meta["notes"] == [
        "Without labels, an image counts for the class that the network puts it into."
    ]
    assert record.meta["pool"].startswith("all 360 images without labels of mine, which serve both")
    scores = tasks.scores(network, "snip", record, NOWHERE, 0)
    assert all(np.isfinite(values).all() for values in scores.values())
    with pytest.raises(
        DataError, match="Fine-tuning learns from labels, which all 360 images without labels"
    ):
        here(store).run(FineTune(network, PruneAndTune(PruningConfig("magnitude"), 0.5, FineTuneConfig())))


def test_with_labels_nothing_is_noted(store):
    assert isinstance(store, Store)
    assert here(store).run(tasks.Curvature(digits(), CONFIG)).result.meta["notes"] == []


def test_the_store_says_nothing_of_what_images_are_called(store):
    network = replace(digits(), name="secret.onnx", title="secret.onnx")
    record = here(store).run(tasks.Curvature(network, CONFIG)).result
    here(store).run(tasks.Sweep(network, record.config))
    here(store).run(tasks.Flow(network, record, (0,)))
    disturbed = RobustnessConfig(PruningConfig("magnitude"), CorruptionConfig("noise", 2), 20)
    here(store).run(Robustness(network, disturbed))
    tuned = PruneAndTune(PruningConfig("magnitude"), 0.5, FineTuneConfig(epochs=1))
    here(store).run(FineTune(network, tuned))
    here(store).run(tasks.Curve(network, PruningConfig("magnitude"), (0.5,)))
    found = store.entries()
    assert len(found) >= 5
    for entry in found:
        assert "mine" not in str(entry.meta)
        assert "secret" not in str(entry.meta)
    # Whoever asks again with the same images reads of them in their own words.
    again = here(store).look_up(tasks.Curvature(network, CONFIG))
    assert "mine" in again.meta["pool"]
