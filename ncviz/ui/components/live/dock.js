// Where the panel is narrow, as on a phone, its slider and its headline stay at the window's lower edge while the picture
// above is looked at: the panel sticks there with all but its top below the edge, until it is scrolled to.

import { DOCKED } from "../shared/docked.js";

const ROOM = 10; // px under the last part that is always seen

export class Dock {
  /**
   * @param {ShadowRoot} root
   * @param {HTMLElement} live whose style says by `--docks` whether it is narrow
   * @param {HTMLElement} last part that is always seen
   */
  constructor(root, live, last) {
    this.live = live;
    this.last = last;
    // On a page of the app what sticks is the block that holds the panel, in the one that holds the picture too.
    this.holder = /** @type {HTMLElement} */ (root.host.closest('[data-testid="stLayoutWrapper"]') ?? root.host);
    this.observer = new ResizeObserver(() => this.#place());
    this.observer.observe(this.holder);
    this.observer.observe(live);
  }

  #place() {
    const { holder, live, last } = this;
    const docks = getComputedStyle(live).getPropertyValue("--docks").trim() === "1";
    const { style } = holder;
    if (!docks) {
      for (const name of ["position", "bottom", "z-index"]) style.removeProperty(name);
      document.documentElement.style.removeProperty(DOCKED);
      return;
    }
    const box = holder.getBoundingClientRect();
    const seen = last.getBoundingClientRect().bottom - box.top + ROOM;
    Object.assign(style, { position: "sticky", zIndex: "5" });
    style.bottom = `${Math.min(0, Math.round(seen - box.height))}px`;
    document.documentElement.style.setProperty(DOCKED, `${Math.round(seen)}px`);
  }

  stop() {
    document.documentElement.style.removeProperty(DOCKED);
    this.observer.disconnect();
  }
}
