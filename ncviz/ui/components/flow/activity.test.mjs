import assert from "node:assert/strict";
import test from "node:test";

import { rangesOf, scaledActivity } from "./activity.js";

test("activity is on the scale of the whole network, so that what fades gets paler", () => {
  const whole = [[0, 2, -4], [0.5, 0.5]];
  const ranges = rangesOf(whole);
  assert.deepEqual(ranges, [[0, 4], [0.5, 0.5]]);
  assert.deepEqual([...scaledActivity(whole, ranges)], [0, 128, 255, 255, 255]);
  const pruned = [[0, -1, 8], [0.5, 0.2]];
  assert.deepEqual([...scaledActivity(pruned, ranges)], [0, 64, 255, 255, 0], "never above full");
});
