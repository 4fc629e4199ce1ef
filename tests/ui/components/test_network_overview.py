"""Networks of many layers: a picture longer than its frame, and the strip that says which part of it is shown."""

import json
from dataclasses import replace

import numpy as np
import pytest

from ncviz.plots.network.lines import Block, NetworkView
from ncviz.plots.network.payload import pack, payload, unpack
from ncviz.plots.palette import bin_index
from ncviz.ui.components.bundle import bundle

READ = """
import { readFileSync } from "node:fs";
const network = readNetwork(decode(new Uint8Array(readFileSync(new URL("message", import.meta.url)))));
const place = (width, height) => placeUnits(network, width, height, (text) => 6 * text.length);
"""


def view_of(layers):
    """Layers of three units, each unit joined to the one beside it in the next layer."""
    source = np.arange(3 * (layers - 1), dtype=np.int32)
    connection = source // 3
    return NetworkView(
        layer_names=tuple(f"block{at}.conv" for at in range(layers)),
        layer_shapes=((3,),) * layers,
        classes=("a", "b", "c"),
        source=source,
        target=source + 3,
        curvature=np.where(connection % 2, 0.5, -1.5).astype(np.float32) + 0.1 * (source % 3),
        weight=np.ones(len(source), np.float32),
        parameter=source,
        connection=connection.astype(np.int32),
        connection_names=tuple(map(str, range(layers - 1))),
        parameter_count=len(source),
    )


def told(node, folder, layers, script):
    packed = payload(view_of(layers), {"up": np.arange(3 * (layers - 1))})
    (folder / "message").write_bytes(pack(packed, {}))
    return json.loads(node(bundle("network/component.js") + READ + script, folder))


def test_each_layer_has_the_mean_of_what_ends_in_it():
    view = view_of(4)
    view.curvature[-1] = 2.0  # never active
    header, _ = unpack(pack(payload(view, {"up": np.arange(9)}), {}))
    assert header["means"] == [None, pytest.approx(-1.4), pytest.approx(0.6), pytest.approx(-1.45)]


@pytest.mark.parametrize(("layers", "is_long"), [(5, False), (40, True)])
def test_many_layers_keep_their_distance_and_few_fit_the_frame(node, tmp_path, layers, is_long):
    script = """
const landscape = place(900, 430), portrait = place(360, 640);
console.log(JSON.stringify([landscape.isLong, landscape.middles, shownLayers(landscape, IDENTITY),
  portrait.isLong, portrait.middles, shownLayers(portrait, IDENTITY)]));
"""
    wide, along, shown, tall, down, shown_below = told(node, tmp_path, layers, script)
    assert wide == tall == is_long
    if is_long:
        assert np.diff(along).min() >= 84
        assert np.diff(down).min() >= 40
        assert shown[0] == shown_below[0] == 0
        assert 6 <= shown[1] < layers - 1
        assert 8 <= shown_below[1] < layers - 1
    else:
        assert along[-1] < 900
        assert shown == [0, layers - 1]


def test_the_picture_is_moved_to_a_layer_and_never_beyond_its_ends(node, tmp_path):
    script = """
const geometry = place(900, 430);
const at = (layer) => clampView(viewAt(geometry, IDENTITY, layer), geometry);
const whole = clampView({ k: leastZoom(geometry), x: 0, y: 0 }, geometry);
const up = place(360, 640);
console.log(JSON.stringify([[0, 20, 39].map((layer) => [at(layer).x, shownLayers(geometry, at(layer))]),
  shownLayers(geometry, whole), shownLayers(up, clampView(viewAt(up, IDENTITY, 39), up)),
  viewOf(geometry, [0, 1, 2]).x]));
"""
    stops, whole, last, fit = told(node, tmp_path, 40, script)
    assert stops[0] == [0, [0, stops[0][1][1]]]
    assert sum(stops[1][1]) / 2 == pytest.approx(20, abs=1)
    assert stops[2][1][1] == 39
    assert stops[2][1][0] > 28
    assert whole == [0, 39]
    assert last[1] == 39
    assert 0 < fit < 900


