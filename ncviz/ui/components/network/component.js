// The network canvas: turns what the reader, the page and Python do into intents, and shows what became of the state.

import { openChannel, stepOf } from "../shared/bus.js";
import { actionButton, contextOf, part, query, rulerOf } from "../shared/dom.js";
import { LinkedViews } from "../compare/linked_views.js";
import { keepInstance } from "../shared/instances.js";
import { Menu } from "../shared/menu.js";
import { readTheme, themeKey } from "../shared/theme.js";
import { Card } from "./card.js";
import { crumbsOf, drawCrumbs } from "./crumbs.js";
import { decode, readNetwork } from "./data.js";
import { LivingFlow } from "../flow/living.js";
import { ownCard } from "../offline/own_card.js";
import { Sights } from "../offline/sights.js";
import { isUpright, placeUnits } from "./geometry.js";
import { HitTip } from "./hit_tip.js";
import { MapOrder } from "./map_order.js";
import { OwnReader, dataOf, ownOf } from "./own_lines.js";
import { Overview } from "./overview.js";
import { Painter } from "./drawing/painter.js";
import { listen } from "./pointer.js";
import { listenToSaving } from "./saving.js";
import { EMPTY, reduce } from "./state.js";
import { Surgery } from "../surgery/surgery.js";
import { ariaLabel, describeSelection } from "./words.js";

const ROW = 46; // least height of a layer on a narrow screen, and what the rest of the picture takes
const ROWS_REST = 120;
const WIDE = 0.4; // height of a wide picture, as a share of its width
const TALLEST = 640;
const LEAST = 300; // which the picture keeps of its height
const UNDER = 6; // between the picture and what stands under it
const OF_WINDOW = 0.38; // so that the curve under it is seen as well
const BUTTON_ZOOM = 1.5;
const HINT = 1400; // ms

/** What is said in words. @type {(keyof State)[]} */
const SAID = ["network", "selected", "told", "layer", "left"];

class NetworkCanvas {
  /** @type {State} */
  state = EMPTY;
  /** @type {Theme | null} */
  theme = null;
  /** @type {Channel<Threshold> | null} */
  channel = null;
  /** What Python sent last. @type {Message | null} */
  message = null;
  /** @type {Sights | null} */
  sights = null;
  fileName = "";
  own = new OwnReader();
  lowest = 0; // pixels
  unsubscribe = () => {};
  hintTimer = 0;
  setStateValue = (/** @type {string} */ _name, /** @type {unknown} */ _value) => {};
  setTriggerValue = (/** @type {string} */ _name, /** @type {unknown} */ _value) => {};

