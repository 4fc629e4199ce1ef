// Selections: as the address has them, as what is drawn here, and what stands out for one.

import { areaOf, isOutside, planeOf, unitName } from "./data.js";

/**
 * A selection as the address has it: "unit-1-7", "channel-2-5", "slice-1-5-3" or "weight-42".
 * @param {Network} network
 * @param {UnitHit | EdgeHit | null} hit
 * @returns {string}
 */
export function toText(network, hit) {
  if (hit === null) return "";
  if (hit.kind === "unit") {
    const { layer, index } = unitName(network, hit.unit);
    return `${network.layers[layer].grouped ? "channel" : "unit"}-${layer}-${index}`;
  }
  const e = hit.edge;
  if (!isSlice(network, e)) return `weight-${network.parameter[e]}`;
  const [from, to] = [unitName(network, network.source[e]), unitName(network, network.target[e])];
  return `slice-${network.connection[e]}-${to.index}-${from.index}`;
}

/**
 * @param {Network} network
 * @param {number} edge
 */
function isSlice(network, edge) {
  return network.start !== undefined && network.layers[network.layerOf[network.source[edge]]].grouped;
}

/**
 * What a text selects in this picture; a unit stands for its channel where that is a node, and null for what is not drawn.
 * @param {Network} network
 * @param {string} text
 * @returns {UnitHit | EdgeHit | null}
 */
export function fromText(network, text) {
  const [kind, ...numbers] = (text || "").split("-");
  const [first, second, third] = numbers.map(Number);
  if (kind === "unit" || kind === "channel") {
    const layer = network.layers[first];
    if (!layer) return null;
    const { area } = planeOf(layer.shape);
    const index = kind === "unit" && layer.grouped ? Math.floor(second / area) : second;
    const unit = network.offsets[first] + index;
    const isHere = (kind === "unit" || layer.grouped) && unit < network.offsets[first + 1];
    return isHere ? { kind: "unit", unit } : null;
  }
  for (let e = 0; e < network.edges; e += 1) {
    const isIt = kind === "weight" ? holds(network, e, first) : isSliceOf(network, e, first, second, third);
    if (isIt) return { kind: "edge", edge: e };
  }
  return null;
}

/**
 * @param {Network} network
 * @param {number} edge
 * @param {number} parameter
 */
function holds(network, edge, parameter) {
  if (!network.start || !network.member) return network.parameter[edge] === parameter;
  for (let m = network.start[edge]; m < network.start[edge + 1]; m += 1) {
    if (network.member[m] === parameter) return true;
  }
  return false;
}

/**
 * @param {Network} network
 * @param {number} edge
 * @param {number} connection
 * @param {number} target
 * @param {number} source
 */
function isSliceOf(network, edge, connection, target, source) {
  if (network.connection[edge] !== connection || !isSlice(network, edge)) return false;
  return (
    unitName(network, network.source[edge]).index === source && unitName(network, network.target[edge]).index === target
  );
}

/**
 * A convolution's weight may stand on many edges; they are selected together.
 * @param {Network} network
 * @param {number} one
 * @param {number} other
 */
function isSameWeight(network, one, other) {
  return one === other || (!network.start && network.parameter[one] === network.parameter[other]);
}

/**
 * The edges and units that stand out for a selection.
 * @param {Network} network
 * @param {UnitHit | EdgeHit | null} hit
 * @returns {Focus | null}
 */
export function focusOf(network, hit) {
  if (hit === null) return null;
  const units = new Set();
  const edges = [];
  for (let e = 0; e < network.edges; e += 1) {
    const [s, t] = [network.source[e], network.target[e]];
    const belongs = hit.kind === "edge" ? isSameWeight(network, e, hit.edge) : s === hit.unit || t === hit.unit;
    if (!belongs) continue;
    edges.push(e);
    units.add(s).add(t);
  }
  if (hit.kind === "unit") units.add(hit.unit);
  return { isOwn: false, edges, units: [...units], main: hit.kind === "unit" ? hit.unit : undefined };
}

/**
 * All lines of the selection stand out, with the nodes at their ends.
 * @param {Network} own
 * @param {Selected | null} selected
 * @returns {Focus}
 */
export function ownFocus(own, selected) {
  const edges = Array.from({ length: own.edges }, (_, e) => e).filter((e) => !isOutside(own, e));
  const units = new Set(edges.flatMap((e) => [own.source[e], own.target[e]]));
  const main = selected?.kind === "unit" ? selected.unit : undefined;
  return { isOwn: true, edges, units: [...units], main, line: selected?.kind === "line" ? selected : undefined };
}

/**
 * A line that Python knows of and that is not drawn: its ends as [layer, unit], as nodes of this picture.
 * @param {Network} network
 * @param {LineData} line
 * @returns {LineHit}
 */
export function undrawnLine(network, { source, target, connection, parameter, curvature }) {
  const node = (/** @type {[number, number]} */ [layer, unit]) =>
    network.offsets[layer] + Math.floor(unit / areaOf(network, layer));
  const bin = network.binOf(curvature);
  return { kind: "line", source: node(source), target: node(target), connection, parameter, bin };
}

/**
 * A line that is not among those drawn.
 * @param {Network} network
 * @param {number} edge
 * @returns {LineHit}
 */
export function lineOf({ source, target, connection, parameter, bin }, edge) {
  return {
    kind: "line",
    source: source[edge],
    target: target[edge],
    connection: connection[edge],
    parameter: parameter[edge],
    bin: bin[edge],
  };
}
