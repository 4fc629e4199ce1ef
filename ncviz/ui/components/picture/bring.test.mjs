import assert from "node:assert/strict";
import test from "node:test";

import { pastedPicture } from "./bring.js";
import { isBlank } from "./decode.js";

test("what is pasted is a picture only where it was copied as one", () => {
  const [picture, notes] = [{ type: "image/png" }, { type: "application/pdf" }];
  const of = (/** @type {string[]} */ types, /** @type {object[]} */ files) => pastedPicture(/** @type {any} */ ({ types, files }));
  assert.equal(of(["Files", "text/html"], [notes, picture]), picture);
  assert.equal(of(["text/plain", "text/html", "Files"], [picture]), null, "cells of a table");
  assert.deepEqual([of(["Files"], [notes]), of([], []), pastedPicture(null)], [null, null, null]);
});

test("a picture of which no pixel is seen is blank", () => {
  assert.ok(isBlank([0, 0, 0, 0, 9, 9, 9, 0]));
  assert.ok(!isBlank([0, 0, 0, 0, 0, 0, 0, 1]));
});
