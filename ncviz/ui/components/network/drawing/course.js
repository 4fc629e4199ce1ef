// The courses of lines on the screen: straight, swinging out around layers, beside those of other connections.

import { radiusOf } from "../geometry.js";

/**
 * The two ends of a line on the screen; at a tile it starts at the side that faces the other layer.
 * @param {Network} network
 * @param {Geometry} geometry
 * @param {View} view
 * @param {number} s
 * @param {number} t
 * @returns {[number, number, number, number]}
 */
function endsBetween(network, geometry, view, s, t) {
  /** @type {[number, number, number, number]} */
  const ends = [
    geometry.x[s] * view.k + view.x,
    geometry.y[s] * view.k + view.y,
    geometry.x[t] * view.k + view.x,
    geometry.y[t] * view.k + view.y,
  ];
  const axis = geometry.isPortrait ? 1 : 0;
  const [from, to] = [network.layerOf[s], network.layerOf[t]];
  const isTile = (/** @type {number} */ node, /** @type {number} */ layer) => geometry.grouped[layer] && !network.rest?.[node];
  if (isTile(s, from)) ends[axis] += radiusOf(geometry, from, view);
  if (isTile(t, to)) ends[axis + 2] -= radiusOf(geometry, to, view);
  return ends;
}

const BOWS = { edge: 0.14, link: 0.36 }; // how far a line that passes layers swings out, as a share of its length
const SWING = { edge: 24, link: 44 };

/**
 * A line as points: its two ends, with a third between them where it passes other layers. It swings away from the
 * middle of the picture, so that it is seen to go around them.
 * @param {Network} network
 * @param {Geometry} geometry
 * @param {View} view
 * @param {number} s
 * @param {number} t
 * @param {"edge" | "link"} kind
 * @returns {number[]}
 */
export function courseOf(network, geometry, view, s, t, kind = "edge") {
  const [ax, ay, bx, by] = endsBetween(network, geometry, view, s, t);
  if (network.layerOf[t] - network.layerOf[s] < 2) return [ax, ay, bx, by];
  const { isPortrait, margin, room } = geometry;
  const length = isPortrait ? Math.abs(by - ay) : Math.abs(bx - ax);
  // No further than the names above the outermost nodes are.
  const swing = Math.min(BOWS[kind] * length, SWING[kind] * view.k);
  const [cx, cy] = [(ax + bx) / 2, (ay + by) / 2];
  const middle = isPortrait
    ? (margin.left + room.width / 2) * view.k + view.x
    : (margin.top + room.height / 2) * view.k + view.y;
  const side = (isPortrait ? cx : cy) < middle ? -swing : swing;
  return isPortrait ? [ax, ay, bx, by, cx + side, cy] : [ax, ay, bx, by, cx, cy + side];
}

const LANE = 4.5; // pixels from lane to lane, at first

/**
 * The course of one of the lines: beside those of other connections between the same two layers, not on them.
 * @param {Network} network
 * @param {Geometry} geometry
 * @param {View} view
 * @param {number} edge
 * @returns {number[]}
 */
export function courseOfEdge(network, geometry, view, edge) {
  const course = courseOf(network, geometry, view, network.source[edge], network.target[edge]);
  const lane = network.lanes[network.connection[edge]];
  if (lane === 0) return course;
  const across = geometry.isPortrait ? 0 : 1;
  return course.map((value, at) => (at % 2 === across ? value + lane * LANE * Math.sqrt(view.k) : value));
}

/**
 * Trace a line's course.
 * @param {Pen} context
 * @param {number[]} given
 */
export function follow(context, [ax, ay, bx, by, cx, cy]) {
  context.moveTo(ax, ay);
  if (cx === undefined) context.lineTo(bx, by);
  else context.quadraticCurveTo(cx, cy, bx, by);
}

const PIECES = 12;

/**
 * Squared distance of a point to a line's course; infinite beyond its ends.
 * @param {number[]} given
 * @param {number} px
 * @param {number} py
 */
export function distanceTo([ax, ay, bx, by, cx, cy], px, py) {
  if (cx === undefined) return toSegment(ax, ay, bx, by, px, py);
  let least = Infinity;
  let [x, y] = [ax, ay];
  for (let piece = 1; piece <= PIECES; piece += 1) {
    const s = piece / PIECES;
    const nextX = (1 - s) ** 2 * ax + 2 * s * (1 - s) * cx + s * s * bx;
    const nextY = (1 - s) ** 2 * ay + 2 * s * (1 - s) * cy + s * s * by;
    least = Math.min(least, toSegment(x, y, nextX, nextY, px, py));
    [x, y] = [nextX, nextY];
  }
  return least;
}

/**
 * @param {number} ax
 * @param {number} ay
 * @param {number} bx
 * @param {number} by
 * @param {number} px
 * @param {number} py
 */
function toSegment(ax, ay, bx, by, px, py) {
  const dx = bx - ax;
  const dy = by - ay;
  const along = ((px - ax) * dx + (py - ay) * dy) / Math.max(dx * dx + dy * dy, 1e-9);
  return along < 0 || along > 1 ? Infinity : (ax + along * dx - px) ** 2 + (ay + along * dy - py) ** 2;
}
