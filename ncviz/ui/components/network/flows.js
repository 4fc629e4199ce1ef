// Whose flow is drawn: all calibration images, or one of them, each a small picture to press.

import { contextOf, make } from "../shared/dom.js";
import { imageOf } from "../shared/pixels.js";

const SIDE = 26;

export class Flows {
  /** What is shown, as JSON. */
  key = "";

  /**
   * @param {HTMLElement} root
   * @param {(flow: string) => void} onChoose
   */
  constructor(root, onChoose) {
    this.root = root;
    this.onChoose = onChoose;
  }

  /** @param {FlowData | null} flows */
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
        const canvas = make("canvas", { width: 2 * SIDE, height: 2 * SIDE });
        const context = contextOf(canvas);
        context.imageSmoothingEnabled = false;
        context.drawImage(imageOf(image), 0, 0, 2 * SIDE, 2 * SIDE);
        button.append(canvas);
        return button;
      }),
    );
  }

  /**
   * @param {string} flow
   * @param {string} text
   * @param {string} words
   * @param {string} chosen
   */
  #button(flow, text, words, chosen) {
    const button = make("button", { type: "button", textContent: text, title: words });
    button.className = "flow";
    button.dataset.flow = flow;
    button.dataset.testid = `ncviz-flow-${flow}`;
    button.setAttribute("aria-label", words);
    button.setAttribute("aria-pressed", String(flow === chosen));
    button.onclick = () => this.onChoose(flow);
    return button;
  }
}
