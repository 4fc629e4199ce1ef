// What the strip of layers shows of a deep network: each layer by itself, or a block of them folded into one.

/**
 * @typedef {object} Cell a part of the strip: a layer, or a block that is folded
 * @property {number} first
 * @property {number} end the layer after its last
 * @property {number} block which one it belongs to, -1 for none
 * @property {boolean} isFolded
 * @property {number} at where it begins, in widths of a layer
 * @property {number} width
 */

/**
 * @param {Pick<Network, "layers" | "blocks">} network
 * @param {ReadonlySet<number>} open which blocks are unfolded
 */
export function cellsOf({ layers, blocks }, open) {
  /** @type {Cell[]} */
  const cells = [];
  let at = 0;
  for (let first = 0; first < layers.length; first = cells[cells.length - 1].end) {
    const block = blocks.findIndex((own) => own.first <= first && first < own.end);
    const isFolded = block >= 0 && !open.has(block);
    const end = isFolded ? blocks[block].end : first + 1;
    // Narrower than its layers, wider than one of them.
    const width = Math.sqrt(end - first);
    cells.push({ first, end, block, isFolded, at, width });
    at += width;
  }
  return cells;
}

/**
 * How long the strip is, in widths of a layer.
 * @param {Cell[]} cells
 */
export function lengthOf(cells) {
  const last = cells[cells.length - 1];
  return last.at + last.width;
}

/**
 * Where a layer begins as a share of the strip, the one after the last at its end; within a folded block, by its place.
 * @param {Cell[]} cells
 * @param {number} layer
 */
export function shareAt(cells, layer) {
  const cell = cells.find(({ end }) => layer < end);
  if (!cell) return 1;
  return (cell.at + (cell.width * (layer - cell.first)) / (cell.end - cell.first)) / lengthOf(cells);
}

/**
 * The layer at a share of the strip, the nearest one beyond its ends.
 * @param {Cell[]} cells
 * @param {number} share
 */
export function layerAt(cells, share) {
  const at = Math.max(0, share * lengthOf(cells));
  const cell = cells.find((own) => at < own.at + own.width) ?? cells[cells.length - 1];
  const layer = cell.first + Math.floor(((at - cell.at) / cell.width) * (cell.end - cell.first));
  return Math.min(cell.end - 1, layer);
}

/**
 * The blocks that some of these layers belong to.
 * @param {Block[]} blocks
 * @param {[number, number]} range the first layer and the last
 */
export function blocksIn(blocks, [first, last]) {
  return blocks.flatMap((block, at) => (block.first <= last && first < block.end ? [at] : []));
}

/**
 * What a block is called: as short as it can be and still a name, and where there is no room for that, by its number.
 * @param {Pick<Block, "forms">} block
 */
export function namesOf({ forms }) {
  const names = forms.filter((form) => /^[a-z]/i.test(form));
  return [names.at(-1) ?? forms[0], ...forms.slice(-1)];
}
