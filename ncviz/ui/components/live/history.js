// A panel without Python behind it, as in a saved file: it keeps the history that Python keeps otherwise.

/** @typedef {{ removed: number, order: string }} Past */

export class OfflineHistory {
  /** @type {Past[]} */
  past = [];
  /** @type {Past[]} */
  future = [];

  /**
   * The panel's data after a request, as Python would send it.
   * @param {Shown} data
   * @param {SentWish} sentWish
   * @returns {Shown}
   */
  answer(data, { action, removed, order, dragging, value, seq }) {
    const now = { removed: data.removed, order: data.order };
    let next = now;
    if (action === "undo") next = this.#move(this.past, this.future, now);
    if (action === "redo") next = this.#move(this.future, this.past, now);
    if (action === "reset") next = this.#step(now, { ...now, removed: data.zeros });
    if (action === "threshold" && !dragging) next = this.#step(now, { removed, order });
    const scale = action === "scale" && typeof value === "string" ? value : data.scale;
    return { ...data, ...next, scale, seq, can_undo: this.past.length > 0, can_redo: this.future.length > 0 };
  }

  /**
   * @param {Past[]} from
   * @param {Past[]} to
   * @param {Past} now
   */
  #move(from, to, now) {
    const then = from.pop();
    if (then === undefined) return now;
    to.push(now);
    return then;
  }

  /**
   * @param {Past} now
   * @param {Past} next
   */
  #step(now, next) {
    if (now.removed === next.removed && now.order === next.order) return now;
    this.past.push(now);
    this.future = [];
    return next;
  }
}
