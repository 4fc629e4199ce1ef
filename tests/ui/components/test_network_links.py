"""Networks that are no chains in the browser: lines that pass layers swing out, links are named and never selected."""

import json
from dataclasses import replace

import numpy as np
import pytest

from ncviz.plots.network.lines import Links, NetworkView, TokenMap
from ncviz.plots.network.payload import pack, payload
from ncviz.ui.components.bundle import bundle

READ = """
import { readFileSync } from "node:fs";
const network = readNetwork(decode(new Uint8Array(readFileSync(new URL("message", import.meta.url)))));
const place = placeUnits(network, 900, 500, (text) => 6 * text.length);
"""


@pytest.fixture
def skipping():
    """Three layers of two units; one edge passes the second layer, and so does a skip."""
    return NetworkView(
        layer_names=("input", "features.0.conv1", "classes"),
        layer_shapes=((2,), (2,), (2,)),
        classes=("a", "b"),
        source=np.array([0, 2, 1], np.int32),
        target=np.array([2, 4, 5], np.int32),
        curvature=np.array([-1, 1, 0.5], np.float32),
        weight=np.ones(3, np.float32),
        parameter=np.arange(3, dtype=np.int32),
        connection=np.array([0, 1, 2], np.int32),
        connection_names=("1 · linear", "2 · linear", "3 · linear"),
        parameter_count=3,
        links=Links(
            np.array([0], np.int32), np.array([4], np.int32), np.zeros(1, np.int32), ("add",), ("skip",), (2,)
        ),
    )


def told(node, folder, view, script, connection=None):
    packed = payload(view, {"up": np.arange(view.parameter_count)}, 10, connection)
    (folder / "message").write_bytes(pack(packed, {}))
    # Where the picture's modules are joined, all of their functions are there.
    entry = bundle("network/component.js").replace("export default", "const instance =")
    return json.loads(node(entry + READ + script, folder))


def test_lines_that_pass_layers_swing_out(node, tmp_path, skipping):
    script = """
const course = (s, t, kind) => courseOf(network, place, IDENTITY, s, t, kind);
const visible = new Uint8Array(3).fill(1);
const [ax, ay, bx, by, cx, cy] = course(0, 4, "link");
const middle = [(ax + bx) / 4 + cx / 2, (ay + by) / 4 + cy / 2];
console.log(JSON.stringify({ near: course(0, 2).length, far: course(1, 5).length, up: cy < (ay + by) / 2,
  edge: Math.abs(course(0, 4)[5] - ay), link: Math.abs(cy - ay),
  hit: pick(network, place, IDENTITY, visible, ...middle, 5),
  tip: describeHit(network, { kind: "link", link: 0 }, null), words: greyWords(network),
  caption: captionOf(network, 2), short: captionOf({ ...network, total: 900 }, 2, true),
  few: captionOf({ ...network, total: 900 }, 2), whole: captionOf({ ...network, total: 900 }, network.drawn) }));
"""
    found = told(node, tmp_path, replace(skipping, note="BatchNorm folded"), script)
    assert (found["near"], found["far"]) == (4, 6)
    assert found["up"]
    assert 0 < found["edge"] < found["link"]
    assert found["hit"] == {"kind": "link", "link": 0}
    assert found["tip"]["title"] == "add"
    assert ["weights", "none: it is never removed"] in found["tip"]["rows"]
    assert found["words"] == "grey: skips"
    drawn = len(skipping.source)
    assert found["caption"] == f"showing 2 of {drawn} edges · the others are removed · BatchNorm folded"
    sample = "the strongest and an even sample"
    assert found["few"] == f"showing 2 of 900 edges: what is left of a sample of {drawn} · BatchNorm folded"
    assert found["whole"] == f"showing {drawn} of 900 edges: {sample} · BatchNorm folded"
    assert found["short"] == "showing 2 of 900 edges · BatchNorm folded"


def test_links_are_left_out_where_one_layer_is_drawn(node, tmp_path, skipping):
    script = "console.log(JSON.stringify({ links: network.linkSource.length, words: greyWords(network) }));"
    assert told(node, tmp_path, skipping, script)["links"] == 1
    assert told(node, tmp_path, skipping, script, connection=1) == {"links": 0, "words": ""}


def test_an_attentions_links_are_as_strong_as_what_weighs_them_on_these_images(node, tmp_path, skipping):
    links = Links(
        np.array([0, 1, 0], np.int32), np.array([2, 3, 4], np.int32), np.array([0, 0, 1], np.int32),
        ("attend", "add"), ("product", "skip"), (4, 2), np.array([2, 3, -1], np.int32),
    )  # fmt: skip
    script = """
const strengths = (...own) => [...strengthOfLinks(network, Uint8Array.of(...own))];
console.log(JSON.stringify([strengths(9, 9, 100, 50, 0, 0), strengths(9, 9, 0, 200, 0, 0), strengths(9, 9, 0, 0, 9, 9),
  [...strengthOfLinks(network, undefined)], greyWords(network)]));
"""
    found = told(node, tmp_path, replace(skipping, links=links), script)
    assert found[:4] == [[1, 0.5, 1], [0, 1, 1], [0, 0, 1], [1, 1, 1]]
    assert found[4] == "grey: attention, skips"


