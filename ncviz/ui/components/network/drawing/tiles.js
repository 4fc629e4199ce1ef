// Feature maps as small pictures: how active each unit of a channel is, and the input as the image that it is.

import { contextOf, make } from "../../shared/dom.js";
import { isShown, planeOf } from "../data.js";
import { radiusOf } from "../geometry.js";

const TINTS = [
  [0.95, 0.5, 0.46],
  [0.5, 0.86, 0.56],
  [0.5, 0.64, 0.98],
];

/** @typedef {{ canvas: HTMLCanvasElement, perRow: number }} Picture */

/** By the activity that they show. @type {WeakMap<Numbers, Map<string, Picture>>} */
const PICTURES = new WeakMap();

/** How much ink a node has that took no part in the measurement. */
export const LEFT_OUT = 0.22;

/**
 * @param {Pen} context
 * @param {Scene} scene
 */
export function drawTiles(context, { network, geometry, view, theme, focus, flow }) {
  const chosen = new Set(focus?.units ?? []);
  for (let layer = 0; layer < network.layers.length; layer += 1) {
    if (!geometry.grouped[layer] || !isShown(network, layer)) continue;
    const { rows, columns } = pictureSize(network.layers[layer]);
    const half = radiusOf(geometry, layer, view);
    const picture = pictureOf(network, layer, theme, flow?.activity ?? network.activity);
    context.imageSmoothingEnabled = false;
    for (let node = network.offsets[layer]; node < network.offsets[layer + 1]; node += 1) {
      if (network.rest?.[node]) continue;
      const left = geometry.x[node] * view.k + view.x - half;
      const top = geometry.y[node] * view.k + view.y - half;
      const part = network.leftOut?.[node] ? LEFT_OUT : 1;
      context.globalAlpha = part * (focus && !chosen.has(node) ? 0.45 : 1);
      if (picture) {
        const { canvas, perRow } = picture;
        const at = node - network.offsets[layer];
        const [sx, sy] = [(at % perRow) * columns, Math.floor(at / perRow) * rows];
        context.drawImage(canvas, sx, sy, columns, rows, left, top, 2 * half, 2 * half);
      } else {
        context.fillStyle = theme.line;
        context.fillRect(left, top, 2 * half, 2 * half);
      }
      context.strokeStyle = theme.dot;
      context.lineWidth = half < 6 ? 0.5 : 1;
      context.beginPath();
      context.rect(left, top, 2 * half, 2 * half);
      context.stroke();
    }
    context.globalAlpha = 1;
  }
}

/**
 * Rows and columns of a feature map's picture: of tokens those of the map that they make, of which some cells are empty.
 * @param {Layer} layer
 */
function pictureSize({ shape, tokens }) {
  return tokens ?? planeOf(shape);
}

/**
 * All feature maps of a layer on one canvas, made once for each theme.
 * @param {Network} network
 * @param {number} layer
 * @param {Theme} theme
 * @param {Numbers | undefined} activity
 */
function pictureOf(network, layer, theme, activity) {
  if (!activity) return null;
  const pictures = PICTURES.get(activity) ?? new Map();
  PICTURES.set(activity, pictures);
  const key = `${network.digest}/${theme.name}/${layer}`;
  const picture = pictures.get(key) ?? paintMaps(network, activity, layer, theme);
  pictures.set(key, picture);
  return picture;
}

/**
 * @param {Network} network
 * @param {Numbers} activity
 * @param {number} layer
 * @param {Theme} theme
 */
function paintMaps(network, activity, layer, theme) {
  const { shape, tokens } = network.layers[layer];
  const { area } = planeOf(shape);
  const { rows, columns } = pictureSize(network.layers[layer]);
  const channels = network.offsets[layer + 1] - network.offsets[layer];
  const perRow = Math.ceil(Math.sqrt(channels));
  const canvas = make("canvas", { width: perRow * columns, height: Math.ceil(channels / perRow) * rows });
  const context = contextOf(canvas);
  const image = context.createImageData(canvas.width, canvas.height);
  const isColour = layer === 0 && channels === 3;
  // Tens of thousands of units at every step of a drag: each shade is mixed once.
  const shades = Array.from({ length: 256 }, (_, value) => theme.shadeChannels(value / 255));
  for (let channel = 0; channel < channels; channel += 1) {
    const [x0, y0] = [(channel % perRow) * columns, Math.floor(channel / perRow) * rows];
    for (let unit = 0; unit < area; unit += 1) {
      const value = activity[network.firstUnit[layer] + channel * area + unit];
      const cell = tokens ? tokens.cells[unit] : unit;
      const at = 4 * ((y0 + Math.floor(cell / columns)) * canvas.width + x0 + (cell % columns));
      for (let part = 0; part < 3; part += 1) {
        image.data[at + part] = isColour ? TINTS[channel][part] * value : shades[value][part];
      }
      image.data[at + 3] = 255;
    }
  }
  context.putImageData(image, 0, 0);
  return { canvas, perRow };
}

/**
 * The sheet behind each image or feature map, so that its pixels are seen as one.
 * @param {Pen} context
 * @param {Scene} scene
 */
export function drawSheets(context, { network, geometry, view, theme }) {
  network.layers.forEach(({ shape, grouped }, layer) => {
    const { rows, columns, area } = planeOf(shape);
    if (grouped || !isShown(network, layer) || shape.length < 2 || rows < 2 || columns < 2) return;
    const pad = radiusOf(geometry, layer, view) + 1.5;
    context.beginPath();
    for (let first = network.offsets[layer]; first < network.offsets[layer + 1]; first += area) {
      const corners = [first, first + columns - 1, first + area - 1, first + area - columns];
      outline(context, geometry, view, corners, pad);
    }
    context.fillStyle = theme.line;
    context.globalAlpha = 0.35;
    context.fill();
    context.globalAlpha = 1;
    context.strokeStyle = theme.line;
    context.lineWidth = 1;
    context.stroke();
  });
}

/**
 * A quadrilateral through four units, `pad` pixels larger on each side.
 * @param {Pen} context
 * @param {Geometry} geometry
 * @param {View} view
 * @param {number[]} corners
 * @param {number} pad
 */
function outline(context, geometry, view, corners, pad) {
  const points = corners.map((u) => [geometry.x[u] * view.k + view.x, geometry.y[u] * view.k + view.y]);
  const centre = [0, 1].map((axis) => points.reduce((sum, point) => sum + point[axis], 0) / 4);
  points.forEach((point, i) => {
    const [x, y] = point.map((value, axis) => value + Math.sign(value - centre[axis]) * pad);
    if (i === 0) context.moveTo(x, y);
    else context.lineTo(x, y);
  });
  context.closePath();
}
