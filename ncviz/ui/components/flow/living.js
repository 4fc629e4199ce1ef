// The living flow beside the picture: choosing or drawing an image, the verdict, what lines show, a unit's arithmetic.

import { openChannel } from "../shared/bus.js";
import { listenToPictures } from "../picture/bring.js";
import { readPicture } from "../picture/decode.js";
import { make, part, query } from "../shared/dom.js";
import { textOf } from "../shared/pixels.js";
import { planeOf } from "../network/data.js";
import { sumOf } from "./arithmetic.js";
import { Choices } from "./choices.js";
import { Pad } from "./pad.js";
import { FlowSource } from "./source.js";
import { sumTable } from "./sum_table.js";
import { Verdict } from "./verdict.js";

const LINES = /** @type {const} */ ([
  ["curvature", "κ", "Lines show the curvature"],
  ["flow", "Flow", "Lines show |w · a|: how much of this image each one carries"],
]);

export class LivingFlow {
  /** @type {Network | null} */
  network = null;
  /** @type {"curvature" | "flow"} */
  lines = "curvature";
  /** @type {string | null} */
  toldLines = null;
  isDrawing = false;
  /** How often something was chosen, drawn or brought: what is read slowly does not take the place of what came later. */
  choice = 0;
  /** Of the panel's channel. */
  name = "";
  /** @type {Selected | null} */
  selected = null;
  holder = make("div", {});

  /**
   * `onChange()` draws the picture anew, `tell(name, value)` says to Python what is so from now on, and `hand` gives it
   * something once, which is not sent again with every step of the slider.
   * @param {ShadowRoot} root
   * @param {Record<"tell" | "hand", (name: string, value: unknown) => void> & { onChange(): void }} given
   */
  constructor(root, { onChange, tell, hand }) {
    this.tell = tell;
    this.hand = hand;
    this.onChange = onChange;
    this.row = part(root, "div", "living");
    // The panel says it with what it says itself.
    this.verdict = new Verdict(root, (words) => /** @type {Channel<string>} */ (openChannel(`${this.name}/verdict`)).publish(words));
    this.source = new FlowSource(() => this.#show());
    this.pad = new Pad(part(root, "div", "pad"), (image, isDone) => this.#drawn(image, isDone));
    this.pictureWords = part(root, "p", "picture-words");
    this.choices = new Choices(part(root, "div", "flows"), {
      onChoose: (flow) => {
        this.choice += 1;
        this.#sayOfPicture("");
        this.source.choose(flow);
        tell("flow", flow);
      },
      onDraw: () => this.#openPad(),
      onBring: (file) => void this.#bring(file),
    });
    this.deafen = listenToPictures(query(root, "div", ".component"), {
      isWanted: () => this.source.flows?.can_bring === true && !this.network?.is_bare,
      onBring: (file) => void this.#bring(file),
    });
    this.buttons = LINES.map(([name, text, title]) => {
      const button = make("button", { type: "button", textContent: text, title });
      button.dataset.testid = `ncviz-lines-${name}`;
      button.onclick = () => this.#showLines(name);
      return button;
    });
    this.switch = part(root, "div", "lines");
    this.switch.replaceChildren(...this.buttons);
  }

  /** What flows, and whether lines show it. */
  get scene() {
    this.isDrawing = true;
    this.source.refresh();
    this.isDrawing = false;
    const { removed, order, event, image, group } = this.source;
    // Of several images there is no one product of a weight and what it reads.
    const isFlowing = this.lines === "flow" && event !== null && image !== null;
    return { flow: event, isFlowing, images: group ? (event?.said.length ?? 0) : 1, removed, order };
  }

  /**
   * What Python sent.
   * @param {Message} message
   * @param {Network} network
   * @param {Threshold} step
   */
  receive({ channel, flows }, network, step) {
    Object.assign(this, { network, name: channel });
    this.source.removed = step.removed;
    this.source.order = step.order;
    if (flows && flows.lines !== this.toldLines) {
      this.lines = flows.lines;
      this.toldLines = flows.lines;
    }
    this.source.receive(channel, network, flows ?? null);
  }

  /** @param {Threshold} step */
  step({ removed, order }) {
    const { source } = this;
    const isNew = removed !== source.removed || order !== source.order;
    source.step(removed, order);
    // What the server says comes later, and is said to be of another step until then.
    if (isNew && !source.pass) this.#judge();
  }

  /** @param {Selected | null} selected */
  select(selected) {
    this.selected = selected;
    this.#showSum();
  }

  #show() {
    const { source, network } = this;
    if (!network) return;
    const { flows, chosen, own } = source;
    this.choices.show(flows, chosen, own);
    this.row.hidden = !flows;
    this.switch.hidden = source.image === null;
    this.#judge();
    this.buttons.forEach((button, at) => button.setAttribute("aria-pressed", String(LINES[at][0] === this.lines)));
    this.#showSum();
    // What was asked for by a picture that is being drawn is in it.
    if (!this.isDrawing) this.onChange();
  }

  #judge() {
    const { label, group, removed, order, image, event, flows } = this.source;
    const judged = { label, group, canDraw: Boolean(flows?.drawing), canChoose: !this.network?.is_bare, removed, order, isAsked: (image ?? group) !== null, isStill: Boolean(flows?.is_still) };
    if (this.network) this.verdict.show(this.network, event, judged);
  }

