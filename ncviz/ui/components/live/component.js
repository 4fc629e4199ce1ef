// The live panel: slider, order, accuracy, curve. It tells the network about every step within the page, and asks
// Python for accuracies as fast as those come.

import { openChannel } from "../shared/bus.js";
import { publishAnswer } from "../flow/answers.js";
import { part, query } from "../shared/dom.js";
import { percent } from "../shared/format.js";
import { keepInstance } from "../shared/instances.js";
import { Chart, drawKey } from "./chart.js";
import { measuredAt, readout, thresholdAt } from "./curve.js";
import { Figures, titled } from "./figures.js";
import { listenToPage, slide } from "./keys.js";
import { OfflineHistory } from "./history.js";
import { bandWords, markBand, ruleWords } from "./never.js";
import { Orders } from "./orders.js";
import { Sender } from "./sender.js";
import { readTheme } from "../shared/theme.js";

const SETTLE = 350; // ms without a key or a click until a small step counts as made
const STEPS = 1000; // of the slider
const DASHES = ["7 4", "2 4", "12 5"];
class LivePanel {
  /** What the panel was given last. @type {Shown | null} */
  given = null;
  /** @type {Theme | null} */
  theme = null;
  /** @type {Channel<Threshold> | null} */
  channel = null;
  /** @type {Answer | null} */
  answer = null;
  answeredAt = 0;
  removed = 0;
  order = "";
  isDragging = false;
  isHeld = false;
  /** What the chart shows, as JSON and with which curves. */
  drawn = "";
  /** @type {Record<string, Sweep> | null} */
  drawnSweeps = null;
  settling = 0;
  looking = 0;
  leave = () => {};
  setStateValue = (/** @type {string} */ _name, /** @type {unknown} */ _value) => {};

  /** @param {ShadowRoot} root */
  constructor(root) {
    this.root = root;
    this.slider = part(root, "input", "slider");
    this.figures = new Figures(root);
    this.sender = new Sender((request) => this.#send(request));
    this.offline = new OfflineHistory();
    this.orders = new Orders(part(root, "div", "orders"), part(root, "select", "menu"), (key) => this.#choose(key));
    this.chart = new Chart(part(root, "svg", "chart"), (share, isHeld) => this.#seek(share, isHeld));
    this.#listen();
    this.observer = new ResizeObserver(() => this.#layout());
    this.observer.observe(this.chart.svg);
    this.forget = listenToPage(root, (wish) => ("action" in wish ? this.#ask(wish.action) : this.#step(wish)));
  }

  /** @param {StreamlitComponent<PanelData>} given */
  update({ data, setStateValue }) {
    this.setStateValue = setStateValue;
    // Without a server, what the panel answered itself is newer than what it was given.
    this.#take(data.is_offline && this.given ? this.given : data);
  }

  /** @param {PanelData} data */
  #take(data) {
    const isFirst = this.given?.channel !== data.channel;
    if (this.given?.basis !== data.basis) this.answer = null;
    this.given = { ...data, sweeps: data.sweeps ?? this.given?.sweeps ?? {} };
    this.theme = readTheme(this.root);
    if (isFirst) {
      this.leave();
      this.channel = openChannel(data.channel);
      this.leave = this.channel.lead();
      this.answer = null;
    }
    if (data.answer && !(this.answer && data.answer.seq < this.answer.seq)) {
      this.answer = data.answer;
      this.answeredAt = performance.now();
    }
    publishAnswer(data.channel, data.flow);
    this.sender.answered(data.seq);
    // Undo, a link, another page: Python's word counts, unless a newer one of ours is on its way.
    const isFree = !this.isDragging && this.sender.isIdle && data.seq >= this.sender.seq;
    if (isFirst || isFree) this.#set(data.removed, data.order);
    this.#layout();
  }

  #listen() {
    const { slider } = this;
    slider.addEventListener("input", () => this.#drag(this.#removedAt(Number(slider.value) / 100)));
    slider.addEventListener("change", () => this.#settle());
    slider.addEventListener("pointerdown", () => (this.isHeld = true));
    for (const end of ["pointerup", "pointercancel"]) {
      slider.addEventListener(end, () => {
        this.isHeld = false;
        this.#commit();
      });
    }
    slider.addEventListener("keydown", (event) => {
      const step = slide(event);
      if (!step) return;
      event.preventDefault();
      this.#step(step);
    });
    const press = (/** @type {number} */ sign) => (/** @type {MouseEvent} */ event) =>
      this.#step({ sign, size: event.shiftKey ? 1 : 0.1 });
    part(this.root, "button", "less").onclick = press(-1);
    part(this.root, "button", "more").onclick = press(1);
    for (const action of /** @type {const} */ (["undo", "redo", "reset"])) {
      part(this.root, "button", action).onclick = () => this.#ask(action);
    }
  }

  /** @param {PanelAction} action */
  #ask(action) {
    this.#commit();
    this.sender.push(this.#request(action, false));
  }

  /**
   * A step of the keyboard or of a button: by `size` percent, or `to` a share.
   * @param {Step} step
   */
  #step({ sign = 0, size = 0, to }) {
    if (!this.given) return;
    const { total } = this.given;
    if (to !== undefined) this.#drag(this.#removedAt(to));
    else {
      const next = Math.min(100, Math.max(0, (100 * this.removed) / total + sign * size));
      // A tenth of a percent of a small network may be less than one weight.
      const removed = this.#removedAt(next / 100);
      const least = Math.min(this.given.most, Math.max(this.given.zeros, this.removed + sign));
      this.#drag(removed === this.removed ? least : removed);
    }
    this.#settle();
  }

  /** @param {PanelRequest} request */
  #send(request) {
    if (!this.data.is_offline) {
      this.setStateValue("request", request);
      return;
    }
    queueMicrotask(() => this.#take(this.offline.answer(this.data, request)));
  }

  /** @param {number} share */
  #removedAt(share) {
    return Math.min(this.data.most, Math.max(this.data.zeros, Math.round(share * this.data.total)));
  }

  /**
   * One step of a drag: the page follows at once, Python as soon as it can.
   * @param {number} removed
   */
  #drag(removed) {
    clearTimeout(this.settling);
    this.isDragging = true;
    if (removed === this.removed) return;
    this.#set(removed, this.order);
    const { sweeps, is_followed: isFollowed } = this.data;
    const isKnown = measuredAt(sweeps[this.order], removed) !== null;
    if (isFollowed || !isKnown) this.sender.push(this.#request("threshold", true));
  }

  /**
   * @param {number | null} share
   * @param {boolean} isHeld
   */
  #seek(share, isHeld) {
    if (share !== null) this.#drag(this.#removedAt(Math.round(share * STEPS) / STEPS));
    if (!isHeld) this.#commit();
  }

  #settle() {
    clearTimeout(this.settling);
    this.settling = window.setTimeout(() => this.#commit(), SETTLE);
  }

  #commit() {
    clearTimeout(this.settling);
    if (!this.isDragging) return;
    this.isDragging = false;
    this.sender.push(this.#request("threshold", false));
    this.#show();
  }

  /** @param {string} order */
  #choose(order) {
    if (order === this.order) return;
    clearTimeout(this.settling);
    this.isDragging = false;
    this.#set(this.removed, order);
    this.sender.push(this.#request("threshold", false));
    this.#layout();
  }

  /**
   * @param {Wish["action"]} action
   * @param {boolean} dragging
   * @returns {Wish}
   */
  #request(action, dragging) {
    return { action, removed: this.removed, order: this.order, dragging };
  }

  /**
   * @param {number} removed
   * @param {string} order
   */
  #set(removed, order) {
    const isSame = removed === this.removed && order === this.order && this.channel?.last !== null;
    this.removed = removed;
    this.order = order;
    if (!isSame) this.channel?.publish({ removed, order });
    this.#show();
  }

  /** @returns {Shown} */
  get data() {
    if (!this.given) throw new Error("expected data before the panel is used");
    return this.given;
  }

  get current() {
    return this.data.orders.find((order) => order.key === this.order) ?? this.data.orders[0];
  }

  /** @param {Tone | null} tone */
  #color(tone) {
    const { theme } = this;
    if (!theme) return "";
    return tone === null ? theme.muted : this.data.tones[theme.name][tone];
  }

