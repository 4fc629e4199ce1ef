// What red and blue mean, above the picture; and the slider that moves by itself once, to show it.

import { openChannel } from "../shared/bus.js";
import { part, query } from "../shared/dom.js";
import { keepInstance } from "../shared/instances.js";
import { readTheme } from "../shared/theme.js";
import { captionAt, lengthOf, placeAt } from "./script.js";

const FIRST = 2500; // ms that the words and the picture are looked at before it moves
const TOUCHES = ["pointerdown", "keydown", "wheel", "touchmove"];

const prefersStill = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

class Intro {
  /** @type {IntroData | null} */
  data = null;
  /** @type {{ start: DrivenStep, began: number } | null} */
  playing = null;
  waiting = 0;
  frame = 0;
  /** @type {ShownStep | null} */
  reading = null;
  unsubscribe = () => {};
  setTriggerValue = (/** @type {string} */ _name, /** @type {unknown} */ _value) => {};

  /** @param {ShadowRoot} root */
  constructor(root) {
    this.root = root;
    this.box = query(root, "div", ".intro");
    this.says = part(root, "div", "says");
    this.caption = part(root, "p", "caption");
    this.play = part(root, "button", "play");
    this.playIcon = part(root, "path", "play-icon");
    this.playWords = part(root, "span", "play-words");
    this.#label();
    this.play.onclick = () => (this.playing ? this.#stop() : this.#begin());
    for (const wish of ["tour", "learn"]) {
      part(root, "button", wish).onclick = () => this.setTriggerValue("wish", wish);
    }
    this.onTouch = (/** @type {Event} */ event) => {
      // Its own button knows by itself whether to stop.
      if (!event.composedPath().includes(this.play)) this.#stop();
    };
  }

  /** @param {StreamlitComponent<IntroData>} given */
  update({ data, setTriggerValue }) {
    this.setTriggerValue = setTriggerValue;
    this.data = data;
    const tones = data.tones[readTheme(this.root).name];
    this.box.style.setProperty("--red", tones.bottleneck);
    this.box.style.setProperty("--blue", tones.redundant);
    this.unsubscribe();
    /** @type {Channel<ShownStep>} */
    const shown = openChannel(`${data.channel}/shown`);
    this.unsubscribe = shown.subscribe((reading) => (this.reading = reading));
    if (!data.plays || window.__ncvizSeen || this.waiting) return;
    if (prefersStill()) return;
    this.#listen();
    this.waiting = window.setTimeout(() => this.#begin(), FIRST);
  }

  #begin() {
    clearTimeout(this.waiting);
    const { data } = this;
    const last = data && openChannel(data.channel).last;
    if (!data || !last) {
      // The panel has yet to come.
      if (!window.__ncvizSeen) this.waiting = window.setTimeout(() => this.#begin(), FIRST);
      return;
    }
    window.__ncvizSeen = true;
    this.#listen();
    const start = { removed: last.removed, order: last.order ?? "", isHeld: true };
    this.playing = { start, began: performance.now() };
    this.says.hidden = true;
    this.caption.hidden = false;
    this.#label();
    this.frame = requestAnimationFrame(() => this.#step());
  }

  #step() {
    const { data, playing } = this;
    if (!data || !playing) return;
    const isStill = prefersStill();
    const time = performance.now() - playing.began;
    if (time >= lengthOf(isStill)) {
      this.#drive({ ...playing.start, isHeld: false });
      this.#end();
      return;
    }
    const { share, order, phase } = placeAt(time, isStill);
    const removed = order === null ? playing.start.removed : Math.round(share * data.total);
    this.#drive({ removed, order: order ?? playing.start.order, isHeld: true });
    const words = captionAt(phase, this.reading, data);
    if (this.caption.textContent !== words) this.caption.textContent = words;
    this.frame = requestAnimationFrame(() => this.#step());
  }

  /** Whatever touches the page has the slider from there on. */
  #stop() {
    const { data, playing } = this;
    clearTimeout(this.waiting);
    window.__ncvizSeen = true;
    const last = data && openChannel(data.channel).last;
    if (playing && last) this.#drive({ removed: last.removed, order: last.order ?? "", isHeld: false });
    this.#end();
  }

  #end() {
    cancelAnimationFrame(this.frame);
    this.playing = null;
    this.says.hidden = false;
    this.caption.hidden = true;
    this.#label();
    for (const name of TOUCHES) document.removeEventListener(name, this.onTouch, true);
  }

  #label() {
    const { playing } = this;
    this.playIcon.setAttribute("d", playing ? "M4.5 4.5h7v7h-7z" : "M5 3.5v9l7.500-4.500z");
    const seconds = Math.round(lengthOf(prefersStill()) / 1000);
    this.playWords.textContent = playing ? "Stop" : `Watch, ${seconds} s`;
    this.play.setAttribute("aria-label", this.playWords.textContent);
  }

  #listen() {
    for (const name of TOUCHES) document.addEventListener(name, this.onTouch, { capture: true, passive: true });
  }

  /** @param {DrivenStep} step */
  #drive(step) {
    /** @type {Channel<DrivenStep> | null} */
    const steps = this.data && openChannel(`${this.data.channel}/drive`);
    steps?.publish(step);
  }

  destroy() {
    this.#stop();
    this.unsubscribe();
  }
}

export default keepInstance((root) => new Intro(root));
