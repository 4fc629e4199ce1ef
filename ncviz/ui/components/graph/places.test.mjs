import assert from "node:assert/strict";
import test from "node:test";

import { frameOf } from "./draw.js";
import { inside, nearest } from "./places.js";

/**
 * @param {number} id
 * @param {number} x
 * @param {number} y
 * @returns {GraphNode}
 */
function node(id, x, y) {
  return { id, x, y, before: 0, after: 0 };
}

test("an arrow leads to the nearest node that way, and what lies aside counts double", () => {
  const nodes = [node(0, 0.5, 0.5), node(1, 0.9, 0.5), node(2, 0.6, 0.8), node(3, 0.1, 0.5)];
  const from = nodes[0];
  assert.equal(nearest(nodes, from, 1, 0)?.id, 1);
  assert.equal(nearest(nodes, from, -1, 0)?.id, 3);
  assert.equal(nearest(nodes, from, 0, 1)?.id, 2);
  assert.equal(nearest(nodes, from, 0, -1), null);
});

test("a node that is dragged out of the picture stays at its border", () => {
  assert.deepEqual(inside({ x: -0.2, y: 1.4 }), { x: 0, y: 1 });
  assert.deepEqual(inside({ x: 0.3, y: 0.4 }), { x: 0.3, y: 0.4 });
});

test("pixels lead back to the unit square", () => {
  const frame = frameOf(800, 500, false);
  const { x, y } = frame.back(frame.x(0.25), frame.y(0.75));
  assert.ok(Math.abs(x - 0.25) < 1e-9 && Math.abs(y - 0.75) < 1e-9);
});
