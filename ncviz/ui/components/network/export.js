// Saving the picture, legend and caption included, without the server: as it stands on the screen or laid out anew for
// a chosen size.

import { drawScene } from "./drawing/draw.js";
import { contextOf, download, make, rulerOf } from "../shared/dom.js";
import { SvgContext } from "../shared/svg_context.js";
import { IDENTITY, placeUnits } from "./geometry.js";

/**
 * Name, width and height that the picture is laid out for, and pixels per unit of that.
 * @type {SavedSize[]}
 */
export const SIZES = [
  { name: "as shown", scale: 2 },
  { name: "1920 × 1080", width: 1280, height: 720, scale: 1.5 },
  { name: "3840 × 2160", width: 1280, height: 720, scale: 3 },
  { name: "2400 × 2400", width: 800, height: 800, scale: 3 },
  { name: "A4, 300 dpi", width: 1169, height: 827, scale: 3 },
];

/**
 * @param {Scene} scene
 * @param {string} name
 * @param {SavedSize} size
 */
export function savePng(scene, name, size = SIZES[0]) {
  const { shown, lines, width, height } = sized(scene, size);
  const canvas = make("canvas", { width: Math.round(width * size.scale), height: Math.round(height * size.scale) });
  const context = contextOf(canvas);
  context.scale(size.scale, size.scale);
  paint(context, shown, lines);
  canvas.toBlob((blob) => blob && download(blob, `${name}.png`), "image/png");
}

/**
 * @param {Scene} scene
 * @param {string} name
 * @param {SavedSize} size
 */
export function saveSvg(scene, name, size = SIZES[0]) {
  const { shown, lines, width, height } = sized(scene, size);
  const title = scene.network.layers.map((layer) => layer.name).join(" → ");
  const context = new SvgContext(width, height, title);
  paint(context, shown, lines);
  download(new Blob([context.toString()], { type: "image/svg+xml" }), `${name}.svg`);
}

/**
 * The scene laid out for a size, zoomed to the same part of the picture, the lines of its caption, and what both take:
 * a chosen size has room for the caption within, what is shown gets it below.
 * @param {Scene} scene
 * @param {SavedSize} savedSize
 * @returns {{ shown: Scene, lines: string[], width: number, height: number }}
 */
function sized(scene, { width, height }) {
  const lines = captionLines(scene, width ?? scene.geometry.width);
  if (!width || !height) {
    const { geometry } = scene;
    return { shown: scene, lines, width: geometry.width, height: geometry.height + roomFor(lines) };
  }
  const ruler = contextOf(make("canvas"));
  ruler.font = `500 12px ${scene.theme.font}`;
  const geometry = placeUnits(scene.network, width, height - roomFor(lines), rulerOf(ruler));
  const { k, x, y } = scene.view;
  const same = { k, x: (x * geometry.width) / scene.geometry.width, y: (y * geometry.height) / scene.geometry.height };
  const view = k === 1 && !geometry.isLong ? IDENTITY : same;
  return { shown: { ...scene, geometry, view }, lines, width, height };
}

const [LINE, EDGE] = [18, 16];

/** @param {string[]} lines */
function roomFor(lines) {
  return lines.length > 0 ? LINE * lines.length + EDGE / 2 : 0;
}

/**
 * The caption in as many lines as it needs, broken between words.
 * @param {Scene} scene
 * @param {number} width
 */
function captionLines({ caption = "", theme }, width) {
  const context = contextOf(make("canvas"));
  context.font = captionFont(theme);
  const measure = rulerOf(context);
  /** @type {string[]} */
  const lines = [];
  for (const word of caption.split(" ").filter(Boolean)) {
    const longer = lines.length > 0 ? `${lines.at(-1)} ${word}` : word;
    if (lines.length > 0 && measure(longer) <= width - 2 * EDGE) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** @param {Theme} theme */
function captionFont(theme) {
  return `400 12px ${theme.font}`;
}

/**
 * An export stands alone, so it brings its own paper, and says what it shows.
 * @param {Pen} context
 * @param {Scene} scene
 * @param {string[]} lines
 */
function paint(context, scene, lines) {
  const { width, height } = scene.geometry;
  context.fillStyle = scene.theme.paper;
  context.fillRect(0, 0, width, height + roomFor(lines));
  drawScene(context, scene);
  context.font = captionFont(scene.theme);
  context.fillStyle = scene.theme.ink;
  context.textAlign = "left";
  context.textBaseline = "alphabetic";
  lines.forEach((line, at) => context.fillText(line, EDGE, height + LINE * at + 12));
}
