// The network canvas: holds the state, listens to the page, and draws when something changed.

import { openChannel } from "../shared/bus.js";
import { keepInstance } from "../shared/instances.js";
import { Card } from "./card.js";
import { crumbsOf, drawCrumbs } from "./crumbs.js";
import { areaOf, decode, linesLeft, readNetwork } from "./data.js";
import { drawHover, drawScene } from "./draw.js";
import { SIZES, savePng, saveSvg } from "./export.js";
import {
  IDENTITY,
  NARROW,
  clampView,
  leastZoom,
  pick,
  pickLayerName,
  placeUnits,
  viewAt,
  viewOf,
  zoomAt,
} from "./geometry.js";
import { Flows } from "./flows.js";
import { Overview } from "./overview.js";
import { listen } from "./pointer.js";
import { ariaLabel, describeHit, describeSelection, focusOf, fromText, toText } from "./words.js";
import { readTheme, themeKey } from "../shared/theme.js";

const ROW = 46; // least height of a layer on a narrow screen, and what the rest of the picture takes
const ROWS_REST = 120;
const WIDE = 0.4; // height of a wide picture, as a share of its width
const TALLEST = 640;
const LAYER_ZOOM = 1.7;
const SLOW = 45; // ms for a picture above which the rest of the page needs a breath between two

class NetworkCanvas {
  constructor(root) {
    this.root = root;
    const find = (name) => root.querySelector(`[data-part="${name}"]`);
    this.parts = Object.fromEntries(
      ["stage", "canvas", "overlay", "tip", "hint", "summary", "clear", "card", "crumbs", "size"].map((name) => [
        name,
        find(name),
      ]),
    );
    this.card = new Card(this.parts.card, {
      onSelect: (text) => this.#tell(text),
      onOpen: () => this.setTriggerValue?.("open", this.told),
      onClose: () => this.#tell(""),
    });
    this.overview = new Overview(find("overview"), (layer) => this.#move(viewAt(this.geometry, this.view, layer)));
    this.flows = new Flows(find("flows"), (flow) => this.setStateValue("flow", flow));
    this.view = IDENTITY;
    this.hit = null;
    this.selected = null;
    this.told = ""; // the selection as Python knows it
    this.focus = null;
    this.layer = -1; // that was zoomed to last
    this.left = null; // what is left of each line
    this.frame = 0;
    this.pause = 0;
    this.cost = 0;
    this.drawnAt = 0;
    this.removed = 0;
    this.order = null;
    this.unsubscribe = () => {};
    this.unlink = () => {};
    this.stops = [listen(this.parts.canvas, this.#actions())];
    this.#buttons();
    this.observer = new ResizeObserver(() => this.#resize());
    this.observer.observe(this.parts.stage);
  }

  update({ data, setStateValue, setTriggerValue }) {
    this.setStateValue = setStateValue;
    this.setTriggerValue = setTriggerValue;
    const message = decode(data);
    const isNew = message.digest !== this.network?.digest;
    const theme = readTheme(this.root);
    if (isNew) {
      const hadLayers = JSON.stringify(this.network?.layers) === JSON.stringify(message.layers);
      if (!hadLayers) this.told = "";
      this.network = readNetwork(message);
      if (!hadLayers) this.view = IDENTITY;
      this.layer = -1;
      this.geometry = null;
      this.left = null;
      this.hit = null;
    }
    this.fileName = message.file_name;
    this.lowest = message.height;
    if (isNew || themeKey(theme) !== this.themeKey) this.geometry = null;
    this.theme = theme;
    this.themeKey = themeKey(theme);
    this.#join(message.channel);
    this.#link(message.link);
    this.#follow(message);
    this.#followSelection(message.selection ?? "", isNew);
    // A card that is older than what was clicked meanwhile would answer another question.
    this.flows.show(message.flows);
    this.cardLine = message.card?.line ?? null;
    const isAbout = !message.card || message.card.selection === this.told;
    if (isAbout) this.card.show(message.card ?? null, this.network, theme);
    if (isAbout && this.selected === null && this.cardLine) this.#select(this.#lineOf(this.cardLine));
    else this.#say();
    this.#resize();
  }

  /** Python's selection counts when it changes; else what was clicked here stays, also in a new choice of edges. */
  #followSelection(selection, isNew) {
    if (selection !== this.asked) this.told = selection;
    else if (!isNew) return;
    this.asked = selection;
    this.#select(fromText(this.network, this.told), null);
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
    this.left = linesLeft(this.network, order, removed, this.left);
    const { dataset } = this.parts.canvas;
    dataset.drawnEdges = this.network.drawn;
    dataset.totalEdges = this.network.total;
    dataset.visibleEdges = this.left.kept;
    dataset.removed = removed;
    dataset.order = order ?? "";
    if (this.hit?.kind === "edge" && !this.left.visible[this.hit.edge]) this.#hover(null);
    this.#say();
    this.#draw();
  }

  #resize() {
    if (!this.network || this.parts.stage.clientWidth < 40) return;
    const { clientWidth: width } = this.parts.stage;
    // Where layers are rows, many of them need the room that their names take.
    const height =
      width < NARROW
        ? Math.max(this.lowest, Math.min(TALLEST, ROWS_REST + ROW * this.network.layers.length))
        : Math.max(this.lowest, Math.min(TALLEST, Math.round(this.root.querySelector(".body").clientWidth * WIDE)));
    this.parts.stage.style.height = `${height}px`;
    this.parts.card.style.height = `${height + 2}px`;
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
      this.view = clampView(this.view, this.geometry);
    }
    this.overview.show(this.network, this.theme, this.geometry.isLong);
    this.#draw();
  }

  get scene() {
    const { network, geometry, view, theme, left, focus } = this;
    return { network, geometry, view, theme, left, focus };
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
      this.overview.frame(this.geometry, this.view);
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
      zoom: (factor, x, y) => this.#move(zoomAt(this.view, factor, x, y, leastZoom(this.geometry))),
      reset: () => {
        this.layer = -1;
        this.#move(IDENTITY);
        this.#say();
      },
      fit: () => this.#move(this.focus ? viewOf(this.geometry, this.focus.units) : IDENTITY),
      hover: (x, y) => this.#hover(x === null ? null : this.#pick(x, y, 5), x, y),
      click: (x, y, reach) => this.#click(this.#pick(x, y, reach)),
      clear: () => this.#tell(""),
      next: (step) => this.#walk(step),
      end: (side) => this.#toEnd(side),
      hint: (text) => this.#hint(text),
    };
  }