STRIP = """
const element = (tag) => ({ tag, style: {}, dataset: {}, children: [], attributes: {}, listeners: {}, clientWidth: 600,
  setAttribute(name, value) { this.attributes[name] = value; },
  addEventListener(name, act) { this.listeners[name] = act; },
  append(...children) { this.children.push(...children); },
  replaceChildren(...children) { this.children = children; }, setPointerCapture() {},
  getContext: () => ({ measureText: (text) => ({ width: 6 * text.length }) }),
  getBoundingClientRect: () => ({ left: 100, width: 400 }), focus() { focused = this; },
  getRootNode: () => ({ get activeElement() { return focused; } }) });
let focused = null;
globalThis.window = globalThis;
globalThis.document = { createElement: element };
const root = element("div"), gone = [];
const stripOver = (geometry, view = IDENTITY) => {
  const overview = new Overview(root, ({ layer, act }) => gone.push(act ?? layer));
  overview.show(network, { name: "light" }, { geometry, view });
  overview.frame(geometry, view);
  return overview;
};
const pressed = (strip, stop) => strip.children.find(({ dataset }) => dataset?.stop === stop);
"""


def test_the_strip_leads_to_layers_and_frames_what_is_shown(node, tmp_path):
    script = """
const geometry = place(900, 430), overview = stripOver(geometry);
const [strip, words] = root.children;
strip.listeners.pointerdown({ pointerId: 1, clientX: 297 });
strip.listeners.pointermove({ buttons: 1, clientX: 299 });
strip.children[7].onclick();
strip.listeners.pointermove({ buttons: 1, clientX: 301 });
strip.listeners.pointermove({ buttons: 0, clientX: 100 });
strip.listeners.pointermove({ buttons: 1, clientX: 999 });
strip.children[7].onclick();
focused = strip.children[7];
strip.listeners.keydown({ key: "ArrowRight", preventDefault() {} });
strip.children[8].onclick();
const names = strip.children.slice(0, 2).map(({ title, style }) => [title, style.background ?? ""]);
const tabs = strip.children.filter(({ tabIndex }) => tabIndex === 0).length;
const columns = strip.children.slice(0, 40).map(({ style }) => style.gridColumn);
const looks = [strip.className, strip.style.gridTemplateColumns.split(" 1fr").length, columns];
overview.show(network, { name: "light" }, { geometry: place(900, 430), view: IDENTITY });
network.layers.length = 4;
overview.show(network, { name: "light" }, { geometry: { ...geometry, isLong: false }, view: IDENTITY });
console.log(JSON.stringify([gone, names, words.textContent, strip.children[40].style, tabs, root.hidden,
  network.ramps.light, looks]));
"""
    gone, names, words, window, tabs, hidden, ramp, looks = told(node, tmp_path, 40, STRIP + script)
    # A press that hardly moves is one, and what ends a drag is none.
    assert gone == ["layer-7", 20, 39, 8, "layer-8"]
    assert names[0] == ["block0.conv: no curvature of its own", ""]
    assert names[1][0] == "block1.conv: mean κ −1.40"
    assert names[1][1] == ramp[bin_index([-1.4], view_of(40).scale)[0]]
    assert words.startswith("All 40 layers")
    assert "block" not in words
    assert window["left"] == "0%"
    assert 15 < float(window["width"].rstrip("%")) < 30
    assert tabs == 1
    assert hidden
    assert looks == ["strip", 41, [str(at) for at in range(1, 41)]]


BLOCKS = tuple(
    Block((f"body.block_{at}", f"block_{at}", str(at)), 1 + 3 * at, 4 + 3 * at) for at in range(12)
)


