import assert from "node:assert/strict";
import test from "node:test";

import { sharePercent, weightWords } from "./format.js";

test("a share is never rounded to nothing or to all", () => {
  const read = [0, 1, 200, 14520, 726016, 1452031, 1452032].map((removed) => sharePercent(removed, 1452032));
  assert.deepEqual(read, ["0.0%", "0.000069%", "0.014%", "1.00%", "50.0%", "99.999931%", "100.0%"]);
  assert.equal(sharePercent(0, 0), "0.0%");
});

test("a weight that is scaled by hand is told as it is then, and by what", () => {
  assert.equal(weightWords(-0.31, 2), "−0.620 (× 2 by hand)");
  assert.equal(weightWords(0.31, Math.fround(0.1)), "0.031 (× 0.1 by hand)");
  assert.equal(weightWords(0.31, 1), "0.310");
});
