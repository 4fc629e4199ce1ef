// Two pictures that are compared move together.

import { openChannel } from "../shared/bus.js";

export class LinkedViews {
  /** @type {Channel<LinkedView> | null} */
  channel = null;
  leave = () => {};

  /**
   * @param {object} owner whose own word is not heard
   * @param {(view: View) => void} follow given where to, in shares of the picture's size
   */
  constructor(owner, follow) {
    this.owner = owner;
    this.follow = follow;
  }

  /** @param {string | null} name of the channel, none where it moves alone */
  join(name) {
    if ((this.channel?.name ?? null) === (name || null)) return;
    this.leave();
    this.channel = name ? openChannel(name) : null;
    this.leave = this.channel?.subscribe(({ from, ...view }) => from !== this.owner && this.follow(view)) ?? (() => {});
  }

  /**
   * @param {View} view
   * @param {Geometry} geometry
   */
  tell({ k, x, y }, { width, height }) {
    this.channel?.publish({ from: this.owner, k, x: x / width, y: y / height });
  }
}
