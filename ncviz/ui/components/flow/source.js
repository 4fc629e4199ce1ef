// Who says what flows at a step, of one image or of several in the mean: a forward pass here, where the network came with its program, else the live panel,
// which asks the server. Either way it is said on the channel `<name>/flow`.

import { openChannel } from "../shared/bus.js";
import { keptOf } from "../shared/kept.js";
import { bytesOf } from "../shared/pixels.js";
import { meanState, rangesOf, stateOf } from "./activity.js";
import { ForwardPass } from "./forward.js";

const FRAME = 16; // ms

export class FlowSource {
  /** @type {Network | null} */
  network = null;
  /** @type {FlowData | null} */
  flows = null;
  /** What flows, such as "image-3" or "own". */
  chosen = "all";
  /** What Python said of that last. @type {string | null} */
  told = null;
  /** @type {Pixels | null} */
  own = null;
  /** @type {FlowEvent | null} */
  event = null;
  /** The whole network. @type {ForwardPass | null} */
  pass = null;
  /** With what is scaled by hand. @type {ForwardPass | null} */
  scaled = null;
  /** The image in the whole network. @type {WholeFlow | null} */
  whole = null;
  /** What each operation returned last. @type {Float64Array[] | null} */
  found = null;
  /** What is left of all weights. @type {Uint8Array | null} */
  kept = null;
  removed = 0;
  /** @type {string | null} */
  order = null;
  /** Whether the step is newer than the event. */
  isStale = false;
  computedAt = -Infinity;
  /** How long that took, in ms: several images take longer than a frame. */
  cost = 0;
  /** @type {ReturnType<typeof setTimeout> | null} */
  catchingUp = null;
  /** @type {Channel<FlowEvent> | null} */
  channel = null;
  unsubscribe = () => {};

  /** @param {() => void} onChange */
  constructor(onChange) {
    this.onChange = onChange;
  }

  /**
   * What Python sent.
   * @param {string} channel
   * @param {Network} network
   * @param {FlowData | null} flows
   */
  receive(channel, network, flows) {
    this.#join(`${channel}/flow`);
    const ownOfPython = JSON.stringify(flows?.own ?? null) !== JSON.stringify(this.flows?.own ?? null);
    this.flows = flows;
    if (ownOfPython && flows?.own) this.own = flows.own;
    if (flows && flows.chosen !== this.told) {
      this.told = flows.chosen;
      this.chosen = flows.chosen;
    }
    if (network !== this.network) {
      this.network = network;
      this.whole = null;
      this.#read(network);
    }
    this.#begin();
  }

