// What the network says in words: tooltip, selection, the picture's name for those who cannot see it.

import { count, percent, plain, signed, weightWords } from "../shared/format.js";
import { captionOf, greyWords } from "./drawing/legend.js";
import { activityOf, sizeOf, unitName } from "./data.js";

/**
 * Lines for the tooltip: a heading and pairs of name and value.
 * @param {Network} network
 * @param {Hit} hit
 * @param {LinesLeft} left
 * @param {boolean} isAll whether these are all lines of the node
 * @returns {Described}
 */
export function describeHit(network, hit, left, isAll = false) {
  if (hit.kind === "layer") {
    const { name, subtitle } = network.layers[hit.layer];
    const into = network.target.findIndex((node) => network.layerOf[node] === hit.layer);
    const spread = into < 0 ? undefined : describeSpread(network, network.connection[into], null);
    return { title: `${name} · ${subtitle}`, rows: [["click", "zoom to this layer"]], spread };
  }
  if (hit.kind === "unit") {
    const { name, place } = unitName(network, hit.unit);
    const { edges, lowest, kept } = unitSummary(network, hit.unit, left);
    /** @type {[string, string][]} */
    const rows = [[isAll ? network.lines : `drawn ${network.lines}`, `${count(kept)} of ${count(edges)} kept`]];
    if (edges === 0 && hasLinksAlone(network, network.layerOf[hit.unit])) rows.splice(0, 1, ["weights", "none, in or out"]);
    if (network.leftOut?.[hit.unit]) rows.splice(0, 1, ["κ", "left out, so not measured"]);
    if (kept > 0) rows.push([network.middles ? "lowest middle of κ" : "lowest κ", signed(lowest)]);
    const activity = activityOf(network, hit.unit);
    if (activity !== null) rows.push(["activity", plain(activity)]);
    return { title: `${name} · ${place}`, rows };
  }
  if (hit.kind === "link") return describeLink(network, hit.link);
  const e = hit.edge;
  const from = unitName(network, network.source[e]);
  const to = unitName(network, network.target[e]);
  const size = sizeOf(network, e);
  /** @type {[string, string][]} */
  const rows = [["κ", `${signed(left.lowest[e], 3)}${meaningOf(network, left.lowest[e])}`]];
  const way = wayWords(network, left.lowest[e]);
  if (way) rows.push(["mass around it", way]);
  const factors = factorsOf(network, e);
  const scaled = factors.filter((factor) => factor !== 1).length;
  if (size > 1) rows.push(["weights", `${size}, of which ${left.negative[e]} ${network.middles ? "of negative middle" : "negative"} and kept${scaled ? `, ${count(scaled)} scaled by hand` : ""}`]);
  else rows.push(["weight", weightWords(network.weight[e], factors[0] ?? 1, 4)]);
  rows.push(["from", `${from.name} · ${from.place}`], ["to", `${to.name} · ${to.place}`]);
  const spread = describeSpread(network, network.connection[e], left.bin[e]);
  return { title: network.connections[network.connection[e]] ?? "edge", rows, spread };
}

/**
 * What each weight behind a line is multiplied by, by hand; none where nothing in the network is.
 * @param {Pick<Network, "factor" | "start">} network
 * @param {number} e
 */
export function factorsOf({ factor, start }, e) {
  if (!factor) return [];
  return Array.from(start ? factor.subarray(start[e], start[e + 1]) : factor.subarray(e, e + 1));
}

/**
 * Whether a layer has no weights on either side, as an attention's scores; not all lines of a layer that has are drawn,
 * but some are.
 * @param {Network} network
 * @param {number} layer
 */
function hasLinksAlone({ layerOf, source, target, linkSource, linkTarget }, layer) {
  const touches = (/** @type {ArrayLike<number>} */ nodes) => Array.from(nodes).some((node) => layerOf[node] === layer);
  return (touches(linkSource) || touches(linkTarget)) && !touches(source) && !touches(target);
}

/**
 * How κ is spread over the connection that a line is part of.
 * @param {Network} network
 * @param {number} connection
 * @param {number | null} bin of a line's own colour
 * @returns {DescribedSpread | undefined}
 */
function describeSpread(network, connection, bin) {
  const spread = network.spreads[connection];
  if (!spread || spread.active === 0) return undefined;
  const { weights, active, low, median, high, negative, bars } = spread;
  const never = weights > active ? `, ${count(weights - active)} never active` : "";
  const share = percent(negative / active, 0);
  return {
    bars,
    mark: bin === null ? null : bin / (network.bins - 1),
    words: `${network.middles ? "Middles of κ" : "κ"} of ${count(active)} active weights: ${signed(low)} … ${signed(high)}, median ${signed(median)}; ${share} ${network.middles ? "negative" : "bottlenecks"}${never}. ${whyWords(network, connection)}`.trim(),
  };
}

/**
 * Why so many of a connection's weights are bottlenecks, or so few, as far as its numbers tell: a unit with few inputs
 * leaves few ways past each; beside the connection whose units have most.
 * @param {Pick<Network, "spreads" | "connections" | "connection" | "target" | "layerOf" | "layers" | "middles">} network
 * @param {number} connection
 */
