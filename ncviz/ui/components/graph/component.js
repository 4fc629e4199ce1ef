// The graph editor: what is clicked, dragged and typed becomes numbered actions for Python, which keeps the graph.

import { drawGraph, frameOf, isMany } from "./draw.js";
import { drawLegend } from "./legend.js";
import { Parcels } from "./parcels.js";
import { inside, keyedAt, nearest } from "./places.js";
import { hintWords } from "./words.js";
import { keepInstance } from "../shared/instances.js";
import { actionButton, focusedBeside, part } from "../shared/dom.js";
import { readTheme } from "../shared/theme.js";

const CLICK_SLOP = 4; // pixels a click may wander before it is a drag
const STEP = 0.03;
/** @type {Record<string, number[]>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

class GraphEditor {
  /** @type {GraphData | null} */
  given = null;
  /** What is drawn: the data with nodes where they are dragged to. @type {GraphNode[]} */
  nodes = [];
  frame = frameOf(0, 0, false);
  /** The node that waits for its second click. @type {number | null} */
  picked = null;
  /** Actions that Python has not dealt with. @type {NumberedAction[]} */
  waiting = [];
  seq = 0;
  /** @type {Held | null} */
  held = null;
  current = ""; // the node or edge that has the tab stop
  setStateValue = (/** @type {string} */ _name, /** @type {unknown} */ _value) => {};

  /** @param {ShadowRoot} root */
  constructor(root) {
    this.root = root;
    this.parts = {
      stage: part(root, "div", "stage"),
      picture: part(root, "svg", "picture"),
      hint: part(root, "p", "hint"),
      status: part(root, "p", "status"),
      legend: part(root, "div", "legend"),
      masses: part(root, "div", "masses"),
    };
    this.parcels = new Parcels(this.parts.picture, part(root, "div", "travel"), part(root, "output", "work"));
    this.#pointer();
    this.parts.picture.addEventListener("keydown", (event) => this.#key(event));
    this.#buttons();
    this.observer = new ResizeObserver(() => this.#draw());
    this.observer.observe(this.parts.stage);
  }

  /** @param {StreamlitComponent<GraphData>} given */
  update({ data, setStateValue }) {
    this.setStateValue = setStateValue;
    this.given = data;
    this.seq = Math.max(this.seq, data.seq);
    this.waiting = this.waiting.filter((action) => action.seq > data.seq);
    if (!data.nodes.some((node) => node.id === this.picked)) this.picked = null;
    drawLegend(this.parts.legend, readTheme(this.root).name, data.scale);
    this.#draw();
    this.parcels.follow(data);
  }

  /** @param {GraphAction} action */
  #send(action) {
    this.seq += 1;
    this.waiting.push({ seq: this.seq, ...action });
    this.setStateValue("actions", this.waiting);
  }

  #draw() {
    const { given: data, parts } = this;
    const width = parts.stage.clientWidth;
    if (!data || width < 60) return;
    const height = Math.min(data.height, Math.max(300, Math.round(width * 0.95)));
    this.frame = frameOf(width, height, isMany(data));
    const focused = focusedBeside(parts.picture)?.dataset?.key;
    // A node that is held is where the pointer is; one that was dropped stays until Python has put it there.
    /** @type {Places} */
    const moved = new Map(this.waiting.flatMap((one) => (one.action === "move_node" ? [[one.node, one]] : [])));
    if (this.held?.place && this.held.node !== null) moved.set(this.held.node, this.held.place);
    this.nodes = data.nodes.map((node) => {
      const at = moved.get(node.id);
      return at ? { ...node, x: at.x, y: at.y } : node;
    });
    const theme = readTheme(this.root);
    drawGraph(parts.picture, { ...data, nodes: this.nodes }, this.frame, theme, this.picked);
    this.parcels.draw(data, this.nodes, this.frame, theme);
    this.#stops(focused);
    parts.hint.textContent = hintWords(data, this.picked);
    if (parts.status.textContent !== data.status) parts.status.textContent = data.status;
    parts.masses.hidden = !data.selected;
    this.#enable();
  }

  /**
   * One tab stop among the nodes and one among the edges; arrow keys go on from there.
   * @param {string | undefined} focused
   */
  #stops(focused) {
    const all = this.#keyed();
    for (const kind of ["node", "edge"]) {
      const own = all.filter((element) => element.classList.contains(kind));
      const stop = own.find((element) => element.dataset.key === this.current) ?? own[0];
      stop?.setAttribute("tabindex", "0");
    }
    if (focused) all.find((element) => element.dataset.key === focused)?.focus({ preventScroll: true });
  }

  /** @returns {GraphData} */
  get data() {
    if (!this.given) throw new Error("expected data before the editor is used");
    return this.given;
  }

  #enable() {
    const { data, picked, root } = this;
    const button = (/** @type {string} */ action) => actionButton(root, action);
    button("undo").disabled = !data.can_undo;
    button("redo").disabled = !data.can_redo;
    button("remove").disabled = picked === null && !data.selected;
    button("remove").textContent = picked !== null ? `Remove node ${picked}` : "Remove edge";
    button("add_node").disabled = data.nodes.length >= data.most_nodes;
  }

  /** @param {number} node */
  #pick(node) {
    const first = this.picked;
    if (first === null) this.picked = node;
    else {
      this.picked = null;
      const known = this.data.edges.find(({ u, v }) => (u === first && v === node) || (u === node && v === first));
      if (known) this.#send({ action: "select", u: known.u, v: known.v });
      else if (first !== node) this.#send({ action: "add_edge", u: first, v: node });
    }
    this.#draw();
  }

  /** @param {HTMLElement | SVGElement | null} element */
  #choose(element) {
    if (!element) this.#clear();
    else if (element.dataset.node) this.#pick(Number(element.dataset.node));
    else this.#send({ action: "select", u: Number(element.dataset.u), v: Number(element.dataset.v) });
  }

  #clear() {
    const hadPicked = this.picked !== null;
    this.picked = null;
    if (!hadPicked && this.data.selected) this.#send({ action: "clear" });
    this.#draw();
  }

  #remove() {
    if (this.picked !== null) {
      this.#send({ action: "remove_node", node: this.picked });
      this.picked = null;
    } else if (this.data.selected) {
      const [u, v] = this.data.selected;
      this.#send({ action: "remove_edge", u, v });
    }
  }

  #buttons() {
    const on = (/** @type {string} */ action, /** @type {() => void} */ act) => {
      actionButton(this.root, action).onclick = () => this.given && act();
    };
    on("remove", () => this.#remove());
    for (const action of /** @type {const} */ (["add_node", "undo", "redo", "reset"])) {
      on(action, () => this.#send({ action }));
    }
  }

  #pointer() {
    const { picture } = this.parts;
    const place = (/** @type {MouseEvent} */ event) => {
      const box = picture.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top };
    };
    picture.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || this.held || !this.given) return;
      const element = keyedAt(event);
      const node = element?.dataset.node ? Number(element.dataset.node) : null;
      this.held = { id: event.pointerId, element, node, start: place(event), place: null, hasMoved: false };
      if (node !== null) picture.setPointerCapture(event.pointerId);
    });
    picture.addEventListener("pointermove", (event) => {
      const { held } = this;
      if (!held || held.id !== event.pointerId) return;
      const now = place(event);
      if (!held.place && Math.hypot(now.x - held.start.x, now.y - held.start.y) < CLICK_SLOP) return;
      held.hasMoved = true;
      if (held.node === null) return;
      held.place = inside(this.frame.back(now.x, now.y));
      this.#draw();
    });
    const lift = (/** @type {PointerEvent} */ event) => {
      const { held } = this;
      if (!held || held.id !== event.pointerId) return;
      this.held = null;
      if (event.type === "pointercancel") this.#draw();
      else if (held.place && held.node !== null) this.#send({ action: "move_node", node: held.node, ...held.place });
      else if (!held.hasMoved) this.#choose(held.element);
    };
    picture.addEventListener("pointerup", lift);
    picture.addEventListener("pointercancel", lift);
    // Without a capture, a pointer that is let go elsewhere would never be heard of again.
    picture.addEventListener("pointerleave", () => {
      if (this.held?.node === null) this.held = null;
    });
    picture.addEventListener("dblclick", (event) => {
      if (keyedAt(event) || !this.given) return;
      const { x, y } = place(event);
      this.#send({ action: "add_node", ...inside(this.frame.back(x, y)) });
    });
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const target = keyedAt(event);
    const dataset = target?.dataset ?? {};
    if ((event.ctrlKey || event.metaKey) && "zy".includes(event.key.toLowerCase())) {
      event.preventDefault();
      const isRedo = event.key.toLowerCase() === "y" || event.shiftKey;
      this.#send({ action: isRedo ? "redo" : "undo" });
      return;
    }
    if (!dataset.key || event.ctrlKey || event.metaKey || event.altKey) return;
    /** @type {Record<string, () => void>} */
    const keys = {
      Enter: () => this.#choose(target),
      " ": () => this.#choose(target),
      Escape: () => this.#clear(),
      Delete: () => this.#removeAt(dataset),
      Backspace: () => this.#removeAt(dataset),
      n: () => this.#send({ action: "add_node" }),
    };
    const arrow = ARROWS[event.key];
    if (!arrow && !keys[event.key]) return;
    event.preventDefault();
    if (arrow) this.#arrow(dataset, arrow, event.shiftKey);
    else keys[event.key]();
  }

  /** @param {DOMStringMap} dOMStringMap */
  #removeAt({ node, u, v }) {
    if (node) this.#send({ action: "remove_node", node: Number(node) });
    else this.#send({ action: "remove_edge", u: Number(u), v: Number(v) });
    this.picked = null;
  }

  /**
   * @param {DOMStringMap} dOMStringMap
   * @param {number[]} given
   * @param {boolean} isMoving
   */
  #arrow({ node, key = "" }, [dx, dy], isMoving) {
    if (!node) {
      const edges = this.data.edges.map((edge) => `edge ${edge.u} ${edge.v}`);
      this.#focus(edges[(edges.indexOf(key) + dx + dy + edges.length) % edges.length]);
      return;
    }
    const own = this.nodes.find(({ id }) => id === Number(node));
    if (!own) return;
    if (isMoving) {
      this.#send({ action: "move_node", node: own.id, ...inside({ x: own.x + dx * STEP, y: own.y + dy * STEP }) });
      this.#draw();
      return;
    }
    const best = nearest(this.nodes, own, dx, dy);
    if (best) this.#focus(`node ${best.id}`);
  }

  /** @param {string} key */
  #focus(key) {
    this.current = key;
    const element = this.#keyed().find(({ dataset }) => dataset.key === key);
    element?.focus();
    this.#draw();
  }

  /** All nodes and edges of the picture. */
  #keyed() {
    return [.../** @type {NodeListOf<SVGElement>} */ (this.parts.picture.querySelectorAll("[data-key]"))];
  }

  destroy() {
    this.parcels.stop();
    this.observer.disconnect();
  }
}

export default keepInstance((root) => new GraphEditor(root));
