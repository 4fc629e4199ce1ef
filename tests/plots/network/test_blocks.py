"""Which layers of a network are its blocks."""

from itertools import pairwise

import pytest

from ncviz import build_graph, load_model
from ncviz.plots.network.blocks import blocks_of


def spans(names, reads=()):
    """The blocks of layers of these names, between an image and classes: name, first layer, last layer."""
    return [(own.forms[0], own.first, own.end - 1) for own in blocks_of(["input", *names, "classes"], reads)]


def of_graph(graph):
    """The names of a graph's hidden layers, and which layer reads which."""
    joined = [(each.source, each.target) for each in (*graph.connections, *graph.links)]
    products = [(source, each.target) for each in graph.products for source in (each.left, each.right)]
    return list(graph.layer_names[1:-1]), {*joined, *products}


@pytest.fixture(scope="module")
def graphs():
    return {name: build_graph(load_model(name), (1, 28, 28)) for name in ("vit-mnist", "convnext-mnist")}


def test_a_vision_transformer_has_its_encoder_layers(graphs):
    names, _ = of_graph(graphs["vit-mnist"])
    whole = [(f"encoder.layers.encoder_layer_{at}", 3 + 8 * at, 10 + 8 * at) for at in range(4)]
    assert spans(names) == whole
    assert blocks_of(["input", *names, "classes"])[1].forms == (
        "encoder.layers.encoder_layer_1", "layers.encoder_layer_1", "encoder_layer_1", "1",
    )  # fmt: skip


def test_a_convnext_has_its_residual_blocks_and_not_what_is_between_them(graphs):
    names, _ = of_graph(graphs["convnext-mnist"])
    at = [(2, 4), (5, 7), (9, 11), (12, 14)]
    assert [span[1:] for span in spans(names)] == at
    assert [own.forms for own in blocks_of(["input", *names, "classes"])] == [
        (f"features.{stage}.{block}", f"{stage}.{block}") for stage in (1, 3) for block in (0, 1)
    ]


def test_a_residual_network_has_blocks_and_not_its_stages_of_them():
    # As a ResNet-20's layers are called here, and a torchvision ResNet-18's.
    own = ["conv1"]
    for stage in (1, 2, 3):
        for block in range(3):
            ends = ["conv1", "shortcut.0" if stage > 1 and block == 0 else "conv2"]
            own += [f"stage{stage}.{block}.{end}" for end in ends]
    found = spans([*own, "pool"])
    assert [name for name, *_ in found] == [
        f"stage{stage}.{block}" for stage in (1, 2, 3) for block in range(3)
    ]
    assert [(first, last) for _, first, last in found] == [(at, at + 1) for at in range(2, 20, 2)]
    theirs = ["conv1", "maxpool"]
    for stage in (1, 2, 3, 4):
        for block in (0, 1):
            theirs += [f"layer{stage}.{block}.{end}" for end in ("conv1", "conv2")]
            theirs += [f"layer{stage}.{block}.downsample.0"] * (stage > 1 and block == 0)
    found = spans([*theirs, "avgpool"])
    assert [name for name, *_ in found] == [
        f"layer{stage}.{block}" for stage in (1, 2, 3, 4) for block in (0, 1)
    ]
    assert [last - first + 1 for _, first, last in found] == [2, 2, 3, 2, 3, 2, 3, 2]


@pytest.mark.parametrize(
    "names",
    [
        # Plain stacks, named by their places or by a list's.
        [f"linear {at}" for at in range(1, 30)],
        [f"layers.{at}" for at in range(30)],
        [*(f"features.{at}" for at in range(16)), *(f"classifier.{at}" for at in (0, 3))],
        # One that holds all, or nearly all.
        [f"net1.{at}" for at in range(30)],
        ["stem1.conv", *(f"net1.{end}" for end in "abcdefghijklmnopqrstuvwxyz"), "head1.a", "head1.b"],
        # A single one.
        ["conv1", "conv2", *(f"block1.conv{at}" for at in range(4)), "conv3", "conv4", "conv5"],
        [],
    ],
)
def test_what_tells_nothing_is_no_block(names):
    assert spans(names) == []
    chain = {(at, at + 1) for at in range(len(names) + 1)}
    assert spans(names, chain) == []


@pytest.mark.parametrize(
    ("block", "ends"),
    [
        # Branches beside each other are one block, and what squeezes and excites within one is not one.
        ("inception3{}", ["branch1.conv", "branch2.0.conv", "branch2.1.conv", "branch3.0.conv", "branch3.1.conv"]),
        ("stage2.{}", ["branch1.0", "branch1.2", "branch2.0", "branch2.3", "branch2.5"]),
        ("features.4.{}", ["block.0.0", "block.1.0", "block.2.fc1", "block.2.fc2", "block.3.0"]),
        ("blocks.{}", ["attn.query", "attn.key", "attn.scores", "attn.proj", "mlp.fc1", "mlp.fc2"]),
        ("blocks.3.layers.{}", ["layers.MBconv.conv_a.0", "layers.attn.layer.1.qkv", "layers.attn.layer.1.out"]),
        ("trunk.block1.block1-{}", ["f.a.0", "f.b.0", "f.se.fc1", "f.se.fc2", "f.c.0"]),
        ("vit.encoder.layer.{}", ["attention.attention.query", "attention.output.dense", "intermediate.dense"]),
    ],
)  # fmt: skip
def test_a_block_is_what_is_repeated(block, ends):
    named = [block.format(at) for at in ("ab" if "inception" in block else range(5))]
    names = ["stem.conv", *(f"{name}.{end}" for name in named for end in ends), "norm.pool"]
    # Two blocks of one network: half of it at most.
    size = len(ends)
    assert spans(names) == [(name, 2 + at * size, 1 + (at + 1) * size) for at, name in enumerate(named)]


def test_a_row_of_one_has_the_name_that_a_longer_one_has():
    names = [
        f"features.{stage}.{block}.conv{at}" for stage, block in ((1, 0), (2, 0), (2, 1)) for at in (1, 2)
    ]
    assert [name for name, *_ in spans(names)] == ["features.1.0", "features.2.0", "features.2.1"]


def test_a_sum_without_a_module_is_part_of_the_block_around_it_alone():
    names = ["a.0.up", "add", "a.0.down", "add 1", "a.1.up", "a.1.down", "add 2"]
    assert spans(names) == [("a.0", 1, 3), ("a.1", 5, 6)]


@pytest.mark.parametrize("name", ["vit-mnist", "convnext-mnist"])
def test_without_names_blocks_are_what_no_path_goes_around(graphs, name):
    names, reads = of_graph(graphs[name])
    found = spans([f"layer {at}" for at in range(1, len(names) + 1)], reads)
    # The slow way: within a block every layer but the last is one that some path leaves out.
    last = len(names) + 1
    gates = [at for at in range(last + 1) if not any(source < at < target for source, target in reads)]
    between = [(before + 1, after) for before, after in pairwise(gates) if after > before + 1]
    assert [(first, end) for _, first, end in found] == between
    assert len(found) == {"vit-mnist": 8, "convnext-mnist": 4}[name]
    assert found[1][0] == f"layer {found[1][1]} – layer {found[1][2]}"
    own = blocks_of(["input", *(f"layer {at}" for at in range(1, last)), "classes"], reads)[1]
    assert own.forms[-1] == f"{found[1][1]}–{found[1][2]}"
