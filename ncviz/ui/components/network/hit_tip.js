// What is said of the thing under the pointer, or of that which a finger touched: there it stays, and can be asked about.

import { DOCKED } from "../shared/docked.js";
import { Tip } from "../shared/tip.js";
import { focusedBeside, make } from "../shared/dom.js";
import { withFlow } from "../flow/words.js";
import { spreadOf } from "./drawing/spread.js";
import { linesOf, ownOf } from "./own_lines.js";
import { askedOf } from "./question.js";
import { describeHit } from "./words.js";

export class HitTip {
  /** What is shown is of these. @type {unknown[]} */
  shown = [];

  /**
   * `onAsk(weight)` puts a weight's edge under the lens, `onClose()` lets go of what was touched.
   * @param {HTMLElement} root in the picture's stage
   * @param {HTMLElement} bar that may stick over the stage's lower edge
   * @param {{ onAsk(weight: string): void, onClose(): void }} given
   */
  constructor(root, bar, { onAsk, onClose }) {
    this.root = root;
    this.bar = bar;
    this.tip = new Tip(root);
    this.onAsk = onAsk;
    root.addEventListener("keydown", (event) => {
      if (event.key === "Escape") onClose();
    });
  }

  /**
   * @param {State} state
   * @param {Scene | null} scene
   * @param {boolean} canAsk whether there is a page that answers
   */
  show(state, scene, canAsk) {
    const { hit, geometry, pointer, isPinned } = state;
    if (!hit || !geometry || !scene) {
      this.shown = [];
      this.tip.hide();
      return;
    }
    const of = [JSON.stringify([hit, isPinned]), state.network, state.left, ownOf(state), scene.flow, scene.theme];
    const place = () => this.#place(geometry, pointer, isPinned);
    if (isPinned && of[0] !== this.shown[0]) this.#reveal(place);
    if (of.some((each, at) => each !== this.shown[at])) this.#fill(state, scene, hit, canAsk);
    this.shown = of;
    this.root.classList.toggle("is-pinned", isPinned);
    this.root.setAttribute("role", isPinned ? "group" : "tooltip");
    if (isPinned) this.root.setAttribute("aria-label", "What was touched");
    else this.root.removeAttribute("aria-label");
    place();
  }

  /**
   * @param {Size} size of the picture
   * @param {Point} pointer
   * @param {boolean} isPinned
   */
  #place(size, pointer, isPinned) {
    const { top, bottom } = this.#seen(size);
    this.tip.place(pointer, { width: size.width, height: isPinned ? bottom : size.height }, isPinned ? top : null);
  }

  /**
   * All of the picture is to be seen above the slider, once the bar has taken its room; then the tip has another.
   * @param {() => void} place
   */
  #reveal(place) {
    requestAnimationFrame(() => requestAnimationFrame(() => {
      this.root.parentElement?.scrollIntoView({ block: "nearest" });
      if (!this.root.hidden && this.root.classList.contains("is-pinned")) place();
    }));
  }

  /**
   * How much of the picture is seen: a phone has the bar and the slider over its lower part, see live/dock.js.
   * @param {Size} size of the picture
   */
  #seen({ height }) {
    const [docked, top] = [Number.parseFloat(getComputedStyle(this.root).getPropertyValue(DOCKED)) || 0, this.root.parentElement?.getBoundingClientRect().top ?? 0];
    const free = window.innerHeight - docked - (this.bar.hidden ? 0 : this.bar.offsetHeight) - top;
    return { top: Math.max(0, -top), bottom: Math.min(height, free) };
  }

  /**
   * @param {State} state
   * @param {Scene} scene
   * @param {Hit} hit
   * @param {boolean} canAsk
   */
  #fill(state, scene, hit, canAsk) {
    const lines = linesOf({ network: scene.network, left: scene.left, own: ownOf(state) }, hit);
    const told = withFlow(describeHit(lines.network, hit, lines.left), hit, { ...scene, ...lines });
    if (state.isPinned) {
      const asked = canAsk ? askedOf(state) : null;
      const button = asked && this.#ask(asked);
      const focused = focusedBeside(this.root);
      const isOnIt = focused !== null && this.root.contains(focused);
      this.tip.show(inShort(told), button ? [button] : []);
      if (isOnIt) button?.focus({ preventScroll: true });
    } else this.tip.show(told, told.spread ? [spreadOf(told.spread, scene.network.ramps[scene.theme.name])] : []);
  }

  /** @param {{ words: string, weight: string }} asked */
  #ask({ words, weight }) {
    const button = make("button", { type: "button", className: "open", textContent: words });
    button.dataset.testid = "ncviz-tip-lens";
    button.onclick = () => this.onAsk(weight);
    return button;
  }
}

/**
 * What stays in the picture must leave most of it to be seen: of a line its ends are the heading.
 * @param {Described} told
 * @returns {Described}
 */
function inShort({ title, rows }) {
  const { from, to } = Object.fromEntries(rows);
  if (!from || !to) return { title, rows };
  return { title: `${from} → ${to}`, rows: rows.filter(([name]) => name !== "from" && name !== "to") };
}
