// A strip above a picture that is longer than its frame: every layer by its mean curvature, blocks of them folded into
// one, and which part is shown.

import { openChannel } from "../shared/bus.js";
import { contextOf, focusedBeside, make, rulerOf } from "../shared/dom.js";
import { plain } from "../shared/format.js";
import { blocksIn, cellsOf, layerAt, lengthOf, namesOf, shareAt } from "./folds.js";

/** @type {Record<string, number>} */
const STEPS = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
const UNMOVED = 4; // pixels that a press may move
const BESIDE = 13; // pixels of a block's head that its name has not

/** @typedef {{ geometry: Geometry, view: View }} Seen what the picture shows */
/** @typedef {{ button: HTMLButtonElement, first: number, end: number }} Stop what can be pressed, and its layers */

export class Overview {
  /** Of what is drawn: network, theme, width, which blocks are unfolded. */
  drawn = "";
  range = "";
  at = -1;
  /** @type {{ network: Network, theme: Theme } | null} */
  given = null;
  /** @type {Seen | null} */
  seen = null;
  /** @type {Stop[]} */
  stops = [];
  /** @type {ReturnType<typeof cellsOf>} */
  cells = [];
  /** Which blocks are unfolded, in all pictures of the same layers. @type {Channel<ReadonlySet<number>> | null} */
  folds = null;
  unsubscribe = () => {};
  /** Where a press began that may become a drag; null once it is one. @type {number | null} */
  pressedAt = null;
  isDragged = false;

  /**
   * A drag brings a layer into the middle of the picture; one that is pressed fills it, a block unfolds or folds.
   * @param {HTMLElement} root
   * @param {(intent: Intent) => void} dispatch
   */
  constructor(root, dispatch) {
    this.root = root;
    this.onGo = (/** @type {number} */ layer) => dispatch({ type: "centre", layer });
    this.onPick = (/** @type {number} */ layer) => dispatch({ type: "crumb", act: `layer-${layer}` });
    this.ruler = contextOf(make("canvas"));
    this.words = make("p", { className: "small" });
    this.strip = make("div", { className: "strip" });
    this.strip.setAttribute("role", "group");
    this.window = make("div", { className: "window" });
    this.strip.addEventListener("pointerdown", (event) => {
      Object.assign(this, { pressedAt: event.clientX, isDragged: false });
    });
    this.strip.addEventListener("pointermove", (event) => event.buttons && this.#drag(event));
    this.strip.addEventListener("keydown", (event) => this.#key(event));
  }

  /**
   * Draw the strip, or hide it where the whole picture is seen at once.
   * @param {Network} network
   * @param {Theme} theme
   * @param {{ geometry: Geometry | null, view: View }} seen
   */
  show(network, theme, { geometry, view }) {
    this.root.hidden = !isCrowd(network, geometry);
    if (geometry === null || this.root.hidden) return;
    Object.assign(this, { seen: { geometry, view }, given: { network, theme } });
    this.#join(network, { geometry, view });
    this.#draw();
  }

  /**
   * What is unfolded goes by the layers' names: it outlasts a sharper curvature, and a picture that is made anew.
   * @param {Network} network
   * @param {Seen} seen
   */
  #join({ layers, blocks }, { geometry, view }) {
    const name = `folds/${layers.map((layer) => layer.name).join("/")}`;
    if (this.folds?.name !== name) {
      this.unsubscribe();
      this.folds = openChannel(name);
      this.unsubscribe = this.folds.subscribe(() => this.#draw());
    }
    this.folds.last ?? this.folds.publish(new Set(blocksIn(blocks, shownLayers(geometry, view))));
  }

  /** Follow other pictures of the same layers no longer. */
  leave() {
    this.unsubscribe();
  }

  #draw() {
    const { given, folds } = this;
    if (!given || !folds?.last) return;
    const { network, theme } = given;
    const key = [network.digest, theme.name, this.root.clientWidth, ...folds.last].join("/");
    if (key === this.drawn) return;
    const focused = focusedBeside(this.root)?.dataset?.stop;
    Object.assign(this, { drawn: key, at: -1, range: "", cells: cellsOf(network, folds.last) });
    this.stops = this.cells.flatMap((cell, column) => {
      const isHead = cell.block >= 0 && cell.first === network.blocks[cell.block].first;
      return [...(isHead ? [this.#head(given, column)] : []), ...(cell.isFolded ? [] : [this.#layer(given, column)])];
    });
    this.strip.className = network.blocks.length > 0 ? "strip has-blocks" : "strip";
    this.strip.style.gridTemplateColumns = this.cells.map(({ width }) => `minmax(0, ${width}fr)`).join(" ");
    this.strip.setAttribute("aria-label", `All ${network.layers.length} layers by their mean curvature`);
    this.strip.replaceChildren(...this.stops.map(({ button }) => button), this.window);
    this.root.replaceChildren(this.strip, this.words);
    // What was pressed last is pressed again by the same key.
    this.stops.find(({ button }) => focused && button.dataset.stop === focused)?.button.focus();
    if (this.seen) this.frame(this.seen.geometry, this.seen.view);
  }

  /**
   * @param {NonNullable<Overview["given"]>} given
   * @param {number} column
   * @returns {Stop}
   */
  #layer({ network, theme }, column) {
    const { first, end } = this.cells[column];
    const mean = network.means[first];
    const button = stopButton("layer", `layer-${first}`, `${network.layers[first].name}: ${meanWords(mean)}`);
    if (mean !== null) button.style.background = network.ramps[theme.name][network.binOf(mean)];
    button.style.gridColumn = `${column + 1}`;
    button.onclick = () => this.isDragged || this.onPick(first);
    return { button, first, end };
  }

  /**
   * What a block is folded or unfolded by: all that is seen of it, or its name above its layers.
   * @param {NonNullable<Overview["given"]>} given
   * @param {number} column
   * @returns {Stop}
   */
  #head({ network, theme }, column) {
    const { block, isFolded, width } = this.cells[column];
    const { forms, first, end, mean } = network.blocks[block];
    const words = `${forms[0]}, ${end - first} layers: ${meanWords(mean)}`;
    const button = stopButton("block", `block-${block}`, words);
    button.setAttribute("aria-expanded", String(!isFolded));
    const share = (isFolded ? width : end - first) / lengthOf(this.cells);
    const room = share * this.root.clientWidth - BESIDE;
    this.ruler.font = `500 12px ${theme.font}`;
    const fitting = namesOf({ forms }).find((form) => rulerOf(this.ruler)(form) <= room);
    button.append(make("span", { className: "name", textContent: fitting ?? "" }));
    button.style.gridColumn = `${column + 1} / span ${isFolded ? 1 : end - first}`;
    if (isFolded) {
      const bar = make("span", { className: "bar-of-block" });
      if (mean !== null) bar.style.backgroundColor = network.ramps[theme.name][network.binOf(mean)];
      bar.style.backgroundSize = `${100 / (end - first)}% 100%`;
      button.append(bar);
    }
    button.onclick = () => this.isDragged || this.#fold(block);
    return { button, first, end: isFolded ? end : first };
  }

  /** @param {number} block */
  #fold(block) {
    const open = new Set(this.folds?.last);
    if (!open.delete(block)) open.add(block);
    this.folds?.publish(open);
  }

  /**
   * Frame the layers that the picture shows.
   * @param {Geometry} geometry
   * @param {View} view
   */
  frame(geometry, view) {
    if (this.root.hidden || !this.given) return;
    this.seen = { geometry, view };
    const { network } = this.given;
    const [first, last] = shownLayers(geometry, view);
    if (`${first}-${last}` === this.range) return;
    this.range = `${first}-${last}`;
    const [left, right] = [shareAt(this.cells, first), shareAt(this.cells, last + 1)];
    this.window.style.left = `${100 * left}%`;
    this.window.style.width = `${100 * (right - left)}%`;
    const middle = Math.round((first + last) / 2);
    this.#stopAt(this.stops.findIndex((stop) => stop.first <= middle && middle < stop.end));
    this.words.textContent = framedWords(network, first, last);
  }

  /** @param {number} at the one that is reached by the tab key */
  #stopAt(at) {
    if (this.at >= 0) this.stops[this.at].button.tabIndex = -1;
    this.at = at;
    this.stops[at].button.tabIndex = 0;
  }

