// Lines between nodes: those drawn, those that stand out, skips and pooling.

import { strokeFlow } from "../../flow/lines.js";
import { areaOf, sizeOf } from "../data.js";
import { courseOf, courseOfEdge, follow } from "./course.js";
import { litEdges, strokeMarks, strokeNext } from "./marks.js";

/**
 * All lines, and those of the selection above the others.
 * @param {Pen} context
 * @param {Scene} scene
 */
export function drawLines(context, scene) {
  drawLinks(context, scene);
  const stroke = scene.isFlowing ? strokeFlow : strokeEdges;
  const { focus, own } = scene;
  const lit = focus ? [] : litEdges(scene.network);
  strokeMarks(context, scene);
  strokeNext(context, scene);
  stroke(context, scene, focus || lit.length > 0 ? 0.1 : 1, null);
  if (lit.length > 0) stroke(context, scene, 1, lit);
  if (focus) stroke(context, focus.isOwn && own ? { ...scene, ...own } : scene, 1, focus.edges);
  if (scene.focus?.line) strokeLine(context, scene, scene.focus.line);
}

/** Of the links of a network on some images. @type {WeakMap<Network, WeakMap<Numbers, Float32Array>>} */
const STRENGTHS = new WeakMap();

const CRISP = 70; // lines of a connection that keep all their ink, the strongest

/**
 * How many lines each connection has left, and how much ink each of them may take: as many as the picture is pixels
 * high cover the room between two layers once if they run straight across, fewer if they slant; more must be paler, or
 * they are a slab.
 * @param {Scene} scene
 */
function inkPerConnection({ network, geometry, view, left: { visible } }) {
  const { width, height } = geometry.room;
  const [along, across] = geometry.isPortrait ? [height, width] : [width, height];
  const gap = along / Math.max(1, network.closeup.shown.filter((count) => count > 0).length - 1);
  // From any place of a layer to any of the next it is a third of the way on average.
  const bearable = (across * gap * Math.max(1, view.k)) / Math.hypot(gap, across / 3);
  const counts = new Float64Array(network.connections.length);
  for (let e = 0; e < network.edges; e += 1) counts[network.connection[e]] += visible[e];
  return { counts, inks: counts.map((n) => Math.max(0.07, Math.min(1.1, (bearable / Math.max(n, 1)) ** 0.75))) };
}

/**
 * Whether a line lies wholly before or behind what a picture longer than its frame shows.
 * @param {Scene} scene
 * @param {number} edge
 */
function isBeyond({ network, geometry, view }, edge) {
  if (!geometry.isLong) return false;
  const [along, offset, size] = geometry.isPortrait
    ? [geometry.y, view.y, geometry.height]
    : [geometry.x, view.x, geometry.width];
  return along[network.target[edge]] * view.k + offset < 0 || along[network.source[edge]] * view.k + offset > size;
}

/**
 * @param {Pen} context
 * @param {Network} network
 * @param {Geometry} geometry
 * @param {View} view
 * @param {number} edge
 */
export function trace(context, network, geometry, view, edge) {
  follow(context, courseOfEdge(network, geometry, view, edge));
}

/**
 * Edges one by one, in the order given. A single line is a fast case for the browser, while a path of many crossing
 * lines has to be united first: strokes per colour were up to five times slower, and could not keep the order.
 * @param {Pen} context
 * @param {Scene} scene
 * @param {number} ink
 * @param {number[] | null} only
 */
function strokeEdges(context, scene, ink, only) {
  const { network, geometry, view, theme } = scene;
  const { visible, bin, negative } = scene.left;
  const { width, height } = geometry.frame;
  const ramp = network.ramps[theme.name];
  const middle = (network.bins - 1) / 2;
  const { counts, inks } = inkPerConnection(scene);
  const seen = new Float64Array(counts.length);
  const grow = view.k ** 0.35 * Math.max(0.6, Math.min(1, Math.min(width, height) / 420));
  const faintest = theme.isDark ? 0.38 : 0.3;
  const total = only ? only.length : network.edges;
  if (total === 0) return;
  // Between small tiles that stand close, lines as wide as elsewhere would close up to a surface.
  const room = network.layers.map((_, layer) => (geometry.grouped[layer] ? geometry.radius[layer] / 12 : Infinity));
  const slim = (/** @type {number} */ e) =>
    Math.max(0.35, Math.min(1, room[network.layerOf[network.source[e]]], room[network.layerOf[network.target[e]]]));
  context.lineCap = "butt";
  for (let i = 0; i < total; i += 1) {
    const e = only ? only[i] : i;
    if (!visible[e] || isBeyond(scene, e)) continue;
    // The order is by strength, so a count says where among those of its connection a line stands: the strongest few
    // stand out of thousands, which are a tint behind them.
    const connection = network.connection[e];
    const place = (seen[connection] += 1) / counts[connection];
    const density = only ? 1 : inks[connection] ** (1 - place ** Math.max(2, counts[connection] / CRISP));
    const strength = Math.abs(bin[e] - middle) / middle;
    const size = sizeOf(network, e);
    // A kernel slice is as wide as many of its parameters are bottlenecks.
    const weight =
      size > 1
        ? (0.2 + (0.8 * negative[e]) / size) * strength
        : only
          ? 0.35 + 0.65 * strength
          : strength * (0.35 + 0.65 * place ** 4);
    context.strokeStyle = ramp[bin[e]];
    context.globalAlpha = only ? 0.95 : Math.min(1, (faintest + 0.62 * weight ** 0.7) * density * ink);
    // Those to a strip come close beside each other.
    if (network.rest && (network.rest[network.source[e]] || network.rest[network.target[e]])) context.globalAlpha *= 0.3;
    context.lineWidth = (0.55 + 2.4 * weight) * (only ? 1 : Math.max(0.7, density) * slim(e)) * grow;
    context.beginPath();
    trace(context, network, geometry, view, e);
    context.stroke();
  }
  context.globalAlpha = 1;
}