  /** @param {"curvature" | "flow"} name */
  #showLines(name) {
    this.lines = name;
    this.tell("lines", name);
    this.#show();
  }

  #openPad() {
    const { drawing } = this.source.flows ?? {};
    if (drawing) this.pad.open(drawing);
  }

  /**
   * @param {Pixels} image
   * @param {boolean} isDone
   */
  #drawn(image, isDone) {
    this.choice += 1;
    this.#sayOfPicture("");
    this.source.draw(image);
    if (isDone) this.hand("image", image);
  }

  /**
   * Read here where there is no server, else by Python.
   * @param {File} file
   */
  async #bring(file) {
    const { flows } = this.source;
    const choice = (this.choice += 1);
    if (!flows?.reading) {
      const content = textOf(new Uint8Array(await file.arrayBuffer()));
      if (choice === this.choice) this.hand("file", { name: file.name, content });
      return;
    }
    const { image, words } = await readPicture(file, flows.reading);
    if (choice !== this.choice) return;
    if (image) this.source.draw(image);
    this.#sayOfPicture(words);
  }

  /** @param {string} words */
  #sayOfPicture(words) {
    Object.assign(this.pictureWords, { textContent: words, hidden: words === "" });
  }

  /** The arithmetic of the unit that is selected, or of the most active one of a feature map. */
  #showSum() {
    this.holder.replaceChildren();
    const { source, network, selected } = this;
    const { pass, scaled, whole, found, kept } = source;
    // Of one image alone.
    if (!source.image) return;
    if (!network?.program || !pass || !scaled || !whole || !found || !source.event || selected?.kind !== "unit") return;
    const layer = network.layerOf[selected.unit];
    const { unit, words } = unitOf(network, layer, selected.unit, whole.state.activity);
    const [now, before] = [
      { found, tensors: scaled.tensorsAt(kept) },
      { found: whole.found, tensors: pass.tensorsAt(null) },
    ];
    const unitSum = sumOf(network.program, now, before, layer, unit);
    if (unitSum) this.holder.append(sumTable(network, unitSum, words));
  }

  stop() {
    this.source.stop();
    this.deafen();
    // A panel that stays says nothing of a picture that is gone.
    this.verdict.forget();
  }
}

/**
 * The unit that a node stands for, within its layer: of a feature map the most active one in the whole network.
 * @param {Network} network
 * @param {number} layer
 * @param {number} node
 * @param {Numbers} activity
 */
function unitOf(network, layer, node, activity) {
  const index = node - network.offsets[layer];
  const { grouped, shape, tokens } = network.layers[layer];
  if (!grouped) return { unit: index, words: "On this image:" };
  const { area, columns } = planeOf(shape);
  const first = network.firstUnit[layer] + index * area;
  let best = 0;
  for (let place = 1; place < area; place += 1) if (activity[first + place] > activity[first + best]) best = place;
  const where = tokens ? tokens.words[best] : `row ${Math.floor(best / columns)}, column ${best % columns}`;
  return { unit: index * area + best, words: `On this image, its most active unit (${where}):` };
}
