"""What the browser makes of a packed network: the same lines, colours and selections as Python's."""

import json
from dataclasses import replace

import numpy as np
import pytest

from ncviz.plots import palette
from ncviz.plots.network.lines import Members, NetworkView, drawn_edges
from ncviz.plots.network.payload import pack, payload
from ncviz.ui.components.bundle import bundle
from ncviz.values import NEVER_ACTIVE

READ = """
import { readFileSync } from "node:fs";
const bytes = new Uint8Array(readFileSync(new URL("message", import.meta.url))).subarray(3);
const network = readNetwork(decode(bytes));
"""


def tell(node, folder, packed, script, entry="network/component.js"):
    """Run a script on a packed network; an odd offset, as a message off the wire may have."""
    (folder / "message").write_bytes(b"odd" + pack(packed, {}))
    return json.loads(node(bundle(entry) + READ + script, folder))


@pytest.fixture
def units():
    generator = np.random.default_rng(3)
    return NetworkView(
        layer_names=("κ", "out"),
        layer_shapes=((3, 2, 2), (5,)),
        classes=tuple("abcde"),
        source=np.repeat(np.arange(12, dtype=np.int32), 5),
        target=np.tile(np.arange(12, 17, dtype=np.int32), 12),
        curvature=generator.normal(size=60).astype(np.float32),
        weight=generator.normal(size=60).astype(np.float32),
        parameter=generator.permutation(60).astype(np.int32),
        connection=np.zeros(60, np.int32),
        connection_names=("fc",),
        parameter_count=60,
        scale=palette.Scale(3.0),
    )


@pytest.fixture
def slices():
    """Two feature maps of three channels each: nine slices of four weights."""
    generator = np.random.default_rng(4)
    kappa = generator.normal(size=36).astype(np.float32)
    least = kappa.reshape(9, 4).argmin(axis=1) + 4 * np.arange(9)
    return NetworkView(
        layer_names=("input", "maps"),
        layer_shapes=((3, 4, 4), (3, 3, 3)),
        classes=(),
        source=np.tile(np.arange(3, dtype=np.int32), 3),
        target=np.repeat(np.arange(3, 6, dtype=np.int32), 3),
        curvature=kappa[least],
        weight=np.ones(9, np.float32),
        parameter=least.astype(np.int32),
        connection=np.zeros(9, np.int32),
        connection_names=("conv",),
        parameter_count=36,
        grouped=(True, True),
        members=Members(np.arange(0, 37, 4, dtype=np.int32), np.arange(36, dtype=np.int32), kappa),
    )


@pytest.mark.parametrize("removed", [0, 1, 17, 59, 60])
@pytest.mark.parametrize("order", ["up", "down"])
def test_the_browser_keeps_the_edges_that_python_keeps(node, tmp_path, units, order, removed):
    rank = np.random.default_rng(5).permutation(60)
    ranks = {"up": rank, "down": 59 - rank}
    packed = payload(units, ranks, limit=40, activity=[np.arange(12), np.arange(5)])
    script = f"""
const left = linesLeft(network, "{order}", {removed});
console.log(JSON.stringify({{ name: network.layers[0].name, bin: [...left.bin], kept: left.kept,
  parameter: [...network.parameter], visible: [...left.visible], place: unitName(network, 5).place,
  label: unitName(network, 13).place, active: activityOf(network, 13) }}));
"""
    told = tell(node, tmp_path, packed, script)
    drawn = drawn_edges(units, 40)
    assert told["name"] == "κ"
    assert told["parameter"] == units.parameter[drawn].tolist()
    # What is never active has the colour of neither end.
    kappa = np.where(units.curvature[drawn] >= NEVER_ACTIVE, 0, units.curvature[drawn])
    assert told["bin"] == palette.bin_index(kappa, units.scale).tolist()
    assert told["visible"] == (ranks[order][units.parameter[drawn]] >= removed).astype(int).tolist()
    assert told["kept"] == sum(told["visible"])
    assert told["place"] == "channel 1, row 0, column 1"
    assert told["label"] == "unit 1 (b)"
    assert told["active"] == pytest.approx(1 / 255)


