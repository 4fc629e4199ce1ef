// Where nodes are and may be.

/**
 * A point brought into the unit square.
 * @param {Point} point
 */
export function inside({ x, y }) {
  return { x: Math.min(Math.max(x, 0), 1), y: Math.min(Math.max(y, 0), 1) };
}

/**
 * The nearest node in a direction; what lies aside counts double.
 * @param {GraphNode[]} nodes
 * @param {Point} from
 * @param {number} dx
 * @param {number} dy
 * @returns {GraphNode | null}
 */
export function nearest(nodes, from, dx, dy) {
  let best = null;
  let least = Infinity;
  for (const node of nodes) {
    const [x, y] = [node.x - from.x, node.y - from.y];
    const along = x * dx + y * dy;
    const cost = along + 2 * Math.abs(x * dy + y * dx);
    if (along > 1e-6 && cost < least) {
      best = node;
      least = cost;
    }
  }
  return best;
}

/**
 * The node or edge that an event is on.
 * @param {Event} event
 * @returns {SVGElement | null}
 */
export function keyedAt(event) {
  return event.target instanceof Element ? event.target.closest("[data-key]") : null;
}
