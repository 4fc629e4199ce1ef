// A strip above a picture that is longer than its frame: every layer by its mean curvature, and which part is shown.

import { focusedBeside, make } from "../shared/dom.js";

/** @type {Record<string, number>} */
const STEPS = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };

export class Overview {
  /** Of what is shown: network, theme, whether it is long. */
  shown = "";
  range = "";
  at = -1;
  /** @type {HTMLButtonElement[]} */
  buttons = [];

  /**
   * A drag brings a layer into the middle of the picture; one that is pressed fills it.
   * @param {HTMLElement} root
   * @param {(intent: Intent) => void} dispatch
   */
  constructor(root, dispatch) {
    this.root = root;
    this.onGo = (/** @type {number} */ layer) => dispatch({ type: "centre", layer });
    this.onPick = (/** @type {number} */ layer) => dispatch({ type: "crumb", act: `layer-${layer}` });
    this.words = make("p", { className: "small" });
    this.strip = make("div", { className: "strip" });
    this.strip.setAttribute("role", "group");
    this.window = make("div", { className: "window" });
    this.strip.addEventListener("pointerdown", (event) => {
      this.strip.setPointerCapture(event.pointerId);
      this.#drag(event);
    });
    this.strip.addEventListener("pointermove", (event) => event.buttons && this.#drag(event));
    this.strip.addEventListener("keydown", (event) => this.#key(event));
  }

  /**
   * Draw the strip, or hide it where the whole picture is seen at once.
   * @param {Network} network
   * @param {Theme} theme
   * @param {boolean} isLong
   */
  show(network, theme, isLong) {
    this.root.hidden = !isLong;
    const key = `${network.digest}/${theme.name}/${isLong}`;
    if (!isLong || key === this.shown) return;
    Object.assign(this, { shown: key, at: -1, range: "" });
    this.buttons = network.layers.map(({ name }, layer) => {
      const mean = network.means[layer];
      const words = `${name}: ${mean === null ? "no curvature of its own" : `mean κ ${mean.toFixed(2)}`}`.replace("-", "−");
      const button = make("button", { type: "button", className: "layer", title: words, tabIndex: -1 });
      button.setAttribute("aria-label", words);
      button.dataset.layer = String(layer);
      if (mean !== null) button.style.background = network.ramps[theme.name][network.binOf(mean)];
      button.onclick = () => this.onPick(layer);
      return button;
    });
    this.strip.setAttribute("aria-label", `All ${network.layers.length} layers by their mean curvature`);
    this.strip.replaceChildren(...this.buttons, this.window);
    this.root.replaceChildren(this.strip, this.words);
  }

  /**
   * Frame the layers that the picture shows.
   * @param {Geometry} geometry
   * @param {View} view
   */
  frame(geometry, view) {
    if (this.root.hidden) return;
    const [first, last] = shownLayers(geometry, view);
    const count = this.buttons.length;
    if (`${first}-${last}` === this.range) return;
    this.range = `${first}-${last}`;
    this.window.style.left = `${(100 * first) / count}%`;
    this.window.style.width = `${(100 * (last + 1 - first)) / count}%`;
    const middle = Math.round((first + last) / 2);
    if (this.at >= 0) this.buttons[this.at].tabIndex = -1;
    this.at = middle;
    this.buttons[middle].tabIndex = 0;
    this.words.textContent = `All ${count} layers by their mean κ; framed: the ${last + 1 - first} shown below. Drag to go on, press one to fill the picture with it.`;
  }

  /** @param {PointerEvent} event */
  #drag(event) {
    const box = this.strip.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    this.onGo(Math.max(0, Math.min(this.buttons.length - 1, Math.floor(share * this.buttons.length))));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const from = Number(focusedBeside(this.root)?.dataset?.layer);
    if (!(event.key in STEPS) || Number.isNaN(from)) return;
    event.preventDefault();
    const to = Math.max(0, Math.min(this.buttons.length - 1, from + STEPS[event.key]));
    this.onGo(to);
    this.buttons[to].focus();
  }
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