export function whyWords(network, connection) {
  const { spreads } = network;
  const shareOf = (/** @type {Spread} */ { negative, active }) => negative / Math.max(1, active);
  const own = spreads[connection];
  const known = spreads.filter(({ active, inputs }) => active > 0 && inputs > 0);
  if (network.middles || !own?.inputs || known.length < 2) return "";
  const [most, least] = [known.reduce((a, b) => (b.inputs > a.inputs ? b : a)), known.reduce((a, b) => (b.inputs < a.inputs ? b : a))];
  const words = `a unit here has ${count(own.inputs)} inputs`;
  const told = (/** @type {Spread} */ of) =>
    `in ${layerInto(network, spreads.indexOf(of))} it has ${count(of.inputs)}, and ${percent(shareOf(of), 0)} are bottlenecks`;
  if (own.inputs < most.inputs && shareOf(own) > shareOf(most)) return `Fewer ways lead past a line: ${words}; ${told(most)}.`;
  if (own.inputs > least.inputs && shareOf(own) < shareOf(least)) return `More ways lead past a line: ${words}; ${told(least)}.`;
  return `${words[0].toUpperCase()}${words.slice(1)}.`;
}

/**
 * The layer that a connection leads to.
 * @param {Pick<Network, "connections" | "connection" | "target" | "layerOf" | "layers">} network
 * @param {number} at
 */
function layerInto({ connections, connection, target, layerOf, layers }, at) {
  const edge = connection.indexOf(at);
  return edge < 0 ? connections[at] : layers[layerOf[target[edge]]].name;
}

/**
 * What κ says of the mass around a line, "" where it says nothing: see `way_words` in ncviz/scene/wording.py.
 * @param {Pick<Network, "ways" | "scale">} network
 * @param {number} kappa
 */
export function wayWords({ ways, scale }, kappa) {
  if (!ways || kappa >= scale.never || Math.abs(kappa - 1) < 1e-6) return "";
  if (kappa > 1) return "finds ways past it that are shorter than itself";
  return `goes ${plain(1 - kappa, kappa < 0.9 ? 1 : 2)} times the way between its ends`;
}

/** @type {Record<string, string>} */
const LINKS = { skip: "skip: units passed on as they are", pool: "pooling", scale: "scaling", product: "attention: weighed by what it is multiplied by" };

/**
 * @param {Network} network
 * @param {number} e
 * @returns {Described}
 */
function describeLink(network, e) {
  const { name, kind, edges } = network.links[network.linkOf[e]];
  const [from, to] = [unitName(network, network.linkSource[e]), unitName(network, network.linkTarget[e])];
  const channel = (/** @type {{ place: string }} */ { place }) => place.replace(/, (row|place).*/, "");
  /** @type {[string, string][]} */
  const rows = [
    ["what", LINKS[kind] ?? kind],
    ["joins", `${count(edges)} pairs of units`],
    ["weights", "none: it is never removed"],
    ["from", `${from.name} · ${channel(from)}`],
    ["to", `${to.name} · ${channel(to)}`],
  ];
  return { title: name, rows };
}

/**
 * What a curvature says, in words behind its number; of the middle of an interval, no more than that it is one.
 * @param {Network} network
 * @param {number} kappa
 */
function meaningOf(network, kappa) {
  const [low, high] = network.scale.names;
  if (kappa >= network.scale.never) return " never active";
  if (network.middles) return ", middle of an interval";
  return kappa < -0.005 ? ` ${low}` : kappa > 0.005 ? ` ${high}` : "";
}

/**
 * @param {Network} network
 * @param {number} unit
 * @param {LinesLeft} left
 */
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

/**
 * One line for the bar above the picture.
 * @param {Network} network
 * @param {UnitHit | EdgeHit} hit
 * @param {LinesLeft} left
 * @param {OwnLeft | null} own all lines of the selection, if they are known
 */
export function describeSelection(network, hit, left, own = null) {
  const isAll = own !== null && hit.kind === "unit";
  const { title, rows } = isAll ? describeHit(own.network, hit, own.left, true) : describeHit(network, hit, left);
  if (hit.kind === "unit") return [title, ...rows.map((row) => row.join(" "))].join(" · ");
  const { κ, from, to, ...rest } = Object.fromEntries(rows);
  return `${from} → ${to} · κ ${κ} · ${Object.entries(rest).map((row) => row.join(" ")).join(" · ")}`;
}

/**
 * @param {Network} network
 * @param {number} kept
 */
export function ariaLabel(network, kept) {
  const layers = network.layers.map((layer) => `${layer.name} (${layer.subtitle})`).join(", ");
  const grey = greyWords(network);
  const links = grey ? ` ${grey}.` : "";
  return (
    `Layered network coloured by curvature: ${layers}; ${captionOf(network, kept)}.${links} ` +
    "Red edges are bottlenecks, blue ones are redundant. " +
    "N selects the next strongest line, P the one before, S and T its source and target. " +
    "Arrow keys pan, plus and minus zoom, F fits, 0 resets, Escape clears the selection."
  );
}
