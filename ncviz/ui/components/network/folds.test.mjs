import assert from "node:assert/strict";
import test from "node:test";

import { exampleNetwork } from "./example.mjs";
import { blocksIn, cellsOf, layerAt, lengthOf, namesOf, shareAt } from "./folds.js";

const blocks = [
  { forms: ["layers.block_0", "block_0", "0"], first: 2, end: 5, mean: null },
  { forms: ["layers.block_1", "block_1", "1"], first: 5, end: 9, mean: -1 },
];
const network = { ...exampleNetwork(10), blocks };

test("a folded block is one part of the strip, an unfolded one as many as it has layers", () => {
  const spans = (/** @type {number[]} */ ...open) =>
    cellsOf(network, new Set(open)).map(({ first, end, isFolded }) => (isFolded ? `${first}…${end - 1}` : `${first}`));
  assert.deepEqual(spans(), ["0", "1", "2…4", "5…8", "9"]);
  assert.deepEqual(spans(1), ["0", "1", "2…4", "5", "6", "7", "8", "9"]);
  assert.deepEqual(spans(0, 1), network.layers.map((_, at) => `${at}`));
});

test("without blocks every layer has the same room", () => {
  const cells = cellsOf(exampleNetwork(4), new Set());
  assert.deepEqual(cells.map((cell) => [cell.at, cell.width]), [[0, 1], [1, 1], [2, 1], [3, 1]]);
  assert.deepEqual([0, 1, 4].map((layer) => shareAt(cells, layer)), [0, 0.25, 1]);
});

test("every layer is found where it stands, folded or not", () => {
  for (const open of [[], [0], [1], [0, 1]]) {
    const cells = cellsOf(network, new Set(open));
    const shares = [...network.layers, null].map((_, layer) => shareAt(cells, layer));
    assert.deepEqual(shares, [...shares].sort((a, b) => a - b));
    assert.deepEqual([shares[0], shares[10]], [0, 1]);
    assert.ok(lengthOf(cells) <= 10 && (lengthOf(cells) < 10 || open.length === 2));
    network.layers.forEach((_, layer) => {
      assert.equal(layerAt(cells, (shares[layer] + shares[layer + 1]) / 2), layer);
    });
    assert.deepEqual([-1, 2].map((share) => layerAt(cells, share)), [0, 9]);
  }
});

test("the blocks that are seen are those with a layer among what is shown", () => {
  assert.deepEqual(blocksIn(blocks, [0, 1]), []);
  assert.deepEqual(blocksIn(blocks, [0, 2]), [0]);
  assert.deepEqual(blocksIn(blocks, [4, 5]), [0, 1]);
  assert.deepEqual(blocksIn(blocks, [9, 9]), []);
});

test("a block goes by a name, and by a bare number only where there is no room", () => {
  assert.deepEqual(namesOf(blocks[0]), ["block_0", "0"]);
  assert.deepEqual(namesOf({ forms: ["blocks.0.layers.1", "0.layers.1", "0.1"] }), ["blocks.0.layers.1", "0.1"]);
  assert.deepEqual(namesOf({ forms: ["3.1", "1"] }), ["3.1", "1"]);
});
