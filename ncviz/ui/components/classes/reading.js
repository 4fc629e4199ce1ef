// Which accuracies the bars show at a step: measured at this very one, or the last that were, and said to be.

import { signed } from "../shared/format.js";

const FULL = 65534; // what stands for 100%; one more says that a class has no images

/**
 * @param {ClassSteps} steps
 * @param {number} classes
 * @returns {(number | null)[][]} accuracies of each class, step after step
 */
export function unpackSteps({ accuracy, removed }, classes) {
  const bytes = Uint8Array.from(atob(accuracy), (letter) => letter.charCodeAt(0));
  const values = new Uint16Array(bytes.buffer);
  return removed.map((_, at) =>
    Array.from(values.subarray(at * classes, (at + 1) * classes), (value) => (value > FULL ? null : value / FULL)),
  );
}

/**
 * @param {{ removed: number, order: string | null }} step
 * @param {ClassAnswer | null} now
 * @param {ClassSteps | null} steps
 * @param {(number | null)[][]} known of each step, from `unpackSteps`
 * @returns {ClassReading}
 */
export function readClasses({ removed, order }, now, steps, known) {
  const at = steps?.order === order ? steps.removed.indexOf(removed) : -1;
  if (at >= 0) return { accuracy: known[at], isOld: false };
  if (!now) return { accuracy: null, isOld: false };
  return { accuracy: now.accuracy, isOld: now.removed !== removed || now.order !== order };
}

const MOST = 60;

/**
 * Which classes have a bar: all, or of very many the chosen ones and those that changed most.
 * @param {(number | null)[] | null} before
 * @param {(number | null)[] | null} accuracy
 * @param {number} count
 * @param {number[]} chosen
 */
export function shownClasses(before, accuracy, count, chosen) {
  const all = Array.from({ length: count }, (_, at) => at);
  if (count <= MOST) return all;
  const change = (/** @type {number} */ at) =>
    chosen.includes(at) ? Infinity : Math.abs((accuracy?.[at] ?? 0) - (before?.[at] ?? 0));
  return all.sort((a, b) => change(b) - change(a) || a - b).slice(0, MOST);
}

/**
 * What became of the chosen classes, and of the others on average; "" without any chosen or anything to tell.
 * @param {string[]} names
 * @param {(number | null)[] | null} before
 * @param {(number | null)[] | null} accuracy
 * @param {number[]} chosen
 * @param {{ isOld?: boolean, isCut?: boolean }} how whether they were measured at another step, which tells nothing of this
 *   one; whether the chosen classes' own bottlenecks are cut
 */
export function outcome(names, before, accuracy, chosen, { isOld = false, isCut = false } = {}) {
  if (!before || !accuracy || chosen.length === 0) return "";
  if (isOld) return "the bars are still those measured last";
  const percent = (/** @type {number | null} */ share) => (share === null ? "–" : (100 * share).toFixed(1));
  const own = chosen.map((at) => `${names[at]}: ${percent(before[at])} → ${percent(accuracy[at])}%`);
  const changes = names.flatMap((_, at) => {
    const [was, is] = [before[at], accuracy[at]];
    return chosen.includes(at) || was === null || is === null ? [] : [100 * (is - was)];
  });
  if (changes.length === 0) return own.join(", ");
  const mean = meanOf(changes);
  const fell = meanOf(chosen.flatMap((at) => (before[at] === null || accuracy[at] === null ? [] : [100 * (accuracy[at] - before[at])])));
  // Where the numbers do not show what the cut is made for, the reader is told so.
  const verdict = isCut && fell >= mean ? `; these bottlenecks cut, ${chosen.length > 1 ? "they do" : "it does"} not fall more than the others` : "";
  return `${own.join(", ")}; the others ${signed(mean, 1)} points${verdict}`;
}

/** @param {number[]} values */
function meanOf(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
