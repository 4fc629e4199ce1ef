// The part of the canvas that a network may be drawn on.

/**
 * Above the legend, so that a picture zoomed in does not run through it.
 * @param {Pen} context
 * @param {Geometry} geometry
 */
export function clipToPlot(context, geometry) {
  context.beginPath();
  context.rect(0, 0, geometry.width, geometry.height - (geometry.isPortrait ? 66 : 44));
  context.clip();
}
