// A picture out of a file, read by the browser alone; what cannot be read is said in one sentence.

import { contextOf, make } from "../shared/dom.js";
import { count } from "../shared/format.js";
import { textOf } from "../shared/pixels.js";
import { preparedPicture } from "./prepare.js";

const LONGEST_NAME = 40;

/**
 * A picture as the network's images are, and what was done to it besides.
 * @param {File} file
 * @param {PictureReading} reading
 * @returns {Promise<{ image: Pixels | null, words: string }>} no image, and why, where it cannot be read
 */
export async function readPicture(file, reading) {
  const name = file.name.length > LONGEST_NAME ? `${file.name.slice(0, LONGEST_NAME - 1)}…` : file.name;
  const refused = (/** @type {string} */ why) => ({ image: null, words: `The picture ${name} ${why}.` });
  const bitmap = await decoded(file);
  if (!bitmap) return refused("cannot be read; it is damaged, or none that this browser knows");
  const { width, height } = bitmap;
  const { rows, columns, channels, most_pixels: most } = reading;
  if (width * height > most) {
    bitmap.close();
    return refused(`has ${count(width)} × ${count(height)} pixels, at most ${count(most)} are read; make it smaller`);
  }
  const image = pixelsOf(bitmap);
  if (!image) return refused("cannot be read: this browser gives no pixels of it");
  if (isBlank(image.data)) return refused("shows nothing: it is all transparent, or larger than this browser can read");
  const prepared = preparedPicture(image, reading);
  if (!prepared) return refused(`is too long and narrow, with ${count(width)} × ${count(height)} pixels; cut a part out of it`);
  return { image: { rows, columns, channels, pixels: textOf(prepared.pixels) }, words: prepared.note };
}

/**
 * Whether no pixel is seen, as where a canvas is larger than a phone's browser has room for: it says so in no other way.
 * @param {ArrayLike<number>} data RGBA
 */
export function isBlank(data) {
  for (let at = 3; at < data.length; at += 4) if (data[at] > 0) return false;
  return true;
}

/**
 * @param {File} file
 * @returns {Promise<ImageBitmap | null>}
 */
async function decoded(file) {
  try {
    // Upright, by the camera's mark; its colours as they stand in the file.
    return await createImageBitmap(file, { imageOrientation: "from-image", colorSpaceConversion: "none" });
  } catch {
    return null;
  }
}

/**
 * @param {ImageBitmap} bitmap given up
 * @returns {RgbaImage | null} null where the browser has no room for it
 */
function pixelsOf(bitmap) {
  const { width, height } = bitmap;
  try {
    const context = contextOf(make("canvas", { width, height }), { willReadFrequently: true });
    context.drawImage(bitmap, 0, 0);
    return { width, height, data: context.getImageData(0, 0, width, height).data };
  } catch {
    return null;
  } finally {
    bitmap.close();
  }
}
