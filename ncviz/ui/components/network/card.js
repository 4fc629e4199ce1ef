// The card beside the picture: what is known of the selection, from the kernel to the place on the image where a weight
// has its least curvature. Python says what is in it; clicks go back as selections.

import { contextOf, focusedBeside, make } from "../shared/dom.js";
import { signed, weightWords } from "../shared/format.js";
import { imageOf } from "../shared/pixels.js";
import { questionOf } from "./question.js";

const CELL = 30;
const KERNEL = 126; // room for a kernel beside the image // largest side of a kernel's cell, in pixels
const PICTURE = 96; // side of the image

export class Card {
  /** What is shown, as JSON. */
  key = "";
  color = (/** @type {number} */ _kappa) => "";
  line = "";
  hasMiddles = false;

  /**
   * `onSelect(text)` selects something else, `onOpen()` puts the edge under the lens, `onClose()` clears, `more()` is
   * what others say of the selection.
   * @param {HTMLElement} root
   * @param {{ onSelect(text: string): void, onOpen(): void, onClose(): void, more(): HTMLElement }} given
   */
  constructor(root, { onSelect, onOpen, onClose, more }) {
    this.root = root;
    this.more = more;
    this.onSelect = onSelect;
    this.onOpen = onOpen;
    this.onClose = onClose;
  }

