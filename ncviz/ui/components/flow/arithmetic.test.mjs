import assert from "node:assert/strict";
import test from "node:test";

import { largestSummands, productOf, sumOf } from "./arithmetic.js";
import { ForwardPass } from "./forward.js";

const CONV = { kernel_size: [2, 2], stride: [1, 1], padding: [1, 0], dilation: [1, 1], groups: 1 };
const PROGRAM = {
  operations: [
    { kind: "conv2d", reads: [1, 2, 3], returns: [2, 3, 2], ...CONV, weight: "a", bias: "b" },
    { kind: "tanh", reads: [2, 3, 2], returns: [2, 3, 2] },
    { kind: "linear", reads: [12], returns: [3], weight: "c" },
    { kind: "relu", reads: [3], returns: [3] },
  ],
  layers: [0, 2, 4],
  tensors: [
    { name: "a", start: 0, size: 8, ranked: 0 },
    { name: "b", start: 8, size: 2, ranked: null },
    { name: "c", start: 10, size: 36, ranked: 8 },
  ],
};
const PARAMETERS = Float32Array.from({ length: 46 }, (_, at) => Math.sin(3 * at + 1));
const IMAGE = [0.2, 0.9, 0.4, 0.1, 0.7, 0.3];

test("the products of a unit, the others and the bias add up to its sum, now and in the whole network", () => {
  const pass = new ForwardPass(PROGRAM, PARAMETERS);
  const kept = Uint8Array.from({ length: 44 }, (_, at) => Number(at % 3 > 0));
  const now = { found: pass.run(IMAGE, kept), tensors: pass.tensorsAt(kept) };
  const whole = { found: pass.run(IMAGE, null), tensors: pass.tensorsAt(null) };
  for (const [layer, units] of [[1, 12], [2, 3]]) {
    for (let unit = 0; unit < units; unit += 1) {
      const found = sumOf(PROGRAM, now, whole, layer, unit);
      assert.ok(found);
      const { largest, others, now: rest, before } = largestSummands(found, 2);
      assert.equal(largest.length + others, found.summands.length);
      const told = (/** @type {number} */ more, /** @type {(each: Summand) => number} */ of) =>
        largest.reduce((sum, each) => sum + of(each), more + found.bias);
      assert.ok(Math.abs(told(rest, productOf) - found.now.sum) < 1e-9);
      assert.ok(Math.abs(told(before, (each) => each.before) - found.whole.sum) < 1e-9);
      const [[kind, value]] = found.now.steps;
      assert.equal(kind, layer === 1 ? "tanh" : "relu");
      assert.equal(value, now.found[PROGRAM.layers[layer]][unit]);
    }
  }
  assert.equal(sumOf(PROGRAM, now, whole, 2, 0)?.layer, 1, "it reads the layer before");
  assert.equal(sumOf(PROGRAM, now, whole, 0, 0), null, "nothing makes the image");
});
