// What the Edge page answers of a line, and of which of its weights.

import { membersLeft } from "./data.js";
import { linesOf, ownOf } from "./own_lines.js";

/**
 * @param {number} kappa
 * @param {boolean} [isMiddle] whether it is the middle of an interval, so that not even its sign may be certain
 */
export function questionOf(kappa, isMiddle = false) {
  if (isMiddle) return "Why this κ?";
  return kappa < 0 ? "Why is it red?" : kappa > 0 ? "Why is it blue?" : "Why is its κ 0?";
}

/**
 * What is asked of the line under the pointer, and the weight that it is about, as the address has it: that whose κ the
 * line shows, the least of those that are left. Null where there is no line, or no κ.
 * @param {State} state
 * @returns {{ words: string, weight: string } | null}
 */
export function askedOf(state) {
  const { hit, network, left, removed, order } = state;
  if (hit?.kind !== "edge" || !network || !left) return null;
  const lines = linesOf({ network, left, own: ownOf(state) }, hit);
  const kappa = lines.left.lowest[hit.edge];
  if (!(kappa < network.scale.never)) return null;
  return { words: questionOf(kappa, network.middles), weight: `weight-${weightOf(lines.network, hit.edge, kappa, membersLeft(lines.network, order, removed))}` };
}

/**
 * The weight behind a line that is left and has its κ.
 * @param {Network} network
 * @param {number} edge
 * @param {number} kappa
 * @param {Uint8Array} isLeft
 */
function weightOf({ start, member, memberCurvature, parameter }, edge, kappa, isLeft) {
  if (!start || !member || !memberCurvature) return parameter[edge];
  for (let m = start[edge]; m < start[edge + 1]; m += 1) if (isLeft[m] && memberCurvature[m] === kappa) return member[m];
  return parameter[edge];
}
