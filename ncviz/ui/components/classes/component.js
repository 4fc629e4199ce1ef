// Accuracy class by class over the evaluation images: bars that follow the slider, and choose a class on a click.

import { openChannel } from "../shared/bus.js";
import { make, part } from "../shared/dom.js";
import { count, percent, signed } from "../shared/format.js";
import { keepInstance } from "../shared/instances.js";
import { readTheme } from "../shared/theme.js";
import { outcome, readClasses, shownClasses, unpackSteps } from "./reading.js";

const FULL_HIT = 0.5; // share lost from which on a bar has the full colour of bottlenecks

class ClassBars {
  leave = () => {};
  /** @type {ClassData | null} */
  data = null;
  /** @type {(number | null)[][]} */
  known = [];
  setTriggerValue = (/** @type {string} */ _name, /** @type {unknown} */ _value) => {};

  /** @param {ShadowRoot} root */
  constructor(root) {
    this.root = root;
    this.bars = part(root, "div", "bars");
    this.title = part(root, "strong", "title");
    this.source = part(root, "span", "source");
    this.outcome = part(root, "span", "outcome");
  }

  /** @param {StreamlitComponent<ClassData>} given */
  update({ data, setTriggerValue }) {
    this.leave();
    this.setTriggerValue = setTriggerValue;
    // What was measured last stays, as an old value, until the next is.
    const last = this.data?.now ? { ...this.data.now, removed: -1 } : null;
    this.data = { ...data, now: data.now ?? last };
    this.known = data.steps ? unpackSteps(data.steps, data.names.length) : [];
    this.bars.style.setProperty("--tone", data.tones[readTheme(this.root).name].bottleneck);
    const channel = openChannel(data.channel);
    this.leave = channel.subscribe((event) => this.#show(event));
    this.#show(channel.isLive && channel.last ? channel.last : data);
  }

  /** @param {Threshold} step */
  #show(step) {
    const { data } = this;
    if (!data) return;
    const { accuracy, isOld } = readClasses(step, data.now, data.steps, this.known);
    const shown = shownClasses(data.before, accuracy, data.names.length, data.chosen);
    const { names, word } = data;
    const some = shown.length < names.length ? `, the ${count(shown.length)} of ${count(names.length)} that changed most` : "";
    this.title.textContent = `${word[0].toUpperCase()}${word.slice(1)} of each class${some}`;
    this.outcome.textContent = outcome(names, data.before, accuracy, data.chosen, { isOld, isCut: data.is_cut });
    const on = `over ${count(data.images)} evaluation images; the line is the whole network`;
    this.source.textContent = data.images ? on : "is measured as soon as the network is loaded";
    this.bars.setAttribute("aria-label", `${this.title.textContent}; press one for its own bottlenecks`);
    this.bars.classList.toggle("is-old", isOld);
    while (this.bars.children.length > shown.length) this.bars.lastChild?.remove();
    while (this.bars.children.length < shown.length) this.bars.append(this.#bar());
    shown.forEach((at, place) => this.#fill(this.bars.children[place], at, accuracy?.[at] ?? null));
  }

  #bar() {
    const bar = make("button", { type: "button", className: "bar" });
    const tube = make("span", { className: "tube" });
    tube.append(make("span", { className: "fill" }), make("span", { className: "before" }));
    bar.append(make("span", { className: "value" }), tube, make("span", { className: "name" }));
    bar.onclick = (event) => {
      this.setTriggerValue("pick", { label: Number(bar.dataset.label), adds: event.shiftKey || event.ctrlKey || event.metaKey });
    };
    return bar;
  }

  /**
   * @param {Element} bar
   * @param {number} at
   * @param {number | null} share
   */
  #fill(bar, at, share) {
    if (!(bar instanceof HTMLElement) || !this.data) return;
    const [value, tube, label] = /** @type {HTMLElement[]} */ ([...bar.children]);
    const [fill, line] = /** @type {HTMLElement[]} */ ([...tube.children]);
    const name = this.data.names[at];
    const before = this.data.before?.[at] ?? null;
    bar.dataset.label = String(at);
    bar.dataset.value = share === null ? "" : String(share);
    bar.setAttribute("aria-pressed", String(this.data.chosen.includes(at)));
    const lost = share === null || before === null ? 0 : Math.max(0, before - share) / FULL_HIT;
    bar.style.setProperty("--hit", `${Math.round(100 * Math.min(1, lost))}%`);
    value.textContent = share === null ? "–" : (100 * share).toFixed(1);
    fill.style.height = `${100 * (share ?? 0)}%`;
    line.style.bottom = `calc(${100 * (before ?? 0)}% - 2px)`;
    line.hidden = before === null;
    label.textContent = name;
    const change = share === null || before === null ? "" : `, ${signed(100 * (share - before), 1)} points`;
    const words = `Class ${name}: ${share === null ? "not measured yet" : percent(share)}${change}`;
    bar.title = `${words}. Press for its own bottlenecks; with Shift for several classes together.`;
    bar.setAttribute("aria-label", words);
  }

  destroy() {
    this.leave();
  }
}

export default keepInstance((root) => new ClassBars(root));
