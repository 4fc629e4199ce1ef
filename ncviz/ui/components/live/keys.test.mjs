import assert from "node:assert/strict";
import test from "node:test";

import { slide, takesText, wish } from "./keys.js";

/**
 * @param {string} key
 * @param {Partial<KeyboardEvent>} held
 */
function pressed(key, held = {}) {
  const none = { ctrlKey: false, metaKey: false, altKey: false, shiftKey: false };
  return /** @type {KeyboardEvent} */ ({ ...none, key, ...held });
}

test("keys from anywhere ask for steps", () => {
  assert.deepEqual(wish(pressed("z", { ctrlKey: true })), { action: "undo" });
  assert.deepEqual(wish(pressed("z", { metaKey: true })), { action: "undo" });
  assert.equal(wish(pressed("z")), null);
  assert.equal(wish(pressed("z", { ctrlKey: true, altKey: true })), null);
  assert.deepEqual(wish(pressed("Z", { ctrlKey: true, shiftKey: true })), { action: "redo" });
  assert.deepEqual(wish(pressed("y", { ctrlKey: true })), { action: "redo" });
  assert.deepEqual(wish(pressed("[")), { sign: -1, size: "step" });
  assert.deepEqual(wish(pressed("]")), { sign: 1, size: "step" });
  assert.deepEqual(wish(pressed("}", { shiftKey: true })), { sign: 1, size: "leap" });
  assert.deepEqual(wish(pressed(",")), { sign: -1, size: "weight" });
  assert.deepEqual(wish(pressed(".")), { sign: 1, size: "weight" });
  assert.equal(wish(pressed("[", { ctrlKey: true })), null);
  assert.deepEqual(wish(pressed("[", { ctrlKey: true, altKey: true })), { sign: -1, size: "step" });
});

test("keys on the slider move it", () => {
  assert.deepEqual(slide(pressed("ArrowRight")), { sign: 1, size: "step" });
  assert.deepEqual(slide(pressed("ArrowDown", { shiftKey: true })), { sign: -1, size: "leap" });
  assert.deepEqual(slide(pressed("PageUp")), { sign: 1, size: "leap" });
  assert.deepEqual([slide(pressed("Home")), slide(pressed("End"))], [{ to: 0 }, { to: 1 }]);
  assert.deepEqual(slide(pressed("ArrowLeft", { ctrlKey: true })), { sign: -1, size: "weight" });
  assert.deepEqual(slide(pressed("ArrowRight", { altKey: true })), { sign: 1, size: "weight" });
  const others = [pressed("a"), pressed("ArrowLeft", { metaKey: true }), pressed("Home", { ctrlKey: true })];
  assert.deepEqual(others.map(slide), [null, null, null]);
});

test("what takes text keeps its keys", () => {
  const takes = (/** @type {object | undefined} */ element) => takesText(/** @type {HTMLElement} */ (element));
  for (const element of [
    { tagName: "INPUT", type: "text" },
    { tagName: "TEXTAREA" },
    { tagName: "SELECT" },
    { tagName: "DIV", isContentEditable: true },
  ]) {
    assert.ok(takes(element), element.tagName);
  }
  for (const element of [{ tagName: "INPUT", type: "range" }, { tagName: "BUTTON" }, { tagName: "BODY" }, undefined]) {
    assert.ok(!takes(element), element?.tagName);
  }
});
