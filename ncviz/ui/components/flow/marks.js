// Marks above the nodes: a stroke through what faded, and the classes' probabilities as bars.

import { percent } from "../shared/format.js";
import { activityOf } from "../network/data.js";
import { radiusOf } from "../network/geometry.js";
import { fadedNodes } from "./fading.js";

const SMALLEST = 2; // radius from which on a stroke is seen
const BAR = 44;

/**
 * @param {Pen} context
 * @param {Scene} scene
 */
export function drawFaded(context, { network, geometry, view, theme, flow, focus }) {
  if (!flow) return;
  const faded = fadedNodes(network, flow, (node, activity) => activityOf(network, node, activity) ?? 0);
  context.globalAlpha = focus ? 0.3 : 1;
  for (const { color, wide } of [{ color: theme.paper, wide: 3.5 }, { color: theme.ink, wide: 1.5 }]) {
    context.strokeStyle = color;
    context.lineWidth = wide;
    context.beginPath();
    for (let node = 0; node < faded.length; node += 1) {
      const radius = radiusOf(geometry, network.layerOf[node], view);
      if (!faded[node] || network.rest?.[node] || radius < SMALLEST) continue;
      const reach = geometry.grouped[network.layerOf[node]] ? radius : radius + 2;
      const [x, y] = [geometry.x[node] * view.k + view.x, geometry.y[node] * view.k + view.y];
      context.moveTo(x - reach, y + reach);
      context.lineTo(x + reach, y - reach);
    }
    context.stroke();
  }
  context.globalAlpha = 1;
}

/**
 * The probability of each class as a bar beside its name, and a thin line where it stood in the whole network.
 * @param {Pen} context
 * @param {Scene} scene
 */
export function drawBars(context, scene) {
  const { network, geometry, view, theme, flow } = scene;
  const first = network.offsets[network.layers.length - 1];
  const count = Math.min(network.offsets[network.layers.length] - first, network.classes.length);
  if (!flow?.scores || count < 1) return;
  const axis = geometry.isPortrait ? geometry.x : geometry.y;
  const pitch = count > 1 ? Math.abs(axis[first + 1] - axis[first]) * view.k : Infinity;
  if (pitch < 9) return;
  const radius = radiusOf(geometry, network.layers.length - 1, view);
  const most = flow.scores.reduce((best, score, at, all) => (score > all[best] ? at : best), 0);
  for (let at = 0; at < count; at += 1) {
    const [x, y] = [geometry.x[first + at] * view.k + view.x, geometry.y[first + at] * view.k + view.y];
    const shares = { now: flow.scores[at], whole: flow.whole.scores?.[at] ?? 0, isMost: at === most };
    if (geometry.isPortrait) standing(context, theme, x, y + radius + geometry.barAt, Math.min(12, pitch - 4), shares);
    else lying(context, theme, x + radius + 7 + geometry.barAt, y, Math.min(11, pitch - 3), shares);
  }
}

/**
 * @param {Pen} context
 * @param {Theme} theme
 * @param {number} x
 * @param {number} y
 * @param {number} high
 * @param {BarShares} shares
 */
function lying(context, theme, x, y, high, { now, whole, isMost }) {
  const top = y - high / 2;
  context.fillStyle = theme.line;
  context.fillRect(x, top, BAR, high);
  context.fillStyle = isMost ? theme.ink : theme.muted;
  context.fillRect(x, top, BAR * now, high);
  mark(context, theme, x + BAR * whole - 1, top - 1.5, 2, high + 3);
  if (now < 0.005) return;
  context.font = `${isMost ? 600 : 400} 11px ${theme.font}`;
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.fillText(percent(now, 0), x + BAR + 5, y);
}

const TALL = 22;

/**
 * @param {Pen} context
 * @param {Theme} theme
 * @param {number} x
 * @param {number} y
 * @param {number} wide
 * @param {BarShares} shares
 */
function standing(context, theme, x, y, wide, { now, whole, isMost }) {
  const left = x - wide / 2;
  context.fillStyle = theme.line;
  context.fillRect(left, y, wide, TALL);
  context.fillStyle = isMost ? theme.ink : theme.muted;
  context.fillRect(left, y + TALL * (1 - now), wide, TALL * now);
  mark(context, theme, left - 1.5, y + TALL * (1 - whole) - 1, wide + 3, 2);
}

/**
 * @param {Pen} context
 * @param {Theme} theme
 * @param {number} x
 * @param {number} y
 * @param {number} wide
 * @param {number} high
 */
function mark(context, theme, x, y, wide, high) {
  context.fillStyle = theme.paper;
  context.fillRect(x - 1, y - 1, wide + 2, high + 2);
  context.fillStyle = theme.ink;
  context.fillRect(x, y, wide, high);
}