  /** @param {PointerEvent} event */
  #drag({ clientX, pointerId }) {
    if (!this.isDragged) {
      if (this.pressedAt === null || Math.abs(clientX - this.pressedAt) < UNMOVED) return;
      this.isDragged = true;
      this.strip.setPointerCapture(pointerId);
    }
    const box = this.strip.getBoundingClientRect();
    this.onGo(layerAt(this.cells, (clientX - box.left) / box.width));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    this.isDragged = false;
    const pressed = focusedBeside(this.root);
    const from = this.stops.findIndex(({ button }) => button === pressed);
    if (!(event.key in STEPS) || from < 0) return;
    event.preventDefault();
    const { button, first, end } = this.stops[Math.max(0, Math.min(this.stops.length - 1, from + STEPS[event.key]))];
    this.onGo(Math.max(first, Math.floor((first + end - 1) / 2)));
    button.focus();
  }
}

/**
 * @param {Network} network
 * @param {number} first
 * @param {number} last
 */
function framedWords({ blocks, layers }, first, last) {
  const shown = `All ${layers.length} layers by their mean κ; framed: the ${last + 1 - first} shown below`;
  if (blocks.length === 0) return `${shown}. Drag to go on, press one to fill the picture with it.`;
  const own = blocksIn(blocks, [first, last]).map((at) => namesOf(blocks[at])[0]);
  const ends = own.length > 1 ? `${own[0]} to ${own[own.length - 1]}` : own[0];
  const where = own.length > 0 ? `, in ${ends}` : "";
  return `${shown}${where}. Drag to go on, press a layer to fill the picture with it, a block to unfold or fold it.`;
}

/** @param {number | null} mean */
function meanWords(mean) {
  return mean === null ? "no curvature of its own" : `mean κ ${plain(mean)}`;
}

/**
 * @param {string} className
 * @param {string} stop
 * @param {string} words
 */
function stopButton(className, stop, words) {
  const button = make("button", { type: "button", className, title: words, tabIndex: -1 });
  button.setAttribute("aria-label", words);
  button.dataset.stop = stop;
  return button;
}

/**
 * The first and the last layer whose middle is on the canvas.
 * @param {Geometry} geometry
 * @param {View} view
 * @returns {[number, number]}
 */
export function shownLayers(geometry, view) {
  const [axis, size] = geometry.isPortrait ? [1, geometry.height] : [0, geometry.width];
  const offset = axis ? view.y : view.x;
  const shown = geometry.middles.flatMap((middle, layer) => {
    const at = middle * view.k + offset;
    return at >= 0 && at <= size ? [layer] : [];
  });
  return shown.length ? [shown[0], shown[shown.length - 1]] : [0, 0];
}

/**
 * Whether the picture is longer than its frame, or would be if it did not show some layers closely.
 * @param {Network} network
 * @param {Geometry | null} geometry
 */
export function isCrowd({ layers, closeup, roomy }, geometry) {
  return geometry !== null && (geometry.isLong || (closeup.layer >= 0 && layers.length > roomy.layers));
}
