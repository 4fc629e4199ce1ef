// Names of classes and layers, upright, leaning or shortened, as there is room.

import { rulerOf } from "../../shared/dom.js";
import { fit } from "../../shared/format.js";
import { formsOf, isShown, shortestForm } from "../data.js";
import { CROWDED, radiusOf } from "../geometry.js";

/**
 * Text on a halo of paper, so that it reads above edges.
 * @param {Pen} context
 * @param {Theme} theme
 * @param {string} text
 * @param {number} x
 * @param {number} y
 */
function halo(context, theme, text, x, y) {
  context.strokeStyle = theme.paper;
  context.lineWidth = 4;
  context.lineJoin = "round";
  context.strokeText(text, x, y);
  context.fillText(text, x, y);
}

/**
 * @param {Pen} context
 * @param {Scene} scene
 */
export function drawClasses(context, { network, geometry, view, theme }) {
  if (!isShown(network, network.layers.length - 1)) return;
  const [first, end] = network.offsets.slice(-2);
  const last = Math.min(end, first + network.classes.length);
  if (last - first < 1) return;
  const radius = radiusOf(geometry, network.layers.length - 1, view);
  const axis = geometry.isPortrait ? geometry.x : geometry.y;
  const pitch = last - first > 1 ? Math.abs(axis[first + 1] - axis[first]) * view.k : Infinity;
  if (pitch < 9) return;
  context.font = `500 12px ${theme.font}`;
  context.fillStyle = theme.ink;
  const measure = rulerOf(context);
  for (let u = first; u < last; u += 1) {
    const x = geometry.x[u] * view.k + view.x;
    const y = geometry.y[u] * view.k + view.y;
    const name = network.classes[u - first];
    if (!geometry.isPortrait) {
      context.textAlign = "left";
      context.textBaseline = "middle";
      halo(context, theme, fit(name, geometry.margin.right - 20, measure), x + radius + 7, y);
    } else if (geometry.widest <= pitch - 4) {
      context.textAlign = "center";
      context.textBaseline = "top";
      halo(context, theme, name, x, y + radius + 5);
    } else {
      context.save();
      context.translate(x, y + radius + 6);
      context.rotate(Math.PI / 2);
      context.textAlign = "left";
      context.textBaseline = "middle";
      halo(context, theme, fit(name, 62, measure), 0, 0);
      context.restore();
    }
  }
}

/**
 * @param {Pen} context
 * @param {Scene} scene
 */
export function drawLayerNames(context, { network, geometry, view, theme }) {
  const measure = rulerOf(context);
  const shown = network.layers.flatMap((_, layer) => (isShown(network, layer) ? [layer] : []));
  const anchorOf = (/** @type {number | undefined} */ layer) => (layer === undefined ? Infinity : geometry.labels[layer][0]);
  // Names stay between those of their neighbours.
  const pitchAt = (/** @type {number} */ layer) => {
    const at = shown.indexOf(layer);
    const away = [shown[at - 1], shown[at + 1]].map((other) => Math.abs(anchorOf(other) - anchorOf(layer)));
    return Math.min(...away, 400);
  };
  let last = -Infinity;
  for (const layer of shown) {
    const { name } = network.layers[layer];
    const subtitle = sizeWords(network, layer);
    const [ax, ay] = geometry.labels[layer];
    if (geometry.isPortrait) {
      const y = ay * view.k + view.y - 8 * Math.min(view.k, 2);
      const most = geometry.width - 2 * geometry.margin.left;
      portraitName(context, theme, fitNames(context, theme, name, subtitle, most, measure), y);
      continue;
    }
    // Names stay at the top when the picture is zoomed, above the layer they belong to.
    const room = Math.max(24, pitchAt(layer) * view.k - 8);
    context.font = `600 13px ${theme.font}`;
    if (geometry.isCrowded && view.k * geometry.pitch < CROWDED) {
      const at = ax * view.k + view.x;
      // Names that would lie on one another are left out; the pointer on a node says them.
      if (at - last < LINE_HEIGHT) continue;
      last = at;
      leaningName(context, theme, name, at, geometry.margin.top - 16, measure);
      continue;
    }
    // A name that is cut tells less than a short one, and a size that is cut tells nothing.
    const middle = ax * view.k + view.x;
    // Beside the last layer there is the room of the classes' names.
    const beside = layer === network.layers.length - 1 ? geometry.width - 8 - middle - room / 2 : 0;
    const title = shortName(name, room + Math.max(0, beside), measure);
    const wide = measure(title);
    context.font = `400 12px ${theme.font}`;
    const size = shortSizes(subtitle).find((text) => measure(text) <= Math.max(room - 8, wide)) ?? "";
    const half = Math.max(wide, measure(size)) / 2;
    const centre = middle + Math.max(0, half - room / 2);
    const isHeld = view.k === 1 && !geometry.isLong;
    const x = isHeld ? Math.max(half + 8, Math.min(geometry.width - half - 8, centre)) : centre;
    // Zoomed out, names that would lie on one another are left out.
    if (geometry.isLong && x - half < last + 4) continue;
    last = x + half;
    context.textAlign = "center";
    context.textBaseline = "alphabetic";
    context.fillStyle = theme.muted;
    halo(context, theme, size, x, 38);
    context.font = `600 13px ${theme.font}`;
    context.fillStyle = theme.ink;
    halo(context, theme, title, x, 22);
  }
}

