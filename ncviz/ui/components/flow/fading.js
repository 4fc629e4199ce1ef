// What faded: a node that was active in the whole network and is no longer.

/** From which share of its layer's most active node on a node counts as active, and to which share of itself it faded. */
const ACTIVE = 0.2;
const FADED = 0.5;

/** @type {WeakMap<FlowEvent, Uint8Array>} */
const FADED_OF = new WeakMap();

/**
 * 1 for each node that is less than half as active as in the whole network, where it was active there; input and classes,
 * whose bars say more, are left out.
 * @param {Network} network
 * @param {FlowEvent} flow
 * @param {(node: number, activity: Numbers) => number} activityAt 0 … 1
 */
export function fadedNodes(network, flow, activityAt) {
  const known = FADED_OF.get(flow);
  if (known?.length === network.layerOf.length) return known;
  const faded = new Uint8Array(network.layerOf.length);
  for (let layer = 1; layer + 1 < network.layers.length; layer += 1) {
    const [first, end] = [network.offsets[layer], network.offsets[layer + 1]];
    const before = Float32Array.from({ length: end - first }, (_, at) => activityAt(first + at, flow.whole.activity));
    const least = ACTIVE * before.reduce((most, value) => Math.max(most, value), 0);
    before.forEach((value, at) => {
      if (value > 0 && value >= least && activityAt(first + at, flow.activity) < FADED * value) faded[first + at] = 1;
    });
  }
  FADED_OF.set(flow, faded);
  return faded;
}
