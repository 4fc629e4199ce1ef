// The plan of one edge: bands from where the mass lies to where it has to go, filled as it travels, and the work so far.

import { geometryText, labelsOf } from "./labels.js";
import { layOut, outline } from "./geometry.js";
import { actionButton, download, make, makeSvg, part } from "../shared/dom.js";
import { plain } from "../shared/format.js";
import { keepInstance } from "../shared/instances.js";
import { readTheme } from "../shared/theme.js";
import { comeTo, farthestOf, Travel, workAt } from "../shared/travel.js";

const BAR = 11; // pixels
const EDGE = 10; // above and below

class TransportPicture {
  /** @type {TransportData | null} */
  given = null;
  /** The bands that fill, with their outlines. @type {{ ribbon: Ribbon, path: SVGPathElement }[]} */
  filling = [];
  subject = "";
  span = [0, 0];

  /** @param {ShadowRoot} root */
  constructor(root) {
    this.root = root;
    this.stage = part(root, "div", "stage");
    this.picture = part(root, "svg", "picture");
    this.legend = part(root, "div", "legend");
    this.work = part(root, "output", "work");
    this.travel = new Travel(part(root, "div", "travel"), (share) => this.#fill(share));
    actionButton(root, "save").onclick = () => this.#save();
    this.observer = new ResizeObserver(() => this.#draw());
    this.observer.observe(this.stage);
  }

  /** @param {StreamlitComponent<TransportData>} given */
  update({ data }) {
    this.given = data;
    this.#legend(data);
    this.#draw();
    if (this.subject === data.subject) this.travel.arrive();
    else this.travel.setOut();
    this.subject = data.subject;
  }

  #draw() {
    const { given: data, picture } = this;
    const width = this.stage.clientWidth;
    if (!data || width < 60) return;
    const theme = readTheme(this.root);
    const text = geometryText(data, width, theme);
    this.span = [text.left, width - text.right];
    const [start, end] = this.span;
    const laid = layOut(data, data.height - 2 * EDGE);
    const color = (/** @type {string} */ name) => data.routes.find((route) => route.name === name)?.[theme.name] ?? theme.muted;
    this.filling = laid.ribbons.map((ribbon) => ({ ribbon, path: makeSvg("path", { fill: color(ribbon.band.route), "fill-opacity": 0.85, "pointer-events": "none" }) }));
    const faint = laid.ribbons.map((ribbon) =>
      makeSvg("path", { d: outline(ribbon, start + BAR, end - BAR), fill: color(ribbon.band.route), "fill-opacity": 0.22, "data-band": ribbon.band.route }, [
        makeSvg("title", {}, [ribbon.band.words]),
      ]),
    );
    const bars = [laid.left.map((bar) => [bar, start]), laid.right.map((bar) => [bar, end - BAR])].flat().map(([bar, x]) => {
      const { top, thick } = /** @type {Bar} */ (bar);
      return makeSvg("rect", { x: Number(x), y: top, width: BAR, height: Math.max(thick, 1.2), fill: theme.ink });
    });
    picture.setAttribute("viewBox", `0 0 ${width} ${data.height}`);
    picture.setAttribute("width", String(width));
    picture.setAttribute("height", String(data.height));
    picture.setAttribute("aria-label", data.words);
    const inside = makeSvg("g", { transform: `translate(0 ${EDGE})` }, [...faint, ...this.filling.map(({ path }) => path), ...bars, ...labelsOf(data, laid, text, this.span, theme)]);
    picture.replaceChildren(inside);
    this.#fill(this.travel.share);
  }

  /** @param {number} share */
  #fill(share) {
    const { given: data } = this;
    if (!data) return;
    const farthest = farthestOf(data.bands);
    const [start, end] = this.span;
    for (const { ribbon, path } of this.filling) {
      const { distance } = ribbon.band;
      const come = distance > 0 ? comeTo(share, distance, farthest) / distance : 1;
      path.setAttribute("d", come > 0 ? outline(ribbon, start + BAR, end - BAR, come) : "");
    }
    const hasArrived = share >= 1;
    this.work.textContent = hasArrived ? `W = ${data.total}` : `work so far ${plain(workAt(data.bands, share), data.decimals)} of ${data.total}`;
  }

  /** @param {TransportData} data */
  #legend(data) {
    const theme = readTheme(this.root);
    const seen = data.routes.filter(({ name }) => data.bands.some((band) => band.route === name));
    this.legend.replaceChildren(
      ...seen.map((route) => {
        const chip = make("i");
        chip.style.background = route[theme.name];
        const item = make("span");
        item.append(chip, route.title);
        return item;
      }),
    );
  }

  #save() {
    const { given: data, picture } = this;
    if (!data) return;
    const theme = readTheme(this.root);
    const width = Number(picture.getAttribute("width"));
    const whole = makeSvg("svg", { xmlns: "http://www.w3.org/2000/svg", width, height: data.height + 30, "font-family": theme.font });
    const below = makeSvg("text", { x: 8, y: data.height + 18, "font-size": 12, fill: theme.ink }, [`${data.words} W = ${data.total}`]);
    const paper = makeSvg("rect", { width, height: data.height + 30, fill: theme.paper });
    whole.append(paper, ...[...picture.childNodes].map((node) => node.cloneNode(true)), below);
    download(new Blob([new XMLSerializer().serializeToString(whole)], { type: "image/svg+xml" }), `${data.file}.svg`);
  }

  destroy() {
    this.travel.pause();
    this.observer.disconnect();
  }
}

export default keepInstance((root) => new TransportPicture(root));
