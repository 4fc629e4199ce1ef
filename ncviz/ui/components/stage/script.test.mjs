import assert from "node:assert/strict";
import test from "node:test";

import { captionAt, lengthOf, placeAt } from "./script.js";

test("blue goes to 60%, red to 1%, and then the slider is where it was", () => {
  const shares = { blue: 0, red: 0, you: 0 };
  for (let time = 0; time < lengthOf(false); time += 10) {
    const { share, order, phase } = placeAt(time, false);
    shares[phase] = Math.max(shares[phase], share);
    assert.equal(order, { blue: "curvature/redundant", red: "curvature/bottlenecks", you: null }[phase]);
  }
  assert.deepEqual(shares, { blue: 0.6, red: 0.01, you: 0 });
  assert.equal(placeAt(lengthOf(false) + 1, false).phase, "you");
});

test("without motion the slider only stands", () => {
  const places = new Set();
  for (let time = 0; time < lengthOf(true); time += 10) places.add(placeAt(time, true).share);
  assert.deepEqual([...places], [0.6, 0, 0.01]);
});

test("a caption says the panel's own numbers, and none that are of another order", () => {
  const of = { total: 1000, word: "accuracy", baseline: 0.981 };
  const reading = { removed: 9, order: "curvature/bottlenecks", accuracy: 0.2625, isRead: false, by_hand: "", says: "" };
  assert.equal(captionAt("red", reading, of), "Red bridges first: 0.90% gone. Accuracy 26.3%, 98.1% before.");
  assert.equal(captionAt("blue", reading, of), "Blue mesh first.");
});
