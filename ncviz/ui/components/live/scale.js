// The one horizontal scale of slider, curve and band: exact ends, and at both of them room for single weights.
// A part of each step along it counts shares, the rest powers of ten of the distance to either end, so that the collapse
// of a network of a million weights, within a ten-thousandth of them, is as wide as the middle that a smaller one needs.

const LINEAR = 0.4; // of the way counts shares; `scale.py` says the same to Python

/** Of no network. */
export const NOTHING = { total: 0, zeros: 0, most: 0 };

/**
 * From the weights that are removed already to those that can be.
 * @param {Pick<PanelData, "total" | "zeros" | "most">} data
 * @param {boolean} isLinear every weight takes the same room
 * @returns {SliderScale}
 */
export function makeScale({ total, zeros, most }, isLinear = false) {
  const span = Math.max(0, most - zeros);
  const least = isLinear ? 1 : LINEAR;
  const whole = Math.log1p(span);
  const positionOf = (/** @type {number} */ removed) => {
    const gone = Math.min(span, Math.max(0, removed - zeros));
    if (span === 0) return 0;
    const ends = 0.5 + (Math.log1p(gone) - Math.log1p(span - gone)) / (2 * whole);
    return least * (gone / span) + (1 - least) * ends;
  };
  const removedAt = (/** @type {number} */ position) => {
    let low = 0;
    let high = span;
    // The position grows with every weight, so the nearest is found by halving.
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (positionOf(zeros + middle) <= position) low = middle;
      else high = middle;
    }
    const [before, after] = [positionOf(zeros + low), positionOf(zeros + high)];
    return zeros + (position - before < after - position ? low : high);
  };
  return { total, zeros, most, isLinear, positionOf, removedAt };
}

/** How far a step goes: one weight, what can be seen, or ten times that, as a share of the slider's length. */
const WAYS = { weight: 0, step: 1 / 200, leap: 1 / 20 };

/**
 * The number of weights removed that a step leads to; even the smallest is of one weight.
 * @param {SliderScale} scale
 * @param {number} removed
 * @param {number} sign
 * @param {StepSize} size
 */
export function stepFrom(scale, removed, sign, size) {
  const aim = scale.removedAt(Math.min(1, Math.max(0, scale.positionOf(removed) + sign * WAYS[size])));
  const least = removed + sign;
  const next = sign > 0 ? Math.max(aim, least) : Math.min(aim, least);
  return Math.min(scale.most, Math.max(scale.zeros, next));
}

const STOPS = 1000;

/**
 * Where a drag can stop: Python measures quick networks at each of these beforehand.
 * @param {SliderScale} scale
 * @param {number} position
 */
export function stopAt(scale, position) {
  return scale.removedAt(Math.round(Math.min(1, Math.max(0, position)) * STOPS) / STOPS);
}

const MIDDLE = [0.5, 0.1, 0.9, 0.2, 0.8, 0.3, 0.7, 0.4, 0.6];
const DECADES = 9;

/**
 * Where the axis is labelled: the ends, then the roundest shares for which there is room.
 * @param {SliderScale} scale
 * @param {number} width of the axis in px
 * @param {number} letter width of a digit in px
 * @returns {SliderTick[]}
 */
export function ticksOf(scale, width, letter = 6.2) {
  const { total, zeros, most, positionOf } = scale;
  const span = most - zeros;
  if (span <= 0) return [];
  const powers = Array.from({ length: DECADES }, (_, i) => 10 ** -(i + 1));
  const shares = [0, 1, ...(scale.isLinear ? [] : powers.flatMap((share) => [share, 1 - share])), ...MIDDLE];
  /** @type {SliderTick[]} */
  const found = [];
  for (const share of shares) {
    const near = Math.min(share, 1 - share);
    // Less than one weight is none.
    if (near > 0 && near * span < 1) continue;
    const place = zeros + share * span;
    const label = tickLabel(place / total, near * (span / total));
    const tick = { position: positionOf(place), label, half: (letter * label.length) / 2 + letter };
    const isFree = found.every((other) => Math.abs(other.position - tick.position) * width >= other.half + tick.half);
    if (isFree) found.push(tick);
  }
  return found.sort((a, b) => a.position - b.position);
}

/**
 * @param {number} share of all weights
 * @param {number} near how far it is from the nearer end
 */
function tickLabel(share, near) {
  // Where the scale begins or ends there is no other label to be told from, but nothing and all.
  const end = Math.min(share, 1 - share);
  const told = end > 0 && end < 0.01 ? 1 - Math.floor(Math.log10(100 * end)) : 1;
  const digits = near > 0 ? Math.max(0, Math.ceil(-Math.log10(100 * near) - 1e-9)) : told;
  return String(Number((100 * share).toFixed(Math.min(12, digits))));
}
