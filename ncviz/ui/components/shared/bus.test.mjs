import assert from "node:assert/strict";
import test from "node:test";

import { stepOf } from "./bus.js";

test("a panel that leads knows the step best, but not of a picture without a slider", () => {
  const last = { removed: 7, order: "up" };
  const still = { removed: 0, order: "up", flows: /** @type {FlowData} */ ({ is_still: true }) };
  const step = (/** @type {Parameters<typeof stepOf>} */ ...given) => stepOf(...given).removed;
  assert.equal(step({ ...still, flows: null }, { isLive: true, last }), 7);
  assert.equal(step({ ...still, flows: null }, { isLive: false, last }), 0);
  assert.equal(step(still, { isLive: true, last }), 0);
});
