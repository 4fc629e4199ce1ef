// One picture of a network: edges, units, names, legend, caption. Draws on anything that speaks the canvas language,
// so that the SVG export is the same picture.

import { drawBars, drawFaded } from "../../flow/marks.js";
import { clipToPlot } from "./frame.js";
import { drawLegend } from "./legend.js";
import { drawLines } from "./lines.js";
import { drawClasses, drawLayerNames } from "./names.js";
import { drawStrips } from "./strips.js";
import { drawSheets, drawTiles } from "./tiles.js";
import { drawUnits } from "./units.js";

/**
 * Draw a scene: network, geometry, view, theme, left (what is left of each line), focus (what stands out, or null).
 * @param {Pen} context
 * @param {Scene} scene
 */
export function drawScene(context, scene) {
  context.save();
  clipToPlot(context, scene.geometry);
  drawSheets(context, scene);
  drawLines(context, scene);
  drawUnits(context, scene);
  drawTiles(context, scene);
  drawStrips(context, scene);
  drawFaded(context, scene);
  drawBars(context, scene);
  drawClasses(context, scene);
  drawLayerNames(context, scene);
  context.restore();
  drawLegend(context, scene);
}
