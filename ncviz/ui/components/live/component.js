// The live panel: slider, order, accuracy, curve. It tells the network about every step within the page, and asks
// Python for accuracies as fast as those come.

import { openChannel } from "../shared/bus.js";
import { publishAnswer } from "../flow/answers.js";
import { part, query } from "../shared/dom.js";
import { sharePercent } from "../shared/format.js";
import { keepInstance } from "../shared/instances.js";
import { AmountField } from "./amount.js";
import { Chart, SIDE, drawKey } from "./chart/chart.js";
import { chartModel, colorOf } from "./chart/chart_model.js";
import { measuredAt, readout, thresholdAt } from "./curve.js";
import { follow } from "./drive.js";
import { LinkedSlider, atShare } from "../compare/linked.js";
import { Dock } from "./dock.js";
import { Figures } from "./figures.js";
import { listenToPage } from "./keys.js";
import { OfflineHistory } from "./history.js";
import { markBand, ruleWords } from "./never.js";
import { Orders } from "./orders.js";
import { NOTHING, makeScale, stepFrom, stopAt } from "./scale.js";
import { Sender } from "./sender.js";
import { Slider } from "./slider.js";
import { readTheme } from "../shared/theme.js";

const SETTLE = 350; // ms without a key or a click until a small step counts as made
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
  isLinear = false;
  /** Of slider and chart. */
  scale = makeScale(NOTHING);
  /** On which curves are read, whatever the slider's. */
  readingScale = makeScale(NOTHING);
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
    this.slider = new Slider(root, {
      drag: (removed) => this.#drag(removed),
      settle: () => this.#settle(),
      release: () => this.#commit(),
      step: (step) => this.#step(step),
    });
    this.amount = new AmountField(root, (amount) => this.#setTo(amount));
    this.linked = new LinkedSlider((share, isHeld) => this.#obey({ removed: atShare(share, this.data), order: this.order, isHeld }));
    this.figures = new Figures(root, () => this.given && !this.isDragging && this.#show());
    this.dock = new Dock(root, query(root, "div", ".parts"), part(root, "div", "orders"));
    this.sender = new Sender((request) => this.#send(request));
    this.offline = new OfflineHistory();
    this.orders = new Orders(part(root, "div", "orders"), part(root, "select", "menu"), (key) => this.#choose(key));
    this.chart = new Chart(part(root, "svg", "chart"), (position, isHeld) => this.#seek(position, isHeld));
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
    const { sweeps, steps } = this.given ?? {};
    this.given = { ...data, sweeps: data.sweeps ?? sweeps ?? {}, steps: data.steps ?? steps ?? {} };
    this.theme = readTheme(this.root);
    if (isFirst) {
      this.leave();
      this.channel = openChannel(data.channel);
      const ends = [this.channel.lead(), follow(data.channel, (step) => this.#obey(step))];
      this.leave = () => ends.forEach((end) => end());
      this.figures.join(data.channel);
      this.answer = null;
    }
    if (data.answer && !(this.answer && data.answer.seq < this.answer.seq)) {
      this.answer = data.answer;
      this.answeredAt = performance.now();
    }
    publishAnswer(data.channel, data.flow);
    this.linked.join(data.linked);
    this.sender.answered(data.seq);
    // Undo, a link, another page: Python's word counts, unless a newer one of ours is on its way.
    const isFree = !this.isDragging && this.sender.isIdle && data.seq >= this.sender.seq;
    if (isFirst || isFree) this.isLinear = data.scale === "linear";
    this.#rescale();
    if (isFirst || isFree) this.#set(data.removed, data.order);
    this.#layout();
  }

  #listen() {
    for (const action of /** @type {const} */ (["undo", "redo", "reset"]))
      part(this.root, "button", action).onclick = () => this.#ask(action);
    part(this.root, "button", "linear").onclick = () => {
      this.isLinear = !this.isLinear;
      this.#rescale();
      this.#layout();
      this.#ask("scale", this.isLinear ? "linear" : "ends");
    };
  }

  #rescale() {
    this.readingScale = makeScale(this.data);
    this.scale = this.slider.scale = makeScale(this.data, this.isLinear);
  }

  /**
   * @param {PanelAction} action
   * @param {string | number} [value]
   */
  #ask(action, value) {
    this.#commit();
    this.sender.push({ ...this.#request(action, false), value });
  }

  /**
   * A step of the keyboard or of a button.
   * @param {Step} step
   */
  #step({ sign = 0, size = "step", to }) {
    if (!this.given) return;
    this.#drag(to === undefined ? stepFrom(this.scale, this.removed, sign, size) : this.scale.removedAt(to));
    this.#settle();
  }

  /** @param {{ removed: number } | { kappa: number }} amount */
  #setTo(amount) {
    if ("kappa" in amount) this.#ask("cut", amount.kappa);
    else this.#obey({ ...amount, order: this.order, isHeld: false });
  }

  /** @param {DrivenStep} step */
  #obey({ removed, order, isHeld }) {
    this.#drag(Math.min(this.data.most, Math.max(this.data.zeros, removed)), order);
    if (!isHeld) this.#commit();
  }

  /** @param {PanelRequest} request */
  #send(request) {
    if (this.data.is_offline) queueMicrotask(() => this.#take(this.offline.answer(this.data, request)));
    else this.setStateValue("request", request);
  }

  /**
   * One step of a drag: the page follows at once, Python as soon as it can.
   * @param {number} removed
   */
  #drag(removed, order = this.order) {
    clearTimeout(this.settling);
    this.isDragging = true;
    if (removed === this.removed && order === this.order) return;
    this.#set(removed, order);
    this.linked.tell(removed / this.data.total, true);
    const { steps, is_followed: isFollowed } = this.data;
    const isKnown = measuredAt(steps[this.order], removed) !== null;
    if (isFollowed || !isKnown) this.sender.push(this.#request("threshold", true));
  }

  /**
   * @param {number | null} position
   * @param {boolean} isHeld
   */
  #seek(position, isHeld) {
    if (position !== null) this.#drag(stopAt(this.scale, position));
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
    this.linked.tell(this.removed / this.data.total, false);
    this.#show();
  }

  /** @param {string} order */
  #choose(order) {
    if (order === this.order) return;
    clearTimeout(this.settling);
    this.isDragging = false;
    this.#set(this.removed, order);
    this.sender.push(this.#request("threshold", false));
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
    const show = order === this.order ? this.#show : this.#layout;
    Object.assign(this, { removed, order });
    if (!isSame) this.channel?.publish({ removed, order });
    show.call(this);
  }

  /** @returns {Shown} */
  get data() {
    if (!this.given) throw new Error("expected data before the panel is used");
    return this.given;
  }

  get current() {
    return this.data.orders.find((order) => order.key === this.order) ?? this.data.orders[0];
  }

  /** What changes with size, theme, order or new curves; the rest is `#show`. */
  #layout() {
    const { given: data, theme, root, order, scale } = this;
    if (!data || !theme) return;
    const model = chartModel(this.chart.svg, data, theme, scale, order);
    if (model.width < 40) return;
    const { sweeps, never } = data;
    const { style } = query(root, "div", ".live");
    style.setProperty("--tone", colorOf(data, theme, this.current));
    style.setProperty("--side", `${SIDE * model.unit}px`);
    this.orders.update(data.orders, order);
    // Answers come twenty times a second; the lines change with few of them.
    const drawn = JSON.stringify({ ...model, sweeps: null });
    if (drawn !== this.drawn || sweeps !== this.drawnSweeps) {
      this.drawn = drawn;
      this.drawnSweeps = sweeps;
      this.chart.drawLines(model);
      drawKey(part(root, "div", "key"), model, this.chart.named);
    }
    markBand(this.slider.input, never?.bands[order], scale);
    part(root, "button", "linear").setAttribute("aria-pressed", String(this.isLinear));
    part(root, "button", "undo").disabled = !data.can_undo;
    part(root, "button", "redo").disabled = !data.can_redo;
    this.#show();
  }

  /** Slider, numbers, point: everything that moves during a drag. */
  #show() {
    const { data, removed, order, answer, answeredAt, isDragging } = this;
    const now = performance.now();
    const { sweeps, steps, is_live: isLive } = data;
    const { positionOf } = this.readingScale;
    const situation = { answer, answeredAt, sweeps, steps, order, removed, positionOf, isDragging, isLive, now };
    const reading = readout(situation);
    clearTimeout(this.looking);
    if (reading.expires) this.looking = window.setTimeout(() => this.#show(), reading.expires - now);
    this.figures.show(data, situation, reading, this.current);
    const kappa = thresholdAt(situation);
    this.amount.show(data, this.current, removed, kappa);
    const rule = removed > data.zeros ? `, ${ruleWords(data, this.current, removed, kappa)}` : "";
    this.slider.show(removed, `${sharePercent(removed, data.total)} of the weights removed${rule}`);
    if (this.sender.isIdle) this.figures.say(data, situation, reading);
    if (data.total > 0) this.chart.moveTo(removed, reading.accuracy);
  }

  destroy() {
    this.observer.disconnect();
    this.forget();
    for (const timer of [this.looking, this.settling]) clearTimeout(timer);
    for (const end of [this.leave, this.linked.leave, () => this.figures.leave(), () => this.sender.stop(), () => this.dock.stop()]) end();
  }
}

export default keepInstance((root) => new LivePanel(root));
