// One image through a network, as it is with some of its weights removed: every unit's activation and the probabilities.

import { applied } from "./operations.js";

export class ForwardPass {
  /**
   * @param {FlowProgram} program
   * @param {Float32Array} parameters all that the program reads, one array after the other
   */
  constructor(program, parameters) {
    this.program = program;
    /** @type {Record<string, Float32Array>} */
    this.values = {};
    for (const { name, start, size } of program.tensors) this.values[name] = parameters.subarray(start, start + size);
    this.weights = program.tensors.filter(({ ranked }) => ranked !== null).map(({ name, ranked, size }) => ({ name, first: Number(ranked), size }));
  }

  /**
   * What each operation returns, the image itself first.
   * @param {ArrayLike<number>} image as the network sees it
   * @param {Uint8Array | null} kept 1 for each weight that is left, in the order of the ranks; null for all
   * @returns {Float64Array[]}
   */
  run(image, kept) {
    const tensors = this.tensorsAt(kept);
    /** @type {Float64Array[]} */
    const found = [Float64Array.from(image)];
    for (const step of this.program.operations) found.push(applied(step, found[found.length - 1], tensors));
    return found;
  }

  /**
   * The parameters, with what is left of each weight.
   * @param {Uint8Array | null} kept
   * @returns {FlowTensors}
   */
  tensorsAt(kept) {
    if (kept === null) return { values: this.values, kept: null };
    const parts = this.weights.map(({ name, first, size }) => [name, kept.subarray(first, first + size)]);
    return { values: this.values, kept: Object.fromEntries(parts) };
  }

  /**
   * Each layer's activations, softmax on the last.
   * @param {Float64Array[]} found what `run` returned
   */
  layersOf(found) {
    const layers = this.program.layers.map((at) => found[at]);
    layers.push(softmax(layers.pop() ?? new Float64Array(0)));
    return layers;
  }
}

/** @param {Float64Array} logits */
export function softmax(logits) {
  const most = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = logits.map((value) => Math.exp(value - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((value) => value / sum);
}
