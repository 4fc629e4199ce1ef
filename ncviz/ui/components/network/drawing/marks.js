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
export function strokeMarks(context, { network, geometry, view, theme, left }) {
  const { mark, lit } = network;
  if (!mark || !lit) return;
  const gone = [];
  for (let edge = 0; edge < network.edges; edge += 1) {
    if (!left.visible[edge]) {
      if (lit[edge] || mark[edge] === MARKS.cut) gone.push(edge);
    } else if (mark[edge] === MARKS.held || mark[edge] === MARKS.scaled) {
      const isHeld = mark[edge] === MARKS.held;
      line(context, edge, isHeld ? theme.ink : theme.muted, isHeld ? 5 : 4, 0.3);
    }
  }
  const faint = Math.max(0.08, Math.min(0.45, 30 / Math.max(1, gone.length)));
  for (const edge of gone.slice(-MOST_GHOSTS)) line(context, edge, theme.muted, 0.8, faint);
  context.globalAlpha = 1;

  /**
   * @param {Pen} pen
   * @param {number} edge
   * @param {string} color
   * @param {number} width
   * @param {number} alpha
   */
  function line(pen, edge, color, width, alpha) {
    pen.strokeStyle = color;
    pen.lineWidth = width;
    pen.globalAlpha = alpha;
    pen.beginPath();
    follow(pen, courseOfEdge(network, geometry, view, edge));
    pen.stroke();
  }
}
