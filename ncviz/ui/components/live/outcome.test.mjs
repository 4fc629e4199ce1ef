import assert from "node:assert/strict";
import test from "node:test";

import { outcomeWords } from "./outcome.js";

test("one sentence says how much is gone, in which order, and what that does", () => {
  const whole = { label: "Redundant first", removed: 0, total: 1000, zeros: 0, byHand: "", word: "accuracy", accuracy: 0.981, baseline: 0.981, isRead: false };
  assert.equal(outcomeWords(whole), "Nothing removed. Accuracy 98.1%.");
  assert.equal(outcomeWords({ ...whole, isRead: true }), "Nothing removed. Accuracy 98.1%.");
  const half = { ...whole, removed: 500, accuracy: 0.9741 };
  assert.equal(outcomeWords(half), "Redundant first: 50.0% gone. Accuracy 97.4%, 98.1% before.");
  assert.equal(outcomeWords({ ...half, isRead: true }), "Redundant first: 50.0% gone. Accuracy about 97.4%, 98.1% before.");
  assert.equal(outcomeWords({ ...half, accuracy: null }), "Redundant first: 50.0% gone.");
  assert.equal(outcomeWords({ ...half, baseline: null }), "Redundant first: 50.0% gone. Accuracy 97.4%.");
  const cut = { ...whole, removed: 30, zeros: 30, byHand: "30 cut by hand", accuracy: 0.9 };
  assert.equal(outcomeWords(cut), "30 cut by hand. Accuracy 90.0%, 98.1% before.");
  assert.equal(outcomeWords({ ...cut, removed: 40 }), "Redundant first: 4.0% gone, with 30 cut by hand. Accuracy 90.0%, 98.1% before.");
});
