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
    const verdict = flow && verdictOf(network.classes, flow, judged);
    line.dataset.now = verdict ? verdict.now : "";
    line.dataset.whole = verdict ? verdict.whole : "";
    line.dataset.removed = flow ? String(flow.removed) : "";
    if (!verdict) {
      this.#tell("");
      line.replaceChildren(
        judged.isAsked
          ? "Working out what flows; until then the whole network's activity is shown."
          : make("span", { className: "before", textContent: "Choose an image above, or draw one, and see it flow." }),
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
    if (judged.removed !== flow.removed || judged.order !== flow.order) {
      const where = `at ${percent(flow.removed / network.parameters)} removed${judged.order === flow.order ? "" : " in the order before"}`;
      parts.push(make("span", { textContent: ` · ${where}`, className: "before" }));
    }
    line.replaceChildren(...parts);
    this.#tell(`The network says ${now}${outcome ? `, ${outcome.words}` : ""}`);
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
 * @param {string[]} classes
 * @param {FlowEvent} flow
 * @param {Judged} judged
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
