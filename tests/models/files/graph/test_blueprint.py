import json

import numpy as np
import pytest
import torch
from torch import fx

from ncviz.errors import ModelError
from ncviz.fingerprint import digest
from ncviz.limits import LIMITS
from ncviz.models.files.graph.blueprint import (
    INPUT,
    Blueprint,
    Step,
    fit_name,
    is_name,
    settings_of,
)
from ncviz.models.files.graph.build import build_module
from ncviz.models.files.graph.builder import BlueprintBuilder


def two_branches():
    """Two branches that meet again, and a linear layer."""
    builder = BlueprintBuilder("a test", (2, 6, 6))
    window = {
        "kernel": (3, 3),
        "stride": (1, 1),
        "padding": (1, 1),
        "dilation": (1, 1),
        "groups": 1,
        "bias": False,
    }
    weight = np.linspace(-1, 1, 36).reshape(2, 2, 3, 3)
    one = builder.add(
        "body.0", "conv2d", (INPUT,), {"weight": weight}, in_channels=2, out_channels=2, **window
    )
    both = builder.add("sum", "add", (builder.add("act", "relu", (one,)), INPUT))
    wide = builder.add("join", "cat", (both, one), axis=1)
    flat = builder.add("flat", "flatten", (wide,), start=1)
    matrix = {"weight": np.linspace(-1, 1, 3 * 144).reshape(3, 144), "bias": np.arange(3.0)}
    last = builder.add("head", "linear", (flat,), matrix, in_features=144, out_features=3, bias=True)
    return builder.finish(last), builder.arrays


def test_the_built_module_computes_what_the_steps_say():
    blueprint, arrays = two_branches()
    net = build_module(blueprint, arrays)
    images = torch.randn(3, 2, 6, 6)
    weight = torch.from_numpy(arrays["body.0.weight"])
    one = torch.nn.functional.conv2d(images, weight, padding=1)
    wide = torch.cat([torch.relu(one) + images, one], 1).flatten(1)
    expected = wide @ torch.from_numpy(arrays["head.weight"]).T + torch.from_numpy(arrays["head.bias"])
    torch.testing.assert_close(net(images), expected)
    assert not net.training
    assert {name for name, _ in net.named_parameters()} == {"body.0.weight", "head.weight", "head.bias"}
    assert {name: tuple(value.shape) for name, value in net.state_dict().items()} == {
        name: value.shape for name, value in arrays.items()
    }
    torch.testing.assert_close(fx.symbolic_trace(net)(images), expected)


def test_the_module_does_not_share_memory_with_the_arrays():
    blueprint, arrays = two_branches()
    before = arrays["head.bias"].copy()
    net = build_module(blueprint, arrays)
    with torch.no_grad():
        net.head.bias.zero_()
    np.testing.assert_array_equal(arrays["head.bias"], before)


def test_json_goes_both_ways_and_equal_blueprints_share_a_fingerprint():
    blueprint, _ = two_branches()
    again = Blueprint.from_json(blueprint.to_json())
    assert again == blueprint
    assert hash(again) == hash(blueprint)
    assert digest(again.to_json()) == digest(two_branches()[0].to_json())


def change(path, value):
    def apply(stored):
        *folders, last = path
        for key in folders:
            stored = stored[key]
        stored[last] = value

    return apply


