// The stored sweep: accuracy and κ threshold at some numbers of removed weights, and values between them.

/** The value of `values` at `removed`, on straight lines between the points of `sweep.removed`; null if unknown. */
export function valueAt(sweep, values, removed) {
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
  return a + ((b - a) * (removed - at[low])) / (at[high] - at[low]);
}

/**
 * The accuracy to show, and where it comes from. A measured value counts if it belongs to this very threshold, or while
 * a drag outruns the measuring by a moment; otherwise the curve speaks.
 */
export function readout({ answer, answeredAt, sweeps, order, removed, isDragging, now }) {
  const isOurs = answer?.exact && answer.accuracy !== null && answer.order === order;
  if (isOurs && (answer.removed === removed || (isDragging && now - answeredAt < 400))) {
    return { accuracy: answer.accuracy, source: "measured", images: answer.images };
  }
  const accuracy = valueAt(sweeps[order], sweeps[order]?.accuracy, removed);
  return { accuracy, source: accuracy === null ? "unknown" : "curve" };
}

/** κ at the threshold: Python's exact value if it is for this one, else from the sweep. */
export function thresholdAt({ answer, sweeps, order, removed }) {
  if (answer?.order === order && answer.removed === removed && answer.threshold !== null) return answer.threshold;
  return valueAt(sweeps[order], sweeps[order]?.threshold, removed);
}
