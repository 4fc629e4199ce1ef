import assert from "node:assert/strict";
import test from "node:test";

import { openChannel } from "../shared/bus.js";
import { exampleNetwork } from "../network/example.mjs";
import { FlowSource } from "./source.js";
import { groupWords } from "./verdict.js";

globalThis.window = /** @type {any} */ ({});

// One layer of three by three weights, and the image itself: what is left of the diagonal decides.
const PROGRAM = {
  operations: [{ kind: "linear", reads: [3], returns: [3], weight: "w" }],
  layers: [0, 1],
  tensors: [{ name: "w", start: 0, size: 9, ranked: 0 }],
};
const VALUES = Float32Array.of(5, 0.1, 0, 0, 4, 0, 0, 0, 3);
const FLOWS = /** @type {FlowData} */ ({
  of: "example",
  chosen: "image-0",
  images: [{ flow: "image-0", number: 1, label: "class a", class: 0, rows: 1, columns: 3, channels: 1, pixels: btoa("\xff\xff\xff") }],
  own: null,
  white: 255,
  drawing: null,
  can_bring: false,
  groups: [],
  lines: "curvature",
});

/** @param {Record<string, Numbers>} more */
function network(more = {}) {
  const found = { ...exampleNetwork(2), program: PROGRAM };
  const flowRanks = { up: Uint8Array.from({ length: 9 }, (_, weight) => weight), down: Uint8Array.from({ length: 9 }, (_, weight) => 8 - weight) };
  return { ...found, flowRanks, arrays: { ...found.arrays, flowValues: VALUES, ...more } };
}

/** @param {FlowEvent | null} event */
const most = (event) => event?.scores?.indexOf(Math.max(...event.scores));

test("a step is worked out here and said on the channel, with the whole network beside it", () => {
  const source = new FlowSource(() => {});
  source.receive("one", network(), FLOWS);
  const channel = openChannel("one/flow");
  assert.equal(most(source.event), 0);
  source.step(1, "up");
  source.refresh();
  assert.deepEqual([source.event?.removed, most(source.event)], [1, 1]);
  assert.equal(most(/** @type {FlowEvent} */ ({ ...source.event, ...source.event?.whole })), 0);
  assert.equal(channel.last, source.event, "others hear of it");
  source.step(8, "up");
  source.refresh();
  assert.equal(most(source.event), 2);
  source.step(8, "down");
  source.refresh();
  assert.equal(most(source.event), 0);
  assert.equal(source.label, 0);
  source.choose("all");
  assert.equal(source.event, null, "no image, no flow");
});

test("of several images the mean flows, each on its own scale, and how many are told rightly is said", () => {
  const source = new FlowSource(() => {});
  const pixels = ["\xff\xff\xff", "\x00\x00\xff"].map((bytes) => ({ rows: 1, columns: 3, channels: 1, pixels: btoa(bytes) }));
  const group = { flow: "all", title: "all 2 images", classes: [0, 2], images: pixels };
  source.receive("several", network(), { ...FLOWS, chosen: "all", groups: [{ ...group, flow: "class-3", images: [] }, group] });
  const alone = pixels.map((image) => {
    const one = new FlowSource(() => {});
    const images = [{ ...FLOWS.images[0], ...image }];
    one.receive(`one of ${image.pixels}`, network(), { ...FLOWS, images });
    one.step(1, "up");
    one.refresh();
    return /** @type {FlowEvent} */ (one.event);
  });
  const event = () => /** @type {FlowEvent} */ (source.event);
  assert.deepEqual(groupWords(event(), group.classes), { now: "2 of 2", whole: "2 of 2", before: "" });
  // However busy the machine is.
  source.cost = 0;
  source.step(1, "up");
  source.refresh();
  assert.deepEqual([...event().activity], alone[0].activity.reduce((/** @type {number[]} */ all, value, at) => [...all, Math.round((value + alone[1].activity[at]) / 2)], []));
  assert.ok(event().scores?.every((score, at) => Math.abs(score - ((alone[0].scores?.[at] ?? 0) + (alone[1].scores?.[at] ?? 0)) / 2) < 1e-6));
  assert.deepEqual(groupWords(event(), group.classes), { now: "1 of 2", whole: "2 of 2", before: " · whole network: 2" });
  source.choose("class-1");
  assert.equal(source.event, null, "what is of other images is not shown");
});

test("what is drawn flows at once, and what is scaled by hand counts in what is left alone", () => {
  const source = new FlowSource(() => {});
  const flowFactor = new Float32Array(9).fill(1);
  flowFactor[0] = 0.1;
  source.receive("two", network({ flowFactor }), FLOWS);
  source.step(0, "up");
  source.refresh();
  assert.equal(most(source.event), 1);
  assert.equal(source.event?.whole.scores?.indexOf(Math.max(...(source.event.whole.scores ?? []))), 0);
  source.draw({ rows: 1, columns: 3, channels: 1, pixels: btoa("\x00\x00\xff") });
  assert.deepEqual([source.event?.image, most(source.event), source.label], ["own", 2, null]);
});

test("without a program the server's answer counts, if it is of the image that is chosen", () => {
  const source = new FlowSource(() => {});
  const bare = { ...network(), program: null };
  source.receive("three", bare, FLOWS);
  assert.deepEqual(source.event, null);
  const state = { activity: new Uint8Array(6), scores: new Float32Array(3), said: [0] };
  const event = { ...state, of: "example", removed: 0, order: "up", ranges: /** @type {[number, number][]} */ ([]), whole: state };
  /** @type {Channel<FlowEvent>} */
  const channel = openChannel("three/flow");
  channel.publish({ ...event, image: "image-7" });
  channel.publish({ ...event, image: "image-0", of: "another" });
  assert.deepEqual(source.event, null);
  channel.publish({ ...event, image: "image-0" });
  assert.deepEqual(/** @type {FlowEvent | null} */ (source.event)?.image, "image-0");
});
