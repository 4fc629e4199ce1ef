import assert from "node:assert/strict";
import test from "node:test";

import { comeTo, nextStep, workAt } from "./travel.js";

const PARCELS = [
  { mass: 0.9, distance: 2 },
  { mass: 0.06, distance: 10 },
  { mass: 0.04, distance: 0 },
];

test("the work counts up from nothing to all of it, and never back", () => {
  const all = 0.9 * 2 + 0.06 * 10;
  assert.equal(workAt(PARCELS, 0), 0);
  assert.ok(Math.abs(workAt(PARCELS, 1) - all) < 1e-12);
  let before = 0;
  for (let share = 0; share <= 1; share += 0.01) {
    const now = workAt(PARCELS, share);
    assert.ok(now >= before - 1e-12);
    before = now;
  }
});

test("all travel at one speed: what is near has arrived when the farthest is on its way", () => {
  assert.equal(comeTo(0.2, 2, 10), 2);
  assert.equal(comeTo(0.5, 10, 10), 5);
  assert.ok(Math.abs(workAt(PARCELS, 0.5) - (0.9 * 2 + 0.06 * 5)) < 1e-12);
});

test("the button says what it does next", () => {
  assert.equal(nextStep(1, false), "Replay");
  assert.equal(nextStep(0.4, false), "Play");
  assert.equal(nextStep(0.4, true), "Pause");
});
