// Surgery in the picture: what is selected or caught with the lasso is cut, kept, scaled or let go; what the criterion
// would take next is outlined.

import { actionButton, part } from "../shared/dom.js";
import { count } from "../shared/format.js";
import { caughtLines, setOf, weightsBehind } from "./lasso.js";
import { nextCount, nextLines } from "./next.js";
import { Uncovering } from "./uncovering.js";

const APART = 4; // pixels between two points of the lasso

/** @typedef {{ network: Network | null, order: string | null, removed: number, told: string }} Known */

export class Surgery {
  /** What the lasso caught. @type {number[]} */
  caught = [];
  /** @type {Known} */
  known = { network: null, order: null, removed: 0, told: "" };
  isNext = false;
  /** @type {number[] | null} */
  path = null;
  /** @type {{ key: string, network: Network | null, edges: number[] }} */
  next = { key: "", network: null, edges: [] };

  /**
   * @param {ShadowRoot} root
   * @param {{ scene(): Scene | null, onChange(): void, operate(step: { action: string, target: string }): void, clear(): void }} given
   */
  constructor(root, given) {
    this.given = given;
    this.bar = part(root, "div", "surgery");
    this.uncovering = new Uncovering(part(root, "div", "stage"), this.bar);
    this.words = part(root, "span", "surgery-words");
    this.factor = part(root, "input", "factor");
    this.sheet = part(root, "svg", "lasso");
    this.line = part(root, "path", "lasso-line");
    this.lassoButton = actionButton(root, "lasso");
    this.nextButton = actionButton(root, "next");
    this.lassoButton.onclick = () => this.#arm(this.sheet.hasAttribute("hidden"));
    this.nextButton.onclick = () => {
      this.isNext = !this.isNext;
      this.#show();
      given.onChange();
    };
    for (const [action, name] of Object.entries({ cut: "cut", hold: "hold", free: "free" })) {
      actionButton(root, action).onclick = () => this.#operate(name);
    }
    actionButton(root, "scale").onclick = () => {
      if (this.factor.reportValidity()) this.#operate(`x${Number(this.factor.value)}`);
    };
    actionButton(root, "drop").onclick = () => {
      this.#catch([]);
      given.clear();
    };
    this.sheet.addEventListener("pointerdown", (event) => this.#begin(event));
    this.sheet.addEventListener("pointermove", (event) => this.#trace(event));
    this.sheet.addEventListener("pointerup", () => this.#close());
    this.sheet.addEventListener("pointercancel", () => this.#arm(false));
    root.addEventListener("keydown", (event) => {
      if (/** @type {KeyboardEvent} */ (event).key === "Escape") this.#arm(false);
    });
  }

  /** What the drawing takes from here. */
  get scene() {
    const focus = this.caught.length ? { focus: { isOwn: false, edges: this.caught, units: [] } } : {};
    return { next: this.isNext ? this.#next() : [], ...focus };
  }

  /** @param {Known} known the state after each step */
  step({ network, order, removed, told }) {
    const isOther = network !== this.known.network;
    const isSelected = told !== this.known.told;
    this.known = { network, order, removed, told };
    if (isOther || (isSelected && told)) this.caught = [];
    if (isOther || isSelected || this.isNext) this.#show();
  }

  /** @param {boolean} isOn */
  #arm(isOn) {
    this.sheet.toggleAttribute("hidden", !isOn);
    this.lassoButton.setAttribute("aria-pressed", String(isOn));
    this.path = null;
    this.line.setAttribute("d", "");
  }

  /** @param {PointerEvent} event */
  #begin(event) {
    event.preventDefault();
    this.sheet.setPointerCapture(event.pointerId);
    this.path = [event.offsetX, event.offsetY];
  }

  /** @param {PointerEvent} event */
  #trace({ offsetX, offsetY }) {
    const { path } = this;
    if (!path || Math.hypot(path[path.length - 2] - offsetX, path[path.length - 1] - offsetY) < APART) return;
    path.push(offsetX, offsetY);
    this.line.setAttribute("d", `M${path.join(" ")}Z`);
  }

  #close() {
    const { path } = this;
    const scene = this.given.scene();
    this.#arm(false);
    if (!path || path.length < 6 || !scene) return;
    this.given.clear();
    this.#catch(caughtLines(scene, path));
  }

  /** @param {number[]} edges */
  #catch(edges) {
    this.caught = edges;
    this.#show();
    this.given.onChange();
  }

  #next() {
    const { network, order, removed } = this.known;
    const key = `${order}/${removed}`;
    if (network && (network !== this.next.network || key !== this.next.key)) {
      this.next = { key, network, edges: nextLines(network, order, removed) };
    }
    return network ? this.next.edges : [];
  }

  #show() {
    const { network, told } = this.known;
    const { caught, bar, isNext } = this;
    this.nextButton.setAttribute("aria-pressed", String(isNext));
    if (!network) return;
    const weights = caught.length ? weightsBehind(network, caught).length : 0;
    const lines = `${count(caught.length)} ${caught.length === 1 ? "line" : "lines"}, ${count(weights)} weights`;
    const coming = `outlined: lines with some of the ${count(nextCount(network))} weights that would go next`;
    // A page without a server has nobody to measure what is changed.
    const isAble = network.can_operate === true;
    this.lassoButton.hidden = !isAble;
    const has = isAble && (caught.length > 0 || told !== "");
    this.words.textContent = has ? (caught.length ? lines : "The selection") : coming;
    bar.classList.toggle("is-idle", !has);
    const isNew = bar.hidden;
    bar.hidden = !has && !isNext;
    if (isNew && !bar.hidden) this.uncovering.begin();
  }

  /** @param {string} action */
  #operate(action) {
    const { network, told } = this.known;
    if (!network) return;
    const target = this.caught.length ? setOf(weightsBehind(network, this.caught)) : told;
    if (target) this.given.operate({ action, target });
  }
}
