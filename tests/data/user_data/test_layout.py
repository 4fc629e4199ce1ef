"""Images for a network that takes its channels last: it says and shows the same as its twin that takes them first."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from ncviz import tasks
from ncviz.config import AttackConfig, CurvatureConfig, PruningConfig
from ncviz.data.datasets import load_dataset
from ncviz.data.user_data.image_files import read_images
from ncviz.data.user_data.registry import find_user_data
from ncviz.data.user_data.uploads import read_uploads
from ncviz.models.files.open_file import read_file
from ncviz.models.network import open_network
from ncviz.pruning.corruptions import CorruptionConfig
from ncviz.tasks.robustness import RobustnessConfig, disturber_for
from tests.examples.contexts import NOWHERE, here
from tests.examples.image_files import npz_of, zip_of
from tests.examples.keras_files import keras_file

CONFIG = CurvatureConfig(samples_per_class=1)


def photos(count=12, seed=0):
    rng = np.random.default_rng(seed)
    files = []
    for number in range(count):
        buffer = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (26, 24, 3), dtype=np.uint8)).save(buffer, "PNG")
        files.append((f"{number}.png", buffer.getvalue()))
    return files


@pytest.fixture(scope="module")
def twins():
    """The network with channels last and the one with channels first, each on the same photos."""
    found = []
    for is_last in (True, False):
        network = read_file(keras_file(is_last=is_last), "net.onnx")
        own = read_uploads(
            [("photos.zip", zip_of(dict(photos())))],
            replace(tasks.image_settings(network), mean=(0.4,), std=(0.3,)),
        )
        found.append(tasks.with_images(network, own))
    return found


def test_the_inputs_are_the_same_images(twins):
    last, first = (load_dataset(network.dataset) for network in twins)
    assert twins[0].image_shape == (20, 20, 3)
    assert last.inputs.shape[1:] == (20, 20, 3)
    assert torch.equal(last.inputs.movedim(-1, 1), first.inputs)
    assert torch.equal(last.pictures(), first.pictures())
    assert torch.equal(last.normalised(last.pictures()).movedim(-1, 1), first.normalised(first.pictures()))
    one, other = (tasks.evaluator(network, NOWHERE).predictions() for network in twins)
    assert torch.equal(one, other)


def test_curvature_and_pictures_are_the_same(twins, store):
    last, first = (here(store).run(tasks.Curvature(network, CONFIG)).result for network in twins)
    assert last.layer_shapes == first.layer_shapes
    assert last.layer_shapes[0] == (3, 20, 20)
    assert np.array_equal(last.pictures.images, first.pictures.images)
    for name, values in first.weights.items():
        np.testing.assert_allclose(last.weights[name], values, atol=1e-12)


@pytest.mark.parametrize("disturbance", [AttackConfig(), CorruptionConfig("blur", 3)])
def test_attacks_and_corruptions_are_the_same(twins, disturbance):
    config = RobustnessConfig(PruningConfig("magnitude"), disturbance, 12)
    last, first = (disturber_for(network, config, NOWHERE).measure() for network in twins)
    assert last.images.shape == (12, 3, 20, 20)
    if isinstance(disturbance, CorruptionConfig):
        assert torch.allclose(last.images, first.images, atol=1e-6)
    assert abs(last.accuracy - first.accuracy) <= 1 / 12


@pytest.mark.slow
def test_a_network_that_checks_the_size_of_its_images_itself_takes_no_other():
    # Such as torchvision's vision transformers, which say so by an assertion.
    assert not tasks.takes_other_sizes(open_network("vit-mnist"))


def test_single_photos_and_arrays_fit_too(twins):
    settings = tasks.image_settings(twins[0])
    own = read_images(photos(3), settings)
    assert own.tensors("train")[0].shape == (3, 20, 20, 3)
    pixels = np.random.default_rng(1).integers(0, 256, (6, 20, 20, 3), dtype=np.uint8)
    arrays = read_uploads([("mine.npz", npz_of(x=pixels, y=np.arange(6) % 3))], settings)
    assert np.array_equal(arrays.tensors("train")[0].numpy(), pixels / np.float32(255))
    assert tasks.with_images(twins[0], arrays).dataset


def test_smaller_images_keep_the_layout(twins):
    smaller = tasks.smaller_images(twins[0].dataset, (10, 10), NOWHERE)
    assert smaller.settings.input_shape == (10, 10, 3)
    assert find_user_data(twins[0].dataset).settings.layout == "channels_last"
    assert tasks.takes_other_sizes(twins[0])


def test_a_known_set_fits_a_network_with_channels_last():
    network = replace(read_file(keras_file(32), "net.onnx"), dataset="cifar10")
    inputs = NOWHERE.images(network, "test").inputs
    assert inputs.shape[1:] == (32, 32, 3)
    assert torch.equal(inputs, load_dataset("cifar10").inputs.movedim(1, -1))
