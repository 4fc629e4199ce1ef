// A button that opens what is used rarely: a box over the page, closed by Escape, by a press elsewhere, by scrolling.

import { zoomOf } from "./zoom.js";

const GAP = 4; // px between the button and what it opens

export class Menu {
  /**
   * @param {HTMLButtonElement} button
   * @param {HTMLElement} box
   */
  constructor(button, box) {
    this.button = button;
    this.box = box;
    // So the press on the button that closes it does not open it again.
    button.popoverTargetElement = box;
    box.addEventListener("toggle", (event) => this.#toggled(/** @type {ToggleEvent} */ (event).newState === "open"));
    box.addEventListener("click", (event) => {
      const isChoice = event.target instanceof Element && event.target.closest("button") !== null;
      if (isChoice) box.hidePopover();
    });
    this.onScroll = () => box.hidePopover();
  }

  /** @param {boolean} isOpen */
  #toggled(isOpen) {
    const { button, box, onScroll } = this;
    button.setAttribute("aria-expanded", String(isOpen));
    if (!isOpen) {
      window.removeEventListener("scroll", onScroll, true);
      return;
    }
    Object.assign(box.style, placeUnder(button.getBoundingClientRect(), box.offsetWidth, zoomOf(button), window));
    window.addEventListener("scroll", onScroll, { capture: true, passive: true });
  }
}

/**
 * Where a box stands under its button, within the window, in the pixels of a page that is drawn `zoom` times as large.
 * @param {{ bottom: number, right: number }} button in the window's pixels
 * @param {number} width of the box, in its own
 * @param {number} zoom
 * @param {{ innerWidth: number, innerHeight: number }} window
 */
export function placeUnder({ bottom, right }, width, zoom, { innerWidth, innerHeight }) {
  const left = Math.max(GAP, Math.min(right, innerWidth - GAP) / zoom - width);
  const top = bottom / zoom + GAP;
  const room = Math.max(0, innerHeight / zoom - top - GAP);
  return { left: `${left}px`, top: `${top}px`, maxHeight: `${room}px` };
}
