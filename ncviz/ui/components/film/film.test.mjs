import assert from "node:assert/strict";
import { test } from "node:test";
import { removedIn } from "./film.js";

test("a film runs from nothing to all, slowly at first", () => {
  assert.equal(removedIn(0, 1000), 0);
  assert.equal(removedIn(0.1, 1000), 10);
  assert.equal(removedIn(1.2, 1000), 1000);
});
