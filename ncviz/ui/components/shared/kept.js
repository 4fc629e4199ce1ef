// Which weights are left at a step: the one place in the browser that knows. In Python it is `tasks.criteria.masks_of`.

/**
 * 1 for each weight that is left once the first `removed` of an order are gone, else 0.
 * @param {ArrayLike<number>} ranks when each weight goes, 0 first; of all weights, or of those that are asked about
 * @param {number} removed
 */
export function keptOf(ranks, removed) {
  const kept = new Uint8Array(ranks.length);
  for (let weight = 0; weight < kept.length; weight += 1) kept[weight] = ranks[weight] >= removed ? 1 : 0;
  return kept;
}

/**
 * The ranks of the same order from its other end.
 * @param {ArrayLike<number>} ranks
 * @param {number} weights how many are ranked in all, which may be more than these
 */
export function mirroredRanks(ranks, weights) {
  return Uint32Array.from(ranks, (rank) => weights - 1 - rank);
}
