import assert from "node:assert/strict";
import test from "node:test";

import { measuredAt, readout, thresholdAt, valueAt } from "./curve.js";

test("the readout prefers what was measured here and never an older value", () => {
  const sweeps = { a: { removed: [0, 10, 20], accuracy: [1, 0.5, null], threshold: [2, 1, 0], images: 0 } };
  /** @type {Answer} */
  const answer = { seq: 1, removed: 4, order: "a", accuracy: 0.83, images: 360, threshold: 1.7 };
  /** @type {Situation} */
  const base = {
    ...{ answer, answeredAt: 0, sweeps, steps: {}, order: "a", removed: 4, isDragging: false, isLive: true, now: 9e9 },
    positionOf: (removed) => removed,
  };
  /** @param {Partial<Situation>} change */
  const show = (change) => {
    const { accuracy, source } = readout({ ...base, ...change });
    return [accuracy, source];
  };
  assert.deepEqual(show({}), [0.83, "measured"]);
  assert.deepEqual(show({ removed: 5 }), [0.75, "curve"]);
  assert.deepEqual(show({ removed: 5, isDragging: true, now: 100 }), [0.83, "measured"]);
  assert.deepEqual(show({ removed: 5, isDragging: true, isLive: false, now: 100 }), [0.75, "curve"]);
  assert.deepEqual(show({ removed: 5, isDragging: true, now: 900 }), [0.75, "curve"]);
  assert.deepEqual(show({ order: "b" }), [null, "unknown"]);
  assert.deepEqual(show({ answer: { ...answer, accuracy: null } }), [0.8, "curve"]);
  assert.deepEqual(show({ answer: null, removed: 99 }), [null, "unknown"]);
  assert.deepEqual([thresholdAt(base), thresholdAt({ ...base, removed: 5 })], [1.7, 1.5]);
});

test("a curve with a point for every step needs no answer", () => {
  const fine = { removed: [0, 3, 5, 9], accuracy: [0.9, 0.8, null, 0.1], threshold: [], images: 360 };
  const base = { answer: null, answeredAt: 0, order: "a", isDragging: true, isLive: false, now: 0 };
  const positionOf = (/** @type {number} */ removed) => removed;
  const show = (/** @type {number} */ removed, /** @type {number} */ images) =>
    readout({ ...base, removed, positionOf, sweeps: { a: { ...fine, images: 0 } }, steps: { a: { ...fine, images } } });
  assert.deepEqual(
    [0, 3, 9].map((removed) => show(removed, 360)),
    [0.9, 0.8, 0.1].map((accuracy) => ({ accuracy, source: "measured", images: 360 })),
  );
  assert.deepEqual([4, 5, 12].map((removed) => measuredAt(fine, removed)), [null, null, null]);
  assert.deepEqual([show(3, 0).source, show(4, 360).source], ["curve", "curve"]);
  assert.equal(measuredAt(undefined, 3), null);
  assert.equal(measuredAt({ ...fine, removed: [] }, 3) ?? null, null);
});

test("between its points a curve is read where it is drawn, and κ at the slider's stops where they are known", () => {
  const sweep = { removed: [0, 1, 100], accuracy: [1, 0.8, 0.2], threshold: [-9, -8, 0], images: 0 };
  const stops = { removed: [0, 1, 10, 100], accuracy: [], threshold: [-9, -8, -4, 0], images: 0 };
  const positionOf = (/** @type {number} */ removed) => Math.log10(removed + 1e-9);
  assert.ok(Math.abs((valueAt(sweep, sweep.accuracy, 10, positionOf) ?? 0) - 0.5) < 1e-6);
  const given = { answer: null, sweeps: { a: sweep }, order: "a", removed: 10, positionOf };
  assert.equal(thresholdAt({ ...given, steps: { a: stops } }), -4);
  assert.ok(Math.abs((thresholdAt({ ...given, steps: {} }) ?? 0) + 4) < 1e-6);
  assert.equal(measuredAt({ ...stops, images: 0 }, 10), null);
});
