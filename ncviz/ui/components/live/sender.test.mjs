import assert from "node:assert/strict";
import test from "node:test";

import { Sender } from "./sender.js";

/** A clock that only goes when it is told to. */
function clockwork() {
  let time = 1000;
  /** @type {{ task: () => void, at: number }[]} */
  let tasks = [];
  /** @type {Clock} */
  const clock = {
    now: () => time,
    later(task, wait) {
      const item = { task, at: time + wait };
      tasks.push(item);
      return item;
    },
    cancel(item) {
      tasks = tasks.filter((other) => other !== item);
    },
  };
  const pass = (/** @type {number} */ ms) => {
    const end = time + ms;
    for (;;) {
      tasks.sort((a, b) => a.at - b.at);
      const next = tasks[0];
      if (!next || next.at > end) break;
      tasks.shift();
      time = next.at;
      next.task();
    }
    time = end;
  };
  return { clock, pass };
}

test("one request is in flight and releases are never lost", () => {
  const { clock, pass } = clockwork();
  /** @type {PanelRequest[]} */
  const sent = [];
  const sender = new Sender((request) => sent.push(request), clock);
  const removed = () => sent.map((request) => request.removed);
  /** @param {Partial<Wish>} wish */
  const push = (wish) => sender.push({ action: "threshold", removed: 0, order: "a", dragging: false, ...wish });
  for (let i = 0; i < 20; i += 1) {
    push({ removed: i, dragging: true });
    pass(5);
  }
  assert.deepEqual(removed(), [0], "only the first: no answer yet");
  sender.answered(1);
  pass(60);
  assert.deepEqual(removed(), [0, 19], "then the newest, the others are dropped");
  push({ removed: 20, dragging: true });
  push({ removed: 21 });
  assert.deepEqual(removed(), [0, 19, 21], "a release overtakes its own drag and does not wait");
  push({ action: "undo" });
  push({ action: "redo" });
  assert.equal(sent.length, 3);
  sender.answered(2);
  pass(10);
  assert.equal(sent.length, 3, "an old answer changes nothing");
  sender.answered(3);
  pass(1);
  assert.equal(sent.at(-1)?.action, "undo");
  pass(5000);
  assert.equal(sent.at(-1)?.action, "redo", "no answer at all: patience ends");
  sender.answered(5);
  assert.ok(sender.isIdle);
  assert.deepEqual(sent.map(({ seq }) => seq), [1, 2, 3, 4, 5]);
  // The undo had no answer, so it goes along with the redo.
  assert.deepEqual(sent.map(({ earlier }) => earlier.map(({ seq }) => seq)), [[], [], [], [], [4]]);
});
