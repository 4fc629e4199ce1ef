// All lines of what is selected, as a network of the same nodes: the picture draws only some lines of a large one.

import { binsOf, ranksOf } from "./data.js";
import { lineOf } from "./selection.js";

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

/**
 * What a finger touched, by its number among the lines that are there now: its number among others is another line's.
 * Null where it is no line, or not there, or not left.
 * @param {State} before with what was touched
 * @param {Hit | Selected | null} touched
 * @param {State} now
 * @returns {EdgeHit | null}
 */
export function sameLine(before, touched, now) {
  if (!before.network || !before.left || !now.network || !now.left) return null;
  if (touched?.kind !== "edge" && touched?.kind !== "line") return null;
  const lines = linesOf({ network: before.network, left: before.left, own: ownOf(before) }, touched);
  const line = touched.kind === "line" ? touched : lineOf(lines.network, touched.edge);
  const own = ownOf(now);
  const drawn = indexOf(now.network, line);
  if (drawn >= 0) return now.left.visible[drawn] ? { kind: "edge", edge: drawn } : null;
  const edge = own ? indexOf(own.network, line) : -1;
  return own?.left.visible[edge] ? { kind: "edge", edge, isOwn: true } : null;
}

/**
 * What was touched is there in another choice of lines as well, and comes with those of the selection.
 * @param {State} before
 * @param {State} now
 * @returns {Hit | null}
 */
export function hitAmong(before, now) {
  const { hit, selected } = before;
  if (!now.isPinned) return hit?.kind === "edge" && hit.isOwn ? null : now.hit;
  if (hit?.kind === "unit") return now.selected?.kind === "unit" ? now.selected : null;
  return hit?.kind === "link" ? now.hit : sameLine(before, hit ?? selected, now);
}

/**
 * @param {Network} network
 * @param {LineHit} line
 */
function indexOf(network, line) {
  for (let e = 0; e < network.edges; e += 1) {
    const isBetween = network.source[e] === line.source && network.target[e] === line.target;
    if (isBetween && network.connection[e] === line.connection && network.parameter[e] === line.parameter) return e;
  }
  return -1;
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
