import assert from "node:assert/strict";
import { test } from "node:test";
import { outcome, readClasses, shownClasses, unpackSteps } from "./reading.js";

const packed = Buffer.from(new Uint16Array([65534, 32767, 65535, 0]).buffer).toString("base64");
const steps = { order: "a", removed: [0, 10], accuracy: packed };

test("a step that was measured is read as it is, any other as the last answer, which is said to be old", () => {
  const known = unpackSteps(steps, 2);
  assert.deepEqual(known, [[1, 0.5], [null, 0]]);
  const now = { removed: 5, order: "a", accuracy: [0.25, 0.75] };
  assert.deepEqual(readClasses({ removed: 10, order: "a" }, now, steps, known), { accuracy: [null, 0], isOld: false });
  assert.deepEqual(readClasses({ removed: 5, order: "a" }, now, steps, known), { accuracy: [0.25, 0.75], isOld: false });
  assert.equal(readClasses({ removed: 10, order: "b" }, now, steps, known).isOld, true);
  assert.equal(readClasses({ removed: 7, order: "a" }, null, null, []).accuracy, null);
});

test("of very many classes the chosen ones and those that changed most are shown", () => {
  const before = Array(100).fill(1);
  const after = before.map((_, at) => (at === 70 ? 0.2 : 1));
  assert.deepEqual(shownClasses(before, after, 100, [99]).slice(0, 3), [99, 70, 0]);
  assert.equal(shownClasses(before, after, 100, []).length, 60);
  assert.deepEqual(shownClasses(null, null, 3, [2]), [0, 1, 2]);
});

test("what became of a class is said beside what became of the others, which have images", () => {
  const [before, after] = [[0.995, 1, 0.5, null], [0.32, 0.98, 0.46, null]];
  assert.equal(outcome(["0", "1", "2", "3"], before, after, [0]), "0: 99.5 → 32.0%; the others −3.0 points");
  assert.equal(outcome(["0", "1"], before, after, [0, 1]), "0: 99.5 → 32.0%, 1: 100.0 → 98.0%");
  assert.equal(outcome(["0", "1"], before, null, [0]), "");
  // Only where the numbers do not show what the cut is made for is that said.
  assert.equal(outcome(["0", "1", "2", "3"], before, after, [0], { isCut: true }), "0: 99.5 → 32.0%; the others −3.0 points");
  const told = "1: 100.0 → 98.0%; the others −35.8 points; these bottlenecks cut, it does not fall more than the others";
  assert.equal(outcome(["0", "1", "2", "3"], before, after, [1], { isCut: true }), told);
  // What was measured at another step is no outcome of this one.
  assert.equal(outcome(["0", "1"], before, after, [0], { isOld: true }), "the bars are still those measured last");
  assert.equal(outcome(["0", "1"], before, after, [], { isOld: true }), "");
});