  /** @param {Network} network */
  #read({ program, arrays }) {
    const values = /** @type {Float32Array} */ (arrays.flowValues);
    this.pass = program ? new ForwardPass(program, values) : null;
    this.scaled = this.pass;
    if (!program || !arrays.flowFactor) return;
    const scaled = values.slice();
    for (const { start, size, ranked } of program.tensors) {
      if (ranked === null) continue;
      for (let at = 0; at < size; at += 1) scaled[start + at] *= arrays.flowFactor[ranked + at];
    }
    this.scaled = new ForwardPass(program, scaled);
  }

  /**
   * @param {number} removed
   * @param {string | null} order
   */
  step(removed, order) {
    if (removed === this.removed && order === this.order && this.event) return;
    this.removed = removed;
    this.order = order;
    this.isStale = true;
    // The verdict need not wait for a picture of thousands of lines; a drag may bring several steps in a frame.
    if (performance.now() - this.computedAt > FRAME) this.refresh();
  }

  /** Work out what flows at the step that was reached, unless it is known; what takes long leaves time for the rest. */
  refresh() {
    if (!this.isStale) return;
    const wait = this.images.length > 1 && this.cost > FRAME ? this.computedAt + 2 * this.cost - performance.now() : 0;
    if (wait <= 0) this.#compute();
    else if (!this.catchingUp) this.catchingUp = setTimeout(() => this.#catchUp(), wait);
  }

  #catchUp() {
    this.catchingUp = null;
    if (this.isStale) this.#compute();
  }

  /** @param {string} flow */
  choose(flow) {
    this.chosen = flow;
    this.#begin();
  }

  /** @param {Pixels} image */
  draw(image) {
    this.own = image;
    this.chosen = "own";
    this.whole = null;
    this.#begin();
  }

  /** The image that flows, if it is one alone. @returns {Pixels | null} */
  get image() {
    if (this.chosen === "own") return this.own;
    return this.flows?.images.find(({ flow }) => flow === this.chosen) ?? null;
  }

  /** Several images, of which the mean flows. */
  get group() {
    return this.flows?.groups.find(({ flow }) => flow === this.chosen) ?? null;
  }

  /** All that flow. @returns {Pixels[]} */
  get images() {
    return this.image ? [this.image] : (this.group?.images ?? []);
  }

  /** The class that the image is of, if anybody knows. */
  get label() {
    return this.flows?.images.find(({ flow }) => flow === this.chosen)?.class ?? null;
  }

  #begin() {
    if (this.event && (this.event.image !== this.chosen || this.event.of !== this.flows?.of)) this.event = null;
    if (!this.image && !this.group) this.event = null;
    if (this.pass && this.images.length) this.#compute();
    else this.#take(this.channel?.last ?? null);
    this.onChange();
  }

  #compute() {
    this.isStale = false;
    this.computedAt = performance.now();
    const { pass, scaled, network, images, removed, order } = this;
    if (!pass || !scaled || !network || images.length === 0) return;
    const ranks = order === null ? undefined : network.flowRanks[order];
    if (order !== null && !ranks) {
      // Another criterion's ranks are on their way; until then the step before is shown, and said to be that.
      this.isStale = true;
      return;
    }
    const { inputs, ranges, state, found: whole } = this.#wholeOf(pass, images);
    this.kept = ranks ? keptOf(ranks, removed) : null;
    const found = ranks ? inputs.map((input) => scaled.run(input, this.kept)) : [];
    this.found = found[0] ?? whole;
    const now = ranks ? meanState(found.map((each, at) => stateOf(pass.layersOf(each), ranges[at]))) : state;
    const of = this.flows?.of ?? "";
    this.cost = performance.now() - this.computedAt;
    this.channel?.publish({ of, removed, order, image: this.chosen, ...now, ranges: ranges[0], whole: state });
  }

  /**
   * @param {ForwardPass} pass
   * @param {Pixels[]} images
   */
  #wholeOf(pass, images) {
    const key = [this.chosen, ...images.map(({ pixels }) => pixels)].join(" ");
    if (this.whole?.key !== key) {
      const white = this.flows?.white ?? 255;
      const inputs = images.map((image) => Float64Array.from(bytesOf(image), (byte) => Math.round((byte / 255) * white) / white));
      const found = inputs.map((input) => pass.run(input, null));
      const layers = found.map((each) => pass.layersOf(each));
      const ranges = layers.map(rangesOf);
      this.whole = { key, inputs, found: found[0], ranges, state: meanState(layers.map((each, at) => stateOf(each, ranges[at]))) };
    }
    return this.whole;
  }

  /** @param {string} name */
  #join(name) {
    if (this.channel?.name === name) return;
    this.unsubscribe();
    this.channel = openChannel(name);
    this.unsubscribe = this.channel.subscribe((event) => {
      this.#take(event);
      this.onChange();
    });
  }

  /** @param {FlowEvent | null} event */
  #take(event) {
    const isOurs = event?.of === this.flows?.of && event?.image === this.chosen && (this.image ?? this.group) !== null;
    if (event && isOurs) this.event = event;
  }

  stop() {
    if (this.catchingUp) clearTimeout(this.catchingUp);
    this.unsubscribe();
  }
}
