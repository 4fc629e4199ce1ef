import assert from "node:assert/strict";
import { test } from "node:test";

test("a slider's own drag moves the other, which does not move it back", async () => {
  Object.assign(globalThis, { window: globalThis });
  const { LinkedSlider } = await import("./linked.js");
  /** @type {string[]} */
  const heard = [];
  /** @type {import("./linked.js").LinkedSlider[]} */
  const both = [];
  for (const name of ["a", "b"]) {
    const own = new LinkedSlider((share, isHeld) => {
      heard.push(`${name} ${share} ${isHeld}`);
      // What is obeyed goes through the same step as a drag, which tells.
      own.tell(share, isHeld);
    });
    both.push(own);
    own.join("sliders");
  }
  both[0].tell(0.5, true);
  both[1].tell(0.25, false);
  assert.deepEqual(heard, ["b 0.5 true", "a 0.25 false"]);
  both[1].join(null);
  both[0].tell(0.75, true);
  both[1].tell(0.75, true);
  assert.equal(heard.length, 2);
});
