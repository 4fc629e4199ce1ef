// Weights that are never active on the calibration images: which of what goes they are, in words.

import { percent, plain } from "../shared/format.js";

/** @param {NeverActive} never */
function onTheseImages({ images }) {
  return images === 1 ? "on this image" : `on these ${images.toLocaleString("en-US")} images`;
}

/**
 * Their share in a few words, such as "16.2% never active on these 10 images"; "" where there are none.
 * @param {Pick<PanelData, "never" | "total">} data
 */
export function shareWords({ never, total }) {
  if (!never?.count || total <= 0) return "";
  return `${percent(never.count / total)} never active ${onTheseImages(never)}`;
}

/**
 * Where they stand in an order, for who cannot see the band; "" where they do not lie together.
 * @param {Pick<PanelData, "never" | "total">} data
 * @param {string} order
 */
export function bandWords({ never, total }, order) {
  const band = never?.bands[order];
  const words = shareWords({ never, total });
  return band && words ? `; ${words}, from ${percent(band.start / total)} to ${percent(band.end / total)}` : "";
}

/**
 * Mark on the slider's track where they stand in an order.
 * @param {HTMLInputElement} slider
 * @param {Band | undefined} band
 * @param {SliderScale} scale
 */
export function markBand(slider, band, { positionOf }) {
  slider.classList.toggle("has-band", band !== undefined);
  if (!band) return;
  // The thumb's centre, not its edge, meets the ends of the axis.
  const at = (/** @type {number} */ removed) => `calc(var(--thumb) / 2 + ${positionOf(removed)} * (100% - var(--thumb)))`;
  slider.style.setProperty("--band-start", at(band.start));
  slider.style.setProperty("--band-end", at(band.end));
}

/**
 * By which rule weights go, at a step: in which group the threshold lies, and at which κ.
 * @param {Pick<PanelData, "never" | "total">} data
 * @param {Order} order
 * @param {number} removed
 * @param {number | null} kappa
 */
export function ruleWords({ never, total }, order, removed, kappa) {
  const band = never?.bands[order.key];
  const value = kappa === null ? null : plain(kappa);
  // What is compared with what stays on one line.
  const own = order.rule && value !== null ? order.rule.replace(/ (\S) \{value\}/, `\u00a0$1\u00a0${value}`) : order.label;
  if (!never || !order.tone) return own;
  if (!band) return never.count && never.rule && value !== null ? `${own}, ${never.rule}` : own;
  const gone = Math.min(removed, band.end) - band.start;
  if (gone <= 0) return own;
  const where = onTheseImages(never);
  if (!band.is_first) return `removes all active weights and ${percent(gone / total)} never active ${where}`;
  if (removed > band.end) return value === null ? own : own.replace("removes ", "removes all never-active weights and ");
  return `removes only weights never active ${where}`;
}
