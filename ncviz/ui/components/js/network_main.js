// The network canvas: holds the state, listens to the page, and draws when something changed.

import { openChannel } from "./bus.js";
import { keepInstance } from "./instances.js";
import { decode, readNetwork, visibleEdges } from "./network_data.js";
import { drawHover, drawScene } from "./network_draw.js";
import { savePng, saveSvg } from "./network_export.js";
import { IDENTITY, NARROW, clampView, pick, placeUnits, viewOf, zoomAt } from "./network_geometry.js";
import { listen } from "./network_pointer.js";
import { ariaLabel, describeHit, describeSelection, focusOf, fromPython, toPython } from "./network_words.js";
import { readTheme, themeKey } from "./theme.js";

const ROW = 46; // least height of a layer on a narrow screen, and what the rest of the picture takes
const ROWS_REST = 120;
const SLOW = 45; // ms for a picture above which the rest of the page needs a breath between two

class NetworkCanvas {
  constructor(root) {
    this.root = root;
    const find = (name) => root.querySelector(`[data-part="${name}"]`);
    this.parts = Object.fromEntries(
      ["stage", "canvas", "overlay", "tip", "hint", "summary", "clear"].map((name) => [name, find(name)]),
    );
    this.view = IDENTITY;
    this.hit = null;
    this.selected = null;
    this.told = null; // the selection as Python knows it
    this.focus = null;
    this.frame = 0;
    this.pause = 0;
    this.cost = 0;
    this.drawnAt = 0;
    this.removed = 0;
    this.order = null;
    this.unsubscribe = () => {};
    this.stops = [listen(this.parts.canvas, this.#actions())];
    this.#buttons();
    this.observer = new ResizeObserver(() => this.#resize());
    this.observer.observe(this.parts.stage);
  }

  update({ data, setStateValue }) {
    this.setStateValue = setStateValue;
    const message = decode(data);
    const isNew = message.digest !== this.network?.digest;
    const theme = readTheme(this.root);
    if (isNew) {
      const hadLayers = JSON.stringify(this.network?.layers) === JSON.stringify(message.layers);
      if (!hadLayers) this.told = null;
      this.network = readNetwork(message);
      if (!hadLayers) this.view = IDENTITY;
      this.geometry = null;
    }
    this.ghost = message.ghost;
    this.fileName = message.file_name;
    this.lowest = message.height;
    if (isNew || themeKey(theme) !== this.themeKey) this.geometry = null;
    this.theme = theme;
    this.themeKey = themeKey(theme);
    this.#join(message.channel);
    this.#follow(message);
    this.#followSelection(message.selection, isNew);
    this.#resize();
  }

  /** Python's selection counts when it changes; else what was clicked here stays, also in a new choice of edges. */
  #followSelection(selection, isNew) {
    const text = JSON.stringify(selection);
    if (text !== this.asked) this.told = selection;
    else if (!isNew) return;
    this.asked = text;
    this.#select(fromPython(this.network, this.told), false);
  }

  /** While a live panel leads, its word is newer than what Python knew when this run began. */
  #follow(message) {
    const channel = this.channel;
    const { removed, order } = channel.isLive && channel.last ? channel.last : message;
    this.#threshold(removed, order, true);
  }

  #join(name) {
    if (this.channel?.name === name) return;
    this.unsubscribe();
    this.channel = openChannel(name);
    this.unsubscribe = this.channel.subscribe(({ removed, order }) => this.#threshold(removed, order, false));
  }

  #threshold(removed, order, force) {
    if (!this.network) return;
    if (!force && removed === this.removed && order === this.order) return;
    this.removed = removed;
    this.order = order;
    Object.assign(this, visibleEdges(this.network, order, removed, this.visible));
    const { dataset } = this.parts.canvas;
    dataset.drawnEdges = this.network.drawn;
    dataset.totalEdges = this.network.total;
    dataset.visibleEdges = this.kept;
    dataset.removed = removed;
    dataset.order = order ?? "";
    if (this.hit?.kind === "edge" && !this.visible[this.hit.edge]) this.#hover(null);
    this.#say();
    this.#draw();
  }

