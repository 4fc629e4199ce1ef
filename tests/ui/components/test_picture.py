"""A picture of one's own is made the same of by JavaScript, in the file without a server, and by Python."""

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ncviz import tasks
from ncviz.data.image_settings import ImageSettings, settings_for

SCRIPT = """
import {{ readFileSync }} from "node:fs";
import {{ preparedPicture }} from "{module}";
const made = JSON.parse(readFileSync("{pictures}", "utf8")).map(({{ rgba, width, height, reading }}) => {{
  const found = preparedPicture({{ width, height, data: Buffer.from(rgba, "base64") }}, reading);
  return found && {{ pixels: [...found.pixels], note: found.note }};
}});
console.log(JSON.stringify(made));
"""
MODULE = Path(__file__).parents[3] / "ncviz/ui/components/picture/prepare.js"
NETWORKS = ("mlp-digits-relu", "lenet-mnist-relu", "vgg9-cifar10-relu")


def seven(height, width, paper, ink, thick=0.08):
    """A seven, of a paper's and an ink's grey."""
    y, x = np.mgrid[:height, :width] / np.array([height, width])[:, None, None]
    bar = (abs(y - 0.2) < thick) & (x > 0.25) & (x < 0.75)
    stem = (abs(x - 0.75 + 0.4 * (y - 0.2)) < thick) & (y > 0.2) & (y < 0.85)
    return np.where(bar | stem, ink, paper).astype(np.uint8)


def rgba(grey, alpha=None):
    full = np.full_like(grey, 255) if alpha is None else alpha
    return np.stack([grey, grey, grey, full], axis=-1)


def pictures():
    noise = np.random.default_rng(0).integers(0, 256, (61, 47, 4), dtype=np.uint8)
    photo = noise.copy()
    photo[..., 3] = 255
    dark, light = seven(90, 90, 245, 20), seven(90, 90, 0, 255)
    ink = np.where(seven(70, 70, 0, 1), 255, 0).astype(np.uint8)
    return {
        "dark on light": rgba(dark),
        "light on dark": rgba(light),
        "wide": rgba(seven(40, 301, 250, 0)),
        "tall": rgba(seven(233, 31, 250, 0)),
        "of the very size": photo[:28, :28],
        "smaller": rgba(seven(9, 13, 200, 30)),
        "one pixel": photo[:1, :1],
        "colour": photo,
        "dark ink alone": rgba(np.zeros_like(ink), ink),
        "light ink alone": rgba(np.full_like(ink, 255), ink),
        "nothing seen": rgba(ink, np.zeros_like(ink)),
        "half transparent": noise,
    }


def as_file(array, kind="PNG"):
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, kind)
    return stream.getvalue()


@pytest.fixture(scope="module")
def prepared(node, tmp_path_factory):
    def run(asked):
        folder = tmp_path_factory.mktemp("pictures")
        told = [
            {"rgba": base64.b64encode(array.tobytes()).decode(), "width": array.shape[1], "height": array.shape[0]}
            | {"reading": reading}
            for array, reading in asked
        ]  # fmt: skip
        (folder / "pictures.json").write_text(json.dumps(told))
        script = SCRIPT.format(module=MODULE.as_uri(), pictures=folder / "pictures.json")
        return json.loads(node(script, folder))

    return run


def test_both_make_the_same_of_a_picture_to_one_level(prepared):
    networks = [tasks.open_network(name) for name in NETWORKS]
    asked = [(name, array, network) for name, array in pictures().items() for network in networks]
    found = prepared([(array, tasks.picture_reading(network)) for _, array, network in asked])
    inverted = set()
    for (name, array, network), made in zip(asked, found, strict=True):
        pixels, note = tasks.read_picture(as_file(array), "a.png", network)
        off = np.abs(pixels.reshape(-1).astype(int) - made["pixels"])
        assert off.max() <= 1, (name, network.name, off.max())
        assert made["note"] == note
        if note:
            inverted.add(name)
    assert {"dark on light", "dark ink alone", "wide", "tall"} <= inverted
    assert not {"light on dark", "light ink alone"} & inverted


def test_what_the_browser_knows_is_how_such_pictures_are_read():
    for name in NETWORKS:
        network = tasks.open_network(name)
        assert tasks.has_exact_pixels(network)
        settings = settings_for(network.image_shape)
        assert settings == ImageSettings(size=network.image_shape[1:], channels=network.image_shape[0])
        assert (settings.how, settings.interpolation, settings.resize) == ("resize", "bilinear", None)


def test_what_would_grow_beyond_what_is_read_is_refused(prepared):
    reading = tasks.picture_reading(tasks.open_network("lenet-mnist-relu"))
    line = rgba(np.zeros((1, 2000), np.uint8))
    refused, made = prepared([(line, reading | {"most_pixels": 28 * 28 * 1999}), (line, reading)])
    assert refused is None
    assert made["pixels"] == [0] * 28 * 28
