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
  const shown = sized(scene, size);
  const { width, height } = shown.geometry;
  const canvas = make("canvas", { width: Math.round(width * size.scale), height: Math.round(height * size.scale) });
  const context = contextOf(canvas);
  context.scale(size.scale, size.scale);
  paint(context, shown);
  canvas.toBlob((blob) => blob && download(blob, `${name}.png`), "image/png");
}

/**
 * @param {Scene} scene
 * @param {string} name
 * @param {SavedSize} size
 */
export function saveSvg(scene, name, size = SIZES[0]) {
  const shown = sized(scene, size);
  const { width, height } = shown.geometry;
  const context = new SvgContext(width, height, scene.network.layers.map((layer) => layer.name).join(" → "));
  paint(context, shown);
  download(new Blob([context.toString()], { type: "image/svg+xml" }), `${name}.svg`);
}

/**
 * The scene laid out for a size, zoomed to the same part of the picture.
 * @param {Scene} scene
 * @param {SavedSize} savedSize
 * @returns {Scene}
 */
function sized(scene, { width, height }) {
  if (!width || !height) return scene;
  const ruler = contextOf(make("canvas"));
  ruler.font = `500 12px ${scene.theme.font}`;
  const geometry = placeUnits(scene.network, width, height, rulerOf(ruler));
  const { k, x, y } = scene.view;
  const same = { k, x: (x * width) / scene.geometry.width, y: (y * height) / scene.geometry.height };
  const view = k === 1 && !geometry.isLong ? IDENTITY : same;
  return { ...scene, geometry, view };
}

/**
 * An export stands alone, so it brings its own paper.
 * @param {Pen} context
 * @param {Scene} scene
 */
function paint(context, scene) {
  context.fillStyle = scene.theme.paper;
  context.fillRect(0, 0, scene.geometry.width, scene.geometry.height);
  drawScene(context, scene);
}
