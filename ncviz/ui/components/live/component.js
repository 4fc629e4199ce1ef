// The live panel: slider, order, accuracy, curve. It tells the network about every step within the page, and asks
// Python for accuracies as fast as those come.

import { openChannel } from "../shared/bus.js";
import { count, percent, plain, signed } from "../shared/format.js";
import { keepInstance } from "../shared/instances.js";
import { Chart } from "./chart.js";
import { measuredAt, readout, thresholdAt } from "./curve.js";
import { listenToPage, slide } from "./keys.js";
import { OfflineHistory } from "./history.js";
import { Orders } from "./orders.js";
import { Sender } from "./sender.js";
import { readTheme } from "../shared/theme.js";

const SETTLE = 350; // ms without a key or a click until a small step counts as made
const STEPS = 1000; // of the slider
const DASHES = ["7 4", "2 4", "12 5"];
const PARTS = ["word", "accuracy", "change", "source", "share", "counts", "rule", "slider", "chart", "key", "note", "said"];

const titled = (word = "accuracy") => word[0].toUpperCase() + word.slice(1);

class LivePanel {
  constructor(root) {
    this.root = root;
    this.find = (name) => root.querySelector(`[data-part="${name}"]`);
    this.parts = Object.fromEntries(PARTS.map((name) => [name, this.find(name)]));
    this.sender = new Sender((request) => this.#send(request));
    this.offline = new OfflineHistory();
    this.orders = new Orders(this.find("orders"), this.find("menu"), (key) => this.#choose(key));
    this.chart = new Chart(this.parts.chart, (share, isHeld) => this.#seek(share, isHeld));
    this.isDragging = false;
    this.answer = null;
    this.leave = () => {};
    this.#listen();
    this.observer = new ResizeObserver(() => this.#layout());
    this.observer.observe(this.parts.chart);
    this.forget = listenToPage(root, (wish) => (wish.action ? this.#ask(wish.action) : this.#step(wish)));
  }

  update({ data, setStateValue }) {
    this.setStateValue = setStateValue;
    // Without a server, what the panel answered itself is newer than what it was given.
    this.#take(data.is_offline && this.data ? this.data : data);
  }

  #take(data) {
    const isFirst = !this.data || this.data.channel !== data.channel;
    if (this.data?.basis !== data.basis) this.answer = null;
    this.data = data.sweeps ? data : { ...data, sweeps: this.data?.sweeps ?? {} };
    this.theme = readTheme(this.root);
    if (isFirst) {
      this.leave();
      this.channel = openChannel(data.channel);
      this.leave = this.channel.lead();
      this.answer = null;
    }
    if (data.answer && !(data.answer.seq < this.answer?.seq)) {
      this.answer = data.answer;
      this.answeredAt = performance.now();
    }
    this.sender.answered(data.seq);
    // Undo, a link, another page: Python's word counts, unless a newer one of ours is on its way.
    const isFree = !this.isDragging && this.sender.isIdle && data.seq >= this.sender.seq;
    if (isFirst || isFree) this.#set(data.removed, data.order);
    this.#layout();
  }

  #listen() {
    const { slider } = this.parts;
    slider.addEventListener("input", () => this.#drag(this.#removedAt(slider.value / 100)));
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
    const press = (sign) => (event) => this.#step({ sign, size: event.shiftKey ? 1 : 0.1 });
    this.find("less").onclick = press(-1);
    this.find("more").onclick = press(1);
    for (const action of ["undo", "redo", "reset"]) this.find(action).onclick = () => this.#ask(action);
  }

  #ask(action) {
    this.#commit();
    this.sender.push(this.#request(action, false));
  }

  /** A step of the keyboard or of a button: by `size` percent, or `to` a share. */
  #step({ sign, size, to }) {
    if (!this.data) return;
    const { total } = this.data;
    if (to !== undefined) this.#drag(this.#removedAt(to));
    else {
      const next = Math.min(100, Math.max(0, (100 * this.removed) / total + sign * size));
      // A tenth of a percent of a small network may be less than one weight.
      const removed = this.#removedAt(next / 100);
      const least = Math.min(total, Math.max(0, this.removed + sign));
      this.#drag(removed === this.removed ? least : removed);
    }
    this.#settle();
  }

  #send(request) {
    if (!this.data.is_offline) {
      this.setStateValue("request", request);
      return;
    }
    queueMicrotask(() => this.#take(this.offline.answer(this.data, request)));
  }

  #removedAt(share) {
    return Math.round(share * this.data.total);
  }

  /** One step of a drag: the page follows at once, Python as soon as it can. */
  #drag(removed) {
    clearTimeout(this.settling);
    this.isDragging = true;
    if (removed === this.removed) return;
    this.#set(removed, this.order);
    const { sweeps, is_followed: isFollowed } = this.data;
    const isKnown = measuredAt(sweeps[this.order], removed) !== null;
    if (isFollowed || !isKnown) this.sender.push(this.#request("threshold", true));
  }

  #seek(share, isHeld) {
    if (share !== null) this.#drag(this.#removedAt(Math.round(share * STEPS) / STEPS));
    if (!isHeld) this.#commit();
  }

  #settle() {
    clearTimeout(this.settling);
    this.settling = setTimeout(() => this.#commit(), SETTLE);
  }

  #commit() {
    clearTimeout(this.settling);
    if (!this.isDragging) return;
    this.isDragging = false;
    this.sender.push(this.#request("threshold", false));
    this.#show();
  }

  #choose(order) {
    if (order === this.order) return;
    clearTimeout(this.settling);
    this.isDragging = false;
    this.#set(this.removed, order);
    this.sender.push(this.#request("threshold", false));
    this.#layout();
  }

  #request(action, dragging) {
    return { action, removed: this.removed, order: this.order, dragging };
  }

  #set(removed, order) {
    const isSame = removed === this.removed && order === this.order && this.channel.last !== null;
    this.removed = removed;
    this.order = order;
    if (!isSame) this.channel.publish({ removed, order });
    this.#show();
  }

