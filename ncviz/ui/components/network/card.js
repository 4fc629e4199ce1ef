// The card beside the picture: what is known of the selection, from the kernel to the place on the image where a weight
// has its least curvature. Python says what is in it; clicks go back as selections.

import { plain, signed } from "../shared/format.js";
import { imageOf } from "../shared/pixels.js";

const CELL = 30;
const KERNEL = 126; // room for a kernel beside the image // largest side of a kernel's cell, in pixels
const PICTURE = 96; // side of the image

export class Card {
  /** `onSelect(text)` selects something else, `onOpen()` puts the edge under the lens, `onClose()` clears. */
  constructor(root, { onSelect, onOpen, onClose }) {
    Object.assign(this, { root, onSelect, onOpen, onClose });
  }

  show(card, network, theme) {
    const key = JSON.stringify([card, theme.name, network?.digest]);
    if (key === this.key) return;
    this.key = key;
    this.root.hidden = !card;
    if (!card) return this.root.replaceChildren();
    this.color = (kappa) => network.ramps[theme.name][network.binOf(kappa)];
    this.theme = theme;
    const focused = this.root.getRootNode().activeElement?.dataset?.select;
    this.root.replaceChildren(
      this.#head(card),
      ...(card.rows.length ? [this.#rows(card.rows)] : []),
      this.#pair(card),
      ...(card.kernels.length ? [this.#gallery(card.kernels, card.kernels_title)] : []),
      ...(card.note ? [make("p", { className: "small", textContent: card.note })] : []),
      ...(card.can_open ? [this.#open()] : []),
    );
    if (focused) this.root.querySelector(`[data-select="${CSS.escape(focused)}"]`)?.focus();
    return undefined;
  }

  #head(card) {
    const head = make("div", { className: "card-head" });
    const close = make("button", { type: "button", textContent: "×", title: "Clear the selection" });
    close.setAttribute("aria-label", "Clear the selection");
    close.onclick = this.onClose;
    head.append(make("strong", { textContent: card.title }), close);
    return head;
  }

  #rows(rows) {
    const list = make("dl", {});
    for (const [name, value] of rows) list.append(make("dt", { textContent: name }), make("dd", { textContent: value }));
    return list;
  }

  #kernel({ rows, columns, cells }) {
    const side = Math.min(CELL, Math.floor(KERNEL / columns));
    const grid = this.#grid(rows, columns, side);
    grid.setAttribute("role", "group");
    grid.setAttribute("aria-label", `Kernel, ${rows} by ${columns}, coloured by curvature`);
    for (const [at, cell] of cells.entries()) {
      if (cell === null) {
        grid.append(make("span", {}));
        continue;
      }
      const button = make("button", { type: "button", className: "cell" });
      button.dataset.select = `weight-${cell.parameter}`;
      const isNever = cell.curvature === null;
      button.style.background = isNever ? this.theme.line : this.color(cell.curvature);
      button.classList.toggle("is-removed", !cell.kept);
      button.setAttribute("aria-pressed", String(cell.chosen));
      const where = `row ${Math.floor(at / columns)}, column ${at % columns}`;
      const kappa = isNever ? (cell.is_measured ? "never active" : "not measured") : `κ ${signed(cell.curvature, 2)}`;
      const words = `${where}: ${kappa}, weight ${plain(cell.weight, 3)}${cell.kept ? "" : ", removed"}`;
      button.title = words;
      button.setAttribute("aria-label", words);
      if (side >= 21 && !isNever) button.textContent = signed(cell.curvature, 1);
      button.style.color = inkOn(button.style.background);
      button.onclick = () => this.onSelect(button.dataset.select);
      grid.append(button);
    }
    return grid;
  }

  #pair({ kernel, image }) {
    const pair = make("div", { className: "pair" });
    if (kernel) pair.append(this.#kernel(kernel));
    if (image) pair.append(this.#image(image));
    return pair;
  }

  #grid(rows, columns, side) {
    const grid = make("div", { className: "kernel" });
    grid.style.gridTemplateColumns = `repeat(${columns}, ${side}px)`;
    grid.style.gridAutoRows = `${side}px`;
    return grid;
  }

  #gallery(kernels, title) {
    const box = make("div", { className: "kernels" });
    box.append(make("p", { className: "small", textContent: title }));
    const list = make("div", { className: "kernel-list" });
    for (const kernel of kernels) {
      const button = make("button", { type: "button", className: "kernel-button", title: kernel.words });
      button.dataset.select = kernel.select;
      button.setAttribute("aria-label", kernel.words);
      const grid = this.#grid(kernel.rows, kernel.columns, Math.max(3, Math.floor(30 / kernel.columns)));
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

  /** The calibration image with the field of the weight on it. */
  #image({ rows, columns, channels, pixels, box, caption }) {
    const figure = make("figure", {});
    const canvas = make("canvas", { width: PICTURE * 2, height: Math.round((PICTURE * 2 * rows) / columns) });
    canvas.style.width = `${PICTURE}px`;
    canvas.style.height = `${Math.round((PICTURE * rows) / columns)}px`;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", caption);
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.drawImage(imageOf(atob(pixels), rows, columns, channels), 0, 0, canvas.width, canvas.height);
    if (box) {
      const [x, y, w, h] = box.map((value) => (value * canvas.width) / columns);
      for (const [color, width] of [["#ffffff", 7], ["#111111", 3]]) {
        context.strokeStyle = color;
        context.lineWidth = width;
        context.strokeRect(x, y, w, h);
      }
    }
    figure.append(canvas, make("figcaption", { className: "small", textContent: caption }));
    return figure;
  }

  #open() {
    const button = make("button", { type: "button", className: "open", textContent: "Put under the lens" });
    button.dataset.testid = "ncviz-lens";
    button.onclick = this.onOpen;
    return button;
  }
}

/** An element with some properties. */
export function make(tag, properties) {
  return Object.assign(document.createElement(tag), properties);
}

/** Black or white, whichever is read better on a colour "rgb(r, g, b)". */
function inkOn(color) {
  const [r, g, b] = color.match(/\d+/g)?.map(Number) ?? [255, 255, 255];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 130 ? "#111111" : "#ffffff";
}
