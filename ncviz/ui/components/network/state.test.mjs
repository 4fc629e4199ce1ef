import assert from "node:assert/strict";
import test from "node:test";

import { exampleGeometry, exampleNetwork } from "./example.mjs";
import { IDENTITY } from "./geometry.js";
import { KEYS } from "./pointer.js";
import { linesLeft } from "./data.js";
import { ownOf, readOwn } from "./own_lines.js";
import { askedOf, questionOf } from "./question.js";
import { EMPTY, reduce } from "./state.js";

const network = exampleNetwork();
const geometry = exampleGeometry(network);

/**
 * The state after some intents, each of which must leave what it was given as it was.
 * @param {State} state
 * @param {Intent[]} intents
 */
function after(state, ...intents) {
  return intents.reduce((before, intent) => {
    const kept = Object.freeze(before);
    const view = JSON.stringify(kept.view);
    const next = reduce(kept, intent);
    assert.equal(JSON.stringify(kept.view), view);
    return next;
  }, state);
}

/**
 * @param {Partial<Receive>} changes
 * @returns {Receive}
 */
function message(changes = {}) {
  return { type: "receive", network, own: null, removed: 0, order: "up", selection: "", card: null, ...changes };
}

/** @param {number} unit */
function placeOf(unit) {
  return { x: geometry.x[unit], y: geometry.y[unit] };
}

const start = after(EMPTY, message(), { type: "resize", geometry });

test("a picture begins whole, with every line and nothing selected", () => {
  assert.deepEqual(start.view, IDENTITY);
  assert.equal(start.left?.kept, network.edges);
  assert.deepEqual([start.selected, start.told, start.layer, start.hit], [null, "", -1, null]);
});

test("nothing happens before there is a network", () => {
  for (const intent of /** @type {Intent[]} */ ([
    { type: "pan", dx: 5, dy: 5 },
    { type: "zoom", factor: 2 },
    { type: "fit" },
    { type: "walk", step: 1 },
    { type: "end", side: "source" },
    { type: "select", text: "unit-1-1" },
    { type: "threshold", removed: 3, order: "up" },
    { type: "click", at: { x: 1, y: 1 }, reach: 6 },
    { type: "crumb", act: "layer-1" },
    { type: "centre", layer: 1 },
  ])) {
    assert.deepEqual(after(EMPTY, intent), EMPTY, intent.type);
  }
});

test("a threshold hides lines of its order and leaves the pointer on none of them", () => {
  const pruned = after(start, { type: "threshold", removed: 7, order: "up" });
  assert.equal(pruned.left?.kept, network.edges - 7);
  assert.deepEqual([pruned.removed, pruned.order], [7, "up"]);
  assert.equal(after(pruned, { type: "threshold", removed: 7, order: "up" }), pruned, "the same again changes nothing");
  assert.deepEqual([...(after(pruned, { type: "threshold", removed: 7, order: "down" }).left?.visible ?? [])].indexOf(0), 11);
  const hovering = { ...start, hit: /** @type {Hit} */ ({ kind: "edge", edge: 0 }) };
  assert.equal(after(hovering, { type: "threshold", removed: 1, order: "up" }).hit, null);
  assert.deepEqual(after(hovering, { type: "threshold", removed: 1, order: "down" }).hit, hovering.hit);
});

test("panning keeps a part of the picture on the canvas", () => {
  assert.deepEqual(after(start, { type: "pan", dx: 12, dy: -5 }).view, { k: 1, x: 12, y: -5 });
  assert.equal(after(start, { type: "pan", dx: 9999, dy: 0 }).view.x, geometry.width - 60);
});

test("zooming holds a point, or the middle, and ends somewhere", () => {
  const { view } = after(start, { type: "zoom", factor: 2, x: 100, y: 50 });
  assert.deepEqual(view, { k: 2, x: -100, y: -50 });
  const middle = after(start, { type: "zoom", factor: 2 }).view;
  assert.deepEqual(middle, { k: 2, x: -geometry.width / 2, y: -geometry.height / 2 });
  assert.equal(after(start, { type: "zoom", factor: 1e9 }).view.k, 40);
  assert.equal(after(start, { type: "zoom", factor: 1e-9 }).view.k, 0.6);
});

test("resetting shows the whole and forgets the layer", () => {
  const deep = after(start, { type: "crumb", act: "layer-2" });
  assert.equal(deep.layer, 2);
  assert.ok(deep.view.k > 1);
  const whole = after(deep, { type: "reset" });
  assert.deepEqual([whole.view, whole.layer], [IDENTITY, -1]);
});

test("the pointer finds nodes, lines and nothing", () => {
  const over = after(start, { type: "hover", at: placeOf(4) });
  assert.deepEqual(over.hit, { kind: "unit", unit: 4 });
  assert.deepEqual(over.pointer, placeOf(4));
  const [a, b] = [placeOf(0), placeOf(3)];
  const line = after(start, { type: "hover", at: { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 } });
  assert.deepEqual(line.hit, { kind: "edge", edge: 0 });
  assert.equal(after(over, { type: "hover", at: null }).hit, null);
  assert.deepEqual(after(start, { type: "hover", at: { x: geometry.labels[2][0], y: 22 } }).hit, { kind: "layer", layer: 2 });
});

