import assert from "node:assert/strict";
import test from "node:test";

import { Figures, captionWords } from "./figures.js";

test("a saved picture says which network it is, what is removed, and what that does", () => {
  const data = { about: "LeNet: α = 0.9", told: "3 cut by hand: Cut kernel 0 → 1: 3 weights", word: "accuracy", baseline: 0.981 };
  const order = { label: "Redundant first" };
  const removed = "60.0% removed, removes κ > 0.77";
  assert.equal(
    captionWords(data, order, removed, { accuracy: 0.97, from: "measured on 2,000 images" }),
    "LeNet: α = 0.9 · Redundant first: 60.0% removed, removes κ > 0.77 · 3 cut by hand: Cut kernel 0 → 1: 3 weights · accuracy 97.0%, measured on 2,000 images; whole 98.1%",
  );
  const bare = captionWords({ ...data, told: "", baseline: null }, order, removed, { accuracy: null, from: "" });
  assert.ok(bare.endsWith("· accuracy not measured"));
});

test("what a page says as it opens is not announced, however late it is known; what the reader does is", () => {
  /** @type {Record<string, any>} */
  const parts = {};
  const root = /** @type {any} */ ({ querySelector: (/** @type {string} */ name) => (parts[name] ??= { textContent: "" }) });
  const figures = new Figures(root, () => {});
  const { said, headline, source, rule } = figures.parts;
  Object.assign(headline, { textContent: "Nothing removed." });
  const known = (/** @type {number} */ removed, /** @type {"curve" | "measured"} */ from, verdict = "", isLive = true) => {
    Object.assign(source, { textContent: from });
    Object.assign(rule, { textContent: `rule ${removed}` });
    figures.verdicts = /** @type {any} */ ({ last: verdict });
    figures.say(/** @type {any} */ ({ is_live: isLive }), /** @type {any} */ ({ order: "up", removed, isDragging: false }), /** @type {any} */ ({ source: from }));
    return said.textContent;
  };
  // A server that has just started measures late, and says still later what the image is.
  assert.equal(known(0, "curve", "", false), "");
  assert.equal(known(0, "curve"), "");
  assert.equal(known(0, "measured"), "");
  assert.equal(known(0, "measured", "10 of 10 right"), "");
  // Another image is the reader's choice, as is another step; a step is said once it is measured.
  assert.equal(known(0, "measured", "7, right"), "Nothing removed. 7, right. Measured; rule 0.");
  assert.equal(known(9, "curve", "7, right"), "Nothing removed. 7, right. Measured; rule 0.");
  assert.equal(known(9, "measured", "7, right"), "Nothing removed. 7, right. Measured; rule 9.");
  assert.equal(known(0, "measured", "10 of 10 right"), "Nothing removed. 10 of 10 right. Measured; rule 0.");
});
