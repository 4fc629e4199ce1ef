// A picture as a network's images are: what `read_picture` of ncviz/tasks/forward/images.py does to it, in a browser.

import { resized } from "./resample.js";

const WHITE = 255;

/**
 * Shrunk until its shorter side fits, its middle cut out, and inverted where the images are white on black.
 * @param {RgbaImage} image
 * @param {PictureReading} reading
 * @returns {{ pixels: Uint8Array, note: string } | null} channel after channel; null where it is so long and narrow that
 *   it would grow beyond what is read
 */
export function preparedPicture(image, { rows, columns, channels, most_pixels: most, inverted }) {
  const { tall, wide } = coveringSize(image, rows, columns);
  if (tall * wide > most) return null;
  const planes = planesOf(image, channels).map((plane) => middleOf(resized(plane, tall, wide), rows, columns));
  const pixels = new Uint8Array(channels * rows * columns);
  planes.forEach((values, channel) => pixels.set(values, channel * rows * columns));
  const isDarkInk = inverted !== "" && edgeMean(planes, rows, columns) > WHITE / 2;
  return isDarkInk ? { pixels: pixels.map((value) => WHITE - value), note: inverted } : { pixels, note: "" };
}

/**
 * The size at which a picture covers an image, its longer side rounded down.
 * @param {{ width: number, height: number }} picture
 * @param {number} rows
 * @param {number} columns
 */
function coveringSize({ width, height }, rows, columns) {
  const short = Math.max(
    height <= width ? rows : Math.ceil((rows * width) / height),
    width <= height ? columns : Math.ceil((columns * height) / width),
  );
  return width <= height
    ? { tall: Math.trunc((short * height) / width), wide: short }
    : { tall: short, wide: Math.trunc((short * width) / height) };
}

/**
 * Grey or the three colours, on a ground where the picture has transparent parts.
 * @param {RgbaImage} image
 * @param {number} channels
 * @returns {Plane[]}
 */
function planesOf({ width, height, data }, channels) {
  const ground = groundOf(data);
  const area = width * height;
  const planes = Array.from({ length: channels }, () => ({ rows: height, columns: width, values: new Uint8Array(area) }));
  const colour = [0, 0, 0];
  for (let pixel = 0; pixel < area; pixel += 1) {
    const alpha = data[4 * pixel + 3] / WHITE;
    for (let at = 0; at < 3; at += 1) colour[at] = alpha === 1 ? data[4 * pixel + at] : Math.round(data[4 * pixel + at] * alpha + ground * (1 - alpha));
    if (channels === 1) planes[0].values[pixel] = greyOf(colour[0], colour[1], colour[2]);
    else planes.forEach(({ values }, at) => (values[pixel] = colour[at]));
  }
  return planes;
}

/**
 * White, or black where what is seen of a picture is light.
 * @param {ArrayLike<number>} data
 */
function groundOf(data) {
  let [ink, seen] = [0, 0];
  for (let at = 0; at < data.length; at += 4) {
    ink += data[at + 3] * greyOf(data[at], data[at + 1], data[at + 2]);
    seen += data[at + 3];
  }
  return ink > (WHITE / 2) * Math.max(seen, 1) ? 0 : WHITE;
}

/**
 * ITU-R 601-2, in whole numbers as Pillow has it.
 * @param {number} red
 * @param {number} green
 * @param {number} blue
 */
function greyOf(red, green, blue) {
  return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
}

/**
 * @param {Plane} plane
 * @param {number} rows
 * @param {number} columns
 */
function middleOf(plane, rows, columns) {
  const [top, left] = [toEven((plane.rows - rows) / 2), toEven((plane.columns - columns) / 2)];
  const at = (/** @type {number} */ pixel) => (top + Math.floor(pixel / columns)) * plane.columns + left + (pixel % columns);
  return Uint8Array.from({ length: rows * columns }, (_, pixel) => plane.values[at(pixel)]);
}

/**
 * Rounded as Python does: a half to the even neighbour.
 * @param {number} value
 */
function toEven(value) {
  const down = Math.floor(value);
  return value - down === 0.5 ? down + (down % 2) : Math.round(value);
}

/**
 * The mean over all pixels at an edge; corners count twice.
 * @param {Uint8Array[]} planes
 * @param {number} rows
 * @param {number} columns
 */
function edgeMean(planes, rows, columns) {
  let sum = 0;
  for (const values of planes) {
    for (let column = 0; column < columns; column += 1) sum += values[column] + values[(rows - 1) * columns + column];
    for (let row = 0; row < rows; row += 1) sum += values[row * columns] + values[(row + 1) * columns - 1];
  }
  return sum / (planes.length * 2 * (rows + columns));
}
