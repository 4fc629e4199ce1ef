// Who says what flows at a step: a forward pass here, where the network came with its program, else the live panel,
// which asks the server. Either way it is said on the channel `<name>/flow`.

import { openChannel } from "../shared/bus.js";
import { keptOf } from "../shared/kept.js";
import { bytesOf } from "../shared/pixels.js";
import { rangesOf, scaledActivity } from "./activity.js";
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

  /** Work out what flows at the step that was reached, unless it is known. */
  refresh() {
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

  /** The class that the image is of, if anybody knows. */
  get label() {
    return this.flows?.images.find(({ flow }) => flow === this.chosen)?.class ?? null;
  }

  #begin() {
    if (this.event && (this.event.image !== this.chosen || this.event.of !== this.flows?.of)) this.event = null;
    if (!this.image) this.event = null;
    if (this.pass && this.image) this.#compute();
    else this.#take(this.channel?.last ?? null);
    this.onChange();
  }

  #compute() {
    this.isStale = false;
    this.computedAt = performance.now();
    const { pass, scaled, network, image, removed, order } = this;
    if (!pass || !scaled || !network || !image) return;
    const ranks = order === null ? undefined : network.flowRanks[order];
    if (order !== null && !ranks) {
      // Another criterion's ranks are on their way; until then the step before is shown, and said to be that.
      this.isStale = true;
      return;
    }
    const key = `${this.chosen} ${image.pixels}`;
    if (this.whole?.key !== key) {
      const white = this.flows?.white ?? 255;
      const input = Float64Array.from(bytesOf(image), (byte) => Math.round((byte / 255) * white) / white);
      const found = pass.run(input, null);
      const layers = pass.layersOf(found);
      const ranges = rangesOf(layers);
      this.whole = { key, input, found, ranges, state: stateOf(layers, ranges) };
    }
    const { input, ranges, state } = this.whole;
    this.kept = ranks ? keptOf(ranks, removed) : null;
    this.found = ranks ? scaled.run(input, this.kept) : this.whole.found;
    const now = stateOf(pass.layersOf(this.found), ranges);
    const of = this.flows?.of ?? "";
    this.channel?.publish({ of, removed, order, image: this.chosen, ...now, ranges, whole: state });
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
    const isOurs = event?.of === this.flows?.of && event?.image === this.chosen && this.image !== null;
    if (event && isOurs) this.event = event;
  }

  stop() {
    this.unsubscribe();
  }
}

/**
 * @param {Float64Array[]} layers
 * @param {[number, number][]} ranges
 * @returns {FlowState}
 */
function stateOf(layers, ranges) {
  return { activity: scaledActivity(layers, ranges), scores: Float32Array.from(layers[layers.length - 1]) };
}
