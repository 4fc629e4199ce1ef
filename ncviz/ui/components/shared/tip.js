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
   * Beside the pointer, on the side where there is room.
   * @param {Point} pointer
   * @param {Size} size of the picture
   */
  place({ x, y }, { width, height }) {
    const { root } = this;
    const left = x + 16 + root.offsetWidth > width ? x - 16 - root.offsetWidth : x + 16;
    const top = Math.min(Math.max(4, y + 14), height - root.offsetHeight - 4);
    root.style.transform = `translate(${Math.round(Math.max(4, left))}px, ${Math.round(top)}px)`;
  }
}
