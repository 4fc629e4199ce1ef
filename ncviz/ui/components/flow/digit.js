// A drawing as the data set would have it: its frame made as large as digits are there, and put into the middle.

/**
 * How to draw a large sheet into a small image so that the ink has its size and place.
 * @param {ArrayLike<number>} ink of the sheet, row after row, 0 where there is none
 * @param {number} side of the sheet, which is square
 * @param {Drawing} drawing
 * @returns {Placement | null} null for an empty sheet
 */
export function placementOf(ink, side, { rows, columns, size, by }) {
  const seen = { left: side, right: -1, top: side, bottom: -1 };
  let [mass, sumX, sumY] = [0, 0, 0];
  for (let at = 0; at < side * side; at += 1) {
    if (!ink[at]) continue;
    const [x, y] = [at % side, Math.floor(at / side)];
    Object.assign(seen, {
      left: Math.min(seen.left, x),
      right: Math.max(seen.right, x),
      top: Math.min(seen.top, y),
      bottom: Math.max(seen.bottom, y),
    });
    mass += ink[at];
    sumX += ink[at] * (x + 0.5);
    sumY += ink[at] * (y + 0.5);
  }
  if (mass === 0) return null;
  const width = seen.right + 1 - seen.left;
  const height = seen.bottom + 1 - seen.top;
  const scale = size / Math.max(width, height);
  const middle =
    by === "mass" ? [sumX / mass, sumY / mass] : [seen.left + width / 2, seen.top + height / 2];
  // What is put into the middle by its mass may reach beyond the image: it is kept inside as far as it fits.
  const inside = (/** @type {number} */ offset, /** @type {number} */ from, /** @type {number} */ long, /** @type {number} */ room) =>
    Math.min(Math.max(offset, -from * scale), room - (from + long) * scale);
  return {
    scale,
    x: inside(columns / 2 - middle[0] * scale, seen.left, width, columns),
    y: inside(rows / 2 - middle[1] * scale, seen.top, height, rows),
  };
}

/**
 * The sheet as an image: each pixel the mean of the ink that lies on it.
 * @param {ArrayLike<number>} ink 0 … 255
 * @param {number} side
 * @param {Drawing} drawing
 */
export function digitOf(ink, side, drawing) {
  const { rows, columns } = drawing;
  const pixels = new Uint8Array(rows * columns);
  const placement = placementOf(ink, side, drawing);
  if (!placement) return pixels;
  const { scale, x, y } = placement;
  const sums = new Float64Array(rows * columns);
  const spread = sharesOf(scale);
  for (let at = 0; at < side * side; at += 1) {
    if (!ink[at]) continue;
    const across = spread((at % side) * scale + x, columns);
    for (const [row, tall] of spread(Math.floor(at / side) * scale + y, rows)) {
      for (const [column, wide] of across) sums[row * columns + column] += ink[at] * tall * wide;
    }
  }
  sums.forEach((sum, at) => (pixels[at] = Math.min(255, Math.round(sum))));
  return pixels;
}

/**
 * Over which pixels a cell of the sheet lies that begins at a place, and how much of each it takes.
 * @param {number} scale
 */
function sharesOf(scale) {
  return (/** @type {number} */ from, /** @type {number} */ room) => {
    /** @type {[number, number][]} */
    const parts = [];
    for (let pixel = Math.floor(from); pixel < from + scale; pixel += 1) {
      const share = Math.min(pixel + 1, from + scale) - Math.max(pixel, from);
      if (share > 0 && pixel >= 0 && pixel < room) parts.push([pixel, share]);
    }
    return parts;
  };
}