@pytest.mark.parametrize(
    "spoil",
    [
        change(["format"], "ncviz blueprint 2"),
        change(["input"], []),
        change(["input"], [2, -6, 6]),
        change(["input"], [2, True, 6]),
        change(["input"], [2_000, 2_000, 2_000]),
        change(["output"], "nobody"),
        change(["output"], INPUT),
        change(["steps", 0, 0], "body.0\n"),
        change(["steps", 0, 0], 'a"]; import os'),
        change(["steps", 0, 0], "forward"),
        change(["steps", 0, 0], "__class__"),
        change(["steps", 0, 0], "body.class"),
        change(["steps", 0, 0], ""),
        change(["steps", 1, 0], "body.0"),
        change(["steps", 1, 0], "body.0.inside"),
        change(["steps", 1, 0], "body"),
        change(["steps", 0, 1], "eval"),
        change(["steps", 0, 1], ["conv2d"]),
        change(["steps", 0, 2], ["sum"]),
        change(["steps", 0, 2], []),
        change(["steps", 0, 3, "stride"], [0, 1]),
        change(["steps", 0, 3, "stride"], [1.0, 1]),
        change(["steps", 0, 3, "kernel"], [10**9, 3]),
        change(["steps", 0, 3, "padding"], [-1, 1]),
        change(["steps", 0, 3, "bias"], 1),
        change(["steps", 0, 3, "device"], "cuda"),
        change(["steps", 3, 2], ["join"] * 2),
        change(["steps"], [["a", "relu", [INPUT], {}]] * (LIMITS.nodes + 1)),
        change(["steps"], [["a", "relu"]]),
        change(["ties"], [["head.weight"]]),
        change(["ties"], [["head.weight", "nowhere.weight"]]),
        change(["ties"], [["head.weight", "head.weight"]]),
        change(["ties"], [["head.weight", 3]]),
        change(["names"], [["a" * 10_000, "head.weight"]]),
        change(["names"], [["w", ["head.weight"]]]),
    ],
)
def test_a_damaged_text_is_one_sentence(spoil):
    stored = json.loads(two_branches()[0].to_json())
    spoil(stored)
    with pytest.raises(ModelError) as caught:
        Blueprint.from_json(json.dumps(stored))
    assert "\n" not in str(caught.value).removesuffix("\n")


@pytest.mark.parametrize("text", ["", "{}", "[" * 100_000, "null", '{"format": 1e999}', "1" * 10_000])
def test_junk_is_no_blueprint(text):
    with pytest.raises(ModelError, match="damaged"):
        Blueprint.from_json(text)


@pytest.mark.parametrize(
    ("spoil", "match"),
    [
        (lambda arrays: arrays.pop("head.bias"), "missing"),
        (lambda arrays: arrays.update(other=np.zeros(3, np.float32)), "none of its steps"),
        (lambda arrays: arrays.update({"head.bias": np.zeros(4, np.float32)}), "shape"),
        (lambda arrays: arrays.update({"head.bias": np.zeros(3)}), "type"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(spoil, match):
    blueprint, arrays = two_branches()
    spoil(arrays)
    with pytest.raises(ModelError, match=match):
        build_module(blueprint, arrays)


def test_a_checked_blueprint_whose_shapes_do_not_fit_is_refused():
    steps = (Step("a", "max_pool2d", (INPUT,), settings_of(
        {"kernel": (9, 9), "stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "ceil_mode": False})),)  # fmt: skip
    with pytest.raises(ModelError, match="does not fit"):
        build_module(Blueprint((1, 4, 4), steps, "a"), {})


@pytest.mark.parametrize(
    ("name", "fit"),
    [
        ("features.0", "features.0"),
        ("/layer1/conv", "_layer1_conv"),
        ("a b;c", "a_b_c"),
        ("x.forward", "x.forward_"),
        ("class", "class_"),
        ("..", "relu"),
        ("", "relu"),
        ("ключ", "relu"),
        ("a" * 5_000, "a" * 150),
    ],
)
def test_any_name_becomes_one_that_a_module_may_have(name, fit):
    assert fit_name(name, "relu") == fit
    assert is_name(fit)


def test_limits_end_a_blueprint(monkeypatch):
    from dataclasses import replace

    from ncviz.models.files.graph import build
    from ncviz.models.files.graph import builder as building

    builder = BlueprintBuilder("a test", (4, 4))
    monkeypatch.setattr(building, "LIMITS", replace(LIMITS, units=40))
    builder.add("a", "relu", (INPUT,))
    builder.add("b", "relu", (INPUT,))
    with pytest.raises(ModelError, match="more than 40 units"):
        builder.add("c", "relu", (INPUT,))
    monkeypatch.setattr(build, "LIMITS", replace(LIMITS, layer_units=15))
    with pytest.raises(ModelError, match="gives 16 units"):
        builder.add("d", "relu", (INPUT,))
