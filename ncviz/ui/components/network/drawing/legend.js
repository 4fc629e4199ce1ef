// Below the picture: what it leaves out, in words, and what its colours mean.

import { rulerOf } from "../../shared/dom.js";
import { count, fit } from "../../shared/format.js";
import { drawFlowScale, markWords } from "../../flow/legend.js";

/**
 * The words that say how many lines are drawn now, and what the picture leaves out.
 * @param {Network} network
 * @param {number} kept
 * @param {boolean} isShort
 * @param {OwnLeft | null} own all lines of the selection
 */
export function captionOf(network, kept, isShort = false, own = null) {
  if (own) return isShort ? ownWords(own) : `${ownWords(own)} · of all ${count(kept)} of ${count(network.total)}`;
  const where = network.filter ? ` in ${network.filter}` : "";
  const rest = network.unmeasured ? ` · ${count(network.unmeasured)} weights not measured` : "";
  const note = network.note ? ` · ${network.note}` : "";
  return `showing ${count(kept)} of ${count(network.total)} ${network.lines}${where}${isShort ? "" : whichWords(network, kept)}${note}${rest}`;
}

/**
 * Which lines are drawn, where not all are.
 * @param {Network} network
 * @param {number} kept
 */
function whichWords({ drawn, total, rest }, kept) {
  if (drawn === total) return kept < drawn ? " · the others are removed" : "";
  if (kept < drawn) return `: what is left of a sample of ${count(drawn)}`;
  return rest?.includes(1) ? ": between the maps shown" : ": the strongest and an even sample";
}

/**
 * How many lines of the selection are drawn.
 * @param {OwnLeft} own
 */
function ownWords({ network: { edges, total, lines }, left }) {
  const which = edges < total ? `, among its strongest ${count(edges)}` : "";
  return `showing ${count(left.kept)} of ${count(total)} ${lines} of the selection${which}`;
}

/**
 * @param {Pen} context
 * @param {Scene} scene
 */
export function drawLegend(context, scene) {
  const { network, geometry, theme, own } = scene;
  const { kept } = scene.left;
  const { width, height, isPortrait } = geometry;
  const measure = rulerOf(context);
  const { ticks, names } = network.scale;
  context.font = `400 12px ${theme.font}`;
  const sides = names.map((name) => measure(name) + 10);
  const bar = Math.max(80, Math.min(isPortrait ? width - 28 - sides[0] - sides[1] : width * 0.22, 260));
  const left = isPortrait ? (width - bar - sides[0] - sides[1]) / 2 + sides[0] : width - 16 - sides[1] - bar;
  const top = height - 34;
  const most = isPortrait ? width - 28 : left - sides[0] - 40;
  // What is kept matters more than how the lines were chosen.
  const whole = captionOf(network, kept, isPortrait, own);
  const links = scene.isFlowing ? "" : greyWords(network);
  const forms = [`${whole} · ${links}`, whole, `${captionOf(network, kept, true, own)} · ${links}`];
  const words =
    forms.slice(links ? 0 : 1, links ? 3 : 2).find((text) => measure(text) <= most) ?? captionOf(network, kept, true, own);
  context.textBaseline = "alphabetic";
  context.textAlign = "left";
  context.fillStyle = theme.muted;
  // On a narrow picture there is no second line for the marks.
  const told = isPortrait && scene.flow ? `╱ faded · ${words}` : words;
  context.fillText(fit(told, most, measure), 16, isPortrait ? height - 48 : top + 9);
  context.font = `400 11px ${theme.font}`;
  if (!isPortrait) context.fillText(fit(markWords(scene), most, measure), 16, top + 24);
  context.font = `400 12px ${theme.font}`;
  if (scene.isFlowing) {
    drawFlowScale(context, theme, left, top, bar);
    return;
  }
  drawBar(context, network.ramps[theme.name], left, top, bar);
  context.fillStyle = theme.ink;
  context.textAlign = "right";
  context.fillText(names[0], left - 9, top + 9);
  context.textAlign = "left";
  context.fillText(names[1], left + bar + 9, top + 9);
  context.font = `400 11px ${theme.font}`;
  context.fillStyle = theme.muted;
  context.textAlign = "center";
  for (const { share, words: text } of ticks) {
    const at = left + (bar * (share + 1)) / 2;
    context.fillText(text, at, top + 24);
    context.fillRect(Math.min(at, left + bar - 1), top + 10, 1, 3);
  }
}

/**
 * The colour bar as plain rectangles: the same in every export, and no gradient to name.
 * @param {Pen} context
 * @param {string[]} ramp
 * @param {number} left
 * @param {number} top
 * @param {number} width
 */
function drawBar(context, ramp, left, top, width) {
  const step = width / ramp.length;
  ramp.forEach((color, i) => {
    context.fillStyle = color;
    // Overlap by a hair, or seams shine through between neighbours.
    context.fillRect(left + i * step, top, i + 1 < ramp.length ? step + 0.6 : step, 10);
  });
}

/**
 * What is grey in a few words, such as "grey: never active, skips, pooling"; "" where nothing is.
 * @param {Network} network
 */
export function greyWords(network) {
  const never = network.curvature.some((kappa) => kappa >= network.scale.never) ? ["never active"] : [];
  /** @type {Record<string, string>} */
  const names = { skip: "skips", pool: "pooling", scale: "scaling", product: "attention" };
  const drawn = network.linkSource.length > 0 ? network.links : [];
  const kinds = [...new Set(drawn.map(({ kind }) => names[kind] ?? kind))];
  const grey = [...never, ...kinds];
  return grey.length > 0 ? `grey: ${grey.join(", ")}` : "";
}
