// The stage: keys of a speaker and of a clicker, the bar with the step and its note, full screen, and how large it all is.

import { takesText } from "../live/keys.js";
import { part } from "../shared/dom.js";
import { keepInstance } from "../shared/instances.js";
import { keepsLetters, stepOf, zoomFor } from "./speaker.js";

class Presenter {
  /** @type {PresenterData | null} */
  data = null;
  /** The step that was asked for last: quick presses come before the page has followed. */
  at = 0;
  hidesNote = false;
  setTriggerValue = (/** @type {string} */ _name, /** @type {unknown} */ _value) => {};

  /** @param {ShadowRoot} root */
  constructor(root) {
    this.root = root;
    const press = (/** @type {string} */ name, /** @type {() => void} */ act) => {
      part(root, "button", name).onclick = act;
    };
    press("back", () => this.#go(-1));
    press("on", () => this.#go(1));
    press("notes", () => this.#toggleNote());
    press("code", () => this.#toggleCode());
    press("full", () => this.#present());
    press("leave", () => this.setTriggerValue("leave", true));
    this.onKey = (/** @type {KeyboardEvent} */ event) => this.#key(event);
    this.onResize = () => this.#zoom();
    // Before the slider and the picture, which have a use of their own for a clicker's keys.
    document.addEventListener("keydown", this.onKey, true);
    window.addEventListener("resize", this.onResize);
  }

  /** @param {StreamlitComponent<PresenterData>} given */
  update({ data, setTriggerValue }) {
    this.setTriggerValue = setTriggerValue;
    this.data = data;
    this.at = data.at;
    const { root } = this;
    const bar = part(root, "div", "bar");
    bar.hidden = !data.presents && data.count === 0;
    bar.classList.toggle("is-bare", data.count === 0);
    part(root, "div", "way").hidden = data.count === 0;
    part(root, "output", "place").textContent = `${data.at + 1} / ${data.count}`;
    part(root, "button", "back").disabled = data.at <= 0;
    part(root, "button", "on").disabled = data.at >= data.count - 1;
    part(root, "button", "notes").hidden = !data.note;
    part(root, "button", "leave").hidden = data.count === 0;
    part(root, "button", "full").textContent = data.presents ? "Back to the page" : "Present";
    part(root, "div", "squares").innerHTML = data.code;
    part(root, "figcaption", "link").textContent = data.link;
    this.#showNote();
    this.#zoom();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const target = event.composedPath()[0];
    if (!this.data || takesText(target) || event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const isFree = target === document.body || target === document.documentElement;
    const by = this.data.count > 0 ? stepOf(key, isFree) : 0;
    if (by) this.#go(by);
    else if (keepsLetters(target)) return;
    else if (key === "p") this.#present();
    else if (key === "n" && this.data.presents && this.data.note) this.#toggleNote();
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  /** @param {number} by */
  #go(by) {
    if (!this.data) return;
    const at = Math.min(this.data.count - 1, Math.max(0, this.at + by));
    if (at === this.at) return;
    this.at = at;
    this.setTriggerValue("go", at);
  }

  #present() {
    const presents = !this.data?.presents;
    // Where a browser refuses, the page fills its window.
    if (presents) document.documentElement.requestFullscreen?.().catch(() => {});
    else if (document.fullscreenElement) document.exitFullscreen().catch(() => {});
    this.setTriggerValue("present", presents);
  }

  #toggleNote() {
    this.hidesNote = !this.hidesNote;
    this.#showNote();
  }

  #showNote() {
    part(this.root, "p", "note").textContent = this.hidesNote ? "" : (this.data?.note ?? "");
    part(this.root, "button", "notes").setAttribute("aria-pressed", String(!this.hidesNote));
  }

  #toggleCode() {
    const picture = part(this.root, "figure", "picture");
    picture.hidden = !picture.hidden;
    part(this.root, "button", "code").setAttribute("aria-expanded", String(!picture.hidden));
  }

  #zoom() {
    const zoom = this.data?.presents ? zoomFor(window.innerWidth, window.innerHeight) : 1;
    document.documentElement.style.setProperty("--ncviz-zoom", String(zoom));
  }

  destroy() {
    document.removeEventListener("keydown", this.onKey, true);
    window.removeEventListener("resize", this.onResize);
  }
}

export default keepInstance((root) => new Presenter(root));