  #pick(x, y, reach) {
    if (!this.geometry) return null;
    const layer = pickLayerName(this.network, this.geometry, this.view, x, y);
    if (layer >= 0) return { kind: "layer", layer };
    return pick(this.network, this.geometry, this.view, this.left.visible, x, y, reach);
  }

  /** Two pictures that are compared move together. */
  #link(name) {
    if (this.linked?.name === name) return;
    this.unlink();
    this.linked = name ? openChannel(name) : null;
    this.unlink =
      this.linked?.subscribe(({ from, k, x, y }) => {
        if (from === this || !this.geometry) return;
        const { width, height } = this.geometry;
        this.#move({ k, x: x * width, y: y * height }, false);
      }) ?? (() => {});
  }

  #move(view, isOwn = true) {
    if (!this.geometry) return;
    const { width, height } = this.geometry;
    this.view = clampView(view, this.geometry);
    if (isOwn && this.linked) {
      this.linked.publish({ from: this, k: this.view.k, x: this.view.x / width, y: this.view.y / height });
    }
    // Once zoomed, a finger pans the picture; before that it scrolls the page.
    this.parts.canvas.style.touchAction = this.view.k > 1 ? "none" : "pan-y";
    this.parts.canvas.dataset.zoom = this.view.k.toFixed(2);
    this.#draw();
  }

  #click(found) {
    this.#hover(null);
    // A link has no weight and so nothing to select.
    const hit = found?.kind === "link" ? null : found;
    if (hit?.kind === "layer") {
      this.#zoomToLayer(hit.layer);
      return;
    }
    const same = hit && this.selected && JSON.stringify(hit) === JSON.stringify(this.selected);
    this.#tell(same ? "" : toText(this.network, hit), same ? null : hit);
  }

  /** Select something, drawn here or not, and let Python know. */
  #tell(text, hit = fromText(this.network, text)) {
    const isNew = text !== this.told;
    this.told = text;
    this.#select(hit);
    if (!isNew) return;
    if (text === "") this.card.show(null, this.network, this.theme);
    this.setStateValue("selection", text);
  }

  /** A line that Python knows of and that is not drawn: its ends as [layer, unit], as nodes of this picture. */
  #lineOf({ source, target, connection, parameter, curvature }) {
    const node = ([layer, unit]) => this.network.offsets[layer] + Math.floor(unit / areaOf(this.network, layer));
    const bin = this.network.binOf(curvature);
    return { kind: "line", source: node(source), target: node(target), connection, parameter, bin };
  }

  #select(hit) {
    this.selected = hit;
    this.focus =
      hit?.kind === "line"
        ? { edges: [], units: [hit.source, hit.target], line: hit }
        : focusOf(this.network, hit);
    this.#say();
    this.#draw();
  }

  /** Along the lines that are left, from the strongest on. */
  #walk(step) {
    const { edges } = this.network;
    const from = this.selected?.kind === "edge" ? this.selected.edge : step > 0 ? edges : -1;
    for (let edge = from - step; edge >= 0 && edge < edges; edge -= step) {
      if (!this.left.visible[edge]) continue;
      this.#tell(toText(this.network, { kind: "edge", edge }), { kind: "edge", edge });
      return;
    }
  }

  /** From a line to the node at one of its ends. */
  #toEnd(side) {
    if (this.selected?.kind !== "edge" && this.selected?.kind !== "line") return;
    const unit = this.selected.kind === "line" ? this.selected[side] : this.network[side][this.selected.edge];
    this.#tell(toText(this.network, { kind: "unit", unit }), { kind: "unit", unit });
  }

  /** A layer with the one before it; columns are as high as the picture, so some of them may have to be dragged in. */
  #zoomToLayer(layer) {
    const { offsets } = this.network;
    const first = offsets[Math.max(0, layer - 1)];
    this.layer = layer;
    this.#move(viewOf(this.geometry, Array.from({ length: offsets[layer + 1] - first }, (_, i) => first + i), LAYER_ZOOM));
    this.#say();
  }

  /** A step of the path above the picture: the whole network, a layer, or a selection on the way to this one. */
  #step(act) {
    const [kind, at] = act.split("-");
    if (kind === "layer") {
      this.#tell("");
      this.#zoomToLayer(Number(at));
    } else {
      this.#tell(act === "all" ? "" : act);
      if (act === "all") this.#actions().reset();
      else this.#actions().fit();
    }
  }

  #say() {
    const { canvas, summary, clear } = this.parts;
    canvas.setAttribute("aria-label", ariaLabel(this.network, this.left?.kept ?? this.network.drawn));
    const chosen = this.told.startsWith("weight-") ? this.told : null;
    drawCrumbs(this.parts.crumbs, crumbsOf(this.network, this.selected, this.layer, chosen), (act) => this.#step(act));
    summary.textContent = this.selected && this.selected.kind !== "line"
      ? describeSelection(this.network, this.selected, this.left)
      : matchMedia("(hover: none)").matches
        ? "Tap to select, pinch to zoom."
        : "Click a node, a line or a layer's name.";
    summary.title = this.selected ? summary.textContent : "";
    summary.classList.toggle("is-selected", this.selected !== null);
    clear.hidden = this.told === "" || !this.parts.card.hidden;
  }

  #hover(hit, x, y) {
    const { tip, canvas } = this.parts;
    const changed = JSON.stringify(hit) !== JSON.stringify(this.hit);
    this.hit = hit;
    canvas.style.cursor = hit && hit.kind !== "link" ? "pointer" : this.view.k > 1 || this.geometry?.isLong ? "grab" : "default";
    tip.hidden = hit === null;
    if (changed && this.geometry) this.#drawHover();
    if (hit === null) return;
    if (changed) this.#fillTip(describeHit(this.network, hit, this.left));
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
    const size = () => SIZES[this.parts.size.selectedIndex] ?? SIZES[0];
    this.parts.size.replaceChildren(
      ...SIZES.map(({ name: text }) => Object.assign(document.createElement("option"), { textContent: text })),
    );
    const handlers = {
      "zoom-in": () => act.zoom(1.5, ...middle()),
      "zoom-out": () => act.zoom(1 / 1.5, ...middle()),
      fit: act.fit,
      reset: act.reset,
      clear: act.clear,
      png: () => savePng(this.scene, name(), size()),
      svg: () => saveSvg(this.scene, name(), size()),
    };
    for (const [action, handler] of Object.entries(handlers)) {
      this.root.querySelector(`[data-action="${action}"]`).onclick = () => this.geometry && handler();
    }
  }

  destroy() {
    this.observer.disconnect();
    this.unsubscribe();
    this.unlink();
    cancelAnimationFrame(this.frame);
    clearTimeout(this.pause);
    clearTimeout(this.hintTimer);
    for (const stop of this.stops) stop();
  }
}

export default keepInstance((root) => new NetworkCanvas(root));
