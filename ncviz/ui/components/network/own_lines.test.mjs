import assert from "node:assert/strict";
import test from "node:test";

import { exampleGeometry, exampleNetwork } from "./example.mjs";
import { readOwn } from "./own_lines.js";
import { KEYS } from "./pointer.js";
import { askedOf, questionOf } from "./question.js";
import { EMPTY, reduce } from "./state.js";

const network = exampleNetwork();
const geometry = exampleGeometry(network);

/**
 * @param {State} state
 * @param {Intent[]} intents
 */
function after(state, ...intents) {
  return intents.reduce(reduce, state);
}

/**
 * @param {Partial<Receive>} changes
 * @returns {Receive}
 */
function message(changes) {
  return { type: "receive", network, own: null, removed: 0, order: "up", selection: "", card: null, ...changes };
}

/** @param {number} unit */
function placeOf(unit) {
  return { x: geometry.x[unit], y: geometry.y[unit] };
}

test("a finger on a line of the selection is told of that very line, once it is known by what it is asked of", () => {
  const third = (/** @type {Numbers} */ all) => all.filter((_, at) => at % 3 === 0);
  const names = ["source", "target", "curvature", "weight", "parameter", "connection", "rank0"];
  const few = exampleNetwork(4, { digest: "few", arrays: { ...network.arrays, ...Object.fromEntries(names.map((name) => [name, third(network.arrays[name])])) } });
  const ownBy = (/** @type {string} */ selection, /** @type {number[]} */ edges) => {
    const arrays = Object.fromEntries(names.map((name) => [name, network.arrays[name].filter((_, at) => edges.includes(at))]));
    return { selection, network: readOwn(few, { selection, total: edges.length, orders: few.orders, arrays, digest: selection }) };
  };
  const all = ownBy("unit-1-1", [...network.arrays.source.keys()]);
  const chosen = after(EMPTY, message({ network: few }), { type: "resize", geometry: exampleGeometry(few) }, { type: "select", text: "unit-1-1" });
  const fanned = after(chosen, message({ network: few, own: all, selection: "unit-1-1" }));
  const middle = (/** @type {number} */ edge) => {
    const [from, to] = [placeOf(network.source[edge]), placeOf(network.target[edge])];
    return { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 };
  };
  for (const edge of [3, 6, 8, 11]) {
    const [told, words] = [`weight-${network.parameter[edge]}`, questionOf(network.curvature[edge])];
    const at = middle(edge);
    assert.deepEqual(after(fanned, { type: "hover", at }).hit, { kind: "edge", edge, isOwn: true });
    const touched = after(fanned, { type: "click", at, reach: 14, isTouch: true });
    assert.equal(touched.told, told);
    const isDrawn = edge % 3 === 0;
    assert.deepEqual(touched.hit, isDrawn ? { kind: "edge", edge: edge / 3 } : null);
    assert.deepEqual(askedOf(touched), isDrawn ? { words, weight: told } : null);
    // A panel's answer comes before that to the selection.
    const own = ownBy(told, [edge]);
    const answered = after(touched, message({ network: few, own: all, selection: "unit-1-1" }), message({ network: few, own, selection: told }));
    assert.equal(answered.isPinned, true);
    assert.deepEqual(askedOf(answered), { words, weight: told });
    assert.deepEqual(answered.hit, isDrawn ? touched.hit : { kind: "edge", edge: 0, isOwn: true });
    const gone = after(answered, { type: "threshold", removed: network.parameters, order: "up" });
    assert.deepEqual([gone.hit, askedOf(gone)], [null, null]);
  }
  // A key selects another line, and what lay under the mouse is no line of that.
  const hovered = after(fanned, { type: "hover", at: middle(8) }, KEYS.n);
  assert.deepEqual([hovered.hit, askedOf(hovered)], [null, null]);
  const renewed = after(fanned, { type: "hover", at: middle(8) }, message({ network: few, own: ownBy("unit-1-1", [2, 3]), selection: "unit-1-1" }));
  assert.equal(renewed.hit, null);
});
