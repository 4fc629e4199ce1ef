import assert from "node:assert/strict";
import test from "node:test";

import { keepInstance } from "./instances.js";

test("only what has left the page is torn down", () => {
  /** @type {string[]} */
  const log = [];
  let made = 0;
  const run = keepInstance(() => {
    made += 1;
    const id = made;
    return { update: ({ data }) => log.push(`${id} ${data}`), destroy: () => log.push(`${id} gone`) };
  });
  const root = { isConnected: true };
  const show = (/** @type {string} */ data) => run(/** @type {any} */ ({ parentElement: root, data: [data] }));
  const late = show("new");
  const overtaken = show("old, come late");
  overtaken(); // Streamlit cleans up after a call that was overtaken: the picture stays
  show("next");
  root.isConnected = false;
  late();
  late(); // once is enough
  root.isConnected = true;
  show("back");
  assert.deepEqual(log, ["1 new", "1 old, come late", "1 next", "1 gone", "2 back"]);
});
