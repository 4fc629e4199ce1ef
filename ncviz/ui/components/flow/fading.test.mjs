import assert from "node:assert/strict";
import test from "node:test";

import { exampleNetwork } from "../network/example.mjs";
import { fadedNodes } from "./fading.js";
import { flowOfLines } from "./lines.js";
import { verdictOf } from "./verdict.js";

const network = exampleNetwork(3);
const state = (/** @type {number[]} */ activity, /** @type {number[]} */ scores) => ({
  activity: Uint8Array.from(activity),
  scores: Float32Array.from(scores),
  said: [],
});
const whole = state([255, 0, 100, 200, 10, 120, 255, 30, 0], [0.9, 0.1, 0]);
/** @type {FlowEvent} */
const flow = {
  ...state([255, 0, 100, 90, 0, 110, 30, 255, 0], [0.2, 0.7, 0.1]),
  of: "example",
  removed: 3,
  order: "up",
  image: "image-0",
  ranges: [[0, 1], [0, 2], [0, 1]],
  whole,
};

test("a unit that was active and is less than half as active has faded; image and classes never have", () => {
  const faded = fadedNodes(network, flow, (node, activity) => activity[node] / 255);
  assert.deepEqual([...faded], [0, 0, 0, 1, 0, 0, 0, 0, 0], "the fifth was hardly active before");
});

test("a line carries its weight times the activation that it reads, and nothing once it is removed", () => {
  const found = flowOfLines(network, whole, flow.ranges, null);
  const expected = Array.from(network.source, (unit) => (whole.activity[unit] / 255) * (unit < 3 ? 1 : 2));
  found.forEach((value, e) => assert.ok(Math.abs(value - expected[e]) < 1e-6));
  const none = flowOfLines(network, flow, flow.ranges, new Uint8Array(network.edges));
  assert.ok(none.every((value) => value === 0));
  const left = new Uint8Array(network.edges).fill(1);
  const before = flowOfLines(network, whole, flow.ranges, left, "a step");
  const halved = { ...network, factor: new Float32Array(network.edges).fill(0.5) };
  const scaled = flowOfLines(halved, whole, flow.ranges, left, "a step");
  scaled.forEach((value, e) => assert.ok(Math.abs(value - before[e] / 2) < 1e-6));
  assert.deepEqual([...flowOfLines(halved, whole, flow.ranges, null)], [...found], "the whole network's is not scaled");
  assert.ok(flowOfLines(network, whole, flow.ranges, new Uint8Array(network.edges), "the next").every((value) => value === 0));
});

test("the verdict tells a flip, and whether it is right where anybody knows", () => {
  const judged = { label: 0 };
  const verdict = verdictOf(network.classes, flow, judged);
  assert.deepEqual([verdict?.now, verdict?.whole, verdict?.isFlipped], ["b", "a", true]);
  assert.deepEqual(verdict?.outcome, { isRight: false, words: "✗ wrong, it is a" });
  assert.equal(verdictOf(network.classes, flow, { ...judged, label: null })?.outcome, null);
  assert.equal(verdictOf(network.classes, { ...flow, scores: null }, judged), null);
});
