// What the flow's marks and lines mean, for below the picture.

import { inkAt, widthAt } from "./lines.js";

/**
 * In words; "" where there is nothing to say.
 * @param {Scene} scene
 */
export function markWords({ flow, images, network, removed }) {
  const of = images > 1 ? `nodes and bars: mean over ${images} images · ` : "";
  if (flow) return `${of}╱ faded to less than half of the whole network · tick in a bar: the whole network`;
  return removed > 0 && network.activity ? "how active nodes are: in the whole network" : "";
}

/**
 * From no flow to the strongest of a layer in the whole network, in place of the scale of κ.
 * @param {Pen} context
 * @param {Theme} theme
 * @param {number} left
 * @param {number} top
 * @param {number} width
 */
export function drawFlowScale(context, theme, left, top, width) {
  const steps = 24;
  context.strokeStyle = theme.ink;
  for (let step = 0; step < steps; step += 1) {
    const share = (step + 0.5) / steps;
    const x = left + (width * step) / steps;
    context.globalAlpha = inkAt(share);
    context.lineWidth = widthAt(share);
    context.beginPath();
    context.moveTo(x, top + 5);
    context.lineTo(x + width / steps, top + 5);
    context.stroke();
  }
  context.globalAlpha = 1;
  context.font = `400 11px ${theme.font}`;
  context.fillStyle = theme.muted;
  context.textBaseline = "alphabetic";
  context.textAlign = "left";
  context.fillText("|w · a| = 0", left, top + 24);
  context.textAlign = "right";
  context.fillText("most in its layer", left + width, top + 24);
}
