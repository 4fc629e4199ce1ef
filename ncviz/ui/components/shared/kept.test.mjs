import assert from "node:assert/strict";
import test from "node:test";

import { keptOf, mirroredRanks } from "./kept.js";

test("the first of an order go, and from its other end the last", () => {
  const ranks = Uint16Array.of(2, 0, 3, 1);
  assert.deepEqual([...keptOf(ranks, 0)], [1, 1, 1, 1]);
  assert.deepEqual([...keptOf(ranks, 2)], [1, 0, 1, 0]);
  assert.deepEqual([...keptOf(ranks, 4)], [0, 0, 0, 0]);
  assert.deepEqual([...keptOf(mirroredRanks(ranks, 4), 2)], [0, 1, 0, 1]);
  assert.deepEqual([...keptOf(mirroredRanks([0, 3], 4), 1)], [1, 0], "ranks of some of the weights alone");
});
