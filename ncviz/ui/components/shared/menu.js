// A button that opens what is used rarely: a box over the page, closed by Escape, by a press elsewhere, by scrolling.

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
    const { bottom, right } = button.getBoundingClientRect();
    const left = Math.max(GAP, Math.min(right, window.innerWidth - GAP) - box.offsetWidth);
    Object.assign(box.style, { left: `${left}px`, top: `${bottom + GAP}px` });
    window.addEventListener("scroll", onScroll, { capture: true, passive: true });
  }
}
