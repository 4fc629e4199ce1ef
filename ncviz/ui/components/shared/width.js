// How wide the column is that a chart stands in. Only the browser knows, and a chart made by Python needs it to choose
// its columns and to wrap its words.

import { query } from "./dom.js";
import { keepInstance } from "./instances.js";

const STEP = 20; // px; what is reported is rounded down to it, so that a scroll bar changes nothing
const SPARE = 60; // px that a chart is stretched before it is made anew

class Width {
  known = 0;
  /** @type {((name: string, value: unknown) => void) | null} */
  report = null;

  /** @param {ShadowRoot} root */
  constructor(root) {
    this.ruler = query(root, "div", ".ruler");
    this.observer = new ResizeObserver(() => this.#measure());
    this.observer.observe(this.ruler);
  }

  /** @param {StreamlitComponent<{ width: number }>} component */
  update({ data, setStateValue }) {
    this.known = data.width;
    this.report = setStateValue;
    this.#measure();
  }

  #measure() {
    const width = this.ruler.clientWidth;
    if (!this.report || width === 0 || (width >= this.known && width <= this.known + SPARE)) return;
    this.known = width - (width % STEP);
    this.report("width", this.known);
  }

  destroy() {
    this.observer.disconnect();
  }
}

export default keepInstance((root) => new Width(root));
