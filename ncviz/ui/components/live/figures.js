// The panel's numbers: accuracy, how it changed and where it comes from; how much is removed, and by which rule.

import { openChannel } from "../shared/bus.js";
import { part } from "../shared/dom.js";
import { count, percent, sharePercent, signed } from "../shared/format.js";
import { thresholdAt } from "./curve.js";
import { tell } from "./drive.js";
import { ruleWords } from "./never.js";
import { outcomeWords, titled } from "./outcome.js";

export class Figures {
  /** What was known last. @type {{ step: string, place: string, verdict: string } | null} */
  said = null;
  isOpening = true;
  /** What a saved picture says of itself. @type {Channel<string> | null} */
  captions = null;
  /** What the network says of an image, in words. @type {Channel<string> | null} */
  verdicts = null;
  leave = () => {};

  /**
   * @param {ShadowRoot} root
   * @param {() => void} onVerdict
   */
  constructor(root, onVerdict) {
    this.onVerdict = onVerdict;
    this.parts = {
      headline: part(root, "p", "headline"),
      note: part(root, "p", "note"),
      word: part(root, "span", "word"),
      accuracy: part(root, "output", "accuracy"),
      change: part(root, "span", "change"),
      source: part(root, "span", "source"),
      share: part(root, "output", "share"),
      counts: part(root, "span", "counts"),
      rule: part(root, "span", "rule"),
      said: part(root, "p", "said"),
    };
  }

  /** @param {string} channel of the picture */
  join(channel) {
    this.leave();
    this.captions = openChannel(`${channel}/caption`);
    this.verdicts = openChannel(`${channel}/verdict`);
    const ends = [this.captions.lead(), this.verdicts.subscribe(() => this.onVerdict())];
    this.leave = () => ends.forEach((end) => end());
  }

  /**
   * @param {Shown} data
   * @param {Situation} situation
   * @param {Reading} reading
   * @param {Order} order
   */
  show(data, situation, reading, order) {
    const { parts } = this;
    const { removed } = situation;
    parts.note.textContent = data.note;
    parts.word.textContent = titled(data.word);
    this.#accuracy(data, situation, reading);
    const says = outcomeOf(data, situation, reading, order);
    parts.headline.textContent = says;
    const { accuracy } = reading;
    const isRead = reading.source === "curve";
    tell(data.channel, { removed, order: order.key, accuracy, isRead, by_hand: data.by_hand, says });
    parts.share.textContent = sharePercent(removed, data.total);
    parts.counts.textContent = `${count(removed)} weights removed · ${count(data.total - removed)} kept`;
    const rule = ruleWords(data, order, removed, thresholdAt(situation));
    const zero = data.zeros > 0 ? `${count(data.zeros)} were zero already` : `of ${count(data.total)} weights`;
    const none = data.by_hand || zero;
    parts.rule.textContent = removed > data.zeros ? rule : none;
    this.captions?.publish(captionWords(data, order, `${parts.share.textContent} removed (${parts.rule.textContent})`, {
      ...reading,
      from: parts.source.textContent ?? "",
    }));
  }

  /**
   * @param {Shown} data
   * @param {Situation} situation
   * @param {Reading} reading
   */
  #accuracy(data, { removed, order, answer, isDragging }, { accuracy, source, images, expires }) {
    const { parts } = this;
    const at = source === "measured" ? (expires ? answer?.removed : removed) : "";
    const facts = { value: accuracy ?? "", source, removed, order, seq: data.seq, at };
    Object.assign(parts.accuracy.dataset, facts);
    parts.accuracy.textContent = accuracy === null ? "—" : percent(accuracy);
    const points = accuracy === null || data.baseline === null ? null : 100 * (accuracy - data.baseline);
    const change =
      removed === data.zeros && !data.by_hand
        ? `nothing ${data.zeros > 0 ? "more " : ""}pruned`
        : `${signed(points ?? 0, 1)} points from ${percent(data.baseline ?? 0)}`;
    parts.change.textContent = points === null ? "" : change;
    parts.change.classList.toggle("is-loss", points !== null && points < -1);
    const words = {
      measured: `measured on ${count(images ?? 0)} images`,
      curve: data.is_measuring && !isDragging ? `${data.sweep_label}, being measured …` : data.sweep_label,
      unknown: data.is_offline ? "not measured" : "not measured yet",
    };
    parts.source.textContent = words[source];
  }

  /**
   * For a screen reader: the outcome of a step once it is known, not every number on the way there.
   * @param {Shown} data
   * @param {Situation} situation
   * @param {Reading} reading
   */
  say(data, { removed, order, isDragging }, { source }) {
    const isOpen = source !== "measured" && data.is_live;
    if (isDragging || isOpen) return;
    const verdict = this.verdicts?.last ?? "";
    const place = `${order} ${removed}`;
    const step = `${place} ${source} ${verdict}`;
    const { said } = this;
    // What the page says when it opens nobody asked for, nor for what is measured or worked out of that a while later.
    this.isOpening &&= said === null || (said.place === place && ["", verdict].includes(said.verdict));
    if (!this.isOpening && said?.step !== step) {
      const { headline, source: from, rule } = this.parts;
      const more = verdict && ` ${verdict}.`;
      this.parts.said.textContent = `${headline.textContent}${more} ${titled(from.textContent ?? "")}; ${rule.textContent}.`;
    }
    this.said = { step, place, verdict };
  }
}

/**
 * @param {Shown} data
 * @param {Situation} situation
 * @param {Reading} reading
 * @param {Order} order
 */
function outcomeOf({ total, zeros, by_hand: byHand, word, baseline }, { removed }, { accuracy, source }, { label }) {
  return outcomeWords({ label, removed, total, zeros, byHand, word, accuracy, baseline, isRead: source === "curve" });
}

/**
 * What a saved picture says of itself: network and settings; what is removed, and what that does to the accuracy.
 * @param {Pick<PanelData, "about" | "told" | "word" | "baseline">} data
 * @param {Pick<Order, "label">} order
 * @param {string} removed
 * @param {{ accuracy: number | null, from: string }} reading
 */
export function captionWords({ about, told, word, baseline }, { label }, removed, { accuracy, from }) {
  const whole = baseline === null ? "" : `; whole ${percent(baseline)}`;
  const outcome = accuracy === null ? `${word} not measured` : `${word} ${percent(accuracy)}, ${from}${whole}`;
  return [about, `${label}: ${removed}`, told, outcome].filter(Boolean).join(" · ");
}
