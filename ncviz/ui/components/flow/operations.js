// The operations that a network's forward is made of, on one image: numbers in, numbers out, channel after channel.
// The same as torch's, in double precision; `ncviz/graph/forward/program.py` says which settings each has.

/** Functions of each unit alone. @type {Record<string, (x: number, step: FlowStep) => number>} */
const FUNCTIONS = {
  relu: (x) => (x > 0 ? x : 0),
  relu6: (x) => Math.min(6, Math.max(0, x)),
  tanh: Math.tanh,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  silu: (x) => x / (1 + Math.exp(-x)),
  softsign: (x) => x / (1 + Math.abs(x)),
  hardswish: (x) => (x * Math.min(6, Math.max(0, x + 3))) / 6,
  hardsigmoid: (x) => Math.min(6, Math.max(0, x + 3)) / 6,
  leaky_relu: (x, { negative_slope: slope = 0.01 }) => (x > 0 ? x : slope * x),
  elu: (x, { alpha = 1 }) => (x > 0 ? x : alpha * Math.expm1(x)),
  hardtanh: (x, { min_val: low = -1, max_val: high = 1 }) => Math.min(high, Math.max(low, x)),
};

/** @param {string} kind */
export function isFunction(kind) {
  return kind in FUNCTIONS;
}

/**
 * What an operation returns.
 * @param {FlowStep} step
 * @param {Float64Array} x
 * @param {FlowTensors} tensors
 * @returns {Float64Array}
 */
export function applied(step, x, tensors) {
  const { kind } = step;
  if (isFunction(kind)) return x.map((value) => FUNCTIONS[kind](value, step));
  if (kind === "linear" || kind === "conv2d") return summed(step, x, tensors);
  if (kind === "batch_norm") return normed(step, x, tensors);
  if (kind === "max_pool2d" || kind === "avg_pool2d") return pooled(step, x);
  throw new Error(`expected an operation that is known here, got ${kind}`);
}

/** @param {FlowStep} step */
export function isWeighted({ kind }) {
  return kind === "linear" || kind === "conv2d";
}

/**
 * Weighted sums: a linear layer is a convolution of one place.
 * @param {FlowStep} step
 * @param {Float64Array} x
 * @param {FlowTensors} tensors
 */
function summed(step, x, tensors) {
  const { weight, kept, bias } = weightsOf(step, tensors);
  const [units, places] = sizesOf(step);
  const out = new Float64Array(units * places);
  for (let place = 0; place < places; place += 1) {
    for (let group = 0; group < (step.groups ?? 1); group += 1) {
      const { slots, at } = fieldOf(step, group, place);
      const many = slots.length;
      const per = units / (step.groups ?? 1);
      const width = weight.length / units;
      for (let unit = group * per; unit < (group + 1) * per; unit += 1) {
        let sum = bias ? bias[unit] : 0;
        for (let i = 0; i < many; i += 1) {
          const w = unit * width + slots[i];
          if (kept === null || kept[w]) sum += weight[w] * x[at[i]];
        }
        out[unit * places + place] = sum;
      }
    }
  }
  return out;
}

/**
 * A layer's weight, which of it is left, and its bias.
 * @param {FlowStep} step
 * @param {FlowTensors} tensors
 */
export function weightsOf(step, { values, kept }) {
  const name = step.weight ?? "";
  return { weight: values[name], kept: kept?.[name] ?? null, bias: step.bias ? values[step.bias] : null };
}

/**
 * How many units a layer has at each place, and how many places.
 * @param {FlowStep} step
 */
export function sizesOf({ returns }) {
  return [returns[0], returns.slice(1).reduce((all, size) => all * size, 1)];
}

/** @type {WeakMap<FlowStep, Map<string, { slots: Int32Array, at: Int32Array }>>} */
const FIELDS = new WeakMap();

/**
 * What a group of units reads at a place: slots of the kernel and the units that they lie on, padding left out.
 * @param {FlowStep} step
 * @param {number} group
 * @param {number} place
 */
export function fieldOf(step, group, place) {
  const known = FIELDS.get(step) ?? new Map();
  FIELDS.set(step, known);
  const key = `${group}/${place}`;
  const found = known.get(key) ?? foundField(step, group, place);
  known.set(key, found);
  return found;
}

/**
 * @param {FlowStep} step
 * @param {number} group
 * @param {number} place
 */
function foundField(step, group, place) {
  if (step.kind === "linear") {
    const all = Int32Array.from({ length: step.reads[0] }, (_, at) => at);
    return { slots: all, at: all };
  }
  const channels = step.reads[0] / (step.groups ?? 1);
  const [rows, columns] = sidesOf(step);
  const area = rows * columns;
  const slots = [];
  const at = [];
  for (const { slot, unit } of windowOf(step, place)) {
    for (let channel = 0; channel < channels; channel += 1) {
      slots.push(channel * area + slot);
      at.push((group * channels + channel) * step.reads[1] * step.reads[2] + unit);
    }
  }
  return { slots: Int32Array.from(slots), at: Int32Array.from(at) };
}

/** @param {FlowStep} step */
function sidesOf({ kernel_size: kernel = [1, 1] }) {
  return kernel;
}

/**
 * The cells of a window at an output place: their number in the kernel, and where they lie in a channel.
 * @param {FlowStep} step
 * @param {number} place
 */
function windowOf(step, place) {
  const { reads, returns, stride = [1, 1], padding = [0, 0], dilation = [1, 1] } = step;
  const [rows, columns] = sidesOf(step);
  const top = Math.floor(place / returns[2]) * stride[0] - padding[0];
  const left = (place % returns[2]) * stride[1] - padding[1];
  const cells = [];
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const [y, x] = [top + row * dilation[0], left + column * dilation[1]];
      const isInside = y >= 0 && y < reads[1] && x >= 0 && x < reads[2];
      if (isInside) cells.push({ slot: row * columns + column, unit: y * reads[2] + x });
    }
  }
  return cells;
}

/**
 * @param {FlowStep} step
 * @param {Float64Array} x
 */
function pooled(step, x) {
  const [channels, places] = sizesOf(step);
  const area = step.reads[1] * step.reads[2];
  const [rows, columns] = sidesOf(step);
  const isMax = step.kind === "max_pool2d";
  const out = new Float64Array(channels * places);
  for (let place = 0; place < places; place += 1) {
    const cells = windowOf(step, place);
    const divisor = step.count_include_pad ? rows * columns : cells.length;
    for (let channel = 0; channel < channels; channel += 1) {
      let found = isMax ? -Infinity : 0;
      for (const { unit } of cells) {
        const value = x[channel * area + unit];
        found = isMax ? Math.max(found, value) : found + value / divisor;
      }
      out[channel * places + place] = found;
    }
  }
  return out;
}

/**
 * With the statistics of the training.
 * @param {FlowStep} step
 * @param {Float64Array} x
 * @param {FlowTensors} tensors
 */
function normed(step, x, { values }) {
  const { weight = "", bias = "", running_mean: mean = "", running_var: variance = "", eps = 1e-5 } = step;
  const [, places] = sizesOf(step);
  return x.map((value, unit) => {
    const channel = Math.floor(unit / places);
    const scale = (values[weight]?.[channel] ?? 1) / Math.sqrt(values[variance][channel] + eps);
    return (value - values[mean][channel]) * scale + (values[bias]?.[channel] ?? 0);
  });
}
