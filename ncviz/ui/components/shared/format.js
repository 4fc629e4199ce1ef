// Numbers as people read them; the minus is a real one.

/** @param {number} value */
export function count(value) {
  return Math.round(value).toLocaleString("en-US");
}

/** @param {number} value */
export function signed(value, digits = 2) {
  const text = Math.abs(value).toFixed(digits);
  if (Number(text) === 0) return text;
  return (value < 0 ? "−" : "+") + text;
}

/** @param {number} value */
export function plain(value, digits = 2) {
  return (value < 0 && Number(value.toFixed(digits)) !== 0 ? "−" : "") + Math.abs(value).toFixed(digits);
}

/**
 * A weight as it is after what was done to it by hand, such as "0.62 (× 2 by hand)", given what it was.
 * @param {number} weight
 * @param {number} factor
 */
export function weightWords(weight, factor, digits = 3) {
  if (factor === 1) return plain(weight, digits);
  return `${plain(weight * factor, digits)} (× ${Number(factor.toPrecision(4))} by hand)`;
}

/** @param {number} share */
export function percent(share, digits = 1) {
  return `${(100 * share).toFixed(digits)}%`;
}

/**
 * A share of a whole, with as many digits as tell it from nothing and from all of it.
 * @param {number} part
 * @param {number} whole
 */
export function sharePercent(part, whole) {
  const share = whole > 0 ? part / whole : 0;
  const near = whole > 0 ? Math.min(part, whole - part) / whole : 0;
  const digits = near > 0 && near < 0.01 ? Math.min(12, 1 - Math.floor(Math.log10(100 * near))) : 1;
  return percent(share, digits);
}

/**
 * Cut a text to a width by `measure`, with an ellipsis; by code points, so no character is torn apart.
 * @param {string} text
 * @param {number} width
 * @param {(text: string) => number} measure
 */
export function fit(text, width, measure) {
  if (measure(text) <= width) return text;
  const letters = [...text];
  let low = 0;
  let high = letters.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (measure(`${letters.slice(0, middle).join("")}…`) <= width) low = middle;
    else high = middle - 1;
  }
  return low > 0 ? `${letters.slice(0, low).join("")}…` : "";
}
