// What the chart is to draw: the curves that are known, in which colours, at which size.

import { zoomOf } from "../../shared/zoom.js";
import { withLines } from "./marks.js";

const USUAL = 11; // px, of the chart where the panel is of usual size

/**
 * The colour of an order: that of its end of the curvature, else that of its criterion.
 * @param {PanelData} data
 * @param {Theme} theme
 * @param {Order} order
 */
export function colorOf({ tones, lines }, theme, { key, tone }) {
  return tone ? tones[theme.name][tone] : (lines[theme.name][key.split("/")[0]] ?? theme.muted);
}

/**
 * @param {SVGSVGElement} svg
 * @param {Shown} data
 * @param {Theme} theme
 * @param {SliderScale} scale
 * @param {string} order
 * @returns {ChartModel}
 */
export function chartModel(svg, data, theme, scale, order) {
  const [box, zoom] = [svg.getBoundingClientRect(), zoomOf(svg)];
  const [width, height] = [box.width / zoom, box.height / zoom];
  const { total, sweeps, baseline, never, word, draw } = data;
  const unit = parseFloat(getComputedStyle(svg).fontSize) / USUAL;
  const orders = withLines(data.orders, (each) => colorOf(data, theme, each));
  return { width, height, unit, total, scale, sweeps, orders, order, baseline, word, never, draw };
}