/**
 * A layer's size, and how many of it are shown where not all are.
 * @param {Network} network
 * @param {number} layer
 */
function sizeWords({ layers, offsets, closeup }, layer) {
  const isWhole = closeup.shown[layer] === offsets[layer + 1] - offsets[layer];
  return isWhole ? layers[layer].subtitle : `${closeup.shown[layer]} of ${layers[layer].subtitle}`;
}

const LINE_HEIGHT = 12;
const LEAN = (-58 * Math.PI) / 180;

/**
 * A layer's size and its short forms: "128 × 14×14", "128 maps", "128"; "512 units", "512".
 * @param {string} subtitle
 */
function shortSizes(subtitle) {
  const [count, rest] = subtitle.split(/ (?:× |units)/);
  return rest === undefined ? [subtitle] : [subtitle, ...(rest ? [`${count} maps`] : []), count];
}

/**
 * The longest of a name's forms that fits.
 * @param {string} name
 * @param {number} room
 * @param {(text: string) => number} measure
 */
function shortName(name, room, measure) {
  return formsOf(name).find((text) => measure(text) <= room) ?? fit(shortestForm(name), room, measure);
}

/**
 * @param {Pen} context
 * @param {Theme} theme
 * @param {string} name
 * @param {number} x
 * @param {number} y
 * @param {(text: string) => number} measure
 */
function leaningName(context, theme, name, x, y, measure) {
  context.save();
  context.translate(x, y);
  context.rotate(LEAN);
  context.font = `500 11px ${theme.font}`;
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.fillStyle = theme.ink;
  halo(context, theme, shortName(name, 92, measure), 0, 0);
  context.restore();
}

/**
 * @param {Pen} context
 * @param {Theme} theme
 * @param {string} name
 * @param {any} subtitle
 * @param {number} most
 * @param {(text: string) => number} measure
 */
function fitNames(context, theme, name, subtitle, most, measure) {
  context.font = `600 12px ${theme.font}`;
  return { title: shortName(name, most * 0.6, measure), size: fit(subtitle, most * 0.4 - 8, measure) };
}

/**
 * @param {Pen} context
 * @param {Theme} theme
 * @param {{ title: string, size: string }} given
 * @param {number} y
 */
function portraitName(context, theme, { title, size }, y) {
  const measure = rulerOf(context);
  context.textAlign = "left";
  context.textBaseline = "alphabetic";
  context.font = `600 12px ${theme.font}`;
  // Edges run right through these names, more than a halo can hold back.
  context.fillStyle = theme.paper;
  context.globalAlpha = 0.8;
  context.fillRect(4, y - 12, measure(title) + measure(size) + 16, 16);
  context.globalAlpha = 1;
  context.fillStyle = theme.ink;
  halo(context, theme, title, 10, y);
  const offset = context.measureText(title).width + 6;
  context.font = `400 12px ${theme.font}`;
  context.fillStyle = theme.muted;
  halo(context, theme, size, 10 + offset, y);
}
