"""How images become inputs, against torchvision's own transforms."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.models import AlexNet_Weights, EfficientNet_B0_Weights, ResNet18_Weights

from ncviz.data.datasets import load_dataset
from ncviz.data.image_settings import WAYS, ImageSettings, layouts_of, settings_for, size_of, with_size
from ncviz.data.images import fit_pixels, read_image
from ncviz.data.user_data.image_files import read_images
from ncviz.data.user_data.registry import register
from ncviz.errors import DataError
from tests.examples.image_files import GREY, SMALL, image_file, pixels


@pytest.mark.parametrize("size", [(300, 200), (224, 224), (257, 411), (60, 90)])
@pytest.mark.parametrize(
    "weights", [ResNet18_Weights.DEFAULT, AlexNet_Weights.DEFAULT, EfficientNet_B0_Weights.DEFAULT]
)
def test_inputs_are_those_of_the_weights_own_transforms(weights, size):
    content = image_file(pixels(1, size))
    preset = weights.transforms()
    (crop,), (resize,) = preset.crop_size, preset.resize_size
    settings = ImageSettings(
        (crop, crop),
        resize=resize,
        interpolation=preset.interpolation.value,
        mean=tuple(preset.mean),
        std=tuple(preset.std),
    )
    name = register(read_images([("a.png", content)], settings))
    wanted = preset(Image.open(io.BytesIO(content)))
    assert torch.allclose(load_dataset(name).inputs[0], wanted, atol=1e-6)
    assert settings.input_shape == tuple(wanted.shape)


def test_scale_mean_and_std():
    array = np.array([[[0, 51, 255]]], dtype=np.uint8)
    settings = ImageSettings(size=(1, 1), mean=(100.0, 110.0, 120.0), std=(2.0, 4.0, 5.0), scale=255)
    data = load_dataset(register(read_images([("a.png", image_file(array))], settings)))
    assert data.inputs.flatten().tolist() == pytest.approx([-50.0, (51 - 110) / 4, (255 - 120) / 5])
    assert data.pictures().flatten().tolist() == pytest.approx([0, 0.2, 1], abs=1e-6)
    assert torch.allclose(data.normalised(data.pictures()), data.inputs, atol=1e-4)
    assert "minus 100, 110, 120, divided by 2, 4, 5" in settings.told


def test_without_a_normalisation_pictures_are_the_inputs_themselves():
    data = load_dataset("digits")
    assert data.pictures() is data.inputs
    assert data.normalised(data.inputs) is data.inputs
    assert not data.is_normalised


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("size", [(8, 8), (30, 20), (5, 40), (3, 3), (8, 4)])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_way_gives_the_size(how, size, channels):
    settings = ImageSettings(size=(8, 12), channels=channels, how=how)
    found = read_image(image_file(pixels(2, size)), "a.png", settings)
    assert found.shape == (channels, 8, 12)
    assert found.dtype == np.uint8
    array = pixels(2, size).transpose(2, 0, 1)
    assert np.abs(fit_pixels(array, "a", settings).astype(int) - found).max() <= 2
    floats = fit_pixels((array / np.float32(255)), "a", settings)
    assert np.abs(255 * floats - found).max() <= 2.5


def test_what_a_way_does():
    array = np.full((4, 8, 3), 200, dtype=np.uint8)
    small = replace(SMALL, size=(8, 8))
    padded = read_image(image_file(array), "a", replace(small, how="pad"))
    assert (padded[:, 2:6] == 200).all()
    assert (padded[:, :2] == 0).all()
    assert (padded[:, 6:] == 0).all()
    cut = read_image(image_file(pixels(3, (10, 12))), "a", replace(small, how="crop"))
    assert np.array_equal(cut, pixels(3, (10, 12))[1:9, 2:10].transpose(2, 0, 1))
    assert (read_image(image_file(array), "a", replace(small, how="stretch")) == 200).all()
    assert (read_image(image_file(array), "a", small) == 200).all()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "GIF", "WEBP", "JPEG"])
def test_formats(kind):
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 95}}.get(kind, {})
    array = np.broadcast_to(np.arange(0, 256, 4, dtype=np.uint8).reshape(8, 8, 1), (8, 8, 3))
    found = read_image(image_file(np.ascontiguousarray(array), kind, **options), "a", GREY)
    assert np.abs(found[0].astype(int) - array[..., 0]).max() <= (10 if kind == "JPEG" else 1)


def test_sixteen_bits_are_scaled_and_palettes_and_transparency_read():
    deep = np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000
    file = io.BytesIO()
    Image.fromarray(deep).save(file, "PNG")
    assert np.array_equal(read_image(file.getvalue(), "a", GREY)[0], deep >> 8)
    file = io.BytesIO()
    palette = Image.fromarray(pixels(4)).quantize(16)
    palette.save(file, "PNG", transparency=bytes(range(16)))
    assert np.array_equal(
        read_image(file.getvalue(), "a", SMALL), np.asarray(palette.convert("RGB")).transpose(2, 0, 1)
    )
    file = io.BytesIO()
    Image.fromarray(np.zeros((8, 8), dtype=np.float32)).save(file, "TIFF")
    with pytest.raises(DataError, match="32 bits a pixel"):
        read_image(file.getvalue(), "a.tif", GREY)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": (0, 8)}, "height and width from 1 to 4096"),
        ({"size": (8,)}, "height and width"),
        ({"size": (8.0, 8)}, "height and width"),
        ({"size": (4096, 4096)}, "numbers each"),
        ({"channels": 2}, "1 channel"),
        ({"channels": True}, "1 channel"),
        ({"how": "squeeze"}, "There is no way"),
        ({"resize": 7}, "from 8, the longer side"),
        ({"interpolation": "magic"}, "no interpolation"),
        ({"mean": (0.1, 0.2)}, "one for each of the 3 channels"),
        ({"std": (0.0,)}, "std must be positive"),
        ({"std": (float("nan"),)}, "The std must be one number"),
        ({"mean": ("x",)}, "The mean must be one number"),
        ({"scale": 0}, "scale"),
    ],
)
def test_settings_out_of_range_are_one_sentence(changes, message):
    with pytest.raises(DataError, match=message) as caught:
        ImageSettings(**{"size": (8, 8), **changes})
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


def test_settings_travel_as_json_and_equal_ones_are_equal():
    settings = ImageSettings(size=[8, 9], mean=0.5, std=(0.25,), resize=12)
    assert settings == ImageSettings(size=(8, 9), mean=(0.5,) * 3, std=(0.25,) * 3, resize=12, scale=1)
    assert ImageSettings.from_dict(json.loads(json.dumps(settings.as_dict()))) == settings
    for damaged in ({}, {"size": [8, 8], "colour": 1}, {"size": 3}, [], {"size": [8, 8], "mean": None}):
        with pytest.raises(DataError):
            ImageSettings.from_dict(damaged)


def test_settings_for_a_network():
    assert settings_for((3, 32, 24)).input_shape == (3, 32, 24)
    assert settings_for((784,)).input_shape == (1, 1, 784)
    for shape in ((4, 8, 8), (3, 8), ()):
        with pytest.raises(DataError):
            settings_for(shape)


def test_the_layout_is_guessed_from_the_shape_and_can_be_said():
    last = settings_for((32, 24, 3))
    assert (last.layout, last.size, last.channels) == ("channels_last", (32, 24), 3)
    assert (last.input_shape, last.pixel_shape) == ((32, 24, 3), (3, 32, 24))
    assert settings_for((28, 28, 1)).pixel_shape == (1, 28, 28)
    assert layouts_of((3, 9, 3)) == ("channels_first", "channels_last")
    assert settings_for((3, 9, 3)).pixel_shape == (3, 9, 3)
    assert settings_for((3, 9, 3), "channels_last").size == (3, 9)
    assert with_size((32, 24, 3), (8, 9)) == (8, 9, 3)
    assert with_size((3, 32, 24), (8, 9)) == (3, 8, 9)
    assert size_of((32, 24, 3)) == size_of((3, 32, 24)) == (32, 24)
    with pytest.raises(DataError, match="1 or 3 channels, in front or at the end"):
        settings_for((32, 32, 5))
    with pytest.raises(DataError, match="channels first makes 32 channels; .* Choose channels_last"):
        settings_for((32, 32, 3), "channels_first")
    with pytest.raises(DataError, match="channels last makes 32 channels; .* Choose channels_first"):
        settings_for((3, 32, 32), "channels_last")
    with pytest.raises(DataError, match="no layout 'NHWC'.*choose one of channels_first, channels_last"):
        settings_for((32, 32, 3), "NHWC")


def test_the_usual_layout_goes_without_saying():
    # What was kept before there were two keeps its name.
    assert "layout" not in settings_for((3, 8, 8)).as_dict()
    last = settings_for((8, 8, 3))
    assert last.as_dict()["layout"] == "channels_last"
    assert ImageSettings.from_dict(json.loads(json.dumps(last.as_dict()))) == last
