// Accuracy over sparsity as a small SVG: the current order strong, the others faint, a point that moves along.
// Its plot area has fixed side margins, so that the slider below it can share its horizontal axis.

const NS = "http://www.w3.org/2000/svg";
const SIDE = 46;
const TOP = 14;
const BOTTOM = 36;

export class Chart {
  constructor(svg, onSeek) {
    this.svg = svg;
    this.listen(onSeek);
  }

  /** `model`: width, height, total, sweeps, orders (key, color), order, baseline. */
  drawLines(model) {
    this.model = model;
    const { width, height, total, sweeps, orders, order, baseline } = model;
    this.svg.replaceChildren();
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.#axes(width);
    if (baseline !== null) {
      const y = this.#y(baseline);
      this.#add("line", { class: "baseline", x1: SIDE, x2: width - SIDE, y1: y, y2: y });
    }
    const others = orders.filter((item) => item.key !== order);
    for (const item of [...others, ...orders.filter((one) => one.key === order)]) {
      const sweep = sweeps[item.key];
      if (!sweep?.removed.length) continue;
      const points = sweep.removed
        .map((removed, i) => [removed, sweep.accuracy[i]])
        .filter(([, accuracy]) => accuracy !== null && accuracy !== undefined)
        .map(([removed, accuracy]) => `${this.#x(removed / total).toFixed(1)},${this.#y(accuracy).toFixed(1)}`);
      const line = this.#add("polyline", { class: item.key === order ? "line" : "line other", points: points.join(" ") });
      line.style.stroke = item.color;
      line.style.strokeDasharray = item.dash;
    }
    this.guide = this.#add("line", { class: "guide", y2: height - BOTTOM });
    this.dot = this.#add("circle", { class: "dot", r: 5.5 });
    this.dot.style.fill = orders.find((item) => item.key === order)?.color ?? "";
  }

  moveTo(share, accuracy) {
    const isKnown = accuracy !== null;
    const x = this.#x(share).toFixed(1);
    const y = this.#y(isKnown ? accuracy : 0).toFixed(1);
    for (const [name, value] of [["x1", x], ["x2", x], ["y1", isKnown ? y : TOP]]) this.guide.setAttribute(name, value);
    this.dot.setAttribute("cx", x);
    this.dot.setAttribute("cy", y);
    this.dot.style.display = isKnown ? "" : "none";
  }

  #x(share) {
    return SIDE + share * (this.model.width - 2 * SIDE);
  }

  #y(accuracy) {
    return TOP + (1 - accuracy) * (this.model.height - TOP - BOTTOM);
  }

  #add(name, attributes, text) {
    const element = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    this.svg.append(element);
    return element;
  }

  #axes(width) {
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
    this.#add("text", { class: "title", x: 12, y: middle + 4, "text-anchor": "middle", transform: turn }, `${this.model.word ?? "accuracy"}, %`);
  }

  /** A press anywhere on the plot takes hold of the threshold: onSeek(share, isDragging). */
  listen(onSeek) {
    let isHeld = false;
    const share = (event) => {
      const box = this.svg.getBoundingClientRect();
      return Math.min(1, Math.max(0, (event.clientX - box.left - SIDE) / (box.width - 2 * SIDE)));
    };
    this.svg.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !this.model) return;
      isHeld = true;
      this.svg.setPointerCapture(event.pointerId);
      onSeek(share(event), true);
    });
    this.svg.addEventListener("pointermove", (event) => isHeld && onSeek(share(event), true));
    const release = (event) => {
      if (!isHeld) return;
      isHeld = false;
      onSeek(event.type === "pointerup" ? share(event) : null, false);
    };
    this.svg.addEventListener("pointerup", release);
    this.svg.addEventListener("pointercancel", release);
  }
}
