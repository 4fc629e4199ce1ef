// Requests to Python, one at a time. A drag makes hundreds of positions a second; Python answers some twenty. Positions
// that were overtaken are dropped, but a release or a click is not: it is sent in its turn.

const PAUSE = 50; // ms between positions of a drag
const PATIENCE = 2000; // ms after which an unanswered request counts as lost
/** @type {Clock} */
const CLOCK = {
  now: () => performance.now(),
  later: (task, wait) => setTimeout(task, wait),
  cancel: (timer) => clearTimeout(timer),
};

export class Sender {
  seq = 0;
  /** @type {Wish[]} */
  queue = [];
  /** @type {SentWish | null} */
  inFlight = null;
  /** @type {SentWish[]} */
  unanswered = [];
  sentAt = -Infinity;
  /** @type {any} */
  timer = null;

  /**
   * `send(request)` hands a request to Python; the clock can be replaced in tests.
   * @param {(request: PanelRequest) => void} send
   */
  constructor(send, clock = CLOCK) {
    this.send = send;
    this.clock = clock;
  }

  get isIdle() {
    return this.queue.length === 0 && this.inFlight === null;
  }

  /** @param {Wish} request */
  push(request) {
    const last = this.queue.at(-1);
    if (last?.dragging) this.queue.pop();
    this.queue.push(request);
    this.#next();
  }

  /**
   * Python has dealt with everything up to `seq`.
   * @param {number} seq
   */
  answered(seq) {
    this.seq = Math.max(this.seq, seq);
    this.unanswered = this.unanswered.filter((request) => request.seq > seq);
    if (this.inFlight && seq >= this.inFlight.seq) this.inFlight = null;
    this.#next();
  }

  #next() {
    this.clock.cancel(this.timer);
    this.timer = null;
    const [first] = this.queue;
    if (!first) return;
    const wait = this.#wait(first);
    if (wait > 0) {
      this.timer = this.clock.later(() => this.#next(), wait);
      return;
    }
    this.seq += 1;
    this.queue.shift();
    this.inFlight = { ...first, seq: this.seq };
    this.sentAt = this.clock.now();
    this.send({ ...this.inFlight, earlier: [...this.unanswered] });
    if (!this.inFlight.dragging) this.unanswered.push(this.inFlight);
    if (this.queue.length > 0) this.#next();
  }

  /** @param {Wish} request */
  #wait(request) {
    const since = this.clock.now() - this.sentAt;
    // The end of a drag need not wait for the answer to its middle.
    if (this.inFlight?.dragging && !request.dragging) return 0;
    if (this.inFlight) return PATIENCE - since;
    return request.dragging ? PAUSE - since : 0;
  }

  stop() {
    this.clock.cancel(this.timer);
  }
}
