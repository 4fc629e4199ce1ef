"""Files of pruned networks in the format that they came in, and the words for numbers that rest on less."""

import io
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors.numpy import load, save

from ncviz import tasks
from ncviz.config import CurvatureConfig
from ncviz.data.datasets import load_dataset
from ncviz.data.image_settings import settings_for
from ncviz.data.user_data.registry import Part, UserData, register
from ncviz.models.files.open_file import read_file
from ncviz.models.loading import load_model
from ncviz.pruning.masks import masks_at
from ncviz.scene import return_files, wording
from ncviz.scene.edge.text import divided_words, significant
from ncviz.scene.layered_network import network_view
from ncviz.scene.names import factor_words
from ncviz.scene.tables import edge_table
from ncviz.spreadsheet import table_csv
from ncviz.tasks.curvature.stored import decode, encode
from tests.examples.contexts import NOWHERE
from tests.examples.wired_records import kept


@pytest.fixture(scope="module")
def net():
    return load_model("mlp-digits-relu")


def brought(net, format):
    buffer = io.BytesIO()
    if format == "onnx":
        torch.onnx.export(net, (torch.zeros(1, 1, 8, 8),), buffer, dynamo=False, input_names=["x"],
                          dynamic_axes={"x": {0: "batch"}})  # fmt: skip
    elif format == "pt":
        torch.save({f"module.{name}": value for name, value in net.state_dict().items()}, buffer)
    else:
        buffer.write(save({name: value.numpy() for name, value in net.state_dict().items()}))
    architecture = None if format == "onnx" else "mlp-digits-relu"
    return read_file(buffer.getvalue(), f"my net.{format}", architecture, dataset="digits")


def logits_of(content, format, images, net):
    """What plain PyTorch or onnxruntime makes of a file."""
    if format == "onnx":
        session = onnxruntime.InferenceSession(content)
        return session.run(None, {session.get_inputs()[0].name: images.numpy()})[0]
    if format == "pt":
        state = torch.load(io.BytesIO(content), weights_only=True)
        state = {name.removeprefix("module."): value for name, value in state.items()}
    else:
        state = {name: torch.from_numpy(value) for name, value in load(content).items()}
    net.load_state_dict(state)
    with torch.inference_mode():
        return net(images).numpy()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("format", ["onnx", "pt", "safetensors"])
def test_a_pruned_network_goes_back_as_it_came_and_gives_the_accuracy_of_the_page(net, format):
    of = brought(net, format)
    shapes = tasks.shapes_of(of)
    total = sum(int(np.prod(shape)) for shape in shapes.values())
    by = np.random.default_rng(0).permutation(total)
    removed = total // 3
    content = tasks.pruned_file(of, by, removed, shapes)[0]
    images = load_dataset("digits", "test")
    logits = logits_of(content, format, images.inputs, load_model("mlp-digits-relu"))
    shown = tasks.evaluator(of, NOWHERE).accuracy(masks_at(by, removed, shapes))
    assert (logits.argmax(axis=1) == images.labels.numpy()).mean() == pytest.approx(shown, abs=1e-12)
    assert shown < 0.97
    assert return_files.ending(of) == f".{format}"
    assert return_files.file_stem(of) == "my-net"
    name = f"my-net-pruned.{format}"
    assert name in return_files.snippet(of, name, "pixels scaled to [0, 1]")


def test_names_of_files_hold_nothing_that_a_folder_would_take_for_a_path(net):
    of = brought(net, "pt")
    assert return_files.file_stem(replace(of, name="../a/b c.pt")) == "a-b-c"
    assert return_files.file_stem(tasks.open_network("lenet-mnist-relu")).startswith("lenet")


def test_the_word_is_agreement_where_nobody_knows_the_labels(net):
    of = brought(net, "pt")
    own = UserData("mine", tuple("0123456789"), settings_for((1, 8, 8)),
                  {"all": Part(np.zeros((3, 1, 8, 8), np.uint8), None, 3)})  # fmt: skip
    unlabelled = replace(of, dataset=register(own))
    assert (wording.word_for(of), wording.note_for(of)) == ("accuracy", "")
    assert wording.word_for(unlabelled) == "agreement with the whole network"
    assert wording.short_word(unlabelled) == "agreement"
    assert "accuracy needs labels" in wording.note_for(unlabelled)
    assert wording.private_title(of) == "your network"