def test_a_block_has_the_mean_of_all_that_ends_in_its_layers():
    view = view_of(40)
    told = unpack(pack(payload(replace(view, blocks=BLOCKS[:2]), {"up": np.arange(117)}), {}))[0]["blocks"]
    ends = view.target // 3
    for block in told:
        own = view.curvature[(ends >= block["first"]) & (ends < block["end"])]
        assert len(own) == 9
        assert block["mean"] == pytest.approx(own.mean(), abs=1e-4)
    assert [told[0][name] for name in ("forms", "first", "end")] == [["body.block_0", "block_0", "0"], 1, 4]


def test_blocks_fold_and_unfold_in_place_and_stay_as_they_were_left(node, tmp_path):
    script = """
const geometry = place(900, 430), overview = stripOver(geometry);
const strip = root.children[0], stops = () => strip.children.flatMap(({ dataset }) => dataset.stop ?? []);
const heads = () => strip.children.filter(({ className }) => className === "block")
  .map(({ attributes, children }) => [attributes["aria-expanded"], children.length, children[0].textContent]);
const seen = [[stops(), heads()]];
const last = heads().length - 1;
const right = parseFloat(overview.window.style.width);
focused = pressed(strip, `block-${last}`);
focused.onclick();
seen.push([stops(), heads(), focused === pressed(strip, `block-${last}`) && focused.attributes["aria-expanded"]]);
const narrower = parseFloat(overview.window.style.width) < right;
network.digest = "sharper";
network.blocks[last].mean = -7;
overview.show(network, { name: "light" }, { geometry, view: IDENTITY });
seen.push([stops(), heads(), pressed(strip, `block-${last}`).title]);
const again = stripOver(geometry, viewAt(geometry, IDENTITY, 30));
const anew = root.children[0];
seen.push([anew.children.flatMap(({ dataset }) => dataset.stop ?? [])]);
pressed(anew, `block-${last}`).onclick();
seen.push([stops(), heads()]);
overview.leave();
pressed(anew, `block-${last}`).onclick();
focused = strip.children.find(({ dataset }) => dataset.stop === `block-${last}`);
strip.listeners.keydown({ key: "ArrowLeft", preventDefault() {} });
strip.listeners.keydown({ key: "Home", preventDefault() {} });
console.log(JSON.stringify([seen, narrower, gone, stops().length, root.children[1].textContent]));
"""
    (tmp_path / "message").write_bytes(
        pack(payload(replace(view_of(40), blocks=BLOCKS), {"up": np.arange(117)}), {})
    )
    told = json.loads(node(bundle("network/component.js") + READ + STRIP + script, tmp_path))
    (first, opened, sharper, anew, folded), narrower, gone, count, words = told
    # What is shown at first is unfolded, and nothing else.
    stops, heads = first
    is_open = [head[0] == "true" for head in heads]
    shown = sum(is_open)
    assert 1 <= shown <= 4
    assert is_open == [True] * shown + [False] * (12 - shown)
    assert stops[:3] == ["layer-0", "block-0", "layer-1"]
    assert stops[-4:] == ["block-11", "layer-37", "layer-38", "layer-39"]
    # A folded one says all that is seen of it; its name is as long as there is room.
    assert [head[1] for head in heads] == [1] * shown + [2] * (12 - shown)
    assert {head[2] for head in heads} <= {f"block_{at}" for at in range(12)} | {str(at) for at in range(12)}
    # The one that is pressed unfolds in place, and has the focus still.
    assert opened[0] == [*stops[:-3], *(f"layer-{at}" for at in range(34, 40))]
    assert opened[1][-1][:2] == ["true", 1]
    assert opened[2] == "true"
    # The strip is longer by that, and the frame so much narrower.
    assert narrower
    # A sharper curvature changes what it says, not what is unfolded; nor does a picture that is made anew.
    assert sharper[:2] == opened[:2]
    assert sharper[2] == "body.block_11, 3 layers: mean κ −7.00"
    assert anew == [opened[0]]
    # Folded in one picture, it is folded in the other, as long as that is there.
    assert folded == first
    assert count == len(stops)
    assert gone == [32, 0]
    assert "in block_" in words
