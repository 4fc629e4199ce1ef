"""Networks of many layers: a picture longer than its frame, and the strip that says which part of it is shown."""

import json

import numpy as np
import pytest

from ncviz.plots.network.lines import NetworkView
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


def test_the_strip_leads_to_layers_and_frames_what_is_shown(node, tmp_path):
    script = """
const element = (tag) => ({ tag, style: {}, dataset: {}, children: [], attributes: {}, listeners: {},
  setAttribute(name, value) { this.attributes[name] = value; },
  addEventListener(name, act) { this.listeners[name] = act; },
  replaceChildren(...children) { this.children = children; }, setPointerCapture() {},
  getBoundingClientRect: () => ({ left: 100, width: 400 }), focus() { focused = this; },
  getRootNode: () => ({ get activeElement() { return focused; } }) });
let focused = null;
globalThis.document = { createElement: element };
const root = element("div"), gone = [];
const overview = new Overview(root, ({ layer, act }) => gone.push(act ?? layer));
overview.show(network, { name: "light" }, true);
const geometry = place(900, 430);
overview.frame(geometry, IDENTITY);
const [strip, words] = root.children;
strip.listeners.pointerdown({ pointerId: 1, clientX: 300 });
strip.listeners.pointermove({ buttons: 0, clientX: 100 });
strip.listeners.pointermove({ buttons: 1, clientX: 999 });
strip.children[7].onclick();
focused = strip.children[7];
strip.listeners.keydown({ key: "ArrowRight", preventDefault() {} });
const names = strip.children.slice(0, 2).map(({ title, style }) => [title, style.background ?? ""]);
const tabs = strip.children.filter(({ tabIndex }) => tabIndex === 0).length;
overview.show(network, { name: "light" }, false);
console.log(JSON.stringify([gone, names, words.textContent, strip.children[40].style, tabs, root.hidden,
  network.ramps.light]));
"""
    gone, names, words, window, tabs, hidden, ramp = told(node, tmp_path, 40, script)
    assert gone == [20, 39, "layer-7", 8]
    assert names[0] == ["block0.conv: no curvature of its own", ""]
    assert names[1][0] == "block1.conv: mean κ −1.40"
    assert names[1][1] == ramp[bin_index([-1.4], view_of(40).scale)[0]]
    assert "All 40 layers" in words
    assert window["left"] == "0%"
    assert 15 < float(window["width"].rstrip("%")) < 30
    assert tabs == 1
    assert hidden
