"""Checkpoints as trainers write them: the weights of one network among whatever else a trainer keeps."""

import argparse
import collections
import datetime
import io
import pathlib
import pickle
import struct

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import MultiStepLR

from ncviz.errors import ModelError
from ncviz.models.catalogue.architectures import build_seeded
from ncviz.models.files.choices import SeveralFitError
from ncviz.models.files.open_file import load_network, read_file
from ncviz.models.files.state_dict.rewriting import rewrite_pickle
from ncviz.models.loading import load_checkpoint

NAME = "mlp-digits-relu"
NET = build_seeded(NAME, 1)
STATE = NET.state_dict()
OTHER = {key: tensor + 1 for key, tensor in STATE.items()}
SGD = torch.optim.SGD(NET.parameters(), lr=0.1, momentum=0.9)


def torch_bytes(value, **options):
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


def behind(prefix, state=STATE):
    return {prefix + key: value for key, value in state.items()}


def stepped(kind):
    net = build_seeded(NAME, 2)
    optimiser = kind(net.parameters(), lr=0.1)
    net(torch.rand(2, 1, 8, 8)).sum().backward()
    optimiser.step()
    return optimiser.state_dict()


CASES = {
    "a loss weight": {"state_dict": behind("model.") | {"criterion.pos_weight": torch.tensor(3.2)}},
    "a loss weight for each class": {"state_dict": behind("net.") | {"loss.weight": torch.ones(10)}},
    "the state of a metric": {"state_dict": behind("model.") | {"val_acc.tp": torch.zeros(10)}},
    "a confusion matrix": {"state_dict": behind("model.") | {"confmat.confmat": torch.zeros(10, 10)}},
    "backbone": {"state_dict": behind("backbone.")},
    "cnn": {"state_dict": behind("cnn.")},
    "two prefixes": {"state_dict": behind("net.model.")},
    "compiled and parallel": {"model": behind("module._orig_mod.")},
    "a learner's own name": behind("learner.classifier.net.module."),
    "AveragedModel": torch.optim.swa_utils.AveragedModel(NET).state_dict(),
    "thop": STATE
    | {"total_ops": torch.zeros(1), "1.total_ops": torch.zeros(1), "total_params": torch.zeros(1)},
    "MultiStepLR": {"state_dict": STATE, "scheduler": MultiStepLR(SGD, [30, 60]).state_dict()},
    "argparse": {"model": STATE, "args": argparse.Namespace(lr=0.1, out=pathlib.PurePosixPath("runs"))},
    "best accuracy in numpy": {"state_dict": STATE, "best": np.float64(0.98), "curve": np.arange(3.0)},
    "defaultdict": {"state_dict": STATE, "history": collections.defaultdict(list, loss=[1.0, 0.5])},
    "weights in a defaultdict": collections.defaultdict(dict, model=STATE),
    "when": {"state_dict": STATE, "time": datetime.datetime(2024, 1, 2), "tags": {"a", "b"}},
    "state_dict_ema": {"state_dict_ema": STATE},
    "ema": {"ema": STATE},
    "weights": {"weights": STATE},
    "params": {"params": STATE},
    "one wrapper more": {"checkpoint": {"state_dict": STATE}},
    "a tuple": (3, STATE, 0.98),
    "a list of dicts": [{"epoch": 1, "net": STATE}],
    "ignite": {"trainer": {"iteration": 3}, "model": STATE, "optimizer": stepped(torch.optim.Adam)},
    "adam": {"epoch": 3, "optimizer_state_dict": stepped(torch.optim.AdamW), "model_state_dict": STATE},
    "an epoch among the weights": STATE | {"epoch": 3},
    "a moving average of equal weights": {"model": STATE, "model_ema": STATE},
    "mmcls": {"meta": {"CLASSES": ("a", "b")}, "state_dict": behind("backbone.")},
    "a queue of MoCo": {"state_dict": behind("module.encoder_q.") | {"module.queue": torch.ones(8, 9)}},
    "a normalisation in front": {"0.mean": torch.zeros(3), "0.std": torch.ones(3)} | behind("1."),
    "a parameter": nn.ParameterDict({"a": nn.Parameter(torch.ones(1))}).state_dict() | behind("model."),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("protocol", [2, 5])
def test_the_weights_are_found(case, protocol):
    content = torch_bytes(CASES[case], pickle_protocol=protocol)
    assert content.count(b"PK\x03\x04") > 1
    found = read_file(content, "net.pt", NAME)
    for key, tensor in STATE.items():
        np.testing.assert_array_equal(found.arrays[key], tensor.numpy(), strict=True)
    with pytest.raises(SeveralFitError) as raised:
        read_file(content, "net.pt")
    assert raised.value.what == "architecture"
    assert NAME in raised.value.choices


def test_what_is_left_out_is_said():
    found = read_file(torch_bytes(CASES["a loss weight"]), "net.pt", NAME)
    assert found.notes == (
        "net.pt also holds `criterion.pos_weight`, which the network does not have: left out.",
    )
    assert found.prefix == "model."
    many = STATE | {f"acc{number}.tp": torch.zeros(1) for number in range(5)}
    (note,) = read_file(torch_bytes(many), "net.pt", NAME).notes
    assert "`acc0.tp`, `acc1.tp` and `acc2.tp` and 2 more, which" in note
    with pytest.warns(UserWarning, match=r"criterion\.pos_weight"):
        load_checkpoint(torch_bytes(CASES["a loss weight"]), NAME)


@pytest.mark.parametrize(
    ("held", "first", "second"),
    [
        ({"model": STATE, "model_ema": OTHER}, "model", "model_ema"),
        ({"ema": OTHER, "state": STATE}, "state", "ema"),
        ({"state_dict": behind("ema_model.", OTHER) | behind("model.")}, "state_dict.model", "ema_model"),
        ({"best": {"net": STATE}, "last": {"net": OTHER}}, "best.net", "last.net"),
        ({"state_dict": behind("model."), "ema": behind("module.", OTHER)}, "state_dict.model", "ema"),
        ({"ema": behind("model.", OTHER), "model": STATE}, "model", "ema"),
    ],
)
def test_of_several_that_fit_the_user_chooses(held, first, second):
    content = torch_bytes(held)
    found = read_file(content, "net.pt", NAME)
    np.testing.assert_array_equal(found.arrays["1.weight"], STATE["1.weight"].numpy())
    assert f"those under '{first}' were taken" in found.notes[0]
    chosen = read_file(content, "net.pt", NAME, weights=second)
    np.testing.assert_array_equal(chosen.arrays["1.weight"], OTHER["1.weight"].numpy())
    assert not [note for note in chosen.notes if "were taken" in note]
    with pytest.raises(SeveralFitError) as raised:
        read_file(content, "net.pt", NAME, is_asking=True)
    assert raised.value.what == "weights"
    assert first in raised.value.choices
    with pytest.raises(ModelError, match="holds no fitting weights called 'swa'; choose one of "):
        read_file(content, "net.pt", NAME, weights="swa")


def test_a_name_that_is_whole_goes_before_names_that_hold_it():
    content = torch_bytes({"ema": behind("model.", OTHER), "model": STATE})
    found = read_file(content, "net.pt", NAME, weights="model")
    np.testing.assert_array_equal(found.arrays["1.weight"], STATE["1.weight"].numpy())
    content = torch_bytes({"ema": {"one": STATE, "two": OTHER}})
    with pytest.raises(ModelError, match="holds several fitting weights called 'ema'; choose one of "):
        read_file(content, "net.pt", NAME, weights="ema")


def test_load_network_takes_the_choice_too(tmp_path):
    path = tmp_path / "net.pt"
    torch.save({"model": STATE, "ema": OTHER}, path)
    assert torch.equal(load_network(path, NAME, weights="ema")[1].weight, OTHER["1.weight"])
    with pytest.warns(UserWarning, match="those under 'model' were taken; there are also ema"):
        load_network(path, NAME)


def test_a_smaller_network_inside_a_larger_one_is_not_taken_for_it():
    inner = build_seeded("torchvision/resnet34", 1).state_dict()
    found = read_file(torch_bytes(inner), "net.pt")
    assert found.architecture == "torchvision/resnet34"
    with pytest.raises(ModelError, match=r"Keys do not match torchvision/resnet18: .* unexpected"):
        read_file(torch_bytes(inner), "net.pt", "torchvision/resnet18")
    other = {"conv.weight": torch.ones(3, 3, 3, 3)} | STATE
    with pytest.raises(ModelError, match="fits no architecture"):
        read_file(torch_bytes(other), "net.pt")


def test_weights_kept_inside_settings_are_refused():
    args = argparse.Namespace(state=STATE)
    with pytest.raises(ModelError, match="inside the settings"):
        read_file(torch_bytes({"args": args, "model": STATE}), "net.pt", NAME)


def test_what_is_left_out_is_never_called():
    content = rewrite_pickle(b"\x80\x02cargparse\nNamespace\n)\x81}X\x01\x00\x00\x00aK\x01sb.", "it")
    assert b"argparse" not in content
    beside = [collections.Counter("aab"), torch.Size([2, 3]), torch.device("cpu"), torch.float32]
    content = rewrite_pickle(pickle.dumps([np.float64(1.0), {"a": np.arange(3)}, 4, *beside], 4), "it")
    assert b"numpy" not in content
    assert b"torch" not in content
    assert pickle.loads(content) == [None, {"a": None}, 4, *[None] * len(beside)]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_plain_values_stay_as_they_are(protocol):
    text = "ü" * 300
    value = {
        "a": [1, 2.5, None, True, -(2**40), 2**70], "t": (1, (2, (3, 4, 5)), ()), text: text, "again": [text, text],
        "o": collections.OrderedDict(x=1),
    }  # fmt: skip
    assert pickle.loads(rewrite_pickle(pickle.dumps(value, protocol), "it")) == value


@pytest.mark.slow
def test_many_small_dicts_take_no_time():
    many = {"state": [{f"k{number}": torch.zeros(1) for number in range(4)} for _ in range(2_000)]}
    with pytest.raises(ModelError, match="does not know"):
        read_file(torch_bytes(many | {"model": {"x.weight": torch.ones(2, 2)}}), "net.pt")


def test_many_instructions_and_long_repeats_are_refused():
    with pytest.raises(ModelError, match="more than 1,000,000 steps"):
        rewrite_pickle(b"\x80\x02" + b"N0" * 1_000_000 + b"}.", "it")
    # A text of a megabyte in settings, and then again and again.
    long = b"\x8cx" + b"X\x00\x00\x10\x00" + b"a" * 2**20
    bomb = b"\x80\x04cargparse\nNamespace\n(" + long[2:] + b"q\x01tR(" + b"h\x01" * 20 + b"t."
    with pytest.raises(ModelError, match="describes its tensors in"):
        rewrite_pickle(bomb, "it")
    # Taken off the stack each time, so that nothing of it stays.
    bomb = b"\x80\x02" + long[2:] + b"q\x010" + b"h\x010" * 100_000 + b"}."
    with pytest.raises(ModelError, match="describes its tensors in"):
        rewrite_pickle(bomb, "it")
    # A long name of what is left out, made of a text that the memo keeps.
    module = b"omegaconf." + b"a" * 2**20
    bomb = b"\x80\x04X" + struct.pack("<I", len(module)) + module + b"q\x01X\x01\0\0\0bq\x02]("
    with pytest.raises(ModelError, match="damaged"):
        rewrite_pickle(bomb + b"h\x01h\x02\x93" * 100_000 + b"e.", "it")
