// Lines that are marked: lit ones, and those whose weights were cut, held or scaled by hand.

import { courseOfEdge, follow } from "./course.js";

// As `plots/network/marks.py` has them.
export const MARKS = { cut: 1, held: 2, scaled: 3 };
const MOST_GHOSTS = 6000; // traces of lines that are gone, beyond which they would be a curtain

/** @type {WeakMap<Network, number[]>} */
const LIT_OF = new WeakMap();

/**
 * The drawn lines that stand out while nothing is selected, from weak to strong.
 * @param {Network} network
 */
export function litEdges(network) {
  const known = LIT_OF.get(network);
  if (known) return known;
  /** @type {number[]} */
  const found = [];
  network.lit?.forEach((isLit, edge) => isLit && found.push(edge));
  LIT_OF.set(network, found);
  return found;
}

/**
 * A trace where a line was cut by hand or was lit and is gone, a seam along one that is held or scaled.
 * @param {Pen} context
 * @param {Scene} scene
 */
export function strokeMarks(context, scene) {
  const { network, theme, left } = scene;
  const { mark, lit } = network;
  if (!mark || !lit) return;
  /** @type {Record<"gone" | "held" | "scaled", number[]>} */
  const found = { gone: [], held: [], scaled: [] };
  for (let edge = 0; edge < network.edges; edge += 1) {
    if (!left.visible[edge]) {
      if (lit[edge] || mark[edge] === MARKS.cut) found.gone.push(edge);
    } else if (mark[edge] === MARKS.held) found.held.push(edge);
    else if (mark[edge] === MARKS.scaled) found.scaled.push(edge);
  }
  strokeAll(context, scene, found.gone.slice(-MOST_GHOSTS), theme.muted, 0.8);
  strokeAll(context, scene, found.held, theme.ink, 5);
  strokeAll(context, scene, found.scaled, theme.muted, 4);
}

/**
 * A casing around the lines of which the criterion would take a weight next.
 * @param {Pen} context
 * @param {Scene} scene
 */
export function strokeNext(context, scene) {
  const { next, left, theme } = scene;
  const seen = (next ?? []).filter((edge) => left.visible[edge]);
  strokeAll(context, scene, seen, theme.accent, 4.5);
}

const SHEER_LINES = 40; // lines of a mark that can lie on one another without being a curtain

/**
 * @param {Pen} context
 * @param {Scene} scene
 * @param {number[]} edges
 * @param {string} color
 * @param {number} width
 */
function strokeAll(context, { network, geometry, view }, edges, color, width) {
  context.strokeStyle = color;
  context.lineWidth = width;
  context.globalAlpha = Math.max(0.08, Math.min(0.5, SHEER_LINES / edges.length));
  for (const edge of edges) {
    context.beginPath();
    follow(context, courseOfEdge(network, geometry, view, edge));
    context.stroke();
  }
  context.globalAlpha = 1;
}
