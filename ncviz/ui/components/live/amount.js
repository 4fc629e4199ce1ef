// The field in which a number is typed: a share, a count of weights, or a κ to cut at.

import { make, part } from "../shared/dom.js";
import { count } from "../shared/format.js";

/**
 * What was typed, as a number of weights removed or a κ to cut at, or the sentence that says what is wrong with it.
 * @param {string} text
 * @param {AmountUnit} unit
 * @param {Pick<PanelData, "total" | "zeros" | "most">} data
 * @returns {Amount}
 */
export function readAmount(text, unit, { total, zeros, most }) {
  const bare = text.trim().replace(/\u2212/g, "-").replace(/\s*%$/, "");
  // In a count, commas and blanks part thousands; elsewhere a comma is what some write for the point.
  const plain = unit === "count" ? bare.replace(/[,\s\u2009\u202f']/g, "") : bare.replace(",", ".");
  const value = plain === "" ? NaN : Number(plain);
  if (!Number.isFinite(value)) return { problem: `${text.trim() ? `“${text.trim()}” is no number` : "Give a number"}, such as ${EXAMPLES[unit]}.` };
  if (unit === "kappa") return value > 2 ? { problem: "κ is never above 2." } : { kappa: value };
  if (unit === "count" && !Number.isInteger(value)) return { problem: "Weights go one by one: give a whole number." };
  const removed = unit === "count" ? value : Math.round((value / 100) * total);
  if (removed < 0 || removed > total || (unit === "share" && (value < 0 || value > 100))) {
    return { problem: unit === "count" ? `There are ${count(total)} weights: give 0 to ${count(total)}.` : "Give a share from 0 to 100%." };
  }
  if (removed < zeros) return { problem: `${count(zeros)} weights are gone already: no fewer can be removed.` };
  if (removed > most) return { problem: `${count(most)} weights can be removed at most: the others are held by hand.` };
  if (unit === "share" && value > 0 && removed === 0) return { problem: `That is less than one of ${count(total)} weights.` };
  return { removed };
}

const EXAMPLES = { share: "0.5", count: "12", kappa: "-1.5" };
const MOST_LETTERS = 24;

export class AmountField {
  /** What units there are, as JSON. */
  key = "";
  /** @type {Pick<PanelData, "total" | "zeros" | "most">} */
  data = { total: 0, zeros: 0, most: 0 };

  /**
   * @param {ShadowRoot} root
   * @param {(amount: { removed: number } | { kappa: number }) => void} onAmount
   */
  constructor(root, onAmount) {
    this.form = part(root, "form", "amount");
    this.input = part(root, "input", "typed");
    this.units = part(root, "select", "unit");
    this.problem = part(root, "p", "problem");
    this.input.maxLength = MOST_LETTERS;
    this.form.onsubmit = (event) => {
      event.preventDefault();
      const amount = readAmount(this.input.value, /** @type {AmountUnit} */ (this.units.value), this.data);
      this.#tell("problem" in amount ? amount.problem : "");
      if ("problem" in amount) return;
      this.input.value = "";
      onAmount(amount);
    };
    this.input.onkeydown = (event) => {
      if (event.key !== "Escape") return;
      this.input.value = "";
      this.#tell("");
    };
    this.units.onchange = () => {
      this.#tell("");
      this.#show();
    };
  }

  /**
   * @param {Shown} data
   * @param {Order} order
   * @param {number} removed
   * @param {number | null} kappa at the threshold
   */
  show(data, order, removed, kappa) {
    this.data = data;
    /** @type {[AmountUnit, string][]} */
    const units = [
      ["share", "%"],
      ["count", "weights"],
    ];
    if (data.can_cut && order.tone) units.push(["kappa", order.tone === "redundant" ? "κ above" : "κ below"]);
    const key = JSON.stringify(units);
    if (key !== this.key) {
      this.key = key;
      const before = this.units.value;
      this.units.replaceChildren(...units.map(([value, textContent]) => make("option", { value, textContent })));
      this.units.value = units.some(([unit]) => unit === before) ? before : "share";
    }
    const share = data.total > 0 ? (100 * removed) / data.total : 0;
    this.now = { share: `${Number(share.toPrecision(4))}`, count: count(removed), kappa: kappa === null ? "" : kappa.toFixed(2) };
    this.#show();
  }

  #show() {
    this.input.placeholder = this.now?.[/** @type {AmountUnit} */ (this.units.value)] ?? "";
  }

  /** @param {string} problem */
  #tell(problem) {
    this.problem.textContent = problem;
    this.input.setAttribute("aria-invalid", String(problem !== ""));
  }
}
