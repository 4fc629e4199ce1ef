import assert from "node:assert/strict";
import test from "node:test";

import { ruleWords, shareWords } from "./never.js";

/** @type {Order} */
const order = { key: "a", label: "Redundant first", rule: "removes κ > {value}", hint: "", tone: "redundant" };
/** @type {(bands: Record<string, Band>, rule?: string) => { never: NeverActive, total: number }} */
const given = (bands, rule = "") => ({ never: { count: 160, images: 10, bands, rule }, total: 1000 });

test("their share is said with the number of images", () => {
  assert.equal(shareWords(given({})), "16.0% never active on these 10 images");
  assert.equal(shareWords({ never: { ...given({}).never, images: 1 }, total: 1000 }), "16.0% never active on this image");
  assert.equal(shareWords({ never: { ...given({}).never, count: 0 }, total: 1000 }), "");
  assert.equal(shareWords({ never: null, total: 1000 }), "");
});

test("where they go first, the rule says in which group the threshold lies, and never κ = 2", () => {
  const data = given({ a: { start: 0, end: 160, is_first: true } });
  assert.equal(ruleWords(data, order, 120, null), "removes only weights never active on these 10 images");
  assert.equal(ruleWords(data, order, 160, 0.95), "removes only weights never active on these 10 images");
  assert.equal(ruleWords(data, order, 161, 0.83), "removes all never-active weights and κ\u00a0>\u00a00.83");
  const behindZeros = given({ a: { start: 50, end: 210, is_first: true } });
  assert.equal(ruleWords(behindZeros, order, 60, null), "removes only weights never active on these 10 images");
  assert.equal(ruleWords(behindZeros, order, 40, null), "Redundant first");
});

test("where they go last, all that was ever active is gone before", () => {
  const data = given({ a: { start: 840, end: 1000, is_first: false } });
  assert.equal(ruleWords(data, order, 500, 0.5), "removes κ\u00a0>\u00a00.50");
  assert.equal(ruleWords(data, order, 870, null), "removes all active weights and 3.0% never active on these 10 images");
});

test("where they lie among the others, the rule says how", () => {
  const data = given({}, "never-active weights at their layer's median cost");
  assert.equal(ruleWords(data, order, 500, 0.5), "removes κ\u00a0>\u00a00.50, never-active weights at their layer's median cost");
  assert.equal(ruleWords(data, order, 500, null), "Redundant first");
  assert.equal(ruleWords(data, { ...order, tone: null, rule: "removes |w| < {value}" }, 500, 0.5), "removes |w|\u00a0<\u00a00.50");
});
