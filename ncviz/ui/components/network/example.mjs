// A small network for the tests: four layers of three units, each joined to the one beside it and the one below that.

import { linesLeft, readNetwork } from "./data.js";
import { placeUnits } from "./geometry.js";

const UNITS = 3;

/**
 * @param {number} layers
 * @param {Partial<Message>} changes
 */
export function exampleNetwork(layers = 4, changes = {}) {
  const edges = Array.from({ length: 2 * UNITS * (layers - 1) }, (_, e) => e);
  const units = layers * UNITS;
  const source = edges.map((e) => e >> 1);
  const target = edges.map((e) => UNITS * (1 + Math.floor(source[e] / UNITS)) + ((source[e] + (e % 2)) % UNITS));
  const along = (/** @type {number} */ u) => (65535 * Math.floor(u / UNITS)) / Math.max(layers - 1, 1);
  const across = (/** @type {number} */ u) => (65535 * (u % UNITS)) / (UNITS - 1);
  const all = Array.from({ length: units }, (_, u) => u);
  const layout = { width: 800, height: 460, portrait: false, radius: Array(layers).fill(5), labels: [] };
  const label = Array.from({ length: layers }, (_, at) => [at / Math.max(layers - 1, 1), 0]);
  /** @type {Message} */
  const message = {
    layers: label.map((_, at) => ({ name: `layer ${at}`, subtitle: "3", shape: [UNITS], grouped: false, tokens: null })),
    means: label.map((_, at) => (at ? -0.5 : null)),
    blocks: [],
    offsets: Array.from({ length: layers + 1 }, (_, at) => at * UNITS),
    classes: ["a", "b", "c"],
    connections: Array.from({ length: layers - 1 }, (_, at) => `${at}`),
    spreads: label.slice(1).map(() => ({ inputs: 2, weights: 6, active: 6, low: -0.5, median: 0, high: 0.5, negative: 3, bars: [3, 3] })),
    links: [],
    parameters: edges.length,
    unmeasured: 0,
    note: "",
    ways: false,
    middles: false,
    lines: "edges",
    orders: [
      { key: "up", rank: 0, mirrored: false },
      { key: "down", rank: 0, mirrored: true },
    ],
    drawn: edges.length,
    total: edges.length,
    filter: null,
    ramps: { light: ["red", "white", "blue"], dark: ["red", "black", "blue"] },
    scale: { low: 2, high: 2, never: 2, ticks: [], names: ["bottleneck", "redundant"] },
    grid: 65535,
    program: null,
    roomy: { layers: 16, portrait: 46, landscape: 92 },
    layouts: [{ ...layout, labels: label }, { ...layout, width: 360, height: 420, portrait: true, labels: label }],
    closeup: { layer: -1, by: "position", orders: {}, shown: label.map(() => UNITS) },
    sights: [],
    digest: "example",
    channel: "c",
    height: 300,
    removed: 0,
    order: "up",
    selection: "",
    card: null,
    link: null,
    flows: null,
    own: null,
    file_name: "example",
    arrays: {
      source: Uint16Array.from(source),
      target: Uint16Array.from(target),
      curvature: Float32Array.from(edges, (e) => e / edges.length - 0.5),
      weight: Float32Array.from(edges, () => 1),
      parameter: Uint32Array.from(edges, (e) => edges.length - 1 - e),
      connection: Uint8Array.from(source, (s) => Math.floor(s / UNITS)),
      rank0: Uint16Array.from(edges),
      x0: Uint16Array.from(all, along),
      y0: Uint16Array.from(all, across),
      x1: Uint16Array.from(all, across),
      y1: Uint16Array.from(all, along),
    },
    ...changes,
  };
  return readNetwork(message);
}

/**
 * @param {Network} network
 * @param {number} width
 * @param {number} height
 */
export function exampleGeometry(network, width = 900, height = 430) {
  return placeUnits(network, width, height, (text) => 6 * text.length);
}

/** @param {Network} network */
export function everyLine(network) {
  return linesLeft(network, null, 0);
}
