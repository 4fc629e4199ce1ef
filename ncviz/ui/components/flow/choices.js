// What flows through the picture: all calibration images, one of them, one drawn here, or one out of a file.

import { pictureChooser } from "../picture/bring.js";
import { contextOf, make } from "../shared/dom.js";
import { imageOf } from "../shared/pixels.js";

const SIDE = 26;

export class Choices {
  /** What is shown, as JSON. */
  key = "";

  /**
   * @param {HTMLElement} root
   * @param {{ onChoose(flow: string): void, onDraw(): void, onBring(file: File): void }} given
   */
  constructor(root, given) {
    this.root = root;
    this.given = given;
    this.file = pictureChooser((file) => given.onBring(file));
  }

  /**
   * @param {FlowData | null} flows
   * @param {string} chosen
   * @param {Pixels | null} own
   */
  show(flows, chosen, own) {
    const key = JSON.stringify([flows?.images.map(({ flow }) => flow), flows?.drawing, flows?.can_bring, chosen, own]);
    if (key === this.key) return;
    this.key = key;
    this.root.hidden = !flows;
    if (!flows) return;
    const all = this.#button("all", "All", "The mean over all calibration images", chosen);
    const pictures = flows.images.map((image) => {
      const button = this.#button(image.flow, "", `The flow of image ${image.number}, ${image.label}`, chosen);
      button.append(thumbnail(image));
      return button;
    });
    if (own) {
      const button = this.#button("own", "", "The flow of your own image", chosen);
      button.append(thumbnail(own));
      pictures.push(button);
    }
    this.root.replaceChildren(all, ...pictures, ...this.#tools(flows), this.file);
  }

  /** @param {FlowData} flows */
  #tools(flows) {
    const tools = [];
    if (flows.drawing) tools.push(this.#tool("Draw", "Draw an image, and see it flow", "draw", () => this.given.onDraw()));
    if (flows.can_bring) {
      const where = flows.reading ? "it is read here and goes nowhere" : "it goes to this server and no further";
      const words = `A picture of your own, also dropped or pasted, made as large as the network's images; ${where}`;
      tools.push(this.#tool("Picture…", words, "bring", () => this.file.click()));
    }
    return tools;
  }

  /**
   * @param {string} text
   * @param {string} words
   * @param {string} name
   * @param {() => void} act
   */
  #tool(text, words, name, act) {
    const button = make("button", { type: "button", textContent: text, title: words, className: "words" });
    button.dataset.testid = `ncviz-flow-${name}`;
    button.onclick = act;
    return button;
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
    button.onclick = () => this.given.onChoose(flow);
    return button;
  }
}

/** @param {Pixels} image */
function thumbnail(image) {
  const canvas = make("canvas", { width: 2 * SIDE, height: 2 * SIDE });
  const context = contextOf(canvas);
  context.imageSmoothingEnabled = false;
  const source = imageOf(image);
  context.drawImage(source, 0, 0, source.width, source.height, 0, 0, 2 * SIDE, 2 * SIDE);
  return canvas;
}
