// What is known of an order: its stored curve, drawn as a line, and values at the slider's stops, which are finer.

/**
 * The value of `values` at `removed`, on the lines that are drawn between the points of `sweep.removed`: straight on the
 * slider's scale. Null if unknown.
 * @param {Sweep | undefined} sweep
 * @param {(number | null)[] | undefined} values
 * @param {number} removed
 * @param {(removed: number) => number} positionOf
 * @returns {number | null}
 */
export function valueAt(sweep, values, removed, positionOf) {
  const at = sweep?.removed;
  if (!at?.length || !values?.length) return null;
  if (removed <= at[0]) return values[0];
  let low = 0;
  let high = at.length - 1;
  if (removed >= at[high]) return values[high];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (at[middle] <= removed) low = middle;
    else high = middle;
  }
  const [a, b] = [values[low], values[high]];
  if (a === null || b === null) return a ?? b;
  const [start, end] = [positionOf(at[low]), positionOf(at[high])];
  return a + ((b - a) * (positionOf(removed) - start)) / (end - start);
}

/**
 * The accuracy measured at this very step, where each stop of the slider has one; null otherwise.
 * @param {Sweep | undefined} sweep
 * @param {number} removed
 * @returns {number | null}
 */
export function measuredAt(sweep, removed) {
  if (!sweep?.images) return null;
  let low = 0;
  let high = sweep.removed.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sweep.removed[middle] < removed) low = middle + 1;
    else high = middle;
  }
  return sweep.removed[low] === removed ? (sweep.accuracy[low] ?? null) : null;
}

const BRIDGE = 250; // ms for which an answer of a drag under way stands for the positions right after it

/**
 * The accuracy to show, and where it comes from. A measured value counts if it belongs to this very threshold, or for a
 * moment while a drag outruns measuring that keeps pace with it; otherwise the curve speaks. `expires` says when a value
 * of that moment has to be looked at again.
 * @param {Situation} situation
 * @returns {Reading}
 */
export function readout({ answer, answeredAt, sweeps, steps, order, removed, positionOf, isDragging, isLive, now }) {
  const ours = answer?.order === order && answer.accuracy !== null ? answer : null;
  /** @type {Reading | null} */
  const measured = ours && { accuracy: ours.accuracy, source: "measured", images: ours.images };
  if (measured && ours?.removed === removed) return measured;
  const known = measuredAt(steps[order], removed);
  if (known !== null) return { accuracy: known, source: "measured", images: steps[order].images };
  if (measured && isDragging && isLive && now - answeredAt < BRIDGE) return { ...measured, expires: answeredAt + BRIDGE };
  const accuracy = valueAt(sweeps[order], sweeps[order]?.accuracy, removed, positionOf);
  return { accuracy, source: accuracy === null ? "unknown" : "curve" };
}

/**
 * κ at the threshold: Python's exact value if it is for this one, else from the slider's stops, or from the curve.
 * @param {Pick<Situation, "answer" | "sweeps" | "steps" | "order" | "removed" | "positionOf">} given
 * @returns {number | null}
 */
export function thresholdAt({ answer, sweeps, steps, order, removed, positionOf }) {
  if (answer?.order === order && answer.removed === removed && answer.threshold !== null) return answer.threshold;
  const fine = steps[order]?.threshold.length ? steps[order] : sweeps[order];
  return valueAt(fine, fine?.threshold, removed, positionOf);
}
