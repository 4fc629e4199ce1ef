// What happened, in one sentence: how much is gone, in which order, and what that does to the accuracy.

import { percent, sharePercent } from "../shared/format.js";

/** @param {string} [word] */
export const titled = (word = "accuracy") => word[0].toUpperCase() + word.slice(1);

/**
 * @param {Outcome} outcome
 */
export function outcomeWords({ label, removed, total, zeros, byHand, word, accuracy, baseline, isRead }) {
  const isNothing = removed <= zeros;
  const gone = isNothing ? "" : `${label}: ${sharePercent(removed, total)} gone`;
  const first = [gone, byHand].filter(Boolean).join(", ") || "Nothing removed";
  if (accuracy === null) return `${first}.`;
  const now = `${titled(word)} ${isRead ? "about " : ""}${percent(accuracy)}`;
  const isWhole = first === "Nothing removed" || baseline === null;
  return `${first}. ${now}${isWhole ? "" : `, ${percent(baseline)} before`}.`;
}
