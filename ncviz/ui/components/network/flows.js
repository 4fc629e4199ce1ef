// Whose flow is drawn: all calibration images, or one of them, each a small picture to press.

import { imageOf } from "../shared/pixels.js";

const SIDE = 26;

export class Flows {
  constructor(root, onChoose) {
    this.root = root;
    this.onChoose = onChoose;
  }

  show(flows) {
    const key = JSON.stringify(flows ?? null);
    if (key === this.key) return;
    this.key = key;
    this.root.hidden = !flows;
    if (!flows) return;
    this.root.replaceChildren(
      this.#button("all", "All", "The mean over all calibration images", flows.chosen),
      ...flows.images.map((image) => {
        const button = this.#button(image.flow, "", `The flow of image ${image.number}, ${image.label}`, flows.chosen);
        const canvas = Object.assign(document.createElement("canvas"), { width: 2 * SIDE, height: 2 * SIDE });
        const context = canvas.getContext("2d");
        context.imageSmoothingEnabled = false;
        context.drawImage(imageOf(atob(image.pixels), image.rows, image.columns, image.channels), 0, 0, 2 * SIDE, 2 * SIDE);
        button.append(canvas);
        return button;
      }),
    );
  }

  #button(flow, text, words, chosen) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: text, title: words });
    button.className = "flow";
    button.dataset.flow = flow;
    button.dataset.testid = `ncviz-flow-${flow}`;
    button.setAttribute("aria-label", words);
    button.setAttribute("aria-pressed", String(flow === chosen));
    button.onclick = () => this.onChoose(flow);
    return button;
  }
}
