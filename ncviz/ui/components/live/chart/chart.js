// Accuracy over sparsity as a small SVG: the current order strong, the others faint, a point that moves along.
// Its plot area has fixed side margins, so that the slider below it can share its horizontal axis.

import { make, makeSvg, setAttributes } from "../../shared/dom.js";
import { placeNames } from "./line_labels.js";
import { marksAlong, swatchOf } from "./marks.js";
import { bandWords, shareWords } from "../never.js";
import { titled } from "../outcome.js";
import { ticksOf } from "../scale.js";
import { zoomOf } from "../../shared/zoom.js";

/** @typedef {(position: number | null, isDragging: boolean) => void} Seek where on the slider's scale, null to let go */

// In px where letters are 11 px high; all of it grows with them.
export const SIDE = 46;
const TOP = 14;
const BOTTOM = 36;
const BAND_LABEL = 70; // that its name needs
const LETTER = 6.2;
const MARK_ROOM = 34;

export class Chart {
  width = 0;
  height = 0;
  side = SIDE;
  top = TOP;
  bottom = BOTTOM;
  /** @type {SliderScale | null} */
  scale = null;
  /** The orders whose names stand at their curves. @type {Set<string>} */
  named = new Set();
  /** Where the band is named. @type {{ x: number, y: number, width: number, height: number } | null} */
  bandLabel = null;
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

  /** @param {ChartModel} model */
  drawLines(model) {
    const { width, height, unit, scale, sweeps, orders, order, baseline } = model;
    Object.assign(this, { width, height, scale, side: SIDE * unit, top: TOP * unit, bottom: BOTTOM * unit });
    this.svg.replaceChildren();
    this.svg.setAttribute("aria-label", `${titled(model.word)} over the share of weights removed${bandWords(model, order)}`);
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.bandLabel = null;
    const band = model.never?.bands[order];
    if (band) this.#band(band, unit);
    this.#axes(model, unit);
    if (baseline !== null) {
      const y = this.#y(baseline);
      this.#add("line", { class: "baseline", x1: this.side, x2: width - this.side, y1: y, y2: y });
    }
    const others = orders.filter((item) => item.key !== order);
    /** @type {{ item: LineOrder, points: [number, number][] }[]} */
    const curves = [...others, ...orders.filter((one) => one.key === order)].flatMap((item) => {
      const points = this.#pointsOf(sweeps[item.key]);
      return points.length ? [{ item, points }] : [];
    });
    for (const { item, points } of curves) this.#line(item, points, item.key === order ? "" : " other", unit);
    this.#names(curves, baseline, unit);
    const guide = this.#add("line", { class: "guide", y2: height - this.bottom });
    const dot = this.#add("circle", { class: "dot", r: 5.5 * unit });
    dot.style.fill = orders.find((item) => item.key === order)?.color ?? "";
    this.marker = { guide, dot };
  }

