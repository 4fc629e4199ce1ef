import assert from "node:assert/strict";
import test from "node:test";

import { isStep } from "./history.js";

const at = (/** @type {string} */ path) => new URL(path, "http://localhost:8501");
const QUIET = ["removed", "other_removed"];

test("chosen steps and other pages are entries; what slides, and what a page writes on arrival, is none", () => {
  const worth = (/** @type {string} */ from, /** @type {string} */ to, isSettled = true) =>
    isStep(at(from), at(to), isSettled, QUIET);
  assert.equal(worth("/?flow=image-5", "/?flow=image-5&selected=unit-1-3"), true);
  assert.equal(worth("/?selected=unit-1-3", "/"), true);
  assert.equal(worth("/?removed=0.1", "/?removed=0.2"), false);
  assert.equal(worth("/", "/?removed=0.2&other_removed=0.3"), false);
  assert.equal(worth("/?removed=0.1", "/?removed=0.2&order=bottlenecks"), true);
  assert.equal(worth("/", "/learn"), true);
  assert.equal(worth("/learn", "/learn?graph=tree", false), false);
});
