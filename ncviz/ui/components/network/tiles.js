// Feature maps as small pictures: how active each unit of a channel is, and the input as the image that it is.

import { radiusOf } from "./geometry.js";

const TINTS = [
  [0.95, 0.5, 0.46],
  [0.5, 0.86, 0.56],
  [0.5, 0.64, 0.98],
];

/** How much ink a node has that took no part in the measurement. */
export const LEFT_OUT = 0.22;

export function drawTiles(context, { network, geometry, view, theme, focus }) {
  const chosen = new Set(focus?.units ?? []);
  for (let layer = 0; layer < network.layers.length; layer += 1) {
    if (!geometry.grouped[layer]) continue;
    const { shape } = network.layers[layer];
    const [rows, columns] = [shape.at(-2), shape.at(-1)];
    const half = radiusOf(geometry, layer, view);
    const picture = pictureOf(network, layer, theme);
    context.imageSmoothingEnabled = false;
    for (let node = network.offsets[layer]; node < network.offsets[layer + 1]; node += 1) {
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

/** All feature maps of a layer on one canvas, made once for each theme. */
function pictureOf(network, layer, theme) {
  if (!network.activity) return null;
  const pictures = (network.pictures ??= new Map());
  const key = `${theme.name}/${layer}`;
  if (!pictures.has(key)) pictures.set(key, paintMaps(network, layer, theme));
  return pictures.get(key);
}

function paintMaps(network, layer, theme) {
  const { shape } = network.layers[layer];
  const [rows, columns] = [shape.at(-2), shape.at(-1)];
  const channels = network.offsets[layer + 1] - network.offsets[layer];
  const perRow = Math.ceil(Math.sqrt(channels));
  const canvas = document.createElement("canvas");
  canvas.width = perRow * columns;
  canvas.height = Math.ceil(channels / perRow) * rows;
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  const isColour = layer === 0 && channels === 3;
  for (let channel = 0; channel < channels; channel += 1) {
    const [x0, y0] = [(channel % perRow) * columns, Math.floor(channel / perRow) * rows];
    for (let unit = 0; unit < rows * columns; unit += 1) {
      const value = network.activity[network.firstUnit[layer] + channel * rows * columns + unit];
      const rgb = isColour ? TINTS[channel].map((tint) => tint * value) : theme.shadeChannels(value / 255);
      const at = 4 * ((y0 + Math.floor(unit / columns)) * canvas.width + x0 + (unit % columns));
      image.data.set([...rgb, 255], at);
    }
  }
  context.putImageData(image, 0, 0);
  return { canvas, perRow };
}
