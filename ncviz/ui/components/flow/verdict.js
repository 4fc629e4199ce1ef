// What the network says of the image: now, and before anything was removed.

import { make, part } from "../shared/dom.js";
import { percent } from "../shared/format.js";

export class Verdict {
  /** @type {string | null} */
  said = null;

  /**
   * @param {ParentNode} root
   * @param {(words: string) => void} say what a reader who cannot see it is to hear
   */
  constructor(root, say) {
    this.line = part(root, "p", "verdict");
    this.say = say;
  }

  /**
   * @param {Network} network
   * @param {FlowEvent | null} flow
   * @param {Judged} judged
   */
  show(network, flow, judged) {
    const { line } = this;
    const { group } = judged;
    if (flow && group) {
      this.#showGroup(network, flow, group, judged);
      return;
    }
    const verdict = flow && verdictOf(network.classes, flow, judged);
    line.dataset.now = verdict ? verdict.now : "";
    line.dataset.whole = verdict ? verdict.whole : "";
    line.dataset.removed = flow ? String(flow.removed) : "";
    if (!verdict) {
      this.#tell("");
      line.replaceChildren(
        judged.isStill
          ? "Nodes show the whole network's activity."
          : judged.isAsked
          ? "Working out what flows; until then the whole network's activity is shown."
          : make("span", { className: "before", textContent: hintOf(judged) }),
      );
      return;
    }
    const { now, nowShare, whole, wholeShare, isFlipped, outcome } = verdict;
    /** @type {(string | Node)[]} */
    const parts = ["This image: "];
    if (isFlipped) parts.push(make("s", { textContent: whole }), " → ");
    parts.push(make("strong", { textContent: now }), `, ${percent(nowShare)} sure`);
    if (outcome) parts.push(make("span", { textContent: ` · ${outcome.words}`, className: outcome.isRight ? "is-right" : "is-wrong" }));
    const before = flow.removed > 0 || isFlipped || nowShare !== wholeShare ? `whole network: ${whole}, ${percent(wholeShare)}` : "the whole network";
    parts.push(make("span", { textContent: ` · ${before}`, className: "before" }));
    line.replaceChildren(...parts, ...behind(network, flow, judged));
    this.#tell(`The network says ${now}${outcome ? `, ${outcome.words}` : ""}`);
  }

  /**
   * Of several images how many are told rightly, and that nodes show their mean.
   * @param {Network} network
   * @param {FlowEvent} flow
   * @param {FlowGroup} group
   * @param {Judged} judged
   */
  #showGroup(network, flow, { title, classes }, judged) {
    const { line } = this;
    const words = groupWords(flow, classes);
    Object.assign(line.dataset, { now: words.now, whole: words.whole, removed: String(flow.removed) });
    const hint = flow.removed > 0 ? "" : hintOf(judged) && ` · ${hintOf(judged)}`;
    line.replaceChildren(
      `Mean over ${title}`,
      ...(classes ? [": ", make("strong", { textContent: words.now }), " right"] : []),
      make("span", { className: "before", textContent: `${words.before}${hint}` }),
      ...behind(network, flow, judged),
    );
    this.#tell("");
  }

  /** Nothing is said any more. */
  forget() {
    this.#tell("");
  }

  /**
   * Of a flip, not of every number on the way there.
   * @param {string} words
   */
  #tell(words) {
    if (this.said !== words) this.say(words);
    this.said = words;
  }
}

/**
 * How many of several images are told rightly, now and in the whole network.
 * @param {FlowEvent} flow
 * @param {number[] | null} classes
 */
export function groupWords(flow, classes) {
  if (!classes) return { now: "", whole: "", before: "" };
  const rightOf = (/** @type {FlowState} */ { said }) => said.filter((each, at) => each === classes[at]).length;
  const [now, whole] = [rightOf(flow), rightOf(flow.whole)];
  const before = flow.removed > 0 || now !== whole ? ` · whole network: ${whole}` : "";
  return { now: `${now} of ${classes.length}`, whole: `${whole} of ${classes.length}`, before };
}

/**
 * What can be done; nothing where the picture has no images to choose from beside it.
 * @param {Judged} judged
 */
function hintOf({ canDraw, canChoose }) {
  if (!canChoose) return "";
  return `Choose an image above${canDraw ? ", or draw one," : ""} and see it flow.`;
}

/**
 * That what is shown is of another step than the slider's.
 * @param {Network} network
 * @param {FlowEvent} flow
 * @param {Judged} judged
 */
function behind(network, flow, { removed, order }) {
  if (removed === flow.removed && order === flow.order) return [];
  const where = `at ${percent(flow.removed / network.parameters)} removed${order === flow.order ? "" : " in the order before"}`;
  return [make("span", { textContent: ` · ${where}`, className: "before" })];
}

/**
 * @param {string[]} classes
 * @param {FlowEvent} flow
 * @param {Pick<Judged, "label">} judged
 * @returns {VerdictWords | null}
 */
export function verdictOf(classes, flow, { label }) {
  if (!flow.scores || !flow.whole.scores) return null;
  const [now, whole] = [largest(flow.scores), largest(flow.whole.scores)];
  const name = (/** @type {number} */ at) => classes[at] ?? `class ${at}`;
  const isRight = now === label;
  return {
    now: name(now),
    nowShare: flow.scores[now],
    whole: name(whole),
    wholeShare: flow.whole.scores[whole],
    isFlipped: now !== whole,
    outcome: label === null ? null : { isRight, words: isRight ? "✓ right" : `✗ wrong, it is ${name(label)}` },
  };
}

/** @param {Float32Array} scores */
function largest(scores) {
  return scores.reduce((best, score, at, all) => (score > all[best] ? at : best), 0);
}
