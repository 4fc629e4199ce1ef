// As much of the canvas language as the network's picture uses, written as SVG elements.
// Everything goes through createElementNS and textContent, so a name can never become markup.

import { contextOf, make, makeSvg } from "./dom.js";

/** What `save` keeps. @type {(keyof SvgContext)[]} */
const KEPT = [
  "strokeStyle",
  "fillStyle",
  "globalAlpha",
  "lineWidth",
  "lineCap",
  "lineJoin",
  "font",
  "textAlign",
  "textBaseline",
  "imageSmoothingEnabled",
  "transform",
];

/** @implements {Pen} */
export class SvgContext {
  strokeStyle = "";
  fillStyle = "";
  globalAlpha = 1;
  lineWidth = 1;
  /** @type {CanvasLineCap | undefined} */
  lineCap = undefined;
  /** @type {CanvasLineJoin | undefined} */
  lineJoin = undefined;
  font = "";
  /** @type {CanvasTextAlign | undefined} */
  textAlign = undefined;
  /** @type {CanvasTextBaseline | undefined} */
  textBaseline = undefined;
  imageSmoothingEnabled = true;
  transform = "";
  /** @type {object[]} */
  #stack = [];
  #path = "";
  #clips = 0;

  /**
   * @param {number} width
   * @param {number} height
   * @param {string} title
   */
  constructor(width, height, title) {
    this.root = makeSvg("svg", { width, height, viewBox: `0 0 ${width} ${height}` });
    this.root.append(makeSvg("title", {}, [printable(title)]));
    /** @type {SVGElement} */
    this.target = this.root;
    this.ruler = contextOf(make("canvas"));
  }

  /**
   * @template {keyof SVGElementTagNameMap} Tag
   * @param {Tag} tag
   * @param {Attributes} attributes
   */
  #append(tag, attributes) {
    const opacity = this.globalAlpha < 1 ? this.globalAlpha.toFixed(3) : undefined;
    const element = makeSvg(tag, { ...attributes, opacity, transform: this.transform || undefined });
    this.target.append(element);
    return element;
  }

  save() {
    const state = Object.fromEntries(KEPT.map((name) => [name, this[name]]));
    this.#stack.push({ ...state, target: this.target });
  }

  restore() {
    Object.assign(this, this.#stack.pop());
  }

  /** @type {Pen["translate"]} */
  translate(x, y) {
    this.transform += ` translate(${short(x)} ${short(y)})`;
  }

  /** @type {Pen["rotate"]} */
  rotate(angle) {
    this.transform += ` rotate(${short((angle * 180) / Math.PI)})`;
  }

  beginPath() {
    this.#path = "";
  }

  /** @type {Pen["moveTo"]} */
  moveTo(x, y) {
    this.#path += `M${short(x)} ${short(y)}`;
  }

  /** @type {Pen["lineTo"]} */
  lineTo(x, y) {
    this.#path += `L${short(x)} ${short(y)}`;
  }

  /** @type {Pen["quadraticCurveTo"]} */
  quadraticCurveTo(cx, cy, x, y) {
    this.#path += `Q${short(cx)} ${short(cy)} ${short(x)} ${short(y)}`;
  }

  closePath() {
    this.#path += "z";
  }

  /**
   * Full circles only: that is all the picture needs.
   * @type {Pen["arc"]}
   */
  arc(x, y, radius) {
    const d = short(2 * radius);
    const r = short(radius);
    this.#path += `M${short(x - radius)} ${short(y)}a${r} ${r} 0 1 0 ${d} 0a${r} ${r} 0 1 0 ${-d} 0`;
  }

  /** @type {Pen["rect"]} */
  rect(x, y, width, height) {
    this.#path += `M${short(x)} ${short(y)}h${short(width)}v${short(height)}h${short(-width)}z`;
  }

  clip() {
    this.#clips += 1;
    const id = `ncviz-clip-${this.#clips}`;
    const clip = makeSvg("clipPath", { id }, [makeSvg("path", { d: this.#path })]);
    const group = makeSvg("g", { "clip-path": `url(#${id})` });
    this.target.append(clip, group);
    this.target = group;
  }

  stroke() {
    const { strokeStyle, lineWidth, lineCap } = this;
    this.#append("path", {
      d: this.#path,
      fill: "none",
      stroke: strokeStyle,
      "stroke-width": short(lineWidth),
      "stroke-linecap": lineCap,
    });
  }

  fill() {
    this.#append("path", { d: this.#path, fill: this.fillStyle });
  }

  /** @type {Pen["fillRect"]} */
  fillRect(x, y, width, height) {
    const [a, b, w, h] = [x, y, width, height].map(short);
    this.#append("rect", { x: a, y: b, width: w, height: h, fill: this.fillStyle });
  }

  /**
   * A part of a canvas, written into the file; enlarged without smoothing, as on the screen.
   * @type {Pen["drawImage"]}
   */
  drawImage(source, sx, sy, sw, sh, x, y, width, height) {
    const part = make("canvas", { width: sw, height: sh });
    contextOf(part).drawImage(source, sx, sy, sw, sh, 0, 0, sw, sh);
    const [a, b, w, h] = [x, y, width, height].map(short);
    const href = part.toDataURL("image/png");
    this.#append("image", { x: a, y: b, width: w, height: h, href, preserveAspectRatio: "none", style: "image-rendering:pixelated" });
  }

  /** @type {Pen["measureText"]} */
  measureText(text) {
    this.ruler.font = this.font;
    return this.ruler.measureText(text);
  }

  /** @type {Pen["fillText"]} */
  fillText(text, x, y) {
    this.#text(text, x, y, { fill: this.fillStyle });
  }

  /** @type {Pen["strokeText"]} */
  strokeText(text, x, y) {
    const { strokeStyle, lineWidth } = this;
    this.#text(text, x, y, {
      fill: "none",
      stroke: strokeStyle,
      "stroke-width": lineWidth,
      "stroke-linejoin": "round",
    });
  }

  /**
   * @param {string} text
   * @param {number} x
   * @param {number} y
   * @param {Attributes} paint
   */
  #text(text, x, y, paint) {
    const { font, textAlign, textBaseline } = this;
    const [, weight = "400", size = "12px", family = "sans-serif"] = font.match(/^(\d+) (\S+) (.*)$/) ?? [];
    const pixels = Number.parseFloat(size);
    const drop = textBaseline === "top" ? 0.8 * pixels : textBaseline === "middle" ? 0.35 * pixels : 0;
    const element = this.#append("text", {
      x: short(x),
      y: short(y + drop),
      "font-weight": weight,
      "font-size": size,
      "font-family": family,
      "text-anchor": textAlign === "center" ? "middle" : textAlign === "right" ? "end" : undefined,
      ...paint,
    });
    element.textContent = printable(text);
  }

  toString() {
    return new XMLSerializer().serializeToString(this.root);
  }
}

/** @param {number} value */
function short(value) {
  return Math.round(value * 100) / 100;
}

/**
 * Control characters are not allowed in XML, not even escaped.
 * @param {string} text
 */
function printable(text) {
  return [...String(text)].filter((letter) => letter >= " " && !/[\ud800-\udfff\ufffe\uffff]/.test(letter) || letter.length > 1).join("");
}
