// Two sliders that move together: each tells the other the share that its reader drags to.

import { openChannel } from "../shared/bus.js";

/** @typedef {{ from: object, share: number, isHeld: boolean }} LinkedStep */

export class LinkedSlider {
  /** @type {Channel<LinkedStep> | null} */
  channel = null;
  isObeying = false;
  leave = () => {};

  /** @param {(share: number, isHeld: boolean) => void} obey */
  constructor(obey) {
    this.obey = obey;
  }

  /** @param {string | null | undefined} name of the channel on which they meet; none for a slider of its own */
  join(name) {
    if ((this.channel?.name ?? null) === (name ?? null)) return;
    this.leave();
    this.channel = name ? openChannel(name) : null;
    this.leave =
      this.channel?.subscribe(({ from, share, isHeld }) => {
        if (from === this) return;
        this.isObeying = true;
        this.obey(share, isHeld);
        this.isObeying = false;
      }) ?? (() => {});
  }

  /**
   * @param {number} share
   * @param {boolean} isHeld
   */
  tell(share, isHeld) {
    if (!this.isObeying) this.channel?.publish({ from: this, share, isHeld });
  }
}

/**
 * How many weights a share comes to, as far as so many can go.
 * @param {number} share
 * @param {{ total: number, zeros: number, most: number }} reach
 */
export function atShare(share, { total, zeros, most }) {
  return Math.min(most, Math.max(zeros, Math.round(share * total)));
}