  /** What changes with size, theme, order or new curves; the rest is `#show`. */
  #layout() {
    const { width, height } = this.chart.svg.getBoundingClientRect();
    if (!this.given || width < 40) return;
    const { data, root } = this;
    query(root, "div", ".live").style.setProperty("--tone", this.#color(this.current.tone));
    this.orders.update(data.orders, this.order);
    // Orders without a colour of their own are told apart by their dashes.
    const grey = data.orders.filter((order) => !order.tone);
    const dash = (/** @type {Order} */ order) => DASHES[grey.indexOf(order)] ?? "";
    const orders = data.orders.map((order) => ({ ...order, color: this.#color(order.tone), dash: dash(order) }));
    const { total, sweeps, baseline } = data;
    const { never, word } = data;
    const model = { width, height, total, sweeps, orders, order: this.order, baseline, word, never };
    // Answers come twenty times a second; the lines change with few of them.
    const drawn = JSON.stringify({ ...model, sweeps: null });
    if (drawn !== this.drawn || sweeps !== this.drawnSweeps) {
      this.drawn = drawn;
      this.drawnSweeps = sweeps;
      this.chart.drawLines(model);
      drawKey(part(root, "div", "key"), model);
    }
    part(root, "span", "word").textContent = titled(word);
    markBand(this.slider, data, this.order);
    const marked = bandWords(data, this.order);
    this.chart.svg.setAttribute("aria-label", `${titled(word)} over the share of weights removed${marked}`);
    part(root, "button", "undo").disabled = !data.can_undo;
    part(root, "button", "redo").disabled = !data.can_redo;
    part(root, "p", "note").textContent = data.note;
    this.#show();
  }

  /** Slider, numbers, point: everything that moves during a drag. */
  #show() {
    const { data, slider, removed, order, answer, answeredAt, isDragging } = this;
    const share = data.total > 0 ? removed / data.total : 0;
    if (!this.isHeld) slider.value = String(100 * share);
    slider.style.setProperty("--fill", `${100 * share}%`);
    const now = performance.now();
    const { sweeps, is_live: isLive } = data;
    const situation = { answer, answeredAt, sweeps, order, removed, isDragging, isLive, now };
    const reading = readout(situation);
    clearTimeout(this.looking);
    if (reading.expires) this.looking = window.setTimeout(() => this.#show(), reading.expires - now);
    this.figures.show(data, situation, reading, this.current);
    const rule = removed > data.zeros ? `, ${ruleWords(data, this.current, removed, thresholdAt(situation))}` : "";
    slider.setAttribute("aria-valuetext", `${percent(share)} of the weights removed${rule}`);
    if (this.sender.isIdle) this.figures.say(data, situation, reading);
    if (data.total > 0) this.chart.moveTo(share, reading.accuracy);
  }

  destroy() {
    this.observer.disconnect();
    this.forget();
    clearTimeout(this.looking);
    this.sender.stop();
    clearTimeout(this.settling);
    this.leave();
  }
}

export default keepInstance((root) => new LivePanel(root));