@pytest.mark.parametrize("order", ["up", "down", "other"])
def test_a_slice_shows_the_strongest_bottleneck_that_is_left(node, tmp_path, slices, order):
    generator = np.random.default_rng(6)
    rank = generator.permutation(36)
    ranks = {"up": rank, "down": 35 - rank, "other": generator.permutation(36)}
    packed = payload(slices, ranks, limit=100)
    steps = [0, 1, 9, 20, 35, 36]
    script = f"""
console.log(JSON.stringify({steps}.map((removed) => {{
  const left = linesLeft(network, "{order}", removed);
  return [...left.visible].map((is, e) => [is, left.lowest[e], left.negative[e], left.bin[e], sizeOf(network, e)]);
}})));
"""
    told = tell(node, tmp_path, packed, script)
    drawn = drawn_edges(slices, 100)
    kappa = slices.members.curvature.reshape(9, 4)
    for removed, lines in zip(steps, told, strict=True):
        is_left = ranks[order].reshape(9, 4) >= removed
        for (visible, lowest, negative, bin_, size), line in zip(lines, drawn, strict=True):
            own = kappa[line][is_left[line]]
            assert size == 4
            assert bool(visible) == bool(own.size)
            if own.size:
                assert lowest == pytest.approx(own.min())
                assert negative == int((own < 0).sum())
                assert bin_ == palette.bin_index(own.min()[None], slices.scale)[0]


def test_a_selection_is_found_again_in_every_picture(node, tmp_path, units, slices):
    script = """
const again = (text) => toText(network, fromText(network, text));
const line = toText(network, { kind: "edge", edge: 0 });
console.log(JSON.stringify([again("unit-0-7"), again("channel-0-2"), again(line), line, again("weight-7"),
  again("unit-9-1"), again("unit-1-99"), again("slice-0-1-2"), again("")]));
"""
    rank = {"x": np.arange(60)}
    told = tell(node, tmp_path, payload(units, rank, 100), script)
    line = f"weight-{units.parameter[drawn_edges(units, 100)[0]]}"
    assert told == ["unit-0-7", "", line, line, "weight-7", "", "", "", ""]
    told = tell(node, tmp_path, payload(slices, {"x": np.arange(36)}, 100), script)
    first = drawn_edges(slices, 100)[0]
    line = f"slice-0-{slices.target[first] - 3}-{slices.source[first]}"
    # A unit stands for its channel, a weight for its slice.
    assert told == ["channel-0-0", "channel-0-2", line, line, "slice-0-0-1", "", "", "slice-0-1-2", ""]


def test_edges_that_share_a_weight_stand_out_together(node, tmp_path, units):
    shared = replace(units, parameter=(np.arange(60) // 3).astype(np.int32))
    script = """
const hit = fromText(network, "weight-4");
console.log(JSON.stringify(focusOf(network, hit).edges.map((e) => network.parameter[e])));
"""
    assert tell(node, tmp_path, payload(shared, {"x": np.arange(60)}, 100), script) == [4, 4, 4]


def test_the_path_leads_from_the_network_to_one_weight(node, tmp_path, slices):
    script = """
const steps = (text) => crumbsOf(network, fromText(network, text), -1, text.startsWith("weight") ? text : null);
console.log(JSON.stringify(["", "channel-1-2", "weight-9"].map((text) => steps(text).map((step) => step.act))));
"""
    told = tell(node, tmp_path, payload(slices, {"x": np.arange(36)}, 100), script)
    assert told == [
        ["all"],
        ["all", "layer-1", "channel-1-2"],
        ["all", "layer-1", "channel-1-0", "slice-0-0-2", "weight-9"],
    ]


def test_lines_end_at_the_sides_of_tiles_and_tiles_are_hit_anywhere(node, tmp_path, slices):
    script = """
const place = placeUnits(network, 1000, 500, (text) => text.length * 7);
const view = { k: 1, x: 0, y: 0 };
const [ax, ay, bx, by] = endsBetween(network, place, view, network.source[0], network.target[0]);
const [s, t] = [network.source[0], network.target[0]];
const half = [0, 1].map((layer) => radiusOf(place, layer, view));
const left = linesLeft(network, "x", 0);
const hit = (dx, dy) => pick(network, place, view, left.visible, place.x[t] + dx, place.y[t] + dy, 4);
console.log(JSON.stringify([ax - place.x[s] - half[0], bx - place.x[t] + half[1], ay - place.y[s],
  hit(0.9 * half[1], -0.9 * half[1]), hit(0, 1.5 * half[1])]));
"""
    told = tell(node, tmp_path, payload(slices, {"x": np.arange(36)}, 100), script)
    assert np.allclose(told[:3], 0, atol=1e-4)
    first = drawn_edges(slices, 100)[0]
    assert told[3] == {"kind": "unit", "unit": int(slices.target[first])}
    assert told[4] is None or told[4]["kind"] == "edge" or told[4] != told[3]
