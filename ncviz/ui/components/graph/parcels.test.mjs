import assert from "node:assert/strict";
import test from "node:test";

import { pointAt } from "./parcels.js";

test("a parcel goes along its path, each step as long as its edge", () => {
  const points = [{ x: 0, y: 0 }, { x: 10, y: 0 }, { x: 10, y: 20 }];
  const at = (/** @type {number} */ come) => pointAt(points, [1, 4], come);
  assert.deepEqual(at(0), { x: 0, y: 0 });
  assert.deepEqual(at(0.5), { x: 5, y: 0 });
  assert.deepEqual(at(1), { x: 10, y: 0 });
  assert.deepEqual(at(3), { x: 10, y: 10 });
  assert.deepEqual(at(5), { x: 10, y: 20 });
});
