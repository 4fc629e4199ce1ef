// What the criterion would take next: the lines of which a weight goes within the next hundredth.

import { membersLeft } from "../network/data.js";

const SHARE = 0.01;

/** @param {Network} network */
export function nextCount({ parameters }) {
  return Math.max(1, Math.round(SHARE * parameters));
}

/**
 * The drawn lines of which a weight is among the next that go.
 * @param {Network} network
 * @param {string | null} order
 * @param {number} removed
 */
export function nextLines(network, order, removed) {
  const now = membersLeft(network, order, removed);
  const then = membersLeft(network, order, removed + nextCount(network));
  const { start, edges } = network;
  const found = [];
  for (let edge = 0; edge < edges; edge += 1) {
    const [first, end] = start ? [start[edge], start[edge + 1]] : [edge, edge + 1];
    for (let at = first; at < end; at += 1) {
      if (!now[at] || then[at]) continue;
      found.push(edge);
      break;
    }
  }
  return found;
}