test("a click selects, the same again lets go, an empty place clears", () => {
  const click = /** @type {Intent} */ ({ type: "click", at: placeOf(4), reach: 6 });
  const chosen = after(start, { type: "hover", at: placeOf(4) }, click);
  assert.deepEqual([chosen.selected, chosen.told, chosen.hit], [{ kind: "unit", unit: 4 }, "unit-1-1", null]);
  assert.equal(chosen.focus?.main, 4);
  assert.deepEqual([...(chosen.focus?.units ?? [])].sort((a, b) => a - b), [0, 1, 4, 7, 8]);
  const again = after(chosen, click);
  assert.deepEqual([again.selected, again.told, again.focus], [null, "", null]);
  const empty = after(chosen, { type: "click", at: { x: 3, y: geometry.height - 3 }, reach: 6 });
  assert.deepEqual([empty.selected, empty.told], [null, ""]);
});

test("a click on a layer's name goes down to that layer", () => {
  const { layer, view } = after(start, { type: "click", at: { x: geometry.labels[2][0], y: 22 }, reach: 6 });
  assert.equal(layer, 2);
  assert.ok(view.k >= 1.7);
});

test("what a finger touches is said of at once, stays while the slider moves, and can be asked about", () => {
  const edge = network.edges - 1;
  const [from, to] = [placeOf(network.source[edge]), placeOf(network.target[edge])];
  const at = { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 };
  const touch = /** @type {Intent} */ ({ type: "click", at, reach: 14, isTouch: true });
  const touched = after(start, touch);
  assert.deepEqual([touched.hit, touched.selected, touched.isPinned], [{ kind: "edge", edge }, { kind: "edge", edge }, true]);
  assert.equal(after(start, { type: "click", at, reach: 6 }).hit, null, "a mouse hovers by itself");
  assert.deepEqual(askedOf(touched), { words: questionOf(network.curvature[edge]), weight: `weight-${network.parameter[edge]}` });
  assert.ok(after(touched, { type: "threshold", removed: 1, order: "up" }).isPinned);
  const gone = after(touched, { type: "threshold", removed: network.parameters, order: "up" });
  assert.deepEqual([gone.hit, askedOf(gone)], [null, null]);
  for (const intent of /** @type {Intent[]} */ ([touch, { type: "pan", dx: 1, dy: 0 }, { type: "select", text: "" }, KEYS.n])) {
    const next = after(touched, intent);
    assert.deepEqual([next.hit, next.isPinned], [null, false]);
  }
  assert.deepEqual(["red", "blue", "0"].map((word, at) => questionOf([-1, 0.2, 0][at]).includes(word)), [true, true, true]);
});

test("of several weights behind a line that is asked about whose κ it shows: the least that is left", () => {
  const own = { kind: "edge", edge: 0 };
  const start0 = Uint32Array.of(0, 3);
  const some = { ...network, edges: 1, start: start0, member: Uint32Array.of(7, 8, 9), memberCurvature: Float32Array.of(-1, -3, -2), curvature: Float32Array.of(-3), bin: Uint8Array.of(0), ranks: { up: Uint8Array.of(1, 0, 2) } };
  const at = (/** @type {number} */ removed) => {
    const state = { ...start, network: /** @type {Network} */ (some), hit: own, removed, order: "up", left: linesLeft(/** @type {Network} */ (some), "up", removed) };
    return askedOf(/** @type {State} */ (state))?.weight;
  };
  assert.deepEqual([at(0), at(1), at(2), at(3)], ["weight-8", "weight-9", "weight-9", undefined]);
});

test("a text selects what is drawn, and is remembered where that is not", () => {
  const weight = after(start, { type: "select", text: "weight-0" });
  assert.deepEqual(weight.selected, { kind: "edge", edge: network.edges - 1 });
  const elsewhere = after(start, { type: "select", text: "weight-999" });
  assert.deepEqual([elsewhere.selected, elsewhere.told], [null, "weight-999"]);
  assert.deepEqual(after(weight, { type: "select", text: "" }).told, "");
});

test("lines are walked by strength, as far as they are left, and lead to their ends", () => {
  const first = after(start, KEYS.n);
  assert.deepEqual(first.selected, { kind: "edge", edge: network.edges - 1 });
  assert.deepEqual(after(first, KEYS.n).selected, { kind: "edge", edge: network.edges - 2 });
  assert.deepEqual(after(first, KEYS.n, KEYS.p).selected, first.selected);
  const pruned = after(start, { type: "threshold", removed: 3, order: "down" }, KEYS.n);
  assert.deepEqual(pruned.selected, { kind: "edge", edge: network.edges - 4 });
  const unit = network.source[network.edges - 1];
  assert.deepEqual(after(first, KEYS.s).selected, { kind: "unit", unit });
  assert.deepEqual(after(first, KEYS.t).selected, { kind: "unit", unit: network.target[network.edges - 1] });
  assert.equal(after(start, KEYS.s), start, "without a line there is no end");
});

