import assert from "node:assert/strict";
import test from "node:test";

import { captionWords } from "./figures.js";

test("a saved picture says which network it is, what is removed, and what that does", () => {
  const data = { about: "LeNet: α = 0.9", told: "3 cut by hand: Cut kernel 0 → 1: 3 weights", word: "accuracy", baseline: 0.981 };
  const order = { label: "Redundant first" };
  const removed = "60.0% removed, removes κ > 0.77";
  assert.equal(
    captionWords(data, order, removed, { accuracy: 0.97, from: "measured on 2,000 images" }),
    "LeNet: α = 0.9 · Redundant first: 60.0% removed, removes κ > 0.77 · 3 cut by hand: Cut kernel 0 → 1: 3 weights · accuracy 97.0%, measured on 2,000 images; whole 98.1%",
  );
  const bare = captionWords({ ...data, told: "", baseline: null }, order, removed, { accuracy: null, from: "" });
  assert.ok(bare.endsWith("· accuracy not measured"));
});
