// The tooltip beside the pointer.

import { make } from "./dom.js";

export class Tip {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
  }

  hide() {
    this.root.hidden = true;
  }

  /**
   * @param {Described} described
   * @param {HTMLElement[]} more what stands under the rows
   */
  show({ title, rows }, more = []) {
    const list = make("dl");
    for (const [name, value] of rows) {
      list.append(make("dt", { textContent: name }), make("dd", { textContent: value }));
    }
    this.root.replaceChildren(make("strong", { textContent: title }), list, ...more);
    this.root.hidden = false;
  }

  /**
   * Beside the pointer, on the side where there is room; a finger would cover what is below it.
   * @param {Point} pointer
   * @param {Size} size of the picture
   * @param {number | null} fingerTop where the picture begins to be seen, for a finger
   */
  place({ x, y }, { width, height }, fingerTop = null) {
    const { root } = this;
    const beside = x + 16 + root.offsetWidth > width ? x - 16 - root.offsetWidth : x + 16;
    const above = y - 18 - root.offsetHeight;
    const left = fingerTop !== null ? Math.min(x - root.offsetWidth / 2, width - root.offsetWidth - 4) : beside;
    const top = fingerTop !== null && above >= fingerTop + 4 ? above : Math.max(4, Math.min(y + 14, height - root.offsetHeight - 4));
    root.style.transform = `translate(${Math.round(Math.max(4, left))}px, ${Math.round(top)}px)`;
  }
}
