// What is said of the thing under the pointer, or of that which a finger touched: there it stays, and can be asked about.

import { DOCKED } from "../shared/docked.js";
import { Tip } from "../shared/tip.js";
import { make } from "../shared/dom.js";
import { withFlow } from "../flow/words.js";
import { spreadOf } from "./drawing/spread.js";
import { linesOf, ownOf } from "./own_lines.js";
import { askedOf } from "./question.js";
import { describeHit } from "./words.js";

export class HitTip {
  /** What is shown is of these. @type {unknown[]} */
  shown = [];

  /**
   * `onAsk(weight)` puts a weight's edge under the lens.
   * @param {HTMLElement} root in the picture's stage
   * @param {HTMLElement} bar that may stick over the stage's lower edge
   * @param {(weight: string) => void} onAsk
   */
  constructor(root, bar, onAsk) {
    this.root = root;
    this.bar = bar;
    this.tip = new Tip(root);
    this.onAsk = onAsk;
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
    const of = [JSON.stringify(hit), state.network, state.left, scene.flow, scene.theme];
    if (isPinned && of[0] !== this.shown[0]) this.#reveal();
    if (of.some((each, at) => each !== this.shown[at])) this.#fill(state, scene, hit, canAsk);
    this.shown = of;
    this.root.classList.toggle("is-pinned", isPinned);
    this.root.setAttribute("role", isPinned ? "group" : "tooltip");
    const { top, bottom } = this.#seen(geometry);
    this.tip.place(pointer, { width: geometry.width, height: isPinned ? bottom : geometry.height }, isPinned ? top : null);
  }

  /** All of the picture is to be seen above the slider, once the bar has taken its room. */
  #reveal() {
    requestAnimationFrame(() => requestAnimationFrame(() => this.root.parentElement?.scrollIntoView({ block: "nearest" })));
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
      this.tip.show(inShort(told), asked ? [this.#ask(asked)] : []);
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
