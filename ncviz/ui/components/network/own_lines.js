// All lines of what is selected, as a network of the same nodes: the picture draws only some lines of a large one.

import { binsOf, ranksOf } from "./data.js";

/**
 * The network with the lines that came for the selection in place of those that are drawn.
 * @param {Network} network
 * @param {OwnMessage} own
 * @returns {Network}
 */
export function readOwn(network, { arrays, orders, total }) {
  const bin = binsOf(network, arrays.curvature);
  const ranks = ranksOf(orders, arrays, network.parameters);
  const edges = arrays.source.length;
  return /** @type {Network} */ ({ ...network, ...arrays, bin, ranks, edges, drawn: edges, total });
}

/**
 * The lines that are all of what is selected now, or null while those drawn have to do.
 * @param {State} state
 */
export function ownOf({ own, told }) {
  return own && own.selection === told ? own : null;
}

/**
 * What is drawn and what is left of it, for whoever reads the page.
 * @param {State} state
 */
export function dataOf(state) {
  const { network, left, removed, order } = state;
  if (!network || !left) return {};
  return {
    drawnEdges: network.drawn,
    totalEdges: network.total,
    visibleEdges: left.kept,
    ownEdges: ownOf(state)?.network.edges ?? 0,
    closeup: network.closeup.layer,
    removed,
    order: order ?? "",
  };
}

/**
 * The lines among which an edge under the pointer is counted, with what is left of them.
 * @param {{ network: Network, left: LinesLeft, own: OwnLeft | null }} scene
 * @param {Hit | Selected | null} hit
 */
export function linesOf({ network, left, own }, hit) {
  return hit?.kind === "edge" && hit.isOwn && own ? own : { network, left };
}

/** Reads them anew only where they are others than before. */
export class OwnReader {
  key = "";
  /** @type {Receive["own"]} */
  last = null;

  /**
   * @param {Network} network
   * @param {Message} message
   */
  read(network, { own }) {
    const key = own ? `${network.digest}/${own.selection}/${own.digest}` : "";
    if (key !== this.key) this.last = own && { selection: own.selection, network: readOwn(network, own) };
    this.key = key;
    return this.last;
  }
}
