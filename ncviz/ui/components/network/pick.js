// What lies under a point of the canvas.

import { isOutside, isShown } from "./data.js";
import { courseOf, courseOfEdge, distanceTo } from "./drawing/course.js";
import { radiusOf } from "./geometry.js";

const IN_STRIP = 5; // pixels around a node that stands in a strip

/**
 * The unit or edge under a point of the canvas, or null. Units win, for they are the smaller targets.
 * @param {Network} network
 * @param {Geometry} geometry
 * @param {View} view
 * @param {Uint8Array} visible
 * @param {number} px
 * @param {number} py
 * @param {number} reach
 * @returns {Hit | null}
 */
export function pick(network, geometry, view, visible, px, py, reach) {
  const x = (px - view.x) / view.k;
  const y = (py - view.y) / view.k;
  let unit = -1;
  let best = Infinity;
  for (let u = 0; u < geometry.x.length; u += 1) {
    const layer = network.layerOf[u];
    const [dx, dy] = [geometry.x[u] - x, geometry.y[u] - y];
    const away = (geometry.grouped[layer] ? Math.max(Math.abs(dx), Math.abs(dy)) : Math.hypot(dx, dy)) * view.k;
    const isTile = geometry.grouped[layer] && !network.rest?.[u];
    const size = network.rest?.[u] ? IN_STRIP : radiusOf(geometry, layer, view) + reach * (isTile ? 0.1 : 0.6);
    if (away < size && away < best) {
      best = away;
      unit = u;
    }
  }
  if (unit >= 0) return { kind: "unit", unit };
  const edge = pickEdge(network, geometry, view, visible, px, py, reach);
  if (edge >= 0) return { kind: "edge", edge };
  const link = pickLink(network, geometry, view, px, py, reach);
  return link >= 0 ? { kind: "link", link } : null;
}

/**
 * @param {Network} network
 * @param {Geometry} geometry
 * @param {View} view
 * @param {number} px
 * @param {number} py
 * @param {number} reach
 * @returns {number}
 */
function pickLink(network, geometry, view, px, py, reach) {
  let found = -1;
  let best = reach * reach;
  for (let e = 0; e < network.linkSource.length; e += 1) {
    const course = courseOf(network, geometry, view, network.linkSource[e], network.linkTarget[e], "link");
    const away = distanceTo(course, px, py);
    if (away < best) {
      best = away;
      found = e;
    }
  }
  return found;
}

/**
 * @param {Network} network
 * @param {Geometry} geometry
 * @param {View} view
 * @param {Uint8Array} visible
 * @param {number} px
 * @param {number} py
 * @param {number} reach
 * @returns {number}
 */
function pickEdge(network, geometry, view, visible, px, py, reach) {
  let found = -1;
  let best = reach * reach;
  for (let e = 0; e < network.edges; e += 1) {
    if (!visible[e] || isOutside(network, e)) continue;
    const away = distanceTo(courseOfEdge(network, geometry, view, e), px, py);
    // `<=` lets the later edge win: it is drawn on top.
    if (away <= best) {
      best = away;
      found = e;
    }
  }
  return found;
}

/**
 * The layer whose name is at a point of the canvas, or -1.
 * @param {Network} network
 * @param {Geometry} geometry
 * @param {View} view
 * @param {number} px
 * @param {number} py
 * @returns {number}
 */
export function pickLayerName(network, geometry, view, px, py) {
  if (!geometry.isPortrait && py > geometry.margin.top - 12) return -1;
  for (let layer = 0; layer < network.layers.length; layer += 1) {
    if (!isShown(network, layer)) continue;
    const [x, y] = [geometry.labels[layer][0] * view.k + view.x, geometry.labels[layer][1] * view.k + view.y];
    if (geometry.isPortrait ? px < 150 && Math.abs(py - (y - 12)) < 9 : Math.abs(px - x) < Math.min(42, (geometry.pitch * view.k) / 2)) return layer;
  }
  return -1;
}