  /** @param {ShadowRoot} root */
  constructor(root) {
    this.root = root;
    this.parts = {
      body: query(root, "div", ".body"),
      stage: part(root, "div", "stage"),
      canvas: part(root, "canvas", "canvas"),
      hint: part(root, "div", "hint"),
      summary: part(root, "p", "summary"),
      clear: part(root, "button", "clear"),
      card: part(root, "aside", "card"),
      surgery: part(root, "div", "surgery"),
      crumbs: part(root, "ol", "crumbs"),
    };
    const { canvas, card, stage, surgery } = this.parts;
    this.tip = new HitTip(part(root, "div", "tip"), surgery, {
      onAsk: (weight) => this.setTriggerValue("open", weight),
      onClose: () => {
        canvas.focus();
        this.#dispatch({ type: "select", text: "" });
      },
    });
    this.card = new Card(card, {
      onSelect: (text) => this.#dispatch({ type: "select", text }),
      onOpen: () => this.setTriggerValue("open", this.state.told),
      onClose: () => this.#dispatch({ type: "select", text: "" }),
      more: () => this.living.holder,
    });
    this.overview = new Overview(part(root, "div", "overview"), (intent) => this.#dispatch(intent));
    this.maps = new MapOrder(part(root, "label", "maps-row"), part(root, "select", "maps"), (by) => this.setStateValue("maps", by));
    new Menu(part(root, "button", "open-menu"), part(root, "div", "menu"));
    this.living = new LivingFlow(root, {
      onChange: () => {
        this.painter?.draw();
        if (this.state.isPinned) this.#tell();
      },
      tell: (name, value) => this.setStateValue(name, value),
      hand: (name, value) => this.setTriggerValue(name, value),
    });
    this.linked = new LinkedViews(this, ({ k, x, y }) => {
      const { geometry } = this.state;
      if (geometry) this.#dispatch({ type: "follow", view: { k, x: x * geometry.width, y: y * geometry.height } });
    });
    const [onChange, clear] = [() => this.painter?.draw(), () => this.#dispatch({ type: "select", text: "" })];
    const operate = (/** @type {object} */ step) => this.setTriggerValue("operate", step);
    this.surgery = new Surgery(root, { scene: () => this.scene, onChange, operate, clear });
    this.painter = new Painter(
      canvas,
      part(root, "canvas", "overlay"),
      () => this.scene,
      () => this.state.hit,
      () => this.state.geometry && this.overview.frame(this.state.geometry, this.state.view),
    );
    this.stop = listen(canvas, (intent) => this.#dispatch(intent), (text) => this.#hint(text));
    this.#buttons();
    this.observer = new ResizeObserver(() => this.#resize(false));
    for (const box of [stage, surgery]) this.observer.observe(box);
  }

  /** @returns {Scene | null} */
  get scene() {
    const { network, geometry, view, left, focus } = this.state;
    return network && geometry && left && this.theme
      ? { network, geometry, view, theme: this.theme, left, focus, own: ownOf(this.state), ...this.living.scene, ...this.surgery.scene }
      : null;
  }

  /** @param {StreamlitComponent<Uint8Array>} component */
  update({ data, setStateValue, setTriggerValue }) {
    Object.assign(this, { setStateValue, setTriggerValue });
    const message = decode(data);
    const theme = readTheme(this.root);
    const isNewTheme = this.theme === null || themeKey(theme) !== themeKey(this.theme);
    this.theme = theme;
    this.fileName = message.file_name;
    this.lowest = message.height;
    const sights = this.sights?.whole.digest === message.digest ? this.sights : new Sights(readNetwork(message));
    Object.assign(this, { message, sights });
    const network = sights.at(message.is_offline ? this.state.layer : -1);
    this.#join(message.channel);
    this.linked.join(message.link);
    const { removed, order } = stepOf(message, this.channel);
    const { selection, card } = message;
    this.#dispatch({ type: "receive", network, own: this.own.read(network, message), removed, order, selection, card });
    this.maps.show(network);
    query(this.root, "div", ".network").classList.toggle("is-bare", (network.is_bare = message.is_bare === true));
    this.living.receive(message, network, { removed, order });
    if (!message.is_offline && (!card || card.selection === this.state.told)) this.card.show(card, network, theme);
    this.#say();
    this.#resize(isNewTheme);
  }

  /** @param {Intent} intent */
  #dispatch(intent) {
    const before = this.state;
    const after = reduce(before, intent);
    this.state = after;
    if (after.left !== before.left) Object.assign(this.parts.canvas.dataset, dataOf(after));
    this.living.step(after);
    this.surgery.step(after);
    if (after.selected !== before.selected) this.living.select(after.selected);
    const isOurs = intent.type !== "receive";
    if (isOurs && after.told !== before.told && after.network && this.theme) {
      if (after.told === "") this.card.show(null, after.network, this.theme);
      this.setStateValue("selection", after.told);
    }
    if (isOurs && after.layer !== before.layer) this.#look(after.layer);
    if (after.view !== before.view) this.#showView(isOurs && !["resize", "follow"].includes(intent.type));
    if (SAID.some((name) => after[name] !== before[name])) this.#say();
    if (after === before) return;
    this.#showHit(before.hit);
    if (intent.type !== "hover") this.painter.draw();
  }

  /**
   * Another layer fills the picture: Python lays it out, or it is at hand.
   * @param {number} layer
   */
  #look(layer) {
    this.setStateValue("zoom", layer);
    const { message, sights } = this;
    if (!message?.is_offline || !sights) return;
    const network = sights.at(layer);
    const { removed, order, asked } = this.state;
    this.#dispatch({ type: "receive", network, own: null, removed, order, selection: asked ?? "", card: null });
    this.living.receive(message, network, { removed, order });
    this.#resize(true);
  }

  /** @param {string} name */
  #join(name) {
    if (this.channel?.name === name) return;
    this.unsubscribe();
    this.channel = openChannel(name);
    this.unsubscribe = this.channel.subscribe((step) => {
      const { removed, order } = this.message ? stepOf(this.message, this.channel) : step;
      this.#dispatch({ type: "threshold", removed, order });
    });
  }

  /** @param {boolean} isNew whether the picture has to be laid out anew at the same size too */
  #resize(isNew) {
    const { network } = this.state;
    const { stage, card, canvas, body, surgery } = this.parts;
    if (!network || !this.theme || stage.clientWidth < 40) return;
    const { clientWidth: width } = stage;
    const under = surgery.hidden ? 0 : surgery.offsetHeight + UNDER;
    // Where layers are rows, many of them need the room that their names take.
    const wide = Math.round(Math.min(body.clientWidth * WIDE, window.innerHeight * OF_WINDOW));
    const wish = isUpright(network, width) ? ROWS_REST + ROW * network.layers.length : wide;
    const whole = Math.max(this.lowest, Math.min(TALLEST, wish));
    // What stands under the picture takes its room where that can be spared: nothing below moves as it comes.
    const height = Math.max(Math.min(whole, LEAST), whole - under);
    stage.style.height = `${height}px`;
    card.style.height = `${height + under + 2}px`;
    if (this.painter.fit(width, height) || isNew || !this.state.geometry) {
      const context = contextOf(canvas);
      context.font = `500 12px ${this.theme.font}`;
      this.#dispatch({ type: "resize", geometry: placeUnits(network, width, height, rulerOf(context)) });
    }
    this.overview.show(network, this.theme, this.state);
    this.painter.draw();
  }

