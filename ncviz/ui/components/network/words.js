// What the network says in words: tooltip, selection, the picture's name for those who cannot see it.

import { count, plain, signed } from "../shared/format.js";
import { captionOf } from "./draw.js";
import { linkWords } from "./links.js";
import { activityOf, sizeOf, unitName } from "./data.js";

/** Lines for the tooltip: a heading and pairs of name and value. */
export function describeHit(network, hit, left) {
  if (hit.kind === "layer") {
    const { name, subtitle } = network.layers[hit.layer];
    return { title: `${name} · ${subtitle}`, rows: [["click", "zoom to this layer"]] };
  }
  if (hit.kind === "unit") {
    const { name, place } = unitName(network, hit.unit);
    const { edges, lowest, kept } = unitSummary(network, hit.unit, left);
    const rows = [[`drawn ${network.lines}`, `${count(kept)} of ${count(edges)} kept`]];
    if (network.leftOut?.[hit.unit]) rows.splice(0, 1, ["κ", "left out, so not measured"]);
    if (kept > 0) rows.push(["lowest κ", signed(lowest)]);
    const activity = activityOf(network, hit.unit);
    if (activity !== null) rows.push(["activity", plain(activity)]);
    return { title: `${name} · ${place}`, rows };
  }
  if (hit.kind === "link") return describeLink(network, hit.link);
  const e = hit.edge;
  const from = unitName(network, network.source[e]);
  const to = unitName(network, network.target[e]);
  const size = sizeOf(network, e);
  const rows = [["κ", `${signed(left.lowest[e], 3)} ${meaningOf(network, left.lowest[e])}`.trim()]];
  if (size > 1) rows.push(["weights", `${size}, of which ${left.negative[e]} negative and kept`]);
  else rows.push(["weight", plain(network.weight[e], 4)]);
  rows.push(["from", `${from.name} · ${from.place}`], ["to", `${to.name} · ${to.place}`]);
  return { title: network.connections[network.connection[e]] ?? "edge", rows };
}

const LINKS = { skip: "skip: units passed on as they are", pool: "pooling", scale: "scaling" };

function describeLink(network, e) {
  const { name, kind, edges } = network.links[network.linkOf[e]];
  const [from, to] = [unitName(network, network.linkSource[e]), unitName(network, network.linkTarget[e])];
  const channel = ({ place }) => place.replace(/, (row|place).*/, "");
  const rows = [
    ["what", LINKS[kind] ?? kind],
    ["joins", `${count(edges)} pairs of units`],
    ["weights", "none: it is never removed"],
    ["from", `${from.name} · ${channel(from)}`],
    ["to", `${to.name} · ${channel(to)}`],
  ];
  return { title: name, rows };
}

/** What a curvature says, in one word or two. */
export function meaningOf(network, kappa) {
  const [low, high] = network.scale.names;
  if (kappa >= network.scale.never) return "never active";
  return kappa < -0.005 ? low : kappa > 0.005 ? high : "";
}

function unitSummary(network, unit, left) {
  let edges = 0;
  let kept = 0;
  let lowest = Infinity;
  for (let e = 0; e < network.edges; e += 1) {
    if (network.source[e] !== unit && network.target[e] !== unit) continue;
    edges += 1;
    if (!left.visible[e]) continue;
    kept += 1;
    lowest = Math.min(lowest, left.lowest[e]);
  }
  return { edges, kept, lowest };
}

/** One line for the bar above the picture. */
export function describeSelection(network, hit, left) {
  const { title, rows } = describeHit(network, hit, left);
  if (hit.kind === "unit") return [title, ...rows.map((row) => row.join(" "))].join(" · ");
  return `${rows[2][1]} → ${rows[3][1]} · κ ${rows[0][1]} · ${rows[1].join(" ")}`;
}

export function ariaLabel(network, kept) {
  const layers = network.layers.map((layer) => `${layer.name} (${layer.subtitle})`).join(", ");
  const links = network.linkSource.length > 0 ? ` ${linkWords(network)}.` : "";
  return (
    `Layered network coloured by curvature: ${layers}; ${captionOf(network, kept)}.${links} ` +
    "Red edges are bottlenecks, blue ones are redundant. " +
    "N selects the next strongest line, P the one before, S and T its source and target. " +
    "Arrow keys pan, plus and minus zoom, F fits, 0 resets, Escape clears the selection."
  );
}

/** A selection as the address has it: "unit-1-7", "channel-2-5", "slice-1-5-3" or "weight-42". */
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

function isSlice(network, edge) {
  return network.start !== undefined && network.layers[network.layerOf[network.source[edge]]].grouped;
}

/** What a text selects in this picture; a unit stands for its channel where that is a node, and null for what is not drawn. */
export function fromText(network, text) {
  const [kind, ...numbers] = (text || "").split("-");
  const [first, second, third] = numbers.map(Number);
  if (kind === "unit" || kind === "channel") {
    const layer = network.layers[first];
    if (!layer) return null;
    const area = layer.shape.at(-1) * (layer.shape.at(-2) ?? 1);
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

function holds(network, edge, parameter) {
  if (!network.start) return network.parameter[edge] === parameter;
  for (let m = network.start[edge]; m < network.start[edge + 1]; m += 1) {
    if (network.member[m] === parameter) return true;
  }
  return false;
}

function isSliceOf(network, edge, connection, target, source) {
  if (network.connection[edge] !== connection || !isSlice(network, edge)) return false;
  return (
    unitName(network, network.source[edge]).index === source && unitName(network, network.target[edge]).index === target
  );
}

/** A convolution's weight may stand on many edges; they are selected together. */
function isSameWeight(network, one, other) {
  return one === other || (!network.start && network.parameter[one] === network.parameter[other]);
}

/** The edges and units that stand out for a selection. */
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
  return { edges, units: [...units], main: hit.kind === "unit" ? hit.unit : undefined };
}
