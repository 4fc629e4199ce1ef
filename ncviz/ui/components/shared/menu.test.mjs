import assert from "node:assert/strict";
import test from "node:test";

import { placeUnder } from "./menu.js";

test("a menu opens under its button and within the window, also where the page is drawn larger", () => {
  const window = { innerWidth: 2560, innerHeight: 1440 };
  const button = { bottom: 100, right: 1600 };
  assert.deepEqual(placeUnder(button, 260, 1, window), { left: "1340px", top: "104px", maxHeight: "1332px" });
  // Of a page drawn twice as large, 1600 of the window's pixels are 800 of its own.
  assert.deepEqual(placeUnder(button, 260, 2, window), { left: "540px", top: "54px", maxHeight: "662px" });
  assert.equal(placeUnder({ bottom: 100, right: 100 }, 260, 1, window).left, "4px");
  assert.equal(placeUnder({ bottom: 100, right: 2600 }, 260, 1, window).left, "2296px");
});
