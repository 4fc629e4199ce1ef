// What the introduction does, when: each phase goes from one share to another, or stays.

import { outcomeWords } from "../live/outcome.js";

const REDUNDANT = "curvature/redundant";
const BOTTLENECKS = "curvature/bottlenecks";

/** @type {IntroPhase[]} */
const PHASES = [
  { name: "blue", order: REDUNDANT, from: 0, to: 0.6, ms: 5000 },
  { name: "blue", order: REDUNDANT, from: 0.6, to: 0.6, ms: 2500 },
  { name: "red", order: BOTTLENECKS, from: 0, to: 0, ms: 1800 },
  { name: "red", order: BOTTLENECKS, from: 0, to: 0.01, ms: 3200 },
  { name: "red", order: BOTTLENECKS, from: 0.01, to: 0.01, ms: 3500 },
  { name: "you", order: null, from: 0, to: 0, ms: 3000 },
];

/** @param {boolean} isStill whether what moves is left out */
const phasesOf = (isStill) => (isStill ? PHASES.filter(({ from, to }) => from === to) : PHASES);

/**
 * How long it takes, in ms.
 * @param {boolean} isStill
 */
export function lengthOf(isStill) {
  return phasesOf(isStill).reduce((sum, { ms }) => sum + ms, 0);
}

/**
 * Where the slider is after some ms: the share that is removed, in which order (null: where it was before).
 * @param {number} time
 * @param {boolean} isStill
 * @returns {{ share: number, order: string | null, phase: IntroPhase["name"] }}
 */
export function placeAt(time, isStill) {
  let left = time;
  const phases = phasesOf(isStill);
  const { from, to, ms, order, name } = phases.find((phase) => (left -= phase.ms) < 0) ?? phases[phases.length - 1];
  const along = Math.min(1, 1 + left / ms);
  return { share: from + (to - from) * along * along * (3 - 2 * along), order, phase: name };
}

/**
 * What is said meanwhile; every number in it is what the panel shows at that moment.
 * @param {IntroPhase["name"]} phase
 * @param {ShownStep | null} reading
 * @param {{ total: number, word: string, baseline: number }} of
 */
export function captionAt(phase, reading, { total, word, baseline }) {
  if (phase === "you") return "Now you: drag the slider, or click a line.";
  const isRed = phase === "red";
  const first = isRed ? "Red bridges first" : "Blue mesh first";
  if (!reading?.removed || reading.order !== (isRed ? BOTTLENECKS : REDUNDANT)) return `${first}.`;
  const { removed, accuracy, isRead, by_hand: byHand } = reading;
  return outcomeWords({ label: first, removed, total, zeros: 0, byHand, word, accuracy, baseline, isRead });
}