def test_a_part_of_a_network_is_said():
    assert wording.part_words(CurvatureConfig()) == ""
    assert wording.part_words(CurvatureConfig(layers=("a", "b")), 21) == "2 of 21 layers"
    assert wording.part_words(CurvatureConfig(layers=("a",))) == "1 layer"
    sampled = wording.part_words(CurvatureConfig(seed=4, channels=32))
    assert sampled == "at most 32 channels a layer, drawn with seed 4"


def test_how_a_network_was_read_is_said_where_it_makes_a_difference():
    own, folded, scaled = (
        CurvatureConfig(),
        CurvatureConfig(batchnorm="folded"),
        CurvatureConfig(scale="fan-in"),
    )
    of, without = tasks.open_network("vgg9-cifar10-relu"), tasks.open_network("mlp-digits-relu")
    divided = "weights divided by their layer's fan-in"
    assert [wording.graph_words(of, config) for config in (own, folded, scaled)] == [
        "BatchNorm left out of the graph",
        "BatchNorm folded into the weights",
        f"BatchNorm left out of the graph, {divided}",
    ]
    assert [wording.graph_words(without, config) for config in (own, folded, scaled)] == ["", "", divided]
    for has_batchnorm, told in ((True, ["BatchNorm folded"]), (False, [])):
        assert wording.unusual_words(own.graph, has_batchnorm=has_batchnorm) == []
        assert wording.unusual_words(folded.graph, has_batchnorm=has_batchnorm) == told
        assert wording.unusual_words(scaled.graph, has_batchnorm=has_batchnorm) == [divided]


def test_tables_and_cards_of_divided_weights_say_by_what_and_show_the_networks_own():
    result, arrays, record = kept("Inverted", "folded", "channel-fan-in")
    record = decode(encode(record))
    own = kept("Inverted", "folded")[2]
    assert "channel's fan-in" in network_view(record, arrays, ("a", "b", "c")).note
    table = edge_table(record, arrays, np.arange(record.total), 0)
    for index, connection in enumerate(result.graph.connections):
        assert record.folded(index, arrays) == pytest.approx(own.folded(index, arrays), rel=1e-6)
        length = {}
        for parameter, d in zip(connection.edges.parameter, connection.edges.length, strict=True):
            length[int(parameter)] = d
        part = table[table["connection"] == index]
        assert (part["divisor"] / part["weight"].abs()).to_numpy() == pytest.approx(
            [length[at] for at in part["parameter"]], rel=1e-5
        )
        at = int(part["parameter"].iloc[0])
        told = divided_words(record, index, at, float(part["weight"].iloc[0]))
        assert told.endswith(f"= {significant(float(np.sign(part['weight'].iloc[0])) / length[at])}")
    assert divided_words(own, 0, 0, 1.0) == ""
    assert "divisor" not in edge_table(own, arrays, np.arange(own.total), 0)


def test_pictures_and_tables_of_folded_weights_say_so():
    found = {}
    for batchnorm in ("own", "folded"):
        _, arrays, record = kept("Inverted", batchnorm)
        ranks = np.arange(record.total)
        table = edge_table(record, arrays, ranks, 0)
        found[batchnorm] = (
            network_view(record, arrays, ("a", "b", "c")).note,
            table["batchnorm"].unique().tolist() if "batchnorm" in table else None,
            factor_words(record),
        )
    assert found["own"] == ("", None, None)
    assert found["folded"] == (
        "BatchNorm folded", ["folded"], "With BatchNorm folded in, as the lengths of the paths have it."
    )  # fmt: skip
    assert b"folded" in table_csv(table)
    # Without a BatchNorm it is what the forward itself multiplies by.
    assert factor_words(kept("Shuffled")[2]).startswith("With what the network multiplies it by folded in")
