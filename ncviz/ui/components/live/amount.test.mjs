import assert from "node:assert/strict";
import test from "node:test";

import { readAmount } from "./amount.js";

const data = { total: 1452032, zeros: 0, most: 1452032 };

test("a share, a count or a κ is read as people write them", () => {
  assert.deepEqual(readAmount("50", "share", data), { removed: 726016 });
  assert.deepEqual(readAmount(" 0,001 % ", "share", data), { removed: 15 });
  assert.deepEqual(readAmount("1,452,032", "count", data), { removed: 1452032 });
  assert.deepEqual(readAmount("12 345", "count", data), { removed: 12345 });
  assert.deepEqual(readAmount("−1.5", "kappa", data), { kappa: -1.5 });
  assert.deepEqual(readAmount("0", "share", data), { removed: 0 });
});

test("what is wrong is said in one sentence", () => {
  const problem = (/** @type {Parameters<typeof readAmount>} */ ...given) => {
    const found = readAmount(...given);
    assert.ok("problem" in found, JSON.stringify(found));
    assert.equal(found.problem.split(". ").length, 1);
    return found.problem;
  };
  assert.equal(problem("", "share", data), "Give a number, such as 0.5.");
  assert.equal(problem("a lot", "count", data), "“a lot” is no number, such as 12.");
  assert.equal(problem("101", "share", data), "Give a share from 0 to 100%.");
  assert.equal(problem("-0.000000001", "share", data), "Give a share from 0 to 100%.");
  assert.equal(problem("1.5", "count", data), "Weights go one by one: give a whole number.");
  assert.equal(problem("1452033", "count", data), "There are 1,452,032 weights: give 0 to 1,452,032.");
  assert.equal(problem("0.00001", "share", data), "That is less than one of 1,452,032 weights.");
  assert.equal(problem("5", "count", { total: 100, zeros: 80, most: 90 }), "80 weights are gone already: no fewer can be removed.");
  const held = "90 weights can be removed at most: the others are held by hand.";
  assert.equal(problem("95", "count", { total: 100, zeros: 80, most: 90 }), held);
  assert.equal(problem("3", "kappa", data), "κ is never above 2.");
  assert.equal(problem("Infinity", "kappa", data), "“Infinity” is no number, such as -1.5.");
});
