// The graph editor: what is clicked, dragged and typed becomes numbered actions for Python, which keeps the graph.

import { drawGraph, frameOf, isMany } from "./draw.js";
import { hintWords } from "./words.js";
import { keepInstance } from "../shared/instances.js";
import { readTheme } from "../shared/theme.js";

const CLICK_SLOP = 4; // pixels a click may wander before it is a drag
const STEP = 0.03;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

class GraphEditor {
  constructor(root) {
    this.root = root;
    const find = (name) => root.querySelector(`[data-part="${name}"]`);
    this.parts = Object.fromEntries(
      ["stage", "picture", "hint", "status", "legend", "masses"].map((name) => [name, find(name)]),
    );
    this.picked = null; // the node that waits for its second click
    this.waiting = []; // actions that Python has not dealt with
    this.seq = 0;
    this.held = null; // the pointer that is down, and on what
    this.current = ""; // the node or edge that has the tab stop
    this.#pointer();
    this.parts.picture.addEventListener("keydown", (event) => this.#key(event));
    this.#buttons();
    this.observer = new ResizeObserver(() => this.#draw());
    this.observer.observe(this.parts.stage);
  }

  update({ data, setStateValue }) {
    this.setStateValue = setStateValue;
    this.data = data;
    this.seq = Math.max(this.seq, data.seq);
    this.waiting = this.waiting.filter((action) => action.seq > data.seq);
    this.theme = readTheme(this.root);
    if (!data.nodes.some((node) => node.id === this.picked)) this.picked = null;
    this.#legend();
    this.#draw();
  }

  #send(action) {
    this.seq += 1;
    this.waiting.push({ seq: this.seq, ...action });
    this.setStateValue("actions", this.waiting);
  }

  #draw() {
    const { data, parts } = this;
    const width = parts.stage.clientWidth;
    if (!data || width < 60) return;
    const height = Math.min(data.height, Math.max(300, Math.round(width * 0.95)));
    this.frame = frameOf(width, height, isMany(data));
    const focused = parts.picture.getRootNode().activeElement?.dataset?.key;
    // A node that is held is where the pointer is; one that was dropped stays until Python has put it there.
    const moved = new Map(this.waiting.filter((one) => one.action === "move_node").map((one) => [one.node, one]));
    if (this.held?.place) moved.set(this.held.node, this.held.place);
    const nodes = data.nodes.map((node) => {
      const at = moved.get(node.id);
      return at ? { ...node, x: at.x, y: at.y } : node;
    });
    this.shown = { ...data, nodes };
    drawGraph(parts.picture, this.shown, this.frame, this.theme, this.picked);
    this.#stops(focused);
    parts.hint.textContent = hintWords(data, this.picked);
    if (parts.status.textContent !== data.status) parts.status.textContent = data.status;
    parts.masses.hidden = !data.selected;
    this.#enable();
  }

