// The bar of a selection stays in sight above a phone's slider, and off the picture that it stands under.

import { DOCKED } from "../shared/docked.js";

/** What a reader does that says where the page is to stand. */
const MOVES = ["pointerdown", "wheel", "keydown"];

/**
 * On a page where a panel stands at the window's lower edge, a bar that stays above that edge is to cover none of a
 * picture that is in sight, as long as both fit: from when it comes until the reader does something else.
 */
export class Uncovering {
  /**
   * @param {Element} stage which the bar stands under
   * @param {Element} bar
   */
  constructor(stage, bar) {
    this.stage = stage;
    this.bar = bar;
    this.end = () => this.#end();
    // A page comes part by part, and what comes above moves the picture.
    this.observer = new ResizeObserver(() => requestAnimationFrame(() => this.#look()));
  }

  begin() {
    this.#end();
    for (const name of MOVES) window.addEventListener(name, this.end, { capture: true, once: true });
    const { host } = /** @type {ShadowRoot} */ (this.stage.getRootNode());
    for (const box of [this.stage, host?.closest('[data-testid="stMainBlockContainer"]')]) if (box) this.observer.observe(box);
  }

  #end() {
    this.observer.disconnect();
    for (const name of MOVES) window.removeEventListener(name, this.end, { capture: true });
  }

  #look() {
    const { stage, bar } = this;
    const docked = Number.parseFloat(getComputedStyle(stage).getPropertyValue(DOCKED)) || 0;
    const { top, bottom } = stage.getBoundingClientRect();
    const covered = bottom - bar.getBoundingClientRect().top;
    const isInSight = top > covered && top < window.innerHeight - docked;
    if (docked > 0 && covered > 0 && isInSight) stage.scrollIntoView({ block: "nearest" });
  }
}