  #resize() {
    if (!this.network || this.parts.stage.clientWidth < 40) return;
    const { clientWidth: width } = this.parts.stage;
    // Where layers are rows, many of them need the room that their names take.
    const height = width < NARROW ? Math.max(this.lowest, ROWS_REST + ROW * this.network.layers.length) : this.lowest;
    this.parts.stage.style.height = `${height}px`;
    const ratio = window.devicePixelRatio || 1;
    const key = `${width}×${height}@${ratio}`;
    if (key !== this.size || !this.geometry) {
      this.size = key;
      for (const canvas of [this.parts.canvas, this.parts.overlay]) {
        canvas.width = Math.round(width * ratio);
        canvas.height = Math.round(height * ratio);
      }
      const ruler = this.parts.canvas.getContext("2d");
      ruler.font = `500 12px ${this.theme.font}`;
      this.geometry = placeUnits(this.network, width, height, (text) => ruler.measureText(text).width);
      this.view = clampView(this.view, width, height);
    }
    this.#draw();
  }

  get scene() {
    const { network, geometry, view, theme, visible, kept, focus, ghost } = this;
    return { network, geometry, view, theme, visible, kept, focus, ghost };
  }

  /** Draw once per frame, however often asked; a picture that takes long leaves the page as much time as it took. */
  #draw() {
    if (this.frame || this.pause) return;
    const rest = this.cost > SLOW ? Math.min(this.cost, 300) - (performance.now() - this.drawnAt) : 0;
    if (rest > 0) {
      this.pause = setTimeout(() => {
        this.pause = 0;
        this.#draw();
      }, rest);
      return;
    }
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      if (!this.geometry) return;
      const start = performance.now();
      drawScene(this.#clean(this.parts.canvas), this.scene);
      this.#drawHover();
      // The lines reach the screen after this function: the next frame tells what they cost.
      requestAnimationFrame(() => {
        this.drawnAt = performance.now();
        this.cost = this.drawnAt - start;
      });
    });
  }

  #clean(canvas) {
    const ratio = window.devicePixelRatio || 1;
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.geometry.width, this.geometry.height);
    return context;
  }

  #drawHover() {
    drawHover(this.#clean(this.parts.overlay), this.scene, this.hit);
  }

  #actions() {
    return {
      pan: (dx, dy) => this.#move({ ...this.view, x: this.view.x + dx, y: this.view.y + dy }),
      zoom: (factor, x, y) => this.#move(zoomAt(this.view, factor, x, y)),
      reset: () => this.#move(IDENTITY),
      fit: () => this.#move(this.focus ? viewOf(this.geometry, this.focus.units) : IDENTITY),
      hover: (x, y) => this.#hover(x === null ? null : this.#pick(x, y, 5), x, y),
      click: (x, y, reach) => this.#click(this.#pick(x, y, reach)),
      clear: () => this.#select(null, true),
      hint: (text) => this.#hint(text),
    };
  }

  #pick(x, y, reach) {
    if (!this.geometry) return null;
    return pick(this.network, this.geometry, this.view, this.visible, x, y, reach);
  }

  #move(view) {
    if (!this.geometry) return;
    const { width, height } = this.geometry;
    this.view = clampView(view, width, height);
    // Once zoomed, a finger pans the picture; before that it scrolls the page.
    this.parts.canvas.style.touchAction = this.view.k > 1 ? "none" : "pan-y";
    this.parts.canvas.dataset.zoom = this.view.k.toFixed(2);
    this.#draw();
  }

  #click(hit) {
    this.#hover(null);
    const same = hit && this.selected && JSON.stringify(hit) === JSON.stringify(this.selected);
    this.#select(same ? null : hit, true);
  }

  #select(hit, tell) {
    const changed = JSON.stringify(hit) !== JSON.stringify(this.selected);
    this.selected = hit;
    this.focus = focusOf(this.network, hit);
    this.#say();
    this.#draw();
    if (!tell || !changed) return;
    this.told = toPython(this.network, hit);
    this.setStateValue("selection", this.told);
  }

  #say() {
    const { canvas, summary, clear } = this.parts;
    canvas.setAttribute("aria-label", ariaLabel(this.network, this.kept ?? this.network.drawn));
    summary.textContent = this.selected
      ? describeSelection(this.network, this.selected, this.visible)
      : matchMedia("(hover: none)").matches
        ? "Tap to select, pinch to zoom."
        : "Hover for details, click to select, drag to pan.";
    summary.title = this.selected ? summary.textContent : "";
    summary.classList.toggle("is-selected", this.selected !== null);
    clear.hidden = this.selected === null;
  }

  #hover(hit, x, y) {
    const { tip, canvas } = this.parts;
    const changed = JSON.stringify(hit) !== JSON.stringify(this.hit);
    this.hit = hit;
    canvas.style.cursor = hit ? "pointer" : this.view.k > 1 ? "grab" : "default";
    tip.hidden = hit === null;
    if (changed && this.geometry) this.#drawHover();
    if (hit === null) return;
    if (changed) this.#fillTip(describeHit(this.network, hit, this.visible));
    // Beside the pointer, on the side where there is room.
    const { width, height } = this.geometry;
    const left = x + 16 + tip.offsetWidth > width ? x - 16 - tip.offsetWidth : x + 16;
    const top = Math.min(Math.max(4, y + 14), height - tip.offsetHeight - 4);
    tip.style.transform = `translate(${Math.round(Math.max(4, left))}px, ${Math.round(top)}px)`;
  }

  #fillTip({ title, rows }) {
    const make = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });
    const list = document.createElement("dl");
    for (const [name, value] of rows) list.append(make("dt", name), make("dd", value));
    this.parts.tip.replaceChildren(make("strong", title), list);
  }

  #hint(text) {
    this.parts.hint.textContent = text;
    this.parts.hint.classList.add("is-shown");
    clearTimeout(this.hintTimer);
    this.hintTimer = setTimeout(() => this.parts.hint.classList.remove("is-shown"), 1400);
  }

  #buttons() {
    const act = this.#actions();
    const middle = () => [this.geometry.width / 2, this.geometry.height / 2];
    const name = () => this.fileName || "network-curvature";
    const handlers = {
      "zoom-in": () => act.zoom(1.5, ...middle()),
      "zoom-out": () => act.zoom(1 / 1.5, ...middle()),
      fit: act.fit,
      reset: act.reset,
      clear: act.clear,
      png: () => savePng(this.scene, name()),
      svg: () => saveSvg(this.scene, name()),
    };
    for (const [action, handler] of Object.entries(handlers)) {
      this.root.querySelector(`[data-action="${action}"]`).onclick = () => this.geometry && handler();
    }
  }

  destroy() {
    this.observer.disconnect();
    this.unsubscribe();
    cancelAnimationFrame(this.frame);
    clearTimeout(this.pause);
    clearTimeout(this.hintTimer);
    for (const stop of this.stops) stop();
  }
}

export default keepInstance((root) => new NetworkCanvas(root));
