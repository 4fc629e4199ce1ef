// What tells one order's line from another beside its colour: its dash, and the mark on it.

import { makeSvg } from "../../shared/dom.js";

const DASHES = ["7 4", "2 4", "12 5"];
/** @type {MarkName[]} */
const MARKS = ["square", "diamond", "triangle", "cross"];

/**
 * Orders with how each is drawn: the two ends of the curvature in their own colours, others in their criterion's.
 * @param {Order[]} orders
 * @param {(order: Order) => string} colorOf
 * @returns {LineOrder[]}
 */
export function withLines(orders, colorOf) {
  const others = orders.filter((order) => !order.tone);
  return orders.map((order) => {
    const at = others.indexOf(order);
    const own = at < 0 ? { dash: "", mark: /** @type {MarkName} */ ("circle") } : { dash: DASHES[at] ?? "", mark: MARKS[at] ?? "cross" };
    return { ...order, ...own, color: colorOf(order) };
  });
}

/** @type {Record<MarkName, (size: number) => string>} */
const SHAPES = {
  circle: (r) => `m${-r},0a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0`,
  square: (r) => `m${-r},${-r}h${2 * r}v${2 * r}h${-2 * r}z`,
  diamond: (r) => `m0,${-1.3 * r}l${1.3 * r},${1.3 * r}l${-1.3 * r},${1.3 * r}l${-1.3 * r},${-1.3 * r}z`,
  triangle: (r) => `m0,${-1.2 * r}l${1.2 * r},${2.2 * r}h${-2.4 * r}z`,
  cross: (r) => `m${-r},${-r}l${2 * r},${2 * r}m${-2 * r},0l${2 * r},${-2 * r}`,
};

/**
 * The path of a line's marks, with room between them.
 * @param {MarkName} mark
 * @param {[number, number][]} points in px, from left to right
 * @param {number} size
 * @param {number} room px between two marks
 */
export function marksAlong(mark, points, size, room) {
  const shape = SHAPES[mark](size);
  let last = -Infinity;
  return points
    .filter(([x]) => {
      const isShown = x - last >= room;
      if (isShown) last = x;
      return isShown;
    })
    .map(([x, y]) => `M${x.toFixed(1)},${y.toFixed(1)}${shape}`)
    .join("");
}

/**
 * A short piece of a line, for the key.
 * @param {LineOrder} order
 */
export function swatchOf({ color, dash, mark }) {
  const line = makeSvg("line", { class: "swatch-line", x1: 0, x2: 26, y1: 6, y2: 6, "stroke-dasharray": dash || undefined });
  const dot = makeSvg("path", { class: `mark ${mark}`, d: `M13,6${SHAPES[mark](2.6)}` });
  const swatch = makeSvg("svg", { class: "swatch", viewBox: "0 0 26 12", "aria-hidden": "true" }, [line, dot]);
  swatch.style.color = color;
  return swatch;
}
