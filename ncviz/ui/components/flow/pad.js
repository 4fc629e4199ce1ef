// A sheet to draw on with mouse, pen or finger; every stroke is an image for the network at once.

import { contextOf, focusedBeside, part } from "../shared/dom.js";
import { bytesOf, textOf } from "../shared/pixels.js";
import { digitOf } from "./digit.js";

const SHEET = 168; // of the sheet, in its own pixels
const STROKE = 14;

export class Pad {
  /** @type {Drawing | null} */
  drawing = null;
  isDown = false;
  /** What had the focus before. @type {HTMLElement | SVGElement | null} */
  opener = null;

  /**
   * `onChange(image, isDone)` is told of the image after each stroke's step, and once it has ended.
   * @param {HTMLElement} root
   * @param {(image: Pixels, isDone: boolean) => void} onChange
   */
  constructor(root, onChange) {
    this.root = root;
    this.onChange = onChange;
    this.sheet = part(root, "canvas", "sheet");
    Object.assign(this.sheet, { width: SHEET, height: SHEET });
    this.small = part(root, "canvas", "small");
    this.context = contextOf(this.sheet, { willReadFrequently: true });
    this.#clear();
    this.sheet.addEventListener("pointerdown", (event) => this.#begin(event));
    this.sheet.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) this.sheet.addEventListener(end, () => this.#end());
    part(root, "button", "wipe").onclick = () => {
      this.#clear();
      this.#tell(true);
    };
    part(root, "button", "done").onclick = () => this.close();
    root.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.close();
    });
  }

  /** @param {Drawing} drawing */
  open(drawing) {
    this.drawing = drawing;
    this.opener = focusedBeside(this.root);
    this.root.hidden = false;
    part(this.root, "button", "done").focus();
  }

  close() {
    this.root.hidden = true;
    this.opener?.focus();
  }

  #clear() {
    this.context.fillStyle = "#000000";
    this.context.fillRect(0, 0, SHEET, SHEET);
  }

  /** @param {PointerEvent} event */
  #begin(event) {
    event.preventDefault();
    this.sheet.setPointerCapture(event.pointerId);
    this.isDown = true;
    const { x, y } = this.#at(event);
    Object.assign(this.context, { strokeStyle: "#ffffff", lineWidth: STROKE, lineCap: "round", lineJoin: "round" });
    this.context.beginPath();
    this.context.moveTo(x, y);
    this.context.lineTo(x + 0.01, y);
    this.context.stroke();
    this.#tell(false);
  }

  /** @param {PointerEvent} event */
  #move(event) {
    if (!this.isDown) return;
    const { x, y } = this.#at(event);
    this.context.lineTo(x, y);
    this.context.stroke();
    this.context.beginPath();
    this.context.moveTo(x, y);
    this.#tell(false);
  }

  #end() {
    if (!this.isDown) return;
    this.isDown = false;
    this.#tell(true);
  }

  /** @param {PointerEvent} event */
  #at(event) {
    const box = this.sheet.getBoundingClientRect();
    return { x: ((event.clientX - box.left) / box.width) * SHEET, y: ((event.clientY - box.top) / box.height) * SHEET };
  }

  /** @param {boolean} isDone */
  #tell(isDone) {
    if (!this.drawing) return;
    const { data } = this.context.getImageData(0, 0, SHEET, SHEET);
    const ink = Uint8Array.from({ length: SHEET * SHEET }, (_, at) => data[4 * at]);
    const { rows, columns } = this.drawing;
    const image = { rows, columns, channels: 1, pixels: textOf(digitOf(ink, SHEET, this.drawing)) };
    this.#showSmall(image);
    this.onChange(image, isDone);
  }

  /** @param {Pixels} image */
  #showSmall(image) {
    const { rows, columns } = image;
    Object.assign(this.small, { width: columns, height: rows });
    const bytes = bytesOf(image);
    const pixels = new Uint8ClampedArray(4 * bytes.length);
    bytes.forEach((value, at) => pixels.set([value, value, value, 255], 4 * at));
    contextOf(this.small).putImageData(new ImageData(pixels, columns, rows), 0, 0);
  }
}
