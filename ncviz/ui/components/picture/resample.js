// Bilinear resizing as Pillow does it: a triangle as wide as what it shrinks, across and then down, each pass rounded to
// whole levels (Pillow, src/libImaging/Resample.c). Of tall pictures some versions go down first: a level's difference.

const PRECISION = 1 << 22;

/**
 * One channel at another size.
 * @param {Plane} plane
 * @param {number} rows
 * @param {number} columns
 * @returns {Plane}
 */
export function resized(plane, rows, columns) {
  const across = columns === plane.columns ? plane : turned(resizedDown(turned(plane), columns));
  return rows === across.rows ? across : resizedDown(across, rows);
}

/**
 * @param {Plane} plane
 * @param {number} rows
 * @returns {Plane}
 */
function resizedDown(plane, rows) {
  const { columns, values } = plane;
  const found = new Uint8Array(rows * columns);
  const sums = new Float64Array(columns);
  for (let row = 0; row < rows; row += 1) {
    const { first, weights } = tapsOf(plane.rows, rows, row);
    sums.fill(0.5 * PRECISION);
    weights.forEach((weight, at) => {
      const start = (first + at) * columns;
      for (let column = 0; column < columns; column += 1) sums[column] += weight * values[start + column];
    });
    for (let column = 0; column < columns; column += 1) found[row * columns + column] = Math.min(255, Math.floor(sums[column] / PRECISION));
  }
  return { rows, columns, values: found };
}

/**
 * By what the inputs of one output are multiplied, in units of 1 / `PRECISION`.
 * @param {number} inputs
 * @param {number} outputs
 * @param {number} at
 */
function tapsOf(inputs, outputs, at) {
  const scale = inputs / outputs;
  const wide = Math.max(scale, 1);
  const middle = (at + 0.5) * scale;
  const first = Math.max(0, Math.trunc(middle - wide + 0.5));
  const last = Math.min(inputs, Math.trunc(middle + wide + 0.5));
  const slopes = Array.from({ length: last - first }, (_, tap) => Math.max(0, 1 - Math.abs((tap + first - middle + 0.5) / wide)));
  const sum = slopes.reduce((a, b) => a + b, 0);
  return { first, weights: slopes.map((slope) => Math.trunc(0.5 + (slope / sum) * PRECISION)) };
}

/**
 * Rows made columns.
 * @param {Plane} plane
 * @returns {Plane}
 */
function turned({ rows, columns, values }) {
  const found = new Uint8Array(values.length);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) found[column * rows + row] = values[row * columns + column];
  }
  return { rows: columns, columns: rows, values: found };
}
