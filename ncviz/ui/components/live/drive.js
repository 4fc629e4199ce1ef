// The slider moved by the page itself, as in its introduction: that says where to, and is told what came of it.

import { openChannel } from "../shared/bus.js";

/**
 * Be moved by the page until the returned function is called.
 * @param {string} name of the panel's own channel
 * @param {(step: DrivenStep) => void} onStep
 */
export function follow(name, onStep) {
  /** @type {Channel<DrivenStep>} */
  const steps = openChannel(`${name}/drive`);
  return steps.subscribe(onStep);
}

/**
 * @param {string} name of the panel's own channel
 * @param {ShownStep} shown
 */
export function tell(name, shown) {
  /** @type {Channel<ShownStep>} */
  const steps = openChannel(`${name}/shown`);
  steps.publish(shown);
}
