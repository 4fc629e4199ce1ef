// What flows through a node or a line, in words for the tooltip: at this step, and in the whole network.

import { plain } from "../shared/format.js";
import { activityOf } from "../network/data.js";
import { fadedNodes } from "./fading.js";
import { flowOfScene, flowOfWhole } from "./lines.js";

/**
 * Described as before, with the flow in place of the whole network's activity.
 * @param {Described} described
 * @param {Hit} hit
 * @param {Scene | null} scene with the network that the hit is of
 * @returns {Described}
 */
export function withFlow(described, hit, scene) {
  if (!scene?.flow) return described;
  const { network, flow } = scene;
  const both = (/** @type {string} */ name, /** @type {number} */ now, /** @type {number} */ whole) =>
    /** @type {[string, string][]} */ ([[name, `${plain(now)}, whole network ${plain(whole)}`]]);
  if (hit.kind === "unit") {
    const activity = (/** @type {FlowState} */ state) => activityOf(network, hit.unit, state.activity) ?? 0;
    const faded = fadedNodes(network, flow, (node, of) => activityOf(network, node, of) ?? 0);
    const rows = described.rows.filter(([name]) => name !== "activity");
    const words = /** @type {[string, string][]} */ (faded[hit.unit] ? [["faded", "below half of the whole network's"]] : []);
    return { ...described, rows: [...rows, ...both("activity", activity(flow), activity(flow.whole)), ...words] };
  }
  if (hit.kind !== "edge" || scene.images > 1) return described;
  const [now, whole] = [flowOfScene(scene)[hit.edge], flowOfWhole(scene)[hit.edge]];
  return { ...described, rows: [...described.rows, ...both("|w · a|", now, whole)] };
}
