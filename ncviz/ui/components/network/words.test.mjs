import assert from "node:assert/strict";
import test from "node:test";

import { wayWords } from "./words.js";

test("a line says how far the mass around it goes, and nothing where κ does not tell", () => {
  const scale = /** @type {Scale} */ (/** @type {unknown} */ ({ never: 2 }));
  const of = (/** @type {number} */ kappa, ways = true) => wayWords({ ways, scale }, kappa);
  assert.equal(of(-2.2), "goes 3.2 times the way between its ends");
  assert.equal(of(0.97), "goes 0.03 times the way between its ends");
  assert.equal(of(1.3), "finds ways past it that are shorter than itself");
  for (const silent of [of(1), of(2), of(-2.2, false)]) assert.equal(silent, "");
});