test("every key does what the picture says of it", () => {
  assert.equal(after(start, KEYS.ArrowLeft).view.x, 40);
  assert.equal(after(start, KEYS.ArrowDown).view.y, -40);
  assert.ok(after(start, KEYS["+"]).view.k > 1 && after(start, KEYS["-"]).view.k < 1);
  assert.deepEqual(after(start, KEYS["+"], KEYS["0"]).view, IDENTITY);
  const chosen = after(start, { type: "select", text: "weight-1" });
  assert.ok(after(chosen, KEYS.f).view.k > 1, "F fits the selection");
  assert.deepEqual(after(chosen, KEYS.f, KEYS.Escape, KEYS.f).view, IDENTITY, "or everything");
  assert.equal(after(chosen, KEYS.Escape).selected, null);
});

test("a step of the path leads back", () => {
  const deep = after(start, { type: "select", text: "unit-2-1" }, { type: "fit" });
  const layer = after(deep, { type: "crumb", act: "layer-1" });
  assert.deepEqual([layer.selected, layer.layer], [null, 1]);
  const whole = after(layer, { type: "crumb", act: "all" });
  assert.deepEqual([whole.told, whole.layer, whole.view], ["", -1, IDENTITY]);
  assert.equal(after(whole, { type: "crumb", act: "unit-2-1" }).told, "unit-2-1");
});

test("a picture longer than its frame goes to a layer, and two pictures go together", () => {
  const many = exampleNetwork(40, { digest: "many" });
  const long = exampleGeometry(many);
  const state = after(EMPTY, message({ network: many }), { type: "resize", geometry: long });
  const moved = after(state, { type: "centre", layer: 20 });
  assert.ok(Math.abs(long.middles[20] + moved.view.x - (long.margin.left + long.frame.width / 2)) < 1e-6);
  assert.deepEqual(after(state, { type: "follow", view: moved.view }).view, moved.view);
  assert.equal(after(state, { type: "follow", view: { k: 1, x: 500, y: 0 } }).view.x, 0, "nothing lies before the first");
});

test("Python's selection counts when it changes, and the reader's stays otherwise", () => {
  const own = after(start, { type: "select", text: "unit-1-1" });
  assert.equal(after(own, message()).told, "unit-1-1");
  const asked = after(own, message({ selection: "unit-2-2" }));
  assert.deepEqual([asked.told, asked.selected], ["unit-2-2", { kind: "unit", unit: 8 }]);
  const redrawn = after(own, message({ network: exampleNetwork(4, { digest: "fewer lines" }) }));
  assert.deepEqual([redrawn.told, redrawn.selected], ["unit-1-1", { kind: "unit", unit: 4 }]);
  const other = after(own, message({ network: exampleNetwork(5, { digest: "another" }) }));
  assert.deepEqual([other.told, other.selected, other.view], ["", null, IDENTITY]);
});

test("a line that is not drawn is known by its card, unless something else was clicked meanwhile", () => {
  /** @type {LineData} */
  const line = { source: [0, 1], target: [1, 2], connection: 0, parameter: 999, curvature: -2 };
  const card = /** @type {CardData} */ ({ selection: "weight-999", line });
  const shown = after(start, message({ selection: "weight-999", card }));
  const found = { kind: "line", source: 1, target: 5, connection: 0, parameter: 999, bin: 0 };
  assert.deepEqual(shown.selected, found);
  assert.deepEqual(shown.focus, { isOwn: false, edges: [], units: [1, 5], line: found });
  assert.deepEqual(after(shown, KEYS.t).selected, { kind: "unit", unit: 5 });
  const late = after(start, message({ selection: "weight-999" }), { type: "select", text: "" }, message({ selection: "weight-999", card }));
  assert.equal(late.selected, null);
});

test("all lines of a selection come from Python, stand out instead of those drawn, and go with it", () => {
  const own = readOwn(network, { selection: "unit-1-1", total: network.edges, orders: network.orders, arrays: network.arrays, digest: "own" });
  assert.equal(own.edges, network.edges);
  const clicked = after(start, { type: "click", at: placeOf(4), reach: 6 });
  assert.equal(clicked.told, "unit-1-1");
  assert.deepEqual([clicked.focus?.isOwn, clicked.focus?.edges.length], [false, 4]);
  const answered = after(clicked, message({ own: { selection: "unit-1-1", network: own }, selection: "unit-1-1" }));
  assert.deepEqual([answered.focus?.isOwn, answered.focus?.edges.length, answered.focus?.main], [true, own.edges, 4]);
  const pruned = after(answered, { type: "threshold", removed: 5, order: "up" });
  assert.equal(pruned.own?.left.kept, own.edges - 5);
  // Their own answer comes late for what was selected meanwhile.
  const other = after(pruned, { type: "select", text: "unit-2-0" });
  assert.deepEqual([ownOf(other), other.focus?.isOwn], [null, false]);
  const x = (geometry.x[1] + geometry.x[4]) / 2;
  const hovered = after(answered, { type: "hover", at: { x, y: (geometry.y[1] + geometry.y[4]) / 2 } });
  assert.deepEqual(hovered.hit?.kind === "edge" && hovered.hit.isOwn, true);
});
