// Which lines a lasso catches, and which weights stand behind them, written as links have them.

import { courseOfEdge } from "../network/drawing/course.js";

const SAMPLES = 9; // points of a line that are looked at
const CUT = 1; // the mark of a line that was cut by hand, which can be caught too

/**
 * Whether a polygon [x, y, x, y, …] holds a point: a ray to the right crosses its sides an odd number of times.
 * @param {number[]} polygon
 * @param {number} x
 * @param {number} y
 */
export function holdsPoint(polygon, x, y) {
  let isInside = false;
  const count = polygon.length;
  for (let at = 0, before = count - 2; at < count; before = at, at += 2) {
    const [ax, ay, bx, by] = [polygon[at], polygon[at + 1], polygon[before], polygon[before + 1]];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) isInside = !isInside;
  }
  return isInside;
}

/**
 * A point of a line's course, at a share of its way.
 * @param {number[]} course
 * @param {number} s
 */
function pointOf([ax, ay, bx, by, cx, cy], s) {
  if (cx === undefined) return [ax + (bx - ax) * s, ay + (by - ay) * s];
  const [a, b, c] = [(1 - s) ** 2, s * s, 2 * s * (1 - s)];
  return [a * ax + c * cx + b * bx, a * ay + c * cy + b * by];
}

/**
 * The lines that pass through a polygon, of those that are seen or were cut by hand.
 * @param {Scene} scene
 * @param {number[]} polygon
 */
export function caughtLines({ network, geometry, view, left }, polygon) {
  const found = [];
  for (let edge = 0; edge < network.edges; edge += 1) {
    if (!left.visible[edge] && network.mark?.[edge] !== CUT) continue;
    const course = courseOfEdge(network, geometry, view, edge);
    for (let sample = 0; sample < SAMPLES; sample += 1) {
      const [x, y] = pointOf(course, (sample + 0.5) / SAMPLES);
      if (!holdsPoint(polygon, x, y)) continue;
      found.push(edge);
      break;
    }
  }
  return found;
}

/**
 * All weights behind some lines, growing, each once.
 * @param {Network} network
 * @param {number[]} edges
 */
export function weightsBehind({ start, member, parameter }, edges) {
  const found = new Set();
  for (const edge of edges) {
    if (!start || !member) found.add(parameter[edge]);
    else for (let at = start[edge]; at < start[edge + 1]; at += 1) found.add(member[at]);
  }
  return [...found].sort((a, b) => a - b);
}

/**
 * A set of weights as a target: runs of "gap.length" in base 36, each gap counted from the start before, as
 * `scene.surgery.steps` reads it.
 * @param {number[]} weights growing
 */
export function setOf(weights) {
  const runs = [];
  let last = 0;
  for (let at = 0; at < weights.length; ) {
    let length = 1;
    while (weights[at + length] === weights[at] + length) length += 1;
    runs.push((weights[at] - last).toString(36) + (length > 1 ? `.${length.toString(36)}` : ""));
    last = weights[at];
    at += length;
  }
  return `set-${runs.join("-")}`;
}
