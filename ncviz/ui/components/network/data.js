// The bytes that Python packed, as typed arrays, and what the drawing needs per edge.

import { keptOf, mirroredRanks } from "../shared/kept.js";
import { binOf } from "../shared/scale.js";

const ARRAYS = {
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  float32: Float32Array,
};

/**
 * Read a message: its header, with the arrays in `arrays`.
 * @param {Uint8Array} bytes
 * @returns {Message}
 */
export function decode(bytes) {
  // Typed arrays need aligned offsets, and a message that came over the wire starts anywhere.
  const buffer = bytes.slice().buffer;
  const magic = String.fromCharCode(...new Uint8Array(buffer, 0, 4));
  if (magic !== "NCV1") throw new Error(`expected a network message, got one that starts with ${magic}`);
  const length = new DataView(buffer).getUint32(4, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const arraysOf = (/** @type {Record<string, ArrayEntry>} */ index) =>
    Object.fromEntries(
      Object.entries(index).map(([name, entry]) => {
        const kind = ARRAYS[/** @type {keyof ARRAYS} */ (entry.dtype)];
        return [name, new kind(buffer, 8 + length + entry.offset, entry.length)];
      }),
    );
  const own = header.own && { ...header.own, arrays: arraysOf(header.own.arrays) };
  return { ...header, arrays: arraysOf(header.arrays), own };
}

/**
 * The colour of each line; nothing was measured of what is never active, so it has the colour of neither end.
 * @param {Pick<Message, "ramps" | "scale">} of
 * @param {Numbers} curvature
 */
export function binsOf({ ramps, scale }, curvature) {
  const bins = ramps.light.length;
  return Uint8Array.from(curvature, (kappa) => (kappa >= scale.never ? (bins - 1) / 2 : binOf(kappa, scale, bins)));
}

/**
 * For each order when each member (or line, where each has one) is removed.
 * @param {RankedOrder[]} orders
 * @param {Record<string, Numbers>} arrays
 * @param {number} parameters
 * @param {string} [name] of the arrays: those of what is drawn, or of all weights
 * @returns {Record<string, Numbers>}
 */
export function ranksOf(orders, arrays, parameters, name = "rank") {
  return Object.fromEntries(
    orders.map(({ key, rank, mirrored }) => {
      const own = arrays[`${name}${rank}`];
      return [key, mirrored ? mirroredRanks(own, parameters) : own];
    }),
  );
}

/**
 * A message as the network to draw.
 * @param {Message} message
 * @returns {Network}
 */
export function readNetwork(message) {
  const { arrays } = message;
  const bins = message.ramps.light.length;
  const edges = arrays.source.length;
  const bin = binsOf(message, arrays.curvature);
  const binOfCurvature = (/** @type {number} */ kappa) => binsOf(message, Float32Array.of(kappa))[0];
  const layerOf = new Uint16Array(message.offsets[message.layers.length]);
  for (let layer = 0; layer + 1 < message.offsets.length; layer += 1) {
    layerOf.fill(layer, message.offsets[layer], message.offsets[layer + 1]);
  }
  const links = { linkSource: [], linkTarget: [], linkOf: [] };
  const layouts = message.layouts.map((box, at) => ({ ...box, shareX: arrays[`x${at}`], shareY: arrays[`y${at}`] }));
  const firstUnit = firstUnits(message.layers);
  const ranks = {
    ranks: ranksOf(message.orders, arrays, message.parameters),
    flowRanks: message.program ? ranksOf(message.orders, arrays, message.parameters, "flowRank") : {},
  };
  const own = { edges, bin, binOf: binOfCurvature, bins, layerOf, layouts, firstUnit, ...ranks, arrays, lanes: [] };
  const network = /** @type {Network} */ (/** @type {unknown} */ ({ ...message, ...links, ...arrays, ...own }));
  network.lanes = lanesOf(network);
  return network;
}

/**
 * For each connection how far beside the middle its lines run, in lanes: several may join the same two layers.
 * @param {Network} network
 */
function lanesOf({ connections, connection, source, target, layerOf }) {
  /** @type {(string | null)[]} */
  const ends = connections.map(() => null);
  for (let e = 0; e < connection.length; e += 1) {
    ends[connection[e]] ??= `${layerOf[source[e]]}-${layerOf[target[e]]}`;
  }
  return ends.map((own, at) => {
    const beside = ends.flatMap((other, index) => (own !== null && other === own ? [index] : []));
    return own === null ? 0 : beside.indexOf(at) - (beside.length - 1) / 2;
  });
}

/**
 * Index of each layer's first unit over all layers; where a feature map is one node, nodes are fewer.
 * @param {Layer[]} layers
 */
function firstUnits(layers) {
  const first = [0];
  for (const { shape } of layers) first.push(first[first.length - 1] + shape.reduce((all, size) => all * size, 1));
  return first;
}

/**
 * How active a node is, 0 … 1: a unit's activity, or the mean over a feature map.
 * @param {Network} network
 * @param {number} node
 * @param {Numbers | undefined} activity of all units
 */
export function activityOf(network, node, activity = network.activity) {
  if (!activity) return null;
  const layer = network.layerOf[node];
  const area = areaOf(network, layer);
  const first = network.firstUnit[layer] + (node - network.offsets[layer]) * area;
  let sum = 0;
  for (let unit = first; unit < first + area; unit += 1) sum += activity[unit];
  return sum / area / 255;
}

/**
 * The two dimensions of an image or feature map, the last of a shape.
 * @param {number[]} shape
 */
export function planeOf(shape) {
  const columns = shape[shape.length - 1];
  const rows = shape[shape.length - 2] ?? 1;
  return { rows, columns, area: rows * columns };
}

/**
 * Units behind one node of a layer.
 * @param {Network} network
 * @param {number} layer
 */
export function areaOf(network, layer) {
  const { grouped, shape } = network.layers[layer];
  return grouped ? planeOf(shape).area : 1;
}

/**
 * What is left of each line: `visible` 1 if any of its parameters is not among the first `removed` of the order, `bin`
 * the colour of its strongest bottleneck that is left, `lowest` that curvature, `negative` how many negative ones are.
 * @param {Network} network
 * @param {string | null} order
 * @param {number} removed
 * @returns {LinesLeft}
 */
export function linesLeft(network, order, removed) {
  const { edges } = network;
  const state = {
    visible: new Uint8Array(edges),
    bin: new Uint8Array(edges),
    lowest: new Float32Array(edges),
    negative: new Uint16Array(edges),
    kept: 0,
  };
  const isLeft = membersLeft(network, order, removed);
  const { start, memberCurvature, curvature, bin } = network;
  for (let e = 0; e < edges; e += 1) {
    let lowest = Infinity;
    let negative = 0;
    if (start && memberCurvature) {
      for (let m = start[e]; m < start[e + 1]; m += 1) {
        if (!isLeft[m]) continue;
        lowest = Math.min(lowest, memberCurvature[m]);
        if (memberCurvature[m] < 0) negative += 1;
      }
    } else if (isLeft[e]) {
      lowest = curvature[e];
      negative = lowest < 0 ? 1 : 0;
    }
    const isVisible = lowest < Infinity;
    state.visible[e] = Number(isVisible);
    state.kept += Number(isVisible);
    state.lowest[e] = lowest;
    state.negative[e] = negative;
    state.bin[e] = !isVisible || lowest === curvature[e] ? bin[e] : network.binOf(lowest);
  }
  return state;
}

/**
 * Which members (or edges, where each has one) are left.
 * @param {Network} network
 * @param {string | null} order
 * @param {number} removed
 */
export function membersLeft(network, order, removed) {
  const ranks = order === null ? undefined : network.ranks[order];
  return ranks ? keptOf(ranks, removed) : new Uint8Array(network.member?.length ?? network.edges).fill(1);
}

/**
 * Whether a layer is shown: looked at closely, a network shows three.
 * @param {Network} network
 * @param {number} layer
 */
export function isShown({ closeup }, layer) {
  return closeup.shown[layer] > 0;
}

/**
 * Whether a line leads to a layer that is hidden.
 * @param {Network} network
 * @param {number} edge
 */
export function isOutside({ rest, source, target }, edge) {
  return rest !== undefined && (rest[source[edge]] === 2 || rest[target[edge]] === 2);
}

/**
 * How many parameters stand behind a line.
 * @param {Network} network
 * @param {number} edge
 */
export function sizeOf(network, edge) {
  return network.start ? network.start[edge + 1] - network.start[edge] : 1;
}

/**
 * A layer's name and its short forms, longest first: of a module's path its end tells most, but for a bare number; of
 * "conv 3" the number does.
 * @param {string} name
 */
export function formsOf(name) {
  const parts = name.split(".");
  const ends = parts.slice(1).map((_, at) => parts.slice(at + 1).join("."));
  const number = /^(?:conv|linear|layer) (\d+)$/.exec(name);
  return [name, ...ends.filter((text) => /[a-z]/i.test(text)), ...(number ? [number[1]] : [])];
}

/** @param {string} name */
export function shortestForm(name) {
  return formsOf(name).at(-1) ?? name;
}

/**
 * Where a unit sits within its layer, in words: `7`, or `channel 2, row 5, column 0`.
 * @param {Network} network
 * @param {number} unit
 */
export function unitName(network, unit) {
  const layer = network.layerOf[unit];
  const index = unit - network.offsets[layer];
  const { name, shape, grouped, tokens } = network.layers[layer];
  if (grouped) return { layer, index, name, place: `channel ${index}` };
  if (tokens) {
    const [channel, token] = [Math.floor(index / tokens.cells.length), index % tokens.cells.length];
    return { layer, index, name, place: `channel ${channel}, ${tokens.words[token]}` };
  }
  const isLast = layer === network.layers.length - 1;
  const label = isLast ? network.classes[index] : undefined;
  if (shape.length >= 2 && planeOf(shape).area > 1) {
    const { rows, columns, area } = planeOf(shape);
    const row = `row ${Math.floor((index % area) / columns)}, column ${index % columns}`;
    const place = rows === 1 && shape.length > 2 ? `place ${index % columns}` : row;
    const many = network.offsets[layer + 1] - network.offsets[layer] > area;
    return { layer, index, name, place: many ? `channel ${Math.floor(index / area)}, ${place}` : place };
  }
  return { layer, index, name, place: label === undefined ? `unit ${index}` : `unit ${index} (${label})` };
}
