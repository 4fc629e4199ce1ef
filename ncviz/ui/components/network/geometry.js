// From shares of a box to pixels of this canvas: margins, the layout of nearest shape, zoom and pan.

import { isShown, shortestForm } from "./data.js";

const NARROW = 600;
const NARROWEST = 400;
const MIN_ZOOM = 0.6;
const MAX_ZOOM = 40;
export const CROWDED = 84; // pixels from layer to layer below which names lean, if they are long
const FEWEST = 13; // units of a row stand no further apart than if there were so many
const BARS = 84; // room for the classes' bars beside their names, and below them
const STANDING = 26;
const NOWHERE = -1e6;
const LEANING = 104; // and the room above that they take

/**
 * Whether layers are rows; beside another, a network runs the way it does alone as long as there is room.
 * @param {Network} network
 * @param {number} width
 */
export function isUpright({ is_bare: isBare }, width) {
  return width < (isBare ? NARROWEST : NARROW);
}

/**
 * Pixel coordinates of all units on a canvas of this size, before zooming.
 * @param {Network} network
 * @param {number} width
 * @param {number} height
 * @param {(text: string) => number} measure
 * @returns {Geometry}
 */
export function placeUnits(network, width, height, measure) {
  const { roomy, grid } = network;
  const isPortrait = isUpright(network, width);
  const classes = isShown(network, network.layers.length - 1) ? network.classes : [];
  const hasBars = network.flows !== null && classes.length > 0;
  const names = classes.map((name) => measure(name));
  const widest = Math.min(Math.max(0, ...names), isPortrait ? 64 : Math.min(140, width * 0.2));
  const margin = isPortrait
    ? { left: 14, right: 14, top: 34, bottom: 66 + 24 }
    : { left: 20, right: Math.max(32, widest + 22) + (hasBars ? BARS : 0), top: 58, bottom: 62 };
  const between = network.closeup.shown.filter((count) => count > 0).length - 1;
  const natural = (width - margin.left - margin.right) / Math.max(between, 1);
  const isLong = between >= roomy.layers && (isPortrait || natural < CROWDED);
  const pitch = isLong && !isPortrait ? roomy.landscape : natural;
  // Where layers stand close, their names lean and need more room above.
  const isCrowded = !isPortrait && pitch < CROWDED && network.layers.some(({ name }) => isWide(name, pitch, measure));
  if (isCrowded) margin.top = LEANING;
  let barAt = widest + 6;
  const room = { width: width - margin.left - margin.right, height: height - margin.top - margin.bottom };
  if (isPortrait && names.length > 0) {
    // Class names stand upright under the last row where they are too wide to lie side by side.
    const beside = room.width / Math.max(names.length, FEWEST);
    const areUpright = widest > beside - 4;
    barAt = areUpright ? Math.min(widest, 64) + 10 : 20;
    margin.bottom = 66 + (areUpright ? Math.min(widest, 64) + 10 : 22) + (hasBars ? STANDING : 0);
    room.height = height - margin.top - margin.bottom;
  }
  const frame = { ...room };
  if (isLong && isPortrait) room.height = Math.max(room.height, roomy.portrait * between);
  else if (isLong) room.width = pitch * between;
  const box = nearest(network.layouts, isPortrait, room.width / Math.max(room.height, 1));
  const units = network.layerOf.length;
  const x = new Float32Array(units);
  const y = new Float32Array(units);
  for (let unit = 0; unit < units; unit += 1) {
    const isHidden = network.rest?.[unit] === 2;
    x[unit] = isHidden ? NOWHERE : margin.left + (box.shareX[unit] / grid) * room.width;
    y[unit] = isHidden ? NOWHERE : margin.top + (box.shareY[unit] / grid) * room.height;
  }
  const scale = Math.min(room.width / box.width, room.height / box.height);
  return {
    width,
    height,
    margin,
    room,
    isPortrait,
    frame,
    isLong,
    isCrowded,
    pitch,
    x,
    y,
    widest,
    barAt,
    radius: box.radius.map((radius, layer) =>
      network.layers[layer].grouped
        ? radius * scale
        : Math.max(0.6, Math.min(isPortrait ? 4.5 : 7, radius * scale)),
    ),
    grouped: network.layers.map((layer) => layer.grouped),
    labels: box.labels.map(([a, b]) => [margin.left + a * room.width, margin.top + b * room.height]),
    middles: middlesOf(network, isPortrait ? y : x),
  };
}

/**
 * Where each layer's middle is along the picture.
 * @param {Network} network
 * @param {Float32Array} along
 */