def test_what_has_links_alone_has_no_weights_and_what_has_no_line_drawn_may(node, tmp_path, skipping):
    links = Links(
        np.array([0, 2], np.int32),
        np.array([2, 4], np.int32),
        np.zeros(2, np.int32),
        ("at",),
        ("product",),
        (4,),
    )
    scores = replace(
        skipping, links=links, source=np.array([0, 1, 0], np.int32), target=np.array([4, 5, 5], np.int32)
    )
    script = """
const left = { visible: [1, 1, 1], lowest: [0, 0, 0] };
console.log(JSON.stringify([2, 3].map((unit) => describeHit(network, { kind: "unit", unit }, left).rows[0])));
"""
    none = ["weights", "none, in or out"]
    assert told(node, tmp_path, scores, script) == [none, none]
    assert told(node, tmp_path, skipping, script)[1] == ["drawn edges", "0 of 0 kept"]


def test_tokens_are_painted_in_their_cells_and_called_by_their_places(node, tmp_path):
    tokens = TokenMap(4, 4, (2, 1, 2, 2), (1, 9, 10, 13, 14), {0: "class token"})
    view = NetworkView(
        layer_names=("input", "mix", "out"),
        layer_shapes=((2,), (2, 1, 5), (2,)),
        classes=("a", "b"),
        source=np.array([0], np.int32),
        target=np.array([2], np.int32),
        curvature=np.ones(1, np.float32),
        weight=np.ones(1, np.float32),
        parameter=np.zeros(1, np.int32),
        connection=np.zeros(1, np.int32),
        connection_names=("mix",),
        parameter_count=1,
        maps=(None, tokens, None),
    )
    script = """
const size = pictureSize(network.layers[1]);
console.log(JSON.stringify({ size: [size.rows, size.columns], plain: pictureSize(network.layers[0]).columns,
  names: [0, 1, 5, 6].map((unit) => unitName(network, 2 + unit).place), subtitle: network.layers[1].subtitle }));
"""
    assert told(node, tmp_path, view, script) == {
        "size": [4, 4],
        "plain": 2,
        "names": [
            "channel 0, class token", "channel 0, row 0, column 0", "channel 1, class token",
            "channel 1, row 0, column 0",
        ],
        "subtitle": "2 × (2×2 + 1)",
    }  # fmt: skip


def test_long_names_keep_their_ends(node, tmp_path, skipping):
    script = """
const measure = (text) => 6 * text.length;
console.log(JSON.stringify([100, 60, 32, 12].map((room) => shortName("features.0.conv1", room, measure))));
"""
    assert told(node, tmp_path, skipping, script) == ["features.0.conv1", "0.conv1", "conv1", "c…"]


def test_ends_of_links_must_be_nodes(skipping):
    links = Links(
        np.array([0], np.int32), np.array([9], np.int32), np.zeros(1, np.int32), ("add",), ("skip",), (2,)
    )
    with pytest.raises(ValueError, match="links"):
        NetworkView(**{**vars(skipping), "links": links})


def test_modules_names_lean_where_layers_stand_close_and_numbers_do_not(node, tmp_path, skipping):
    script = """
const measure = (text) => 7 * text.length;
const crowd = (names) => {
  const layers = names.map((name) => ({ ...network.layers[0], name }));
  const closeup = { ...network.closeup, shown: names.map(() => 1) };
  return placeUnits({ ...network, layers, closeup, layouts: [{ ...network.layouts.find(({ portrait }) => !portrait),
    radius: names.map(() => 1), labels: names.map(() => [0, 0]) }] }, 900, 500, measure).isCrowded;
};
const many = Array.from({ length: 14 }, (_, at) => at);
console.log(JSON.stringify([crowd(many.map((at) => `linear ${at}`)), crowd(many.map((at) => `layer${at}.0.shortcut.0`)),
  crowd(["input", "layer1.0.shortcut.0", "classes"]), formsOf("layer1.0.shortcut.0"), formsOf("conv 12")]));
"""
    forms = ["layer1.0.shortcut.0", "0.shortcut.0", "shortcut.0"]
    assert told(node, tmp_path, skipping, script) == [False, True, False, forms, ["conv 12", "12"]]


def test_lines_between_the_same_nodes_lie_beside_each_other(node, tmp_path, skipping):
    """A layer in three parts: each can be seen and pointed at."""
    several = replace(
        skipping,
        source=np.array([0, 0, 0, 2], np.int32),
        target=np.array([2, 2, 2, 4], np.int32),
        curvature=np.array([-1, 1, 0.5, 0.2], np.float32),
        weight=np.ones(4, np.float32),
        parameter=np.array([0, 1, 2, 2], np.int32),
        connection=np.array([0, 1, 2, 3], np.int32),
        connection_names=("1a", "1b", "1c", "2"),
        links=None,
    )
    script = """
const visible = new Uint8Array(network.edges).fill(1);
const lines = Array.from({ length: network.edges }, (_, e) => e);
const found = (place) => lines.map((e) => {
  const [ax, ay, bx, by] = courseOfEdge(network, place, IDENTITY, e);
  const hit = pick(network, place, IDENTITY, visible, (ax + bx) / 2, (ay + by) / 2, 5);
  return [network.connection[e], place.isPortrait ? ax : ay, hit.edge === e];
});
console.log(JSON.stringify([found(place), found(placeUnits(network, 360, 600, (text) => 6 * text.length))]));
"""
    for lines in told(node, tmp_path, several, script):
        across = {connection: at for connection, at, _ in lines}
        assert across[1] - across[0] == across[2] - across[1] == pytest.approx(4.5)
        assert all(is_found for *_, is_found in lines)
