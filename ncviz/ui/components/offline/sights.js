// Where no Python lays out another closeup: a layer fills the picture with those beside it, with the lines at hand.

/** A network as it is looked at, the same object every time. */
export class Sights {
  /** By the layer that fills the picture. @type {Map<number, Network>} */
  known = new Map();

  /** @param {Network} whole as it came */
  constructor(whole) {
    this.whole = whole;
  }

  /** @param {number} layer of those at hand, -1 for all */
  at(layer) {
    const network = this.known.get(layer) ?? sightOf(this.whole, layer);
    this.known.set(layer, network);
    return network;
  }
}

/**
 * The network as it is looked at: a layer that fills the picture, or all of it.
 * @param {Network} network
 * @param {number} layer -1 for all
 * @returns {Network}
 */
export function sightOf(network, layer) {
  const sight = network.sights.find(({ closeup }) => closeup.layer === layer);
  if (!sight) return network;
  const { name, closeup } = sight;
  const { arrays, source, target, linkSource, linkTarget, linkOf, linkWeigher } = network;
  const rest = arrays[`${name}rest`];
  const isHere = (/** @type {number} */ from, /** @type {number} */ to) => rest[from] < 2 && rest[to] < 2;
  const layouts = sight.layouts.map((box, at) => ({ ...box, shareX: arrays[`${name}x${at}`], shareY: arrays[`${name}y${at}`] }));
  const edges = Array.from({ length: network.edges }, (_, e) => e).filter((e) => isHere(source[e], target[e]));
  const links = Array.from({ length: linkSource.length }, (_, e) => e).filter((e) => isHere(linkSource[e], linkTarget[e]));
  const own = {
    linkSource: links.map((e) => linkSource[e]),
    linkTarget: links.map((e) => linkTarget[e]),
    linkOf: links.map((e) => linkOf[e]),
    linkWeigher: linkWeigher && links.map((e) => linkWeigher[e]),
  };
  return { ...network, ...linesAt(network, edges), ...own, rest, layouts, closeup, digest: `${network.digest}/${layer}` };
}

/**
 * @template {Numbers} Kind
 * @param {Kind} array
 * @param {number[]} at
 * @returns {Kind}
 */
function taken(array, at) {
  return /** @type {any} */ (array.constructor).from(at, (/** @type {number} */ index) => array[index]);
}

/**
 * Some of the lines alone.
 * @param {Network} network
 * @param {number[]} edges
 */
function linesAt(network, edges) {
  const { start, ranks } = network;
  const found = /** @type {Partial<Network>} */ ({ edges: edges.length, drawn: edges.length });
  for (const name of /** @type {const} */ (["source", "target", "curvature", "weight", "parameter", "connection", "bin", "lit", "mark"])) {
    const array = network[name];
    if (array) Object.assign(found, { [name]: taken(array, edges) });
  }
  const members = start ? edges.flatMap((e) => Array.from({ length: start[e + 1] - start[e] }, (_, at) => start[e] + at)) : edges;
  for (const name of /** @type {const} */ (["member", "memberCurvature", "memberWeight", "factor", "byHand"])) {
    const array = network[name];
    if (array) Object.assign(found, { [name]: taken(array, members) });
  }
  if (start) {
    found.start = new Uint32Array(edges.length + 1);
    for (const [at, e] of edges.entries()) found.start[at + 1] = found.start[at] + start[e + 1] - start[e];
  }
  found.ranks = Object.fromEntries(Object.entries(ranks).map(([order, own]) => [order, taken(own, members)]));
  return found;
}
