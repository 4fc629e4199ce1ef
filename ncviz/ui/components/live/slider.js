// The slider and the buttons beside it: what a hand or a key does to it, as numbers of weights removed.

import { part } from "../shared/dom.js";
import { slide } from "./keys.js";
import { NOTHING, makeScale, stopAt } from "./scale.js";

const HOLD = 400; // ms until a button that is held repeats
const REPEAT = 80; // ms between its repetitions

export class Slider {
  isHeld = false;
  scale = makeScale(NOTHING);

  /**
   * @param {ShadowRoot} root
   * @param {SliderListener} listener
   */
  constructor(root, listener) {
    this.input = part(root, "input", "slider");
    this.listener = listener;
    const { input } = this;
    input.addEventListener("input", () => listener.drag(stopAt(this.scale, Number(input.value) / 100)));
    input.addEventListener("change", () => listener.settle());
    input.addEventListener("pointerdown", () => (this.isHeld = true));
    for (const end of ["pointerup", "pointercancel"]) {
      input.addEventListener(end, () => {
        this.isHeld = false;
        listener.release();
      });
    }
    input.addEventListener("keydown", (event) => {
      const step = slide(event);
      if (!step) return;
      event.preventDefault();
      listener.step(step);
    });
    this.#repeat(part(root, "button", "less"), -1);
    this.#repeat(part(root, "button", "more"), 1);
  }

  /**
   * One weight for a click, and one after the other while the button is held.
   * @param {HTMLButtonElement} button
   * @param {number} sign
   */
  #repeat(button, sign) {
    let timer = 0;
    let isRepeated = false;
    const step = (/** @type {boolean} */ isLeap) => this.listener.step({ sign, size: isLeap ? "step" : "weight" });
    const stop = () => {
      clearTimeout(timer);
      timer = 0;
    };
    const again = () => {
      isRepeated = true;
      step(false);
      timer = window.setTimeout(again, REPEAT);
    };
    button.addEventListener("pointerdown", (event) => {
      stop();
      isRepeated = false;
      if (event.button === 0) timer = window.setTimeout(again, HOLD);
    });
    for (const end of ["pointerup", "pointercancel", "pointerleave"]) button.addEventListener(end, stop);
    button.onclick = (event) => {
      if (!isRepeated) step(event.shiftKey);
      isRepeated = false;
    };
  }

  /**
   * @param {number} removed
   * @param {string} words for who cannot see it
   */
  show(removed, words) {
    const { input, scale } = this;
    const place = `${100 * scale.positionOf(removed)}`;
    if (!this.isHeld) input.value = place;
    input.dataset.total = String(scale.total);
    input.dataset.removed = String(removed);
    input.style.setProperty("--fill", `${place}%`);
    input.setAttribute("aria-valuetext", words);
  }
}
