import assert from "node:assert/strict";
import test from "node:test";

import { keepsLetters, stepOf, zoomFor } from "./speaker.js";

test("a clicker always steps, arrows only where nothing else has them", () => {
  assert.deepEqual(["PageDown", "PageUp", "ArrowRight", "a"].map((key) => stepOf(key, false)), [1, -1, 0, 0]);
  assert.deepEqual(["ArrowRight", "ArrowLeft", "ArrowUp"].map((key) => stepOf(key, true)), [1, -1, 0]);
});

test("a letter is left to the picture or list that has the keyboard", () => {
  /** @param {object} element */
  const keeps = (element) => keepsLetters(/** @type {EventTarget} */ (element));
  assert.deepEqual([{ tagName: "CANVAS" }, { tagName: "DIV", role: "combobox" }].map(keeps), [true, true]);
  assert.deepEqual([{ tagName: "BODY", role: null }, { tagName: "INPUT", type: "range", role: null }].map(keeps), [false, false]);
});

test("a stage grows with the window and never shrinks", () => {
  assert.equal(zoomFor(1024, 768), 1);
  assert.equal(zoomFor(390, 844), 1);
  assert.equal(zoomFor(2560, 1440), 2);
});
