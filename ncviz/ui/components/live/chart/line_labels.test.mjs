import assert from "node:assert/strict";
import test from "node:test";

import { placeNames } from "./line_labels.js";

const PLOT = { x: 0, y: 0, width: 700, height: 130 };

/**
 * @param {number} at where a curve falls
 * @returns {[number, number][]}
 */
const fall = (at) => [[0, 5], [at, 5], [at + 30, 118], [700, 118]];

test("each curve has its name beside it, over no curve and no other name", () => {
  const curves = [["a", "Redundant first", 600], ["b", "Bottlenecks first", 20], ["c", "Random", 200], ["d", "Magnitude, smallest first", 420]].map(
    ([key, text, at]) => ({ key: String(key), text: String(text), points: fall(Number(at)) }),
  );
  /** @type {[number, number][][]} */
  const others = [[[0, 3], [700, 3]]];
  const around = { taken: [{ x: 630, y: 0, width: 70, height: 16 }], unit: 1, others };
  const names = placeNames(curves, PLOT, around);
  assert.deepEqual(names.map(({ key }) => key), ["a", "b", "c", "d"]);
  const boxes = names.map(({ text, x, y }) => ({ x: x - text.length * 2.85, y: y - 7, width: text.length * 5.7, height: 14 }));
  for (const [at, box] of boxes.entries()) {
    for (const other of [...boxes.slice(0, at), ...around.taken]) {
      const isApart = box.x + box.width <= other.x || other.x + other.width <= box.x || box.y + box.height <= other.y || other.y + other.height <= box.y;
      assert.ok(isApart, `${names[at].text} lies over another`);
    }
    for (const { points } of curves) {
      for (const [index, [x, y]] of points.slice(0, -1).entries()) {
        const [toX, toY] = points[index + 1];
        for (let part = 0; part <= 1; part += 0.01) {
          const [px, py] = [x + (toX - x) * part, y + (toY - y) * part];
          assert.ok(px < box.x || px > box.x + box.width || py < box.y || py > box.y + box.height);
        }
      }
    }
  }
  const own = names[2];
  assert.ok(Math.abs(own.x - 215) < 60, "Random stands where its curve falls");
});

test("a name without room is left out", () => {
  const curve = { key: "a", text: "Random", points: fall(100) };
  assert.deepEqual(placeNames([curve], PLOT, { taken: [PLOT], unit: 1, others: [] }), []);
  const around = { taken: [], unit: 1, others: [] };
  assert.deepEqual(placeNames([curve, { ...curve, key: "b" }], PLOT, around), [], "neither is told from the other");
});

test("long rough curves are placed by few distances, and where all distances would place them", () => {
  const rough = (/** @type {number} */ at) =>
    Array.from({ length: 500 }, (_, i) => /** @type {[number, number]} */ ([1.4 * i, 5 + 113 / (1 + Math.exp((at - 1.4 * i) / 9)) + 1.5 * Math.sin(i)]));
  const curves = Object.entries({ "Redundant first": 600, "Bottlenecks first": 20, Random: 200, Magnitude: 420 }).map(([text, at]) => ({ key: text, text, points: rough(at) }));
  const { hypot } = Math;
  let count = 0;
  Math.hypot = (...sides) => {
    count += 1;
    return hypot(...sides);
  };
  try {
    const names = placeNames(curves, PLOT, { taken: [], unit: 1, others: [[[0, 3], [700, 3]]] });
    // Found by trying every place against every point, which takes 1,311,345 distances.
    const tried = [["Redundant first", 650, 65], ["Bottlenecks first", 81, 76], ["Random", 177, 66], ["Magnitude", 387, 60]];
    assert.deepEqual(names.map(({ text, x, y }) => [text, Math.round(x), Math.round(y)]), tried);
  } finally {
    Math.hypot = hypot;
  }
  assert.ok(count < 20_000, `${count} distances`);
});