  get current() {
    return this.data.orders.find((order) => order.key === this.order) ?? this.data.orders[0];
  }

  #color(tone) {
    const { tones } = this.data;
    return tones[this.theme.name][tone] ?? this.theme.muted;
  }

  /** What changes with size, theme, order or new curves; the rest is `#show`. */
  #layout() {
    const { width, height } = this.parts.chart.getBoundingClientRect();
    if (!this.data || width < 40) return;
    const { data, parts } = this;
    this.root.querySelector(".live").style.setProperty("--tone", this.#color(this.current.tone));
    this.orders.update(data.orders, this.order);
    // Orders without a colour of their own are told apart by their dashes.
    const grey = data.orders.filter((order) => !order.tone);
    const dash = (order) => DASHES[grey.indexOf(order)] ?? "";
    const orders = data.orders.map((order) => ({ ...order, color: this.#color(order.tone), dash: dash(order) }));
    const { total, sweeps, baseline } = data;
    const model = { width, height, total, sweeps, orders, order: this.order, baseline, word: data.word };
    // Answers come twenty times a second; the lines change with few of them.
    const drawn = JSON.stringify({ ...model, sweeps: null });
    if (drawn !== this.drawn || sweeps !== this.drawnSweeps) {
      this.drawn = drawn;
      this.drawnSweeps = sweeps;
      this.chart.drawLines(model);
      this.#key(orders.filter((order) => sweeps[order.key]?.removed.length));
    }
    parts.word.textContent = titled(data.word);
    parts.chart.setAttribute("aria-label", `${titled(data.word)} over the share of weights removed`);
    this.find("undo").disabled = !data.can_undo;
    this.find("redo").disabled = !data.can_redo;
    parts.note.textContent = data.note;
    this.#show();
  }

  #key(orders) {
    this.parts.key.replaceChildren(
      ...orders.map((order) => {
        const item = Object.assign(document.createElement("span"), { textContent: order.label });
        item.className = order.key === this.order ? "is-on" : "";
        item.style.setProperty("--swatch", order.color);
        if (order.dash) item.style.setProperty("--swatch-style", order.dash.startsWith("2") ? "dotted" : "dashed");
        return item;
      }),
    );
  }

  /** Slider, numbers, point: everything that moves during a drag. */
  #show() {
    const { data, parts, removed, order, answer, answeredAt, isDragging } = this;
    const share = data.total > 0 ? removed / data.total : 0;
    const { sweep_label: label } = data;
    if (!this.isHeld) parts.slider.value = 100 * share;
    parts.slider.style.setProperty("--fill", `${100 * share}%`);
    parts.slider.setAttribute("aria-valuetext", `${percent(share)} of the weights removed`);
    const now = performance.now();
    const { sweeps, is_live: isLive } = data;
    const shown = readout({ answer, answeredAt, sweeps, order, removed, isDragging, isLive, now });
    clearTimeout(this.looking);
    if (shown.expires) this.looking = setTimeout(() => this.#show(), shown.expires - now);
    this.#accuracy(shown, label);
    this.#say(shown);
    parts.share.textContent = percent(share);
    parts.counts.textContent = `${count(removed)} removed · ${count(data.total - removed)} kept`;
    const kappa = thresholdAt({ answer, sweeps: data.sweeps, order, removed });
    const hasRule = kappa !== null && removed > 0 && this.current.rule;
    parts.rule.textContent = hasRule ? this.current.rule.replace("{value}", plain(kappa)) : `of ${count(data.total)} weights`;
    if (removed > 0 && !hasRule) parts.rule.textContent = this.current.label;
    if (this.chart.guide && data.total > 0) this.chart.moveTo(share, shown.accuracy);
  }

  #accuracy({ accuracy, source, images, expires }, label) {
    const { parts, data } = this;
    const { dataset } = parts.accuracy;
    dataset.value = accuracy ?? "";
    dataset.source = source;
    dataset.removed = this.removed;
    dataset.order = this.order;
    dataset.seq = data.seq;
    dataset.at = source === "measured" ? (expires ? this.answer.removed : this.removed) : "";
    parts.accuracy.textContent = accuracy === null ? "—" : percent(accuracy);
    const known = accuracy !== null && data.baseline !== null;
    const points = known ? 100 * (accuracy - data.baseline) : 0;
    const from = known ? percent(data.baseline) : "";
    parts.change.textContent = !known ? "" : this.removed === 0 ? "nothing pruned" : `${signed(points, 1)} points from ${from}`;
    parts.change.classList.toggle("is-loss", known && points < -1);
    const words = {
      measured: `measured on ${count(images ?? 0)} images`,
      curve: label,
      unknown: "not measured yet",
    };
    parts.source.textContent = words[source];
  }

  /** For a screen reader: the outcome of a step once it is known, not every number on the way there. */
  #say({ accuracy, source }) {
    const { data, removed, order, isDragging } = this;
    const isOpen = source !== "measured" && data.is_live;
    if (isDragging || !this.sender.isIdle || isOpen || accuracy === null) return;
    const step = `${order} ${removed} ${source}`;
    // The first word is what the page says when it opens; nobody asked for it.
    if (this.said !== undefined && this.said !== step) {
      const share = percent(data.total > 0 ? removed / data.total : 0);
      this.parts.said.textContent = `${titled(data.word)} ${percent(accuracy)} with ${share} removed, ${this.parts.source.textContent}.`;
    }
    this.said = step;
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
