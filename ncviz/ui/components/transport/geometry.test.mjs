import assert from "node:assert/strict";
import test from "node:test";

import { layOut, outline } from "./geometry.js";

/**
 * @param {number[][]} mass
 * @returns {TransportData}
 */
function data(mass) {
  const end = { name: "", share: "", exact: "" };
  const bands = mass.flatMap((row, at) => row.map((each, to) => ({ row: at, column: to, mass: each, distance: 1, route: "", words: "" })));
  return {
    subject: "", left: mass.map(() => end), right: mass[0].map(() => end), bands: bands.filter((band) => band.mass > 0),
    routes: [], total: "", decimals: 0, words: "", height: 0, file: "",
  };
}

test("bands are as thick as their mass, and fill their bars from end to end", () => {
  const { left, right, ribbons, isShort } = layOut(data([[0.3, 0.1], [0.2, 0.4]]), 400);
  assert.equal(isShort, false);
  const scale = ribbons[0].thick / 0.3;
  for (const { band, thick } of ribbons) assert.ok(Math.abs(thick - band.mass * scale) < 1e-9);
  for (const bars of [left, right]) {
    assert.equal(bars[0].top, 0);
    const last = bars[bars.length - 1];
    assert.ok(Math.abs(last.top + last.thick - 400) < 1e-9);
  }
  const second = ribbons.find(({ band }) => band.row === 0 && band.column === 1);
  assert.ok(second && Math.abs(second.from - 0.3 * scale) < 1e-9 && second.to === right[1].top);
});

test("where most goes along the edge, that band is drawn as thick as all others, and said to be", () => {
  const { ribbons, isShort } = layOut(data([[0.9, 0.02], [0.03, 0.05]]), 300);
  assert.equal(isShort, true);
  const rest = ribbons.slice(1).reduce((sum, { thick }) => sum + thick, 0);
  assert.ok(Math.abs(ribbons[0].thick - rest) < 1e-9);
});

test("an outline ends where its mass is", () => {
  const [ribbon] = layOut(data([[1]]), 100).ribbons;
  const reach = (/** @type {number} */ share) => Math.max(...outline(ribbon, 10, 110, share).slice(1, -1).split("L").map((pair) => Number(pair.split(" ")[0])));
  assert.equal(reach(1), 110);
  assert.equal(reach(0.5), 60);
  assert.equal(reach(0), 10);
});
