import assert from "node:assert/strict";
import test from "node:test";

import { digitOf, placementOf } from "./digit.js";

const SIDE = 60;

/** A filled rectangle on a sheet. */
function sheet(/** @type {number} */ left, /** @type {number} */ top, /** @type {number} */ width, /** @type {number} */ height) {
  const ink = new Uint8Array(SIDE * SIDE);
  for (let y = top; y < top + height; y += 1) for (let x = left; x < left + width; x += 1) ink[y * SIDE + x] = 255;
  return ink;
}

test("a drawing has the size and place of the data set's digits, wherever it was drawn and however large", () => {
  const drawing = /** @type {Drawing} */ ({ rows: 28, columns: 28, size: 20, by: "mass" });
  const small = digitOf(sheet(2, 3, 5, 10), SIDE, drawing);
  const large = digitOf(sheet(20, 5, 25, 50), SIDE, drawing);
  assert.deepEqual(small, large);
  const rows = [...small.keys()].filter((at) => small[at] > 0).map((at) => Math.floor(at / 28));
  assert.deepEqual([Math.min(...rows), Math.max(...rows)], [4, 23], "20 rows, as many above as below");
  assert.equal(Math.round(small.reduce((sum, value) => sum + value, 0) / 255), 10 * 20, "no ink is lost");
});

test("digits of 8 × 8 fill their frame, and an empty sheet is an empty image", () => {
  const drawing = /** @type {Drawing} */ ({ rows: 8, columns: 8, size: 8, by: "box" });
  const image = digitOf(sheet(10, 10, 20, 40), SIDE, drawing);
  assert.deepEqual([...image.subarray(0, 8)], [0, 0, 255, 255, 255, 255, 0, 0]);
  assert.equal(placementOf(new Uint8Array(SIDE * SIDE), SIDE, drawing), null);
  assert.ok(digitOf(new Uint8Array(SIDE * SIDE), SIDE, drawing).every((value) => value === 0));
});

test("what is put into the middle by its mass stays inside", () => {
  const ink = sheet(0, 0, 30, 10);
  for (let y = 10; y < 60; y += 1) ink[y * SIDE] = 255;
  const drawing = /** @type {Drawing} */ ({ rows: 28, columns: 28, size: 26, by: "mass" });
  const placement = placementOf(ink, SIDE, drawing);
  assert.ok(placement && placement.y >= 0 && placement.y + 60 * placement.scale <= 28.001);
});
