// By what the maps of large layers are ordered, of which the first are shown.

import { make } from "../shared/dom.js";

const ORDERS = { bottlenecks: "bottlenecks", activity: "activity", position: "position" };

export class MapOrder {
  /**
   * `tell(by)` says which order was chosen.
   * @param {HTMLSelectElement} select
   * @param {(by: string) => void} tell
   */
  constructor(select, tell) {
    this.select = select;
    const options = Object.entries(ORDERS).map(([value, name]) => make("option", { value, textContent: `Maps: ${name}` }));
    select.replaceChildren(...options);
    select.onchange = () => tell(select.value);
  }

  /** @param {Network} network */
  show({ closeup, rest }) {
    this.select.value = closeup.by;
    this.select.hidden = !rest?.includes(1) || !(closeup.by in ORDERS);
  }
}
