// Where each curve's name stands: beside its own curve, where that is far from the others, and over nothing.

const STEP = 4; // px between the points by which a curve is known here
const EVERY = 3; // of these, how many to one place that is tried
const NAME_LETTER = 5.7; // px that a letter takes where letters are 11 px high
const [HEIGHT, GAP, CLEAR, FAR] = [14, 7, 3, 60];
const APART = 6; // px from which on a curve is told from the others

/** @typedef {[number, number]} Place */
/** @typedef {{ x: number, y: number, width: number, height: number }} Box */
/** @typedef {{ key: string, text: string, points: Place[] }} Named */

/**
 * Names in the order of the curves that are given; one that finds no room is left out.
 * @param {Named[]} curves
 * @param {Box} plot
 * @param {{ taken: Box[], unit: number, others: Place[][] }} around what is in the way besides
 * @returns {{ key: string, text: string, x: number, y: number }[]} the middle of each
 */
export function placeNames(curves, plot, { taken, unit, others }) {
  const known = curves.map(({ points }) => along(points));
  const sorted = known.map(fromLeft);
  const more = others.map(along);
  const boxes = [...taken];
  return curves.flatMap(({ key, text }, at) => {
    const size = { width: text.length * NAME_LETTER * unit, height: HEIGHT * unit };
    const rest = fromLeft([...known.filter((_, index) => index !== at), ...more].flat());
    const box = bestBox({ own: known[at], sorted: sorted[at], rest }, size, plot, boxes, unit);
    if (!box) return [];
    boxes.push(box);
    return [{ key, text, x: box.x + box.width / 2, y: box.y + box.height / 2 }];
  });
}

/**
 * @param {{ own: Place[], sorted: Place[], rest: Place[] }} points of the curve, the same from left to right, and all others
 * @param {{ width: number, height: number }} size
 * @param {Box} plot
 * @param {Box[]} boxes
 * @param {number} unit
 */
function bestBox({ own, sorted, rest }, { width, height }, plot, boxes, unit) {
  /** @type {Box | null} */
  let best = null;
  let most = -Infinity;
  const gap = GAP * unit;
  for (let at = 0; at < own.length; at += EVERY) {
    const [x, y] = own[at];
    // Where curves lie on each other, a name would be of all of them.
    if (roomAround({ x, y, width: 0, height: 0 }, rest, APART) < APART) continue;
    const sides = [
      [x + gap, y - height / 2],
      [x - gap - width, y - height / 2],
      [x - width / 2, y - height - gap],
      [x - width / 2, y + gap],
    ];
    for (const [left, top] of sides) {
      const box = { x: left, y: top, width, height };
      if (!isWithin(box, plot) || boxes.some((other) => meets(box, other)) || roomAround(box, sorted, CLEAR) < CLEAR) continue;
      const room = roomAround(box, rest, FAR, Math.max(CLEAR, most));
      if (room >= CLEAR && room > most) [best, most] = [box, room];
    }
    if (most === FAR) break;
  }
  return best;
}

/**
 * How far the nearest point is from a box, at most `far`; once it is below `enough`, how far exactly is of no matter. Most
 * points are told to be too far by one of their coordinates.
 * @param {Box} box
 * @param {Place[]} points from left to right
 * @param {number} far
 * @param {number} enough
 */
function roomAround({ x, y, width, height }, points, far, enough = 0) {
  let least = far;
  const [right, bottom] = [x + width, y + height];
  for (let at = firstFrom(points, x - far); at < points.length; at += 1) {
    const [pointX, pointY] = points[at];
    const across = Math.max(x - pointX, 0, pointX - right);
    if (across >= least) {
      if (pointX > x) break;
      continue;
    }
    const down = Math.max(y - pointY, 0, pointY - bottom);
    if (down >= least) continue;
    least = Math.min(least, Math.hypot(across, down));
    if (least < enough) break;
  }
  return least;
}

/**
 * The first of some points that is not left of a place.
 * @param {Place[]} points from left to right
 * @param {number} x
 */
function firstFrom(points, x) {
  let [low, high] = [0, points.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle][0] < x) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** @param {Place[]} points */
function fromLeft(points) {
  return [...points].sort(([x], [otherX]) => x - otherX);
}

/**
 * A line as points that are close to each other.
 * @param {Place[]} points
 * @returns {Place[]}
 */
function along(points) {
  return points.flatMap(([x, y], at) => {
    const [toX, toY] = points[at + 1] ?? [x, y];
    const count = Math.max(1, Math.round(Math.hypot(toX - x, toY - y) / STEP));
    return Array.from({ length: count }, (_, i) => /** @type {Place} */ ([x + ((toX - x) * i) / count, y + ((toY - y) * i) / count]));
  });
}

/**
 * @param {Box} box
 * @param {Box} plot
 */
function isWithin({ x, y, width, height }, plot) {
  return x >= plot.x && y >= plot.y && x + width <= plot.x + plot.width && y + height <= plot.y + plot.height;
}

/**
 * @param {Box} one
 * @param {Box} other
 */
function meets(one, other) {
  const apart = one.x + one.width <= other.x || other.x + other.width <= one.x;
  return !apart && one.y < other.y + other.height && other.y < one.y + one.height;
}
