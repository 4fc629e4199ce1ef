// Lines that carry the flow itself: how large a weight times the activation that it reads is, for the image at hand.

import { membersLeft, planeOf } from "../network/data.js";
import { courseOfEdge, follow } from "../network/drawing/course.js";

/** What was found last, by network and state, and at which step. @type {WeakMap<Network, WeakMap<FlowState, { at: string, found: Float32Array }>>} */
const FLOWS_OF = new WeakMap();

/**
 * |w · a| of each line: of a kernel slice the sum over its weights, each times the mean |a| of the feature map.
 * @param {Network} network
 * @param {FlowState} state
 * @param {[number, number][]} ranges
 * @param {Uint8Array | null} isLeft of the members, each with what it is scaled by; null for the whole network
 * @param {string} at which step that is
 */
export function flowOfLines(network, state, ranges, isLeft, at = "") {
  const flows = FLOWS_OF.get(network) ?? new WeakMap();
  FLOWS_OF.set(network, flows);
  const known = flows.get(state);
  if (known?.at === at) return known.found;
  const { source, weight, start, memberWeight, layerOf, factor } = network;
  const sizeOf = (/** @type {number} */ value, /** @type {number} */ member) => {
    if (!isLeft) return Math.abs(value);
    return isLeft[member] ? Math.abs(value * (factor?.[member] ?? 1)) : 0;
  };
  const mean = new Float32Array(layerOf.length).fill(-1);
  const found = new Float32Array(network.edges);
  for (let e = 0; e < network.edges; e += 1) {
    const node = source[e];
    if (mean[node] < 0) mean[node] = meanActivation(network, state.activity, ranges, node);
    let size = 0;
    if (start && memberWeight) {
      for (let m = start[e]; m < start[e + 1]; m += 1) size += sizeOf(memberWeight[m], m);
    } else size = sizeOf(weight[e], e);
    found[e] = size * mean[node];
  }
  flows.set(state, { at, found });
  return found;
}

/**
 * The mean |activation| of a node's units, back from bytes.
 * @param {Network} network
 * @param {Numbers} activity
 * @param {[number, number][]} ranges
 * @param {number} node
 */
function meanActivation(network, activity, ranges, node) {
  const layer = network.layerOf[node];
  const { grouped, shape } = network.layers[layer];
  const area = grouped ? planeOf(shape).area : 1;
  const first = network.firstUnit[layer] + (node - network.offsets[layer]) * area;
  let sum = 0;
  for (let unit = first; unit < first + area; unit += 1) sum += activity[unit];
  const [low, high] = ranges[layer];
  // Where the whole network's units all say the same, full is that, and nothing is gone.
  return high > low ? low + (sum / area / 255) * (high - low) : (sum / area / 255) * high;
}

/**
 * |w · a| of each line at the step; 0 where nothing flows.
 * @param {Scene} scene
 */
export function flowOfScene({ network, flow, removed, order }) {
  if (!flow) return new Float32Array(network.edges);
  return flowOfLines(network, flow, flow.ranges, membersLeft(network, order, removed), `${order} ${removed}`);
}

/**
 * |w · a| of each line in the whole network.
 * @param {Scene} scene
 */
export function flowOfWhole({ network, flow }) {
  return flow ? flowOfLines(network, flow.whole, flow.ranges, null) : new Float32Array(network.edges);
}

/**
 * For each line its flow as a share of the strongest of its connection in the whole network.
 * @param {Scene} scene
 */
function shareOfLines(scene) {
  const { network } = scene;
  const [now, whole] = [flowOfScene(scene), flowOfWhole(scene)];
  const most = new Float32Array(network.connections.length);
  for (let e = 0; e < network.edges; e += 1) most[network.connection[e]] = Math.max(most[network.connection[e]], whole[e]);
  return now.map((value, e) => (most[network.connection[e]] > 0 ? value / most[network.connection[e]] : 0));
}

/** @param {number} share of the strongest */
export const inkAt = (share) => 0.04 + 0.9 * share ** 1.2;
/** @param {number} share of the strongest */
export const widthAt = (share) => 0.4 + 3.2 * share ** 0.9;

const MOST_STRONG = 180; // lines of full strength between two layers

/**
 * How much of their ink the lines of each connection keep: many together would close up to a surface.
 * @param {Network} network
 * @param {Float32Array} shares
 */
function inkOf(network, shares) {
  const sums = new Float32Array(network.connections.length);
  shares.forEach((share, e) => (sums[network.connection[e]] += Math.min(1, share)));
  return sums.map((sum) => Math.max(0.2, Math.min(1, (MOST_STRONG / Math.max(sum, 1)) ** 0.6)));
}

/**
 * @param {Pen} context
 * @param {Scene} scene
 * @param {number} ink
 * @param {number[] | null} only
 */
export function strokeFlow(context, scene, ink, only) {
  const { network, geometry, view, theme, left } = scene;
  const shares = shareOfLines(scene);
  const grow = view.k ** 0.35;
  const total = only ? only.length : network.edges;
  const inks = inkOf(network, shares);
  context.strokeStyle = theme.ink;
  context.lineCap = "butt";
  for (let i = 0; i < total; i += 1) {
    const e = only ? only[i] : i;
    const share = Math.min(1, shares[e]);
    if (!left.visible[e] || share < 0.004) continue;
    const density = only ? 1 : inks[network.connection[e]];
    context.globalAlpha = inkAt(share) * density ** (1 - share) * ink;
    context.lineWidth = widthAt(share) * Math.max(0.6, density) * grow;
    context.beginPath();
    follow(context, courseOfEdge(network, geometry, view, e));
    context.stroke();
  }
  context.globalAlpha = 1;
}
