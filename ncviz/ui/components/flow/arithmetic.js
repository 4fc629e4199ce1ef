// How one unit comes about: what it reads times its weights, the bias, and what is done to the sum; now and before.

import { fieldOf, isFunction, isWeighted, sizesOf, weightsOf } from "./operations.js";

/**
 * The sum behind a unit; null for the image itself, and where something else than a weighted sum makes it.
 * @param {FlowProgram} program
 * @param {{ found: Float64Array[], tensors: FlowTensors }} now
 * @param {{ found: Float64Array[], tensors: FlowTensors }} whole
 * @param {number} layer
 * @param {number} unit within its layer
 * @returns {UnitSum | null}
 */
export function sumOf(program, now, whole, layer, unit) {
  const end = program.layers[layer];
  let at = end - 1;
  while (at >= 0 && (isFunction(program.operations[at].kind) || program.operations[at].kind === "batch_norm")) at -= 1;
  const step = program.operations[at];
  if (!step || !isWeighted(step)) return null;
  const [units, places] = sizesOf(step);
  const channel = Math.floor(unit / places);
  const group = Math.floor(channel / (units / (step.groups ?? 1)));
  const field = fieldOf(step, group, unit % places);
  const [mine, theirs] = [weightsOf(step, now.tensors), weightsOf(step, whole.tensors)];
  const width = mine.weight.length / units;
  const summands = Array.from(field.slots, (slot, i) => {
    const w = channel * width + slot;
    const isKept = mine.kept === null || mine.kept[w] === 1;
    const [value, weight] = [now.found[at][field.at[i]], mine.weight[w]];
    return { unit: field.at[i], value, weight, isKept, before: whole.found[at][field.at[i]] * theirs.weight[w] };
  });
  const told = (/** @type {Float64Array[]} */ found) => ({
    sum: found[at + 1][unit],
    steps: program.operations
      .slice(at + 1, end)
      .map(({ kind }, i) => /** @type {[string, number]} */ ([kind, found[at + 2 + i][unit]])),
  });
  return { layer: layerRead(program, at), summands, bias: mine.bias?.[channel] ?? 0, now: told(now.found), whole: told(whole.found) };
}

/**
 * The layer whose activations an operation reads, or -1.
 * @param {FlowProgram} program
 * @param {number} at
 */
function layerRead({ layers }, at) {
  return layers.lastIndexOf(at);
}

/** @param {Summand} summand */
export function productOf({ value, weight, isKept }) {
  return isKept ? value * weight : 0;
}

/**
 * The largest summands by what they are now or were before, and the rest as one, so that it adds up.
 * @param {UnitSum} unitSum
 * @param {number} most
 */
export function largestSummands({ summands }, most) {
  const size = (/** @type {Summand} */ each) => Math.max(Math.abs(productOf(each)), Math.abs(each.before));
  const sorted = [...summands].sort((a, b) => size(b) - size(a));
  const rest = sorted.slice(most);
  const total = (/** @type {(each: Summand) => number} */ of) => rest.reduce((sum, each) => sum + of(each), 0);
  return { largest: sorted.slice(0, most), others: rest.length, now: total(productOf), before: total(({ before }) => before) };
}