/**
 * How active the most active unit of a node is: of many edges side by side the shortest counts.
 * @param {Network} network
 * @param {number} node
 * @param {Numbers} activity
 */
function strongestOf(network, node, activity) {
  const layer = network.layerOf[node];
  const area = areaOf(network, layer);
  const first = network.firstUnit[layer] + (node - network.offsets[layer]) * area;
  let most = 0;
  for (let unit = first; unit < first + area; unit += 1) most = Math.max(most, activity[unit]);
  return most / 255;
}

/**
 * How strong each line of a link is, 0 … 1: 1 for all but an attention's, which what they meet weighs on these images,
 * as a share of the strongest of the same link.
 * @param {Network} network
 * @param {Numbers | undefined} activity
 */
function strengthOfLinks(network, activity) {
  const { linkOf, linkWeigher, layerOf, links } = network;
  const strengths = new Float32Array(linkOf.length).fill(1);
  if (!linkWeigher || !activity) return strengths;
  const known = STRENGTHS.get(network) ?? new WeakMap();
  STRENGTHS.set(network, known);
  const own = known.get(activity);
  if (own) return own;
  const most = new Float32Array(links.length);
  for (let e = 0; e < linkOf.length; e += 1) {
    if (linkWeigher[e] >= layerOf.length) continue;
    strengths[e] = strongestOf(network, linkWeigher[e], activity);
    most[linkOf[e]] = Math.max(most[linkOf[e]], strengths[e]);
  }
  for (let e = 0; e < linkOf.length; e += 1) {
    if (linkWeigher[e] < layerOf.length && most[linkOf[e]] > 0) strengths[e] /= most[linkOf[e]];
  }
  known.set(activity, strengths);
  return strengths;
}

/**
 * Thin lines, bowed around the layers that they pass; those of what is selected stand out.
 * @param {Pen} context
 * @param {Scene} scene
 */
function drawLinks(context, { network, geometry, view, theme, focus, flow }) {
  if (network.linkSource.length === 0) return;
  const chosen = new Set(focus?.main === undefined ? [] : [focus.main]);
  const counts = network.links.map(() => 0);
  for (const link of network.linkOf) counts[link] += 1;
  const strengths = strengthOfLinks(network, flow?.activity ?? network.activity);
  context.strokeStyle = theme.muted;
  for (let e = 0; e < network.linkSource.length; e += 1) {
    const isChosen = chosen.has(network.linkSource[e]) || chosen.has(network.linkTarget[e]);
    const faint = Math.max(0.3, Math.min(0.6, 4 / counts[network.linkOf[e]]));
    context.globalAlpha = (isChosen ? 0.9 : focus ? 0.12 : faint) * Math.max(0.15, strengths[e]);
    context.lineWidth = (isChosen ? 1.6 : 0.9) * (0.5 + 0.5 * strengths[e]);
    context.beginPath();
    follow(context, courseOf(network, geometry, view, network.linkSource[e], network.linkTarget[e], "link"));
    context.stroke();
  }
  context.globalAlpha = 1;
}

/**
 * The selected line where it is not among those drawn.
 * @param {Pen} context
 * @param {Scene} scene
 * @param {LineHit} lineHit
 */
function strokeLine(context, { network, geometry, view, theme }, { source, target, bin }) {
  context.strokeStyle = network.ramps[theme.name][bin];
  context.lineWidth = 2.2;
  context.beginPath();
  follow(context, courseOf(network, geometry, view, source, target));
  context.stroke();
}
