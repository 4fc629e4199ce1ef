import assert from "node:assert/strict";
import { test } from "node:test";
import { holdsPoint, setOf, weightsBehind } from "./lasso.js";
import { nextLines } from "./next.js";

test("a polygon holds what a ray leaves through an odd number of sides", () => {
  const bent = [0, 0, 10, 0, 10, 10, 5, 3, 0, 10];
  assert.equal(holdsPoint(bent, 5, 2), true);
  assert.equal(holdsPoint(bent, 5, 6), false);
  assert.equal(holdsPoint(bent, 1, 7), true);
  assert.equal(holdsPoint(bent, 11, 5), false);
});

test("weights are written as Python writes and reads them", () => {
  assert.equal(setOf([5, 6, 7, 100, 3000]), "set-5.3-2n-28k");
  assert.equal(setOf([0]), "set-0");
});

const network = /** @type {Network} */ (
  /** @type {unknown} */ ({
    edges: 2,
    parameters: 4,
    parameter: [2, 0],
    start: [0, 2, 4],
    member: [2, 3, 0, 1],
    ranks: { a: [0, 3, 1, 2] },
  })
);

test("each weight behind the lines is meant once", () => {
  assert.deepEqual(weightsBehind(network, [0, 1, 0]), [0, 1, 2, 3]);
  assert.deepEqual(weightsBehind({ ...network, start: undefined, member: undefined }, [1, 0]), [0, 2]);
});

test("the lines of which a weight goes next", () => {
  assert.deepEqual(nextLines(network, "a", 0), [0]);
  assert.deepEqual(nextLines(network, "a", 1), [1]);
  assert.deepEqual(nextLines(network, "a", 4), []);
});
