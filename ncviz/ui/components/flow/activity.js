// Activations as bytes, on the scale of the whole network: what fades gets paler. `tasks/forward/activity.py` does the
// same in Python.

/**
 * For each layer the least and the largest |activation|.
 * @param {ArrayLike<number>[]} layers
 * @returns {[number, number][]}
 */
export function rangesOf(layers) {
  return layers.map((layer) => {
    let [low, high] = [Infinity, 0];
    for (let unit = 0; unit < layer.length; unit += 1) {
      const size = Math.abs(layer[unit]);
      low = Math.min(low, size);
      high = Math.max(high, size);
    }
    return [low, high];
  });
}

/**
 * Each unit's |activation| from 0 to 255 within the ranges of the whole network, all layers one after the other.
 * @param {ArrayLike<number>[]} layers
 * @param {[number, number][]} ranges
 */
export function scaledActivity(layers, ranges) {
  const activity = new Uint8Array(layers.reduce((sum, layer) => sum + layer.length, 0));
  let at = 0;
  layers.forEach((layer, index) => {
    const [low, high] = ranges[index];
    for (let unit = 0; unit < layer.length; unit += 1, at += 1) {
      // Where the whole network's units all say the same, none of them matters more: all are full, or gone.
      const share = high > low ? (Math.abs(layer[unit]) - low) / (high - low) : Math.abs(layer[unit]) >= low ? 1 : 0;
      activity[at] = Math.round(255 * Math.min(1, Math.max(0, share)));
    }
  });
  return activity;
}

/**
 * What the network says of one image.
 * @param {Float64Array[]} layers softmax on the last
 * @param {[number, number][]} ranges of the whole network on the same image
 * @returns {FlowState}
 */
export function stateOf(layers, ranges) {
  const scores = Float32Array.from(layers[layers.length - 1]);
  return { activity: scaledActivity(layers, ranges), scores, said: [scores.indexOf(Math.max(...scores))] };
}

/**
 * The mean over images, each on its own scale.
 * @param {FlowState[]} states
 * @returns {FlowState}
 */
export function meanState(states) {
  if (states.length === 1) return states[0];
  const scores = states.flatMap((state) => (state.scores ? [state.scores] : []));
  const said = states.flatMap((state) => state.said);
  return { activity: Uint8Array.from(meanOf(states.map(({ activity }) => activity)), Math.round), scores: meanOf(scores), said };
}

/** @param {ArrayLike<number>[]} arrays of one length */
function meanOf(arrays) {
  const mean = new Float32Array(arrays[0].length);
  for (const array of arrays) for (let at = 0; at < mean.length; at += 1) mean[at] += array[at];
  return mean.map((sum) => sum / arrays.length);
}
