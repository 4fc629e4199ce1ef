// Units as dots, by how active they are, and what stands out among them.

import { activityOf, isShown } from "../data.js";
import { radiusOf } from "../geometry.js";
import { LEFT_OUT } from "./tiles.js";

/** Units of a layer from which on their dots are paler: so many would lie over the edges like a curtain. */
const CURTAIN = 8000;
const LEVELS = 6; // shades of a dot
/** @type {WeakMap<object, number[][][]>} */
const SHADES_OF = new WeakMap();

/**
 * @param {Pen} context
 * @param {Scene} scene
 */
export function drawUnits(context, { network, geometry, view, theme, focus, flow }) {
  const activity = flow?.activity ?? network.activity;
  for (let layer = 0; layer + 1 < network.offsets.length; layer += 1) {
    if (geometry.grouped[layer] || !isShown(network, layer)) continue;
    const radius = radiusOf(geometry, layer, view);
    const tiny = radius < 1.6;
    const pale = Math.min(1, CURTAIN / (network.offsets[layer + 1] - network.offsets[layer]));
    shadesOf(network, layer, activity).forEach((nodes, level) => {
      if (nodes.length === 0) return;
      context.fillStyle = theme.shade(activity ? (level + 0.5) / LEVELS : 0.8);
      context.strokeStyle = tiny ? theme.paper : theme.dot;
      context.lineWidth = 1;
      context.globalAlpha = (level === LEVELS ? LEFT_OUT : 1) * (focus ? 0.35 * pale : tiny ? 0.7 * pale : 1);
      context.beginPath();
      for (const node of nodes) dot(context, geometry, view, node, radius);
      if (!tiny) context.stroke();
      context.fill();
    });
  }
  context.globalAlpha = 1;
  context.fillStyle = theme.dot;
  for (const unit of focus?.units ?? []) {
    const layer = network.layerOf[unit];
    if (geometry.grouped[layer] || network.rest?.[unit]) continue;
    context.beginPath();
    dot(context, geometry, view, unit, Math.max(radiusOf(geometry, layer, view), 2));
    context.fill();
  }
  if (focus?.main !== undefined) ring(context, geometry, view, theme, focus.main, network);
}

/**
 * A layer's nodes by how active they are, palest first, then those that took no part; found once.
 * @param {Network} network
 * @param {number} layer
 * @param {Numbers | undefined} activity
 */
function shadesOf(network, layer, activity) {
  const known = SHADES_OF.get(activity ?? network) ?? [];
  SHADES_OF.set(activity ?? network, known);
  if (known[layer]) return known[layer];
  /** @type {number[][]} */
  const shades = Array.from({ length: LEVELS + 1 }, () => []);
  for (let node = network.offsets[layer]; node < network.offsets[layer + 1]; node += 1) {
    if (network.rest?.[node]) continue;
    const level = Math.min(LEVELS - 1, Math.floor((activityOf(network, node, activity) ?? 0) * LEVELS));
    shades[network.leftOut?.[node] ? LEVELS : level].push(node);
  }
  known[layer] = shades;
  return shades;
}

/**
 * @param {Pen} context
 * @param {Geometry} geometry
 * @param {View} view
 * @param {number} unit
 * @param {number} radius
 */
function dot(context, geometry, view, unit, radius) {
  const x = geometry.x[unit] * view.k + view.x;
  const y = geometry.y[unit] * view.k + view.y;
  context.moveTo(x + radius, y);
  context.arc(x, y, radius, 0, 2 * Math.PI);
}

/**
 * A ring around one node, for the selection and the pointer.
 * @param {Pen} context
 * @param {Geometry} geometry
 * @param {View} view
 * @param {Theme} theme
 * @param {number} unit
 * @param {Network} network
 */
export function ring(context, geometry, view, theme, unit, network) {
  const layer = network.layerOf[unit];
  const isInStrip = network.rest?.[unit] === 1;
  const radius = isInStrip ? 5 : Math.max(3, radiusOf(geometry, layer, view)) + 3;
  context.strokeStyle = theme.ink;
  context.lineWidth = 1.75;
  context.beginPath();
  if (geometry.grouped[layer]) {
    const [x, y] = [geometry.x[unit] * view.k + view.x, geometry.y[unit] * view.k + view.y];
    context.rect(x - radius, y - radius, 2 * radius, 2 * radius);
  } else dot(context, geometry, view, unit, radius);
  context.stroke();
}