  /**
   * @param {CardData | null} card
   * @param {Network} network
   * @param {Theme} theme
   */
  show(card, network, theme) {
    const key = JSON.stringify([card, theme.name, network?.digest]);
    if (key === this.key) return;
    this.key = key;
    this.root.hidden = !card;
    if (!card) {
      this.root.replaceChildren();
      return;
    }
    this.color = (kappa) => network.ramps[theme.name][network.binOf(kappa)];
    this.line = theme.line;
    this.hasMiddles = network.middles;
    const focused = focusedBeside(this.root)?.dataset?.select;
    this.root.replaceChildren(
      this.#head(card),
      ...(card.rows.length ? [this.#rows(card.rows)] : []),
      this.more(),
      this.#pair(card),
      ...(card.kernels.length ? [this.#gallery(card.kernels, card.kernels_title)] : []),
      ...(card.note ? [make("p", { className: "small", textContent: card.note })] : []),
      ...(card.kappa === null ? [] : [this.#open(questionOf(card.kappa, network.middles))]),
    );
    if (!focused) return;
    const again = this.root.querySelector(`[data-select="${CSS.escape(focused)}"]`);
    if (again instanceof HTMLElement) again.focus();
  }

  /** @param {CardData} card */
  #head(card) {
    const head = make("div", { className: "card-head" });
    const close = make("button", { type: "button", textContent: "×", title: "Clear the selection" });
    close.setAttribute("aria-label", "Clear the selection");
    close.onclick = this.onClose;
    head.append(make("strong", { textContent: card.title }), close);
    return head;
  }

  /** @param {[string, string][]} rows */
  #rows(rows) {
    const list = make("dl", {});
    for (const [name, value] of rows) list.append(make("dt", { textContent: name }), make("dd", { textContent: value }));
    return list;
  }

  /** @param {Kernel} kernel */
  #kernel({ rows, columns, cells }) {
    const side = Math.min(CELL, Math.floor(KERNEL / columns));
    const grid = this.#grid(columns, side);
    grid.setAttribute("role", "group");
    grid.setAttribute("aria-label", `Kernel, ${rows} by ${columns}, coloured by curvature`);
    for (const [at, cell] of cells.entries()) {
      if (cell === null) {
        grid.append(make("span", {}));
        continue;
      }
      const button = make("button", { type: "button", className: "cell" });
      const select = `weight-${cell.parameter}`;
      button.dataset.select = select;
      const { curvature } = cell;
      button.style.background = curvature === null ? this.line : this.color(curvature);
      button.classList.toggle("is-removed", !cell.kept);
      button.setAttribute("aria-pressed", String(cell.chosen));
      const where = `row ${Math.floor(at / columns)}, column ${at % columns}`;
      const none = cell.is_measured ? "never active" : "not measured";
      const kappa = curvature === null ? none : `${this.hasMiddles ? "middle of κ" : "κ"} ${signed(curvature, 2)}`;
      const words = `${where}: ${kappa}, weight ${weightWords(cell.weight, cell.factor)}${stateWords(cell)}`;
      button.title = words;
      button.setAttribute("aria-label", words);
      if (side >= 21 && curvature !== null) button.textContent = signed(curvature, 1);
      button.style.color = inkOn(button.style.background);
      button.onclick = () => this.onSelect(select);
      grid.append(button);
    }
    return grid;
  }

  /** @param {CardData} card */
  #pair({ kernel, image }) {
    const pair = make("div", { className: "pair" });
    if (kernel) pair.append(this.#kernel(kernel));
    if (image) pair.append(this.#image(image));
    return pair;
  }

  /**
   * @param {number} columns
   * @param {number} side
   */
  #grid(columns, side) {
    const grid = make("div", { className: "kernel" });
    grid.style.gridTemplateColumns = `repeat(${columns}, ${side}px)`;
    grid.style.gridAutoRows = `${side}px`;
    return grid;
  }

  /**
   * @param {SmallKernel[]} kernels
   * @param {string} title
   */
  #gallery(kernels, title) {
    const box = make("div", { className: "kernels" });
    box.append(make("p", { className: "small", textContent: title }));
    const list = make("div", { className: "kernel-list" });
    for (const kernel of kernels) {
      const button = make("button", { type: "button", className: "kernel-button", title: kernel.words });
      button.dataset.select = kernel.select;
      button.setAttribute("aria-label", kernel.words);
      const grid = this.#grid(kernel.columns, Math.max(3, Math.floor(30 / kernel.columns)));
      for (const curvature of kernel.curvature) {
        const cell = make("span", {});
        if (curvature !== null) cell.style.background = this.color(curvature);
        grid.append(cell);
      }
      button.append(grid, make("span", { className: "small", textContent: kernel.name }));
      button.onclick = () => this.onSelect(kernel.select);
      list.append(button);
    }
    box.append(list);
    return box;
  }

  /**
   * The calibration image with the field of the weight on it.
   * @param {Pixels & { box: number[] | null, caption: string }} image
   */
  #image(image) {
    const { rows, columns, box, caption } = image;
    const figure = make("figure", {});
    const canvas = make("canvas", { width: PICTURE * 2, height: Math.round((PICTURE * 2 * rows) / columns) });
    canvas.style.width = `${PICTURE}px`;
    canvas.style.height = `${Math.round((PICTURE * rows) / columns)}px`;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", caption);
    const context = contextOf(canvas);
    context.imageSmoothingEnabled = false;
    context.drawImage(imageOf(image), 0, 0, canvas.width, canvas.height);
    if (box) {
      const [x, y, w, h] = box.map((value) => (value * canvas.width) / columns);
      for (const { color, wide } of [{ color: "#ffffff", wide: 7 }, { color: "#111111", wide: 3 }]) {
        context.strokeStyle = color;
        context.lineWidth = wide;
        context.strokeRect(x, y, w, h);
      }
    }
    figure.append(canvas, make("figcaption", { className: "small", textContent: caption }));
    return figure;
  }

  /** @param {string} question */
  #open(question) {
    const button = make("button", { type: "button", className: "open", textContent: question });
    button.dataset.testid = "ncviz-lens";
    button.onclick = this.onOpen;
    return button;
  }
}

/** @param {Cell} cell */
function stateWords({ kept, by_hand: byHand }) {
  if (byHand) return `, ${byHand} by hand`;
  return kept ? "" : ", removed";
}

/**
 * Black or white, whichever is read better on a colour "rgb(r, g, b)".
 * @param {string} color
 */
function inkOn(color) {
  const [r, g, b] = color.match(/\d+/g)?.map(Number) ?? [255, 255, 255];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 130 ? "#111111" : "#ffffff";
}
