// Bytes of an image, channel after channel, as a canvas of the image's own size.

import { contextOf, make } from "./dom.js";

/** @param {{ pixels: string }} image */
export function bytesOf({ pixels }) {
  return Uint8Array.from(atob(pixels), (letter) => letter.charCodeAt(0));
}

/** @param {Uint8Array} bytes */
export function textOf(bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/** @param {Pixels} image */
export function imageOf({ pixels, rows, columns, channels }) {
  const bytes = atob(pixels);
  const canvas = make("canvas", { width: columns, height: rows });
  const context = contextOf(canvas);
  const image = context.createImageData(columns, rows);
  const area = rows * columns;
  for (let pixel = 0; pixel < area; pixel += 1) {
    const of = (/** @type {number} */ channel) => bytes.charCodeAt((channels === 3 ? channel : 0) * area + pixel);
    image.data.set([of(0), of(1), of(2), 255], 4 * pixel);
  }
  context.putImageData(image, 0, 0);
  return canvas;
}
