// What the server says of the flow at a step, handed on within the page.

import { openChannel } from "../shared/bus.js";
import { bytesOf } from "../shared/pixels.js";

/**
 * Say on the channel of a panel what Python answered to it.
 * @param {string} name
 * @param {FlowAnswer | null | undefined} answer
 */
export function publishAnswer(name, answer) {
  if (!answer) return;
  /** @type {Channel<FlowEvent>} */
  const channel = openChannel(`${name}/flow`);
  const { of, removed, order, image, ranges } = answer;
  const isSame = channel.last?.of === of && channel.last.image === image;
  const whole = answer.whole ? stateOf(answer.whole) : isSame && channel.last ? channel.last.whole : null;
  if (!whole) return;
  channel.publish({ of, removed, order, image, ...stateOf(answer), ranges, whole });
}

/**
 * @param {{ activity: string, scores: number[], said: number[] }} state
 * @returns {FlowState}
 */
function stateOf({ activity, scores, said }) {
  return { activity: bytesOf({ pixels: activity }), scores: Float32Array.from(scores), said };
}
