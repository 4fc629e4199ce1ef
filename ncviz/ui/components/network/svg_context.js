// As much of the canvas language as the network's picture uses, written as SVG elements.
// Everything goes through createElementNS and textContent, so a name can never become markup.

const NS = "http://www.w3.org/2000/svg";

export class SvgContext {
  constructor(width, height, title) {
    this.root = this.#element("svg", { xmlns: NS, width, height, viewBox: `0 0 ${width} ${height}` });
    const name = this.#element("title", {});
    name.textContent = printable(title);
    this.root.append(name);
    this.target = this.root;
    this.stack = [];
    this.path = "";
    this.clips = 0;
    this.state = { globalAlpha: 1, lineWidth: 1, transform: "" };
    this.ruler = document.createElement("canvas").getContext("2d");
    for (const name of ["strokeStyle", "fillStyle", "globalAlpha", "lineWidth", "lineCap", "lineJoin", "font"]) {
      this.#property(name);
    }
    for (const name of ["textAlign", "textBaseline"]) this.#property(name);
  }

  #property(name) {
    const get = () => this.state[name];
    Object.defineProperty(this, name, { get, set: (value) => (this.state[name] = value) });
  }

  #element(name, attributes) {
    const element = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key !== "xmlns" && value !== undefined && value !== "") element.setAttribute(key, value);
    }
    return element;
  }

  #append(name, attributes) {
    const opacity = this.state.globalAlpha < 1 ? this.state.globalAlpha.toFixed(3) : undefined;
    const element = this.#element(name, { ...attributes, opacity, transform: this.state.transform });
    this.target.append(element);
    return element;
  }

  save() {
    this.stack.push({ state: { ...this.state }, target: this.target });
  }

  restore() {
    const { state, target } = this.stack.pop();
    this.state = state;
    this.target = target;
  }

  translate(x, y) {
    this.state.transform += ` translate(${short(x)} ${short(y)})`;
  }

  rotate(angle) {
    this.state.transform += ` rotate(${short((angle * 180) / Math.PI)})`;
  }

  beginPath() {
    this.path = "";
  }

  moveTo(x, y) {
    this.path += `M${short(x)} ${short(y)}`;
  }

  lineTo(x, y) {
    this.path += `L${short(x)} ${short(y)}`;
  }

  quadraticCurveTo(cx, cy, x, y) {
    this.path += `Q${short(cx)} ${short(cy)} ${short(x)} ${short(y)}`;
  }

  closePath() {
    this.path += "z";
  }

  /** Full circles only: that is all the picture needs. */
  arc(x, y, radius) {
    const d = short(2 * radius);
    const r = short(radius);
    this.path += `M${short(x - radius)} ${short(y)}a${r} ${r} 0 1 0 ${d} 0a${r} ${r} 0 1 0 ${-d} 0`;
  }

  rect(x, y, width, height) {
    this.path += `M${short(x)} ${short(y)}h${short(width)}v${short(height)}h${short(-width)}z`;
  }

  clip() {
    this.clips += 1;
    const id = `ncviz-clip-${this.clips}`;
    const clip = this.#element("clipPath", { id });
    clip.append(this.#element("path", { d: this.path }));
    const group = this.#element("g", { "clip-path": `url(#${id})` });
    this.target.append(clip, group);
    this.target = group;
  }

  stroke() {
    const { strokeStyle, lineWidth, lineCap } = this.state;
    this.#append("path", {
      d: this.path,
      fill: "none",
      stroke: strokeStyle,
      "stroke-width": short(lineWidth),
      "stroke-linecap": lineCap,
    });
  }

  fill() {
    this.#append("path", { d: this.path, fill: this.state.fillStyle });
  }

  fillRect(x, y, width, height) {
    const [a, b, w, h] = [x, y, width, height].map(short);
    this.#append("rect", { x: a, y: b, width: w, height: h, fill: this.state.fillStyle });
  }

  /** A part of a canvas, written into the file; enlarged without smoothing, as on the screen. */
  drawImage(source, sx, sy, sw, sh, x, y, width, height) {
    const part = document.createElement("canvas");
    part.width = sw;
    part.height = sh;
    part.getContext("2d").drawImage(source, sx, sy, sw, sh, 0, 0, sw, sh);
    const [a, b, w, h] = [x, y, width, height].map(short);
    const href = part.toDataURL("image/png");
    this.#append("image", { x: a, y: b, width: w, height: h, href, preserveAspectRatio: "none", style: "image-rendering:pixelated" });
  }

  measureText(text) {
    this.ruler.font = this.state.font;
    return this.ruler.measureText(text);
  }

  fillText(text, x, y) {
    this.#text(text, x, y, { fill: this.state.fillStyle });
  }

  strokeText(text, x, y) {
    const { strokeStyle, lineWidth } = this.state;
    this.#text(text, x, y, {
      fill: "none",
      stroke: strokeStyle,
      "stroke-width": lineWidth,
      "stroke-linejoin": "round",
    });
  }

  #text(text, x, y, paint) {
    const { font = "", textAlign, textBaseline } = this.state;
    const [, weight = "400", size = "12px", family = "sans-serif"] = font.match(/^(\d+) (\S+) (.*)$/) ?? [];
    const pixels = Number.parseFloat(size);
    const drop = { top: 0.8 * pixels, middle: 0.35 * pixels }[textBaseline] ?? 0;
    const element = this.#append("text", {
      x: short(x),
      y: short(y + drop),
      "font-weight": weight,
      "font-size": size,
      "font-family": family,
      "text-anchor": { center: "middle", right: "end" }[textAlign],
      ...paint,
    });
    element.textContent = printable(text);
  }

  toString() {
    return new XMLSerializer().serializeToString(this.root);
  }
}

function short(value) {
  return Math.round(value * 100) / 100;
}

/** Control characters are not allowed in XML, not even escaped. */
function printable(text) {
  return [...String(text)].filter((letter) => letter >= " " && !/[\ud800-\udfff\ufffe\uffff]/.test(letter) || letter.length > 1).join("");
}
