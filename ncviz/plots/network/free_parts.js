// The parts of a free layout: a hull around the units of each, drawn under the edges at every frame, and its letter over
// them: as large at any zoom, and moved along its part's units until it covers no other.

/** @typedef {{ name: string, nodes: number[] }} Part */

/**
 * @param {any} network of vis-network
 * @param {{ parts: Part[], outlined: number, area: string, ink: string, paper: string, font: string }} picture
 */
export function drawParts(network, { parts, outlined, area, ink, paper, font }) {
  const placed = () =>
    parts.map(({ name, nodes }) => ({
      name,
      places: inOrder(Object.values(network.getPositions(nodes))),
    }));
  network.on("beforeDrawing", (/** @type {CanvasRenderingContext2D} */ context) => {
    for (const { places } of placed().slice(0, outlined)) outline(context, hullOf(places), area);
  });
  network.on("afterDrawing", (/** @type {CanvasRenderingContext2D} */ context) => {
    const pixel = 1 / network.getScale();
    /** @type {Point[]} */
    const taken = [];
    context.font = `600 ${15 * pixel}px ${font}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineJoin = "round";
    for (const { name, places } of placed()) {
      const at = freeSpot(places, taken, pixel);
      if (!at) continue;
      taken.push(at);
      context.strokeStyle = paper;
      context.lineWidth = 5 * pixel;
      context.strokeText(name, at.x, at.y);
      context.fillStyle = ink;
      context.fillText(name, at.x, at.y);
    }
  });
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Point[]} hull
 * @param {string} color
 */
function outline(context, hull, color) {
  if (hull.length < 2) return;
  context.beginPath();
  hull.forEach(({ x, y }, at) => (at ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.closePath();
  context.lineJoin = "round";
  context.strokeStyle = color;
  context.lineWidth = 56;
  context.stroke();
  context.fillStyle = color;
  context.fill();
}

/**
 * The corners of the convex hull, in turn.
 * @param {Point[]} points in order
 */
function hullOf(points) {
  return [...halfHull(points), ...halfHull([...points].reverse())];
}

/** @param {Point[]} points */
function inOrder(points) {
  return points.sort((a, b) => a.x - b.x || a.y - b.y);
}

/** @param {Point[]} points in order, or from behind */
function halfHull(points) {
  /** @type {Point[]} */
  const hull = [];
  for (const p of points) {
    while (hull.length > 1 && cross(hull[hull.length - 2], hull[hull.length - 1], p) <= 0) hull.pop();
    hull.push(p);
  }
  return hull.slice(0, -1);
}

/**
 * @param {Point} o
 * @param {Point} a
 * @param {Point} b
 */
function cross(o, a, b) {
  return (a.x - o.x) * (b.y - o.y) - (a.y - o.y) * (b.x - o.x);
}

/**
 * The uppermost spot at one of some units that is far from those taken; none where a letter would lie on another.
 * @param {Point[]} places
 * @param {Point[]} taken
 * @param {number} pixel
 */
function freeSpot(places, taken, pixel) {
  const spots = places
    .flatMap(({ x, y }) => [-14, 14].map((rise) => ({ x, y: y + rise * pixel })))
    .sort((a, b) => a.y - b.y);
  const isFree = (/** @type {Point} */ p) =>
    taken.every((q) => Math.abs(p.x - q.x) > 18 * pixel || Math.abs(p.y - q.y) > 16 * pixel);
  return spots.find(isFree);
}
