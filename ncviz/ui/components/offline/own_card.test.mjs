import assert from "node:assert/strict";
import test from "node:test";

import { exampleNetwork } from "../network/example.mjs";
import { linesLeft } from "../network/data.js";
import { EMPTY } from "../network/state.js";
import { ownCard } from "./own_card.js";

/**
 * The card of a line at a step.
 * @param {Network} network
 * @param {number} edge
 * @param {number} removed
 */
function cardOf(network, edge, removed) {
  const left = linesLeft(network, "up", removed);
  return /** @type {CardData} */ (ownCard({ ...EMPTY, network, left, selected: { kind: "edge", edge }, told: `weight-${network.parameter[edge]}`, order: "up", removed }));
}

test("a weight that is gone is said to be removed, and one that was cut or kept by hand to be that", () => {
  const network = exampleNetwork(3);
  const byHand = new Uint8Array(network.edges);
  byHand.set([1, 2], 1);
  const said = (/** @type {Network} */ of) => [0, 1, 2, network.edges - 1].map((edge) => Object.fromEntries(cardOf(of, edge, 4).rows).now);
  assert.deepEqual(said(network), ["removed", "removed", "removed", "kept"]);
  assert.deepEqual(said({ ...network, byHand }), ["removed", "cut by hand", "kept by hand", "kept"]);
});

test("so is each cell of a kernel", () => {
  const network = exampleNetwork(2);
  const size = 4;
  const members = size * network.edges;
  const array = (/** @type {(at: number) => number} */ of) => Float32Array.from({ length: members }, (_, at) => of(at));
  const kernels = /** @type {Network} */ ({
    ...network,
    start: Uint32Array.from({ length: network.edges + 1 }, (_, at) => size * at),
    member: Uint32Array.from({ length: members }, (_, at) => at),
    memberCurvature: array((at) => at / members - 0.5),
    memberWeight: array(() => 1),
    program: { operations: [{ kind: "conv2d", reads: [1, 4, 4], returns: [1, 3, 3], weight: "w", kernel_size: [2, 2] }], layers: [0, 1], tensors: [] },
    ranks: { up: Uint8Array.from({ length: members }, (_, at) => at) },
    byHand: Uint8Array.from({ length: members }, (_, at) => [0, 1, 2, 0][at % size]),
  });
  const cells = cardOf(kernels, 0, 4).kernel?.cells ?? [];
  assert.deepEqual(cells.map((cell) => cell && [cell.kept, cell.by_hand]), [[false, ""], [false, "cut"], [false, "kept"], [false, ""]]);
});
