import assert from "node:assert/strict";
import test from "node:test";

import { OfflineHistory } from "./history.js";

test("a panel without Python keeps its own history", () => {
  const history = new OfflineHistory();
  let data = /** @type {Shown} */ ({ removed: 0, zeros: 0, order: "a", is_offline: true });
  let seq = 0;
  /**
   * @param {Wish["action"]} action
   * @param {number} removed
   * @param {string} order
   */
  const ask = (action, removed, order = "a", dragging = false) => {
    seq += 1;
    data = history.answer(data, { action, removed, order, dragging, seq });
    return [data.removed, data.order, data.can_undo, data.can_redo];
  };
  assert.deepEqual(ask("threshold", 3, "a", true), [0, "a", false, false], "a passing position is no step");
  assert.deepEqual(ask("threshold", 5), [5, "a", true, false]);
  assert.deepEqual(ask("threshold", 5), [5, "a", true, false], "nor is one that changes nothing");
  assert.deepEqual(ask("threshold", 5, "b"), [5, "b", true, false]);
  assert.deepEqual(ask("reset", 5, "b"), [0, "b", true, false]);
  assert.deepEqual(ask("undo", 0, "b"), [5, "b", true, true]);
  assert.deepEqual(ask("undo", 5, "b"), [5, "a", true, true]);
  assert.deepEqual(ask("redo", 5, "a"), [5, "b", true, true]);
  assert.deepEqual(ask("threshold", 7, "b"), [7, "b", true, false]);
  assert.deepEqual(ask("redo", 7, "b"), [7, "b", true, false]);
  assert.deepEqual(ask("undo", 0), [5, "b", true, true]);
  assert.deepEqual(ask("undo", 0), [5, "a", true, true]);
  assert.deepEqual(ask("undo", 0), [0, "a", false, true]);
  assert.deepEqual(ask("undo", 0), [0, "a", false, true]);
});
