import assert from "node:assert/strict";
import test from "node:test";

import { linesLeft } from "./data.js";
import { exampleNetwork } from "./example.mjs";
import { questionOf } from "./question.js";
import { describeHit, factorsOf, wayWords, whyWords } from "./words.js";

test("a line says how far the mass around it goes, and nothing where κ does not tell", () => {
  const scale = /** @type {Scale} */ (/** @type {unknown} */ ({ never: 2 }));
  const of = (/** @type {number} */ kappa, ways = true) => wayWords({ ways, scale }, kappa);
  assert.equal(of(-2.2), "goes 3.2 times the way between its ends");
  assert.equal(of(0.97), "goes 0.03 times the way between its ends");
  assert.equal(of(1.3), "finds ways past it that are shorter than itself");
  for (const silent of [of(1), of(2), of(-2.2, false)]) assert.equal(silent, "");
});

test("the factors of a line are those of the weights behind it", () => {
  const factor = Float32Array.of(1, 2, 0.5, 1);
  assert.deepEqual(factorsOf({ factor }, 1), [2]);
  assert.deepEqual(factorsOf({ factor, start: Uint32Array.of(0, 1, 3, 4) }, 1), [2, 0.5]);
  assert.deepEqual(factorsOf({ start: Uint32Array.of(0, 4) }, 0), []);
});

test("why a layer is red is told from its numbers, and nothing that they do not bear out", () => {
  const spread = (/** @type {number} */ inputs, /** @type {number} */ negative) => /** @type {Spread} */ ({ inputs, negative, active: 100 });
  const layers = ["input", "conv 0", "linear 5", "linear 9"].map((name) => ({ ...exampleNetwork(2).layers[0], name }));
  const numbers = Uint8Array.of(0, 1, 2);
  const drawn = { connections: ["a", "b", "c"], connection: numbers, target: numbers, layerOf: Uint16Array.of(1, 2, 3), layers, middles: false };
  const network = { ...drawn, spreads: [spread(36, 83), spread(256, 19), spread(84, 15)] };
  assert.equal(whyWords(network, 0), "Fewer ways lead past a line: a unit here has 36 inputs; in linear 5 it has 256, and 19% are bottlenecks.");
  assert.equal(whyWords(network, 1), "More ways lead past a line: a unit here has 256 inputs; in conv 0 it has 36, and 83% are bottlenecks.");
  assert.equal(whyWords({ ...drawn, spreads: [spread(36, 10), spread(256, 19)] }, 0), "A unit here has 36 inputs.");
  assert.equal(whyWords({ ...drawn, spreads: [spread(36, 10)] }, 0), "");
  assert.equal(whyWords({ ...network, middles: true }, 0), "");
});

test("the middle of an interval is said to be one, and its sign is neither told nor asked about", () => {
  const network = exampleNetwork(2);
  const left = linesLeft(network, null, 0);
  const told = (/** @type {boolean} */ middles) => JSON.stringify(describeHit({ ...network, middles }, { kind: "edge", edge: 0 }, left));
  const node = (/** @type {boolean} */ middles) => JSON.stringify(describeHit({ ...network, middles }, { kind: "unit", unit: 0 }, left));
  assert.ok(told(false).includes("bottleneck"));
  assert.ok(!told(true).includes("bottleneck"));
  assert.ok(told(true).includes(", middle of an interval"));
  assert.ok(node(true).includes("lowest middle of κ"));
  assert.equal(questionOf(-0.5, false), "Why is it red?");
  assert.equal(questionOf(-0.5, true), "Why this κ?");
});