  /** One tab stop among the nodes and one among the edges; arrow keys go on from there. */
  #stops(focused) {
    const all = [...this.parts.picture.querySelectorAll("[data-key]")];
    for (const kind of ["node", "edge"]) {
      const own = all.filter((element) => element.classList.contains(kind));
      const stop = own.find((element) => element.dataset.key === this.current) ?? own[0];
      stop?.setAttribute("tabindex", 0);
    }
    if (focused) all.find((element) => element.dataset.key === focused)?.focus({ preventScroll: true });
  }

  #enable() {
    const { data, picked, root } = this;
    const button = (action) => root.querySelector(`[data-action="${action}"]`);
    button("undo").disabled = !data.can_undo;
    button("redo").disabled = !data.can_redo;
    button("remove").disabled = picked === null && !data.selected;
    button("remove").textContent = picked !== null ? `Remove node ${picked}` : "Remove edge";
    button("add_node").disabled = data.nodes.length >= data.most_nodes;
  }

  #legend() {
    const { ends, names, light, dark } = this.data.scale;
    const colors = this.theme.isDark ? dark : light;
    const key = `${this.theme.name}`;
    if (this.legendKey === key) return;
    this.legendKey = key;
    const bar = document.createElement("i");
    bar.style.background = `linear-gradient(90deg, ${colors.join(", ")})`;
    const text = (words) => Object.assign(document.createElement("span"), { textContent: words });
    this.parts.legend.replaceChildren(text(`κ ${ends[0]} ${names[0]}`), bar, text(`${names[1]} ${ends[1]}`));
  }

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
    const handlers = { remove: () => this.#remove() };
    for (const action of ["add_node", "undo", "redo", "reset"]) handlers[action] = () => this.#send({ action });
    for (const [action, handler] of Object.entries(handlers)) {
      this.root.querySelector(`[data-action="${action}"]`).onclick = () => this.data && handler();
    }
  }

  #pointer() {
    const { picture } = this.parts;
    const place = (event) => {
      const box = picture.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top };
    };
    picture.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || this.held || !this.data) return;
      const element = event.target.closest("[data-key]");
      const node = element?.dataset.node ? Number(element.dataset.node) : null;
      this.held = { id: event.pointerId, element, node, start: place(event), place: null };
      if (node !== null) picture.setPointerCapture(event.pointerId);
    });
    picture.addEventListener("pointermove", (event) => {
      const { held } = this;
      if (held?.id !== event.pointerId) return;
      const now = place(event);
      if (!held.place && Math.hypot(now.x - held.start.x, now.y - held.start.y) < CLICK_SLOP) return;
      held.hasMoved = true;
      if (held.node === null) return;
      held.place = inside(this.frame.back(now.x, now.y));
      this.#draw();
    });
    const lift = (event) => {
      const { held } = this;
      if (held?.id !== event.pointerId) return;
      this.held = null;
      if (event.type === "pointercancel") this.#draw();
      else if (held.place) this.#send({ action: "move_node", node: held.node, ...held.place });
      else if (!held.hasMoved) this.#choose(held.element);
    };
    picture.addEventListener("pointerup", lift);
    picture.addEventListener("pointercancel", lift);
    // Without a capture, a pointer that is let go elsewhere would never be heard of again.
    picture.addEventListener("pointerleave", () => {
      if (this.held?.node === null) this.held = null;
    });
    picture.addEventListener("dblclick", (event) => {
      if (event.target.closest("[data-key]") || !this.data) return;
      const { x, y } = place(event);
      this.#send({ action: "add_node", ...inside(this.frame.back(x, y)) });
    });
  }

  #key(event) {
    const { dataset } = event.target;
    if ((event.ctrlKey || event.metaKey) && "zy".includes(event.key.toLowerCase())) {
      event.preventDefault();
      const isRedo = event.key.toLowerCase() === "y" || event.shiftKey;
      this.#send({ action: isRedo ? "redo" : "undo" });
      return;
    }
    if (!dataset.key || event.ctrlKey || event.metaKey || event.altKey) return;
    const keys = {
      Enter: () => this.#choose(event.target),
      " ": () => this.#choose(event.target),
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

  #removeAt({ node, u, v }) {
    if (node) this.#send({ action: "remove_node", node: Number(node) });
    else this.#send({ action: "remove_edge", u: Number(u), v: Number(v) });
    this.picked = null;
  }

  #arrow({ node, key }, [dx, dy], isMoving) {
    if (!node) {
      const edges = this.data.edges.map((edge) => `edge ${edge.u} ${edge.v}`);
      this.#focus(edges[(edges.indexOf(key) + dx + dy + edges.length) % edges.length]);
      return;
    }
    const own = this.shown.nodes.find(({ id }) => id === Number(node));
    if (isMoving) {
      this.#send({ action: "move_node", node: own.id, ...inside({ x: own.x + dx * STEP, y: own.y + dy * STEP }) });
      this.#draw();
      return;
    }
    // The nearest node that way; what lies aside counts double.
    let [best, least] = [null, Infinity];
    for (const other of this.shown.nodes) {
      const [x, y] = [other.x - own.x, other.y - own.y];
      const along = x * dx + y * dy;
      const cost = along + 2 * Math.abs(x * dy + y * dx);
      if (along > 1e-6 && cost < least) [best, least] = [other, cost];
    }
    if (best) this.#focus(`node ${best.id}`);
  }

  #focus(key) {
    this.current = key;
    const all = [...this.parts.picture.querySelectorAll("[data-key]")];
    all.find((element) => element.dataset.key === key)?.focus();
    this.#draw();
  }

  destroy() {
    this.observer.disconnect();
  }
}

function inside({ x, y }) {
  return { x: Math.min(Math.max(x, 0), 1), y: Math.min(Math.max(y, 0), 1) };
}

export default keepInstance((root) => new GraphEditor(root));
