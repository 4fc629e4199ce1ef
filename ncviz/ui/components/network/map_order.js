// By what the maps of large layers are ordered, of which the first are shown.

import { make } from "../shared/dom.js";

export class MapOrder {
  /**
   * `tell(by)` says which order was chosen.
   * @param {HTMLElement} row
   * @param {HTMLSelectElement} select
   * @param {(by: string) => void} tell
   */
  constructor(row, select, tell) {
    this.row = row;
    this.select = select;
    select.onchange = () => tell(select.value);
  }

  /** @param {Network} network */
  show({ closeup: { by, orders }, rest }) {
    this.row.hidden = !rest?.includes(1) || !(by in orders);
    if (this.row.hidden) return;
    const options = Object.entries(orders).map(([value, textContent]) => make("option", { value, textContent }));
    this.select.replaceChildren(...options);
    this.select.value = by;
  }
}
