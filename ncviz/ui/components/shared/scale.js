// From a curvature to its colour, as `Scale` in `plots/palette.py` has it.

/**
 * How far a curvature is on its way to its end, −1 … 1: in equal steps of log(1 − κ) to the red end, of κ to the blue.
 * @param {number} kappa
 * @param {{ low: number, high: number }} scale
 */
function shareOf(kappa, { low, high }) {
  const share = kappa < 0 ? -Math.log1p(-kappa) / Math.log1p(low) : kappa / high;
  return Math.max(-1, Math.min(1, share));
}

/**
 * The index of its colour on a ramp of so many.
 * @param {number} kappa
 * @param {{ low: number, high: number }} scale
 * @param {number} bins
 */
export function binOf(kappa, scale, bins) {
  return Math.round(((shareOf(kappa, scale) + 1) / 2) * (bins - 1));
}
