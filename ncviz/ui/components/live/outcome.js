// What happened, in one sentence: how much is gone, in which order, and what that does to the accuracy.

import { percent, sharePercent } from "../shared/format.js";

/** @param {string} [word] */
export const titled = (word = "accuracy") => word[0].toUpperCase() + word.slice(1);

/**
 * @param {Outcome} outcome
 */
export function outcomeWords({ label, removed, total, zeros, byHand, word, accuracy, baseline, isRead }) {
  const gone = removed <= zeros ? "" : `${label}: ${sharePercent(removed, total)} gone`;
  // What is gone counts what was cut by hand: the order is not to be credited with it.
  const first = [gone, byHand].filter(Boolean).join(", with ") || "Nothing removed";
  if (accuracy === null) return `${first}.`;
  // The curve begins with the whole network, measured.
  const isAbout = isRead && first !== "Nothing removed";
  const now = `${titled(word)} ${isAbout ? "about " : ""}${percent(accuracy)}`;
  const isWhole = first === "Nothing removed" || baseline === null;
  return `${first}. ${now}${isWhole ? "" : `, ${percent(baseline)} before`}.`;
}