  /** @param {boolean} isOwn whether others are to follow */
  #showView(isOwn) {
    const { view, geometry } = this.state;
    if (isOwn && geometry) this.linked.tell(view, geometry);
    const { canvas } = this.parts;
    // Once zoomed, a finger pans the picture; before that it scrolls the page.
    canvas.style.touchAction = view.k > 1 ? "none" : "pan-y";
    canvas.dataset.zoom = view.k.toFixed(2);
  }

  /** @param {Hit | null} before */
  #showHit(before) {
    const { geometry, hit, view } = this.state;
    const isPressable = hit && hit.kind !== "link";
    this.parts.canvas.style.cursor = isPressable ? "pointer" : view.k > 1 || geometry?.isLong ? "grab" : "default";
    if (JSON.stringify(hit) !== JSON.stringify(before)) this.painter.drawHit();
    this.#tell();
  }

  /** What is under the pointer, in words beside it. */
  #tell() {
    const canAsk = !this.message?.is_offline && !this.message?.is_bare;
    this.tip.show(this.state, this.state.hit && this.scene, canAsk);
  }

  /** In words: the path, the selection, the picture's name. */
  #say() {
    const { network, left, selected, layer, told } = this.state;
    if (!network || !left) return;
    const { canvas, summary, clear, crumbs, card } = this.parts;
    canvas.setAttribute("aria-label", ariaLabel(network, left.kept));
    const steps = crumbsOf(network, selected, layer, told.startsWith("weight-") ? told : null);
    drawCrumbs(crumbs, steps, (act) => this.#dispatch({ type: "crumb", act }));
    const hint = matchMedia("(hover: none)").matches
      ? "Tap to select, pinch to zoom."
      : "Click a node, a line or a layer's name.";
    summary.textContent =
      selected && selected.kind !== "line" ? describeSelection(network, selected, left, ownOf(this.state)) : hint;
    summary.title = selected ? summary.textContent : "";
    summary.classList.toggle("is-selected", selected !== null);
    if (this.message?.is_offline && this.theme) this.card.show(ownCard(this.state), network, this.theme);
    clear.hidden = told === "" || !card.hidden;
  }

  /** @param {string} text */
  #hint(text) {
    this.parts.hint.textContent = text;
    this.parts.hint.classList.add("is-shown");
    clearTimeout(this.hintTimer);
    this.hintTimer = window.setTimeout(() => this.parts.hint.classList.remove("is-shown"), HINT);
  }

  #buttons() {
    const on = (/** @type {Intent} */ intent) => () => this.#dispatch(intent);
    const handlers = {
      "zoom-in": on({ type: "zoom", factor: BUTTON_ZOOM }),
      "zoom-out": on({ type: "zoom", factor: 1 / BUTTON_ZOOM }),
      fit: on({ type: "fit" }),
      reset: on({ type: "reset" }),
      clear: on({ type: "select", text: "" }),
    };
    for (const [action, handler] of Object.entries(handlers)) actionButton(this.root, action).onclick = handler;
    listenToSaving(this.root, () => ({ ...this, scene: this.scene, tell: (text) => this.#hint(text) }));
  }

  destroy() {
    this.observer.disconnect();
    this.unsubscribe();
    this.linked.leave();
    this.overview.leave();
    this.painter.stop();
    this.living.stop();
    clearTimeout(this.hintTimer);
    this.stop();
  }
}

export default keepInstance((root) => new NetworkCanvas(root));
