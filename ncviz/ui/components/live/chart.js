// Accuracy over sparsity as a small SVG: the current order strong, the others faint, a point that moves along.
// Its plot area has fixed side margins, so that the slider below it can share its horizontal axis.

import { make, makeSvg, setAttributes } from "../shared/dom.js";
import { shareWords } from "./never.js";

/** @typedef {(share: number | null, isDragging: boolean) => void} Seek a share of all weights, null to let go */

const SIDE = 46;
const TOP = 14;
const BOTTOM = 36;
const BAND_LABEL = 70; // px that its name needs

export class Chart {
  width = 0;
  height = 0;
  /** @type {{ guide: SVGLineElement, dot: SVGCircleElement } | null} */
  marker = null;

  /**
   * @param {SVGSVGElement} svg
   * @param {Seek} onSeek
   */
  constructor(svg, onSeek) {
    this.svg = svg;
    this.listen(onSeek);
  }

  /**
   * `model`: width, height, total, sweeps, orders (key, color), order, baseline.
   * @param {ChartModel} model
   */
  drawLines(model) {
    Object.assign(this, { width: model.width, height: model.height });
    const { width, height, total, sweeps, orders, order, baseline } = model;
    this.svg.replaceChildren();
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const band = model.never?.bands[order];
    if (band) this.#band(band, total);
    this.#axes(width, model.word);
    if (baseline !== null) {
      const y = this.#y(baseline);
      this.#add("line", { class: "baseline", x1: SIDE, x2: width - SIDE, y1: y, y2: y });
    }
    const others = orders.filter((item) => item.key !== order);
    for (const item of [...others, ...orders.filter((one) => one.key === order)]) {
      const sweep = sweeps[item.key];
      if (!sweep?.removed.length) continue;
      const points = sweep.removed
        .flatMap((removed, i) => ({ x: removed / total, y: sweep.accuracy[i] ?? null }))
        .flatMap(({ x, y }) => (y === null ? [] : [`${this.#x(x).toFixed(1)},${this.#y(y).toFixed(1)}`]));
      const line = this.#add("polyline", { class: item.key === order ? "line" : "line other", points: points.join(" ") });
      line.style.stroke = item.color;
      line.style.strokeDasharray = item.dash;
    }
    const guide = this.#add("line", { class: "guide", y2: height - BOTTOM });
    const dot = this.#add("circle", { class: "dot", r: 5.5 });
    dot.style.fill = orders.find((item) => item.key === order)?.color ?? "";
    this.marker = { guide, dot };
  }

  /**
   * @param {number} share
   * @param {number | null} accuracy
   */
  moveTo(share, accuracy) {
    if (!this.marker) return;
    const { guide, dot } = this.marker;
    const isKnown = accuracy !== null;
    const x = this.#x(share).toFixed(1);
    const y = this.#y(isKnown ? accuracy : 0).toFixed(1);
    setAttributes(guide, { x1: x, x2: x, y1: isKnown ? y : TOP });
    setAttributes(dot, { cx: x, cy: y });
    dot.style.display = isKnown ? "" : "none";
  }

  /**
   * Where never-active weights go and no others: a pale area with a line where it meets those that were ever active.
   * @param {Band} band
   * @param {number} total
   */
  #band({ start, end, is_first: isFirst }, total) {
    const [left, right] = [this.#x(start / total), this.#x(end / total)];
    const height = this.height - TOP - BOTTOM;
    this.#add("rect", { class: "band", x: left, y: TOP, width: right - left, height });
    const edge = isFirst ? right : left;
    this.#add("line", { class: "band-edge", x1: edge, x2: edge, y1: TOP, y2: this.height - BOTTOM });
    if (right - left < BAND_LABEL) return;
    // Where curves are not: high up to begin with, near chance in the end.
    const y = isFirst ? TOP + height - 6 : TOP + 16;
    const label = { class: "tick", x: (left + right) / 2, y, "text-anchor": "middle" };
    this.#add("text", label, "never active");
  }

  /** @param {number} share */
  #x(share) {
    return SIDE + share * (this.width - 2 * SIDE);
  }

  /** @param {number} accuracy */
  #y(accuracy) {
    return TOP + (1 - accuracy) * (this.height - TOP - BOTTOM);
  }

  /**
   * @template {keyof SVGElementTagNameMap} Tag
   * @param {Tag} tag
   * @param {Attributes} attributes
   * @param {string[]} text
   */
  #add(tag, attributes, ...text) {
    const element = makeSvg(tag, attributes, text);
    this.svg.append(element);
    return element;
  }

  /**
   * @param {number} width
   * @param {string} word
   */
  #axes(width, word = "accuracy") {
    for (const share of [0, 0.25, 0.5, 0.75, 1]) {
      const y = this.#y(share);
      this.#add("line", { class: share === 0 ? "axis" : "grid", x1: SIDE, x2: width - SIDE, y1: y, y2: y });
      this.#add("text", { class: "tick", x: SIDE - 8, y: y + 4, "text-anchor": "end" }, `${100 * share}`);
    }
    const step = width < 420 ? 0.25 : 0.1;
    for (let share = 0; share <= 1.001; share += step) {
      const label = `${Math.round(100 * share)}`;
      const y = this.#y(0) + 16;
      this.#add("text", { class: "tick", x: this.#x(share), y, "text-anchor": "middle" }, label);
    }
    const below = this.#y(0) + 31;
    this.#add("text", { class: "title", x: width / 2, y: below, "text-anchor": "middle" }, "weights removed, %");
    const middle = (this.#y(0) + this.#y(1)) / 2;
    const turn = `rotate(-90 12 ${middle})`;
    const beside = { class: "title", x: 12, y: middle + 4, "text-anchor": "middle", transform: turn };
    this.#add("text", beside, `${word}, %`);
  }

  /**
   * A press anywhere on the plot takes hold of the threshold: onSeek(share, isDragging).
   * @param {Seek} onSeek
   */
  listen(onSeek) {
    let isHeld = false;
    const share = (/** @type {PointerEvent} */ event) => {
      const box = this.svg.getBoundingClientRect();
      return Math.min(1, Math.max(0, (event.clientX - box.left - SIDE) / (box.width - 2 * SIDE)));
    };
    this.svg.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !this.marker) return;
      isHeld = true;
      this.svg.setPointerCapture(event.pointerId);
      onSeek(share(event), true);
    });
    this.svg.addEventListener("pointermove", (event) => isHeld && onSeek(share(event), true));
    const release = (/** @type {PointerEvent} */ event) => {
      if (!isHeld) return;
      isHeld = false;
      onSeek(event.type === "pointerup" ? share(event) : null, false);
    };
    this.svg.addEventListener("pointerup", release);
    this.svg.addEventListener("pointercancel", release);
  }
}

/**
 * Which line is which order, for those that have a line.
 * @param {HTMLElement} key
 * @param {ChartModel} model
 */
export function drawKey(key, { orders, order: chosen, sweeps, never, total }) {
  const drawn = orders.filter((order) => sweeps[order.key]?.removed.length);
  key.replaceChildren(
    ...drawn.map((order) => {
      const item = make("span", { textContent: order.label, className: order.key === chosen ? "is-on" : "" });
      item.style.setProperty("--swatch", order.color);
      if (order.dash) item.style.setProperty("--swatch-style", order.dash.startsWith("2") ? "dotted" : "dashed");
      return item;
    }),
  );
  const words = shareWords({ never, total });
  if (words) key.append(make("span", { className: never?.bands[chosen] ? "never is-marked" : "never", textContent: words }));
}
