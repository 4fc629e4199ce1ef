import assert from "node:assert/strict";
import test from "node:test";

import { makeScale, stepFrom, stopAt, ticksOf } from "./scale.js";

/** @type {(total: number, zeros?: number, isLinear?: boolean) => SliderScale} */
const scaleOf = (total, zeros = 0, isLinear = false) => makeScale({ total, zeros, most: total }, isLinear);
const SIZES = [1, 2, 10, 2720, 1452032];

test("the ends are exact, every weight has a place of its own, and both ends are alike", () => {
  for (const total of SIZES) {
    for (const isLinear of [false, true]) {
      const scale = scaleOf(total, 0, isLinear);
      assert.equal(scale.positionOf(0), 0);
      assert.equal(scale.positionOf(total), 1);
      const near = [0, 1, 2, 3, 7, Math.floor(total / 3), total - 2, total - 1, total].filter((n) => n >= 0 && n <= total);
      for (const removed of near) {
        assert.equal(scale.removedAt(scale.positionOf(removed)), removed, `${removed} of ${total}`);
        assert.ok(Math.abs(scale.positionOf(removed) + scale.positionOf(total - removed) - 1) < 1e-12);
      }
    }
  }
});

test("in a million weights the first ones take pixels, and the middle keeps its room", () => {
  const { positionOf } = scaleOf(1452032);
  assert.ok(600 * positionOf(1) > 8, "one weight can be dragged");
  assert.ok(600 * (positionOf(200) - positionOf(12)) > 30, "a collapse within 0.013% can be seen");
  assert.ok(positionOf(0.9 * 1452032) - positionOf(0.1 * 1452032) > 0.4);
});

test("zeros are where the scale begins, and what is outside is brought to its ends", () => {
  const scale = scaleOf(100, 80);
  assert.deepEqual([scale.positionOf(0), scale.positionOf(80), scale.positionOf(100)], [0, 0, 1]);
  assert.deepEqual([scale.removedAt(-1), scale.removedAt(0), scale.removedAt(2)], [80, 80, 100]);
  const held = makeScale({ total: 100, zeros: 80, most: 90 });
  assert.deepEqual([held.positionOf(90), held.removedAt(1), stepFrom(held, 90, 1, "weight")], [1, 90, 90]);
  assert.deepEqual([ticksOf(held, 900)[0].label, ticksOf(held, 900).at(-1)?.label], ["80", "90"]);
  const none = scaleOf(5, 5);
  assert.deepEqual([none.positionOf(5), none.removedAt(0.5), ticksOf(none, 600)], [0, 5, []]);
});

test("Python has the same scale", () => {
  const { removedAt } = scaleOf(2720, 20);
  assert.deepEqual([0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.95, 1].map(removedAt), [20, 23, 32, 268, 1370, 2472, 2717, 2720]);
});

test("a step can be seen, and is at least one weight", () => {
  const scale = scaleOf(1452032);
  assert.equal(stepFrom(scale, 0, 1, "step"), 1);
  assert.equal(stepFrom(scale, 1452032, -1, "step"), 1452031);
  assert.deepEqual([stepFrom(scale, 726016, 1, "weight"), stepFrom(scale, 726016, -1, "weight")], [726017, 726015]);
  const half = stepFrom(scale, 726016, 1, "step");
  assert.ok(Math.abs(scale.positionOf(half) - 0.505) < 1e-5);
  assert.ok(Math.abs(scale.positionOf(stepFrom(scale, 726016, 1, "leap")) - 0.55) < 1e-5);
  assert.deepEqual([stepFrom(scale, 0, -1, "leap"), stepFrom(scale, 1452032, 1, "weight")], [0, 1452032]);
  const near = [0.1234, 0.1226, -1, 7].map((position) => stopAt(scale, position));
  assert.deepEqual(near, [0.123, 0.123, 0, 1].map(scale.removedAt));
});

test("labels are round shares that do not touch, and none is less than a weight", () => {
  const labels = (/** @type {Parameters<typeof scaleOf>} */ ...given) =>
    ticksOf(scaleOf(...given), 800).map(({ label }) => label);
  assert.deepEqual(labels(100, 0, true), ["0", "10", "20", "30", "40", "50", "60", "70", "80", "90", "100"]);
  const large = labels(1452032);
  for (const label of ["0", "0.01", "0.1", "1", "10", "50", "90", "99", "99.9", "100"]) {
    assert.ok(large.includes(label), `${label} among ${large}`);
  }
  assert.ok(!labels(500).includes("0.1"), "half a weight");
  const ticks = ticksOf(scaleOf(1452032), 300);
  ticks.slice(1).forEach((tick, i) => assert.ok((tick.position - ticks[i].position) * 300 > 20));
  assert.deepEqual([labels(1000, 800)[0], labels(1000, 800).at(-1)], ["80", "100"]);
  // A few cut by hand are not rounded past the next label, and a few kept are not all.
  const numbers = labels(1452032, 1164).map(Number);
  assert.deepEqual(numbers, [...numbers].sort((a, b) => a - b));
  assert.equal(numbers[0], 0.08);
  const held = ticksOf(makeScale({ total: 1452032, zeros: 0, most: 1452000 }), 800);
  assert.equal(held.at(-1)?.label, "99.9978");
});