function middlesOf({ layers, offsets }, along) {
  return layers.map((_, layer) => {
    const own = along.subarray(offsets[layer], offsets[layer + 1]);
    const [first, last] = [own[0], own[own.length - 1]];
    return (Math.min(first, last) + Math.max(first, last)) / 2;
  });
}

/**
 * Whether a module's name does not fit beside its neighbours; those of a plain stack have numbers, which do.
 * @param {string} name
 * @param {any} pitch
 * @param {(text: string) => number} measure
 */
function isWide(name, pitch, measure) {
  return !/^(input|classes)$/.test(name) && measure(shortestForm(name)) > 0.8 * pitch - 8;
}

/**
 * @param {LayoutBox[]} layouts
 * @param {boolean} isPortrait
 * @param {number} aspect
 * @returns {LayoutBox}
 */
function nearest(layouts, isPortrait, aspect) {
  let best = layouts[0];
  let distance = Infinity;
  for (const box of layouts) {
    const away = Math.abs(Math.log(box.width / box.height / aspect));
    if (box.portrait === isPortrait && away < distance) {
      best = box;
      distance = away;
    }
  }
  return best;
}

/**
 * Half the size of a layer's nodes on the screen: tiles are pictures and grow with the zoom, dots less.
 * @param {Geometry} geometry
 * @param {number} layer
 * @param {View} view
 */
export function radiusOf(geometry, layer, view) {
  return geometry.radius[layer] * (geometry.grouped[layer] ? view.k : dotZoom(view.k));
}

/** @param {number} k */
function dotZoom(k) {
  return k ** 0.6;
}

/** @type {View} */
export const IDENTITY = Object.freeze({ k: 1, x: 0, y: 0 });

/**
 * Zoom by `factor` about a point that stays where it is.
 * @param {View} view
 * @param {number} factor
 * @param {number} px
 * @param {number} py
 * @param {number} least
 * @returns {View}
 */
export function zoomAt(view, factor, px, py, least = MIN_ZOOM) {
  const k = Math.max(least, Math.min(MAX_ZOOM, view.k * factor));
  const ratio = k / view.k;
  return { k, x: px - (px - view.x) * ratio, y: py - (py - view.y) * ratio };
}

/**
 * How far one may zoom out: a picture that is longer than its frame, until all of it is seen.
 * @param {Geometry} geometry
 */
export function leastZoom({ frame, room }) {
  return Math.min(MIN_ZOOM, frame.width / room.width, frame.height / room.height);
}

/**
 * Keep at least a part of the picture on the canvas; one that is longer than its frame leaves none of that empty.
 * @param {View} view
 * @param {Geometry} geometry
 * @returns {View}
 */
export function clampView(view, { width, height, room, frame, isPortrait, isLong }) {
  const keep = 60;
  const size = [width, height];
  const [x, y] = [view.x, view.y].map((offset, axis) => {
    const isAlong = isLong && axis === (isPortrait ? 1 : 0);
    const length = size[axis] + (axis ? room.height - frame.height : room.width - frame.width);
    if (isAlong && length * view.k >= size[axis]) return Math.min(0, Math.max(size[axis] - length * view.k, offset));
    return Math.min(size[axis] - keep, Math.max(keep - length * view.k, offset));
  });
  return { k: view.k, x, y };
}

/**
 * The view with a layer in the middle of the frame.
 * @param {Geometry} geometry
 * @param {View} view
 * @param {number} layer
 * @returns {View}
 */
export function viewAt(geometry, view, layer) {
  const { margin, frame, middles, isPortrait } = geometry;
  const at = middles[layer] * view.k;
  return isPortrait
    ? { ...view, y: margin.top + frame.height / 2 - at }
    : { ...view, x: margin.left + frame.width / 2 - at };
}

/**
 * The view that shows these units as large as fits, but at least `least` times as large as at first.
 * @param {Geometry} geometry
 * @param {number[]} units
 * @returns {View}
 */
export function viewOf(geometry, units, least = 1) {
  if (units.length === 0) return IDENTITY;
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const unit of units) {
    left = Math.min(left, geometry.x[unit]);
    right = Math.max(right, geometry.x[unit]);
    top = Math.min(top, geometry.y[unit]);
    bottom = Math.max(bottom, geometry.y[unit]);
  }
  const { margin, frame } = geometry;
  const fitX = (frame.width - 40) / Math.max(right - left, 12);
  const fitY = (frame.height - 20) / Math.max(bottom - top, 12);
  const k = Math.max(least, Math.min(12, fitX, fitY));
  return {
    k,
    x: margin.left + frame.width / 2 - ((left + right) / 2) * k,
    y: margin.top + frame.height / 2 - ((top + bottom) / 2) * k,
  };
}
