// What the flow's marks and lines mean, for below the picture.

/**
 * In words; "" where nothing flows.
 * @param {Scene} scene
 */
export function markWords({ flow }) {
  return flow ? "╱ faded to less than half of the whole network · tick in a bar: the whole network" : "";
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
    context.globalAlpha = 0.05 + 0.85 * share ** 0.8;
    context.lineWidth = 0.4 + 3.2 * share ** 0.7;
    context.beginPath();
    context.moveTo(x, top + 5);
    context.lineTo(x + width / steps, top + 5);
    context.stroke();
  }
  context.globalAlpha = 1;
  context.font = `400 11px ${theme.font}`;
  context.fillStyle = theme.muted;
  context.textBaseline = "alphabetic";
  context.textAlign = "center";
  context.fillText("0", left, top + 24);
  context.fillText("|w · a| of this image", left + width / 2, top + 24);
  context.fillText("strongest", left + width, top + 24);
}