  /**
   * @param {Sweep | undefined} sweep
   * @returns {[number, number][]}
   */
  #pointsOf(sweep) {
    return (sweep?.removed ?? []).flatMap((removed, i) => {
      const accuracy = sweep?.accuracy[i] ?? null;
      return accuracy === null ? [] : [/** @type {[number, number]} */ ([this.#xOf(removed), this.#y(accuracy)])];
    });
  }

  /**
   * Each curve's name beside it, the chosen one's first; those without room stay in the key.
   * @param {{ item: LineOrder, points: [number, number][] }[]} curves
   * @param {number | null} baseline
   * @param {number} unit
   */
  #names(curves, baseline, unit) {
    const plot = { x: this.side, y: this.top, width: this.width - 2 * this.side, height: this.height - this.top - this.bottom };
    const named = curves.map(({ item, points }) => ({ key: item.key, text: item.label, points })).reverse();
    const level = baseline === null ? 0 : this.#y(baseline);
    const others = baseline === null ? [] : [/** @type {[number, number][]} */ ([[this.side, level], [this.width - this.side, level]])];
    const names = placeNames(named, plot, { taken: this.bandLabel ? [this.bandLabel] : [], unit, others });
    this.named = new Set(names.map(({ key }) => key));
    for (const { key, text, x, y } of names) {
      const label = this.#add("text", { class: "name", x, y: y + 4 * unit, "text-anchor": "middle" }, text);
      label.style.setProperty("--own", curves.find(({ item }) => item.key === key)?.item.color ?? "");
    }
  }

  /**
   * @param {LineOrder} item
   * @param {[number, number][]} points
   * @param {string} other
   * @param {number} unit
   */
  #line({ color, dash, mark }, points, other, unit) {
    const joined = points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
    const line = this.#add("polyline", { class: `line${other}`, points: joined });
    line.style.stroke = color;
    line.style.strokeDasharray = dash;
    const marks = this.#add("path", {
      class: `mark ${mark}${other}`,
      d: marksAlong(mark, points, (other ? 2.1 : 2.4) * unit, other ? MARK_ROOM * unit : 0),
    });
    marks.style.color = color;
  }

  /**
   * @param {number} removed
   * @param {number | null} accuracy
   */
  moveTo(removed, accuracy) {
    if (!this.marker) return;
    const { guide, dot } = this.marker;
    const isKnown = accuracy !== null;
    const x = this.#xOf(removed).toFixed(1);
    const y = this.#y(isKnown ? accuracy : 0).toFixed(1);
    setAttributes(guide, { x1: x, x2: x, y1: isKnown ? y : this.top });
    setAttributes(dot, { cx: x, cy: y });
    dot.style.display = isKnown ? "" : "none";
  }

  /**
   * Where never-active weights go and no others: a pale area with a line where it meets those that were ever active.
   * @param {Band} band
   * @param {number} unit
   */
  #band({ start, end, is_first: isFirst }, unit) {
    const [left, right] = [this.#xOf(start), this.#xOf(end)];
    const height = this.height - this.top - this.bottom;
    this.#add("rect", { class: "band", x: left, y: this.top, width: right - left, height });
    const edge = isFirst ? right : left;
    this.#add("line", { class: "band-edge", x1: edge, x2: edge, y1: this.top, y2: this.height - this.bottom });
    if (right - left < BAND_LABEL * unit) return;
    // Where curves are not: high up to begin with, near chance in the end.
    const y = isFirst ? this.top + height - 6 * unit : this.top + 16 * unit;
    const middle = (left + right) / 2;
    this.bandLabel = { x: middle - (BAND_LABEL * unit) / 2, y: y - 12 * unit, width: BAND_LABEL * unit, height: 16 * unit };
    const label = { class: "tick", x: middle, y, "text-anchor": "middle" };
    this.#add("text", label, "never active");
  }

  /** @param {number} removed */
  #xOf(removed) {
    return this.#x(this.scale?.positionOf(removed) ?? 0);
  }

  /** @param {number} position */
  #x(position) {
    return this.side + position * (this.width - 2 * this.side);
  }

  /** @param {number} accuracy */
  #y(accuracy) {
    return this.top + (1 - accuracy) * (this.height - this.top - this.bottom);
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
   * @param {ChartModel} model
   * @param {number} unit
   */
  #axes({ width, scale, word }, unit) {
    const [left, right, floor] = [this.side, width - this.side, this.#y(0)];
    for (const share of [0, 0.25, 0.5, 0.75, 1]) {
      const y = this.#y(share);
      this.#add("line", { class: share === 0 ? "axis" : "grid", x1: left, x2: right, y1: y, y2: y });
      this.#add("text", { class: "tick", x: left - 8 * unit, y: y + 4 * unit, "text-anchor": "end" }, `${100 * share}`);
    }
    for (const { position, label } of ticksOf(scale, right - left, LETTER * unit)) {
      const x = this.#x(position);
      this.#add("line", { class: "grid", x1: x, x2: x, y1: this.top, y2: floor + 4 * unit });
      this.#add("text", { class: "tick", x, y: floor + 16 * unit, "text-anchor": "middle" }, label);
    }
    const below = { class: "title", x: width / 2, y: floor + 31 * unit, "text-anchor": "middle" };
    const finer = scale.isLinear ? "" : ", more finely towards both ends";
    this.#add("text", below, `weights removed, %${finer}`);
    const [middle, edge] = [(floor + this.#y(1)) / 2, 12 * unit];
    const turn = `rotate(-90 ${edge} ${middle})`;
    const beside = { class: "title", x: edge, y: middle + 4 * unit, "text-anchor": "middle", transform: turn };
    this.#add("text", beside, `${word}, %`);
  }

  /**
   * A press anywhere on the plot takes hold of the threshold: onSeek(position, isDragging).
   * @param {Seek} onSeek
   */
  listen(onSeek) {
    let isHeld = false;
    const place = (/** @type {PointerEvent} */ event) => {
      const [box, side] = [this.svg.getBoundingClientRect(), this.side * zoomOf(this.svg)];
      return Math.min(1, Math.max(0, (event.clientX - box.left - side) / (box.width - 2 * side)));
    };
    this.svg.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !this.marker) return;
      isHeld = true;
      this.svg.setPointerCapture(event.pointerId);
      onSeek(place(event), true);
    });
    this.svg.addEventListener("pointermove", (event) => isHeld && onSeek(place(event), true));
    const release = (/** @type {PointerEvent} */ event) => {
      if (!isHeld) return;
      isHeld = false;
      onSeek(event.type === "pointerup" ? place(event) : null, false);
    };
    this.svg.addEventListener("pointerup", release);
    this.svg.addEventListener("pointercancel", release);
  }
}

/**
 * Which line is which order, for those that have a line without its name.
 * @param {HTMLElement} key
 * @param {ChartModel} model
 * @param {Set<string>} named
 */
export function drawKey(key, { orders, order: chosen, sweeps, never, draw, total }, named) {
  const drawn = orders.filter((order) => sweeps[order.key]?.removed.length && !named.has(order.key));
  key.replaceChildren(
    ...drawn.map((order) => {
      const item = make("span", { className: order.key === chosen ? "is-on" : "" });
      item.append(swatchOf(order), order.label);
      return item;
    }),
  );
  const title = "Other calibration images give another order: Pruning → Compare shows the spread over several draws.";
  if (draw) key.append(make("span", { className: "draw", textContent: draw, title }));
  const words = shareWords({ never, total });
  if (words) key.append(make("span", { className: never?.bands[chosen] ? "never is-marked" : "never", textContent: words }));
}
