// From shares of a box to pixels of this canvas: margins, the layout of nearest shape, zoom and pan.

import { share, shortestForm } from "./data.js";

export const NARROW = 600;
const MIN_ZOOM = 0.6;
const MAX_ZOOM = 40;
export const CROWDED = 84; // pixels from layer to layer below which names lean, if they are long
const MANY = 16; // layers; of more, the picture is longer than its frame where they would stand too close
export const LAYER_ROOM = { wide: 92, narrow: 46 }; // pixels from layer to layer there
const FEWEST = 13; // units of a row stand no further apart than if there were so many
const LEANING = 104; // and the room above that they take

/** Pixel coordinates of all units on a canvas of this size, before zooming. */
export function placeUnits(network, width, height, measure) {
  const isPortrait = width < NARROW;
  const names = network.classes.map((name) => measure(name));
  const widest = Math.min(Math.max(0, ...names), isPortrait ? 64 : Math.min(140, width * 0.2));
  const margin = isPortrait
    ? { left: 14, right: 14, top: 34, bottom: 66 + 24 }
    : { left: 20, right: Math.max(32, widest + 22), top: 58, bottom: 62 };
  const between = network.layers.length - 1;
  const natural = (width - margin.left - margin.right) / Math.max(between, 1);
  const isLong = between >= MANY && (isPortrait || natural < CROWDED);
  const pitch = isLong && !isPortrait ? LAYER_ROOM.wide : natural;
  // Where layers stand close, their names lean and need more room above.
  const isCrowded = !isPortrait && pitch < CROWDED && network.layers.some(({ name }) => isWide(name, pitch, measure));
  if (isCrowded) margin.top = LEANING;
  const room = { width: width - margin.left - margin.right, height: height - margin.top - margin.bottom };
  if (isPortrait && names.length > 0) {
    // Class names stand upright under the last row where they are too wide to lie side by side.
    const beside = room.width / Math.max(names.length, FEWEST);
    const areUpright = widest > beside - 4;
    margin.bottom = 66 + (areUpright ? Math.min(widest, 64) + 10 : 22);
    room.height = height - margin.top - margin.bottom;
  }
  const frame = { ...room };
  if (isLong && isPortrait) room.height = Math.max(room.height, LAYER_ROOM.narrow * between);
  else if (isLong) room.width = pitch * between;
  const box = nearest(network.layouts, isPortrait, room.width / Math.max(room.height, 1));
  const units = network.layerOf.length;
  const x = new Float32Array(units);
  const y = new Float32Array(units);
  for (let unit = 0; unit < units; unit += 1) {
    x[unit] = margin.left + share(box.shareX, unit) * room.width;
    y[unit] = margin.top + share(box.shareY, unit) * room.height;
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

/** Where each layer's middle is along the picture. */
function middlesOf({ layers, offsets }, along) {
  return layers.map((_, layer) => {
    const own = along.subarray(offsets[layer], offsets[layer + 1]);
    return (Math.min(own[0], own.at(-1)) + Math.max(own[0], own.at(-1))) / 2;
  });
}

/** Whether a module's name does not fit beside its neighbours; a chain's layers have numbers, which do. */
function isWide(name, pitch, measure) {
  return !/^(input|hidden \d+|classes)$/.test(name) && measure(shortestForm(name)) > 0.8 * pitch - 8;
}

function nearest(layouts, isPortrait, aspect) {
  let best = null;
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

export const IDENTITY = Object.freeze({ k: 1, x: 0, y: 0 });

/** Zoom by `factor` about a point that stays where it is. */
export function zoomAt(view, factor, px, py, least = MIN_ZOOM) {
  const k = Math.max(least, Math.min(MAX_ZOOM, view.k * factor));
  const ratio = k / view.k;
  return { k, x: px - (px - view.x) * ratio, y: py - (py - view.y) * ratio };
}

/** How far one may zoom out: a picture that is longer than its frame, until all of it is seen. */
export function leastZoom({ frame, room }) {
  return Math.min(MIN_ZOOM, frame.width / room.width, frame.height / room.height);
}

/** Keep at least a part of the picture on the canvas; one that is longer than its frame leaves none of that empty. */
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

/** The view with a layer in the middle of the frame. */
export function viewAt(geometry, view, layer) {
  const { margin, frame, middles, isPortrait } = geometry;
  const at = middles[layer] * view.k;
  return isPortrait
    ? { ...view, y: margin.top + frame.height / 2 - at }
    : { ...view, x: margin.left + frame.width / 2 - at };
}

/** The view that shows these units as large as fits, but at least `least` times as large as at first. */
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

/** The unit or edge under a point of the canvas, or null. Units win, for they are the smaller targets. */
export function pick(network, geometry, view, visible, px, py, reach) {
  const x = (px - view.x) / view.k;
  const y = (py - view.y) / view.k;
  let unit = -1;
  let best = Infinity;
  for (let u = 0; u < geometry.x.length; u += 1) {
    const layer = network.layerOf[u];
    const [dx, dy] = [geometry.x[u] - x, geometry.y[u] - y];
    const away = (geometry.grouped[layer] ? Math.max(Math.abs(dx), Math.abs(dy)) : Math.hypot(dx, dy)) * view.k;
    const size = radiusOf(geometry, layer, view) + reach * (geometry.grouped[layer] ? 0.1 : 0.6);
    if (away < size && away < best) {
      best = away;
      unit = u;
    }
  }
  if (unit >= 0) return { kind: "unit", unit };
  const edge = pickEdge(network, geometry, view, visible, px, py, reach);
  if (edge >= 0) return { kind: "edge", edge };
  const link = pickLink(network, geometry, view, px, py, reach);
  return link >= 0 ? { kind: "link", link } : null;
}

function pickLink(network, geometry, view, px, py, reach) {
  let found = -1;
  let best = reach * reach;
  for (let e = 0; e < network.linkSource.length; e += 1) {
    const course = courseOf(network, geometry, view, network.linkSource[e], network.linkTarget[e], "link");
    const away = distanceTo(course, px, py);
    if (away < best) {
      best = away;
      found = e;
    }
  }
  return found;
}

function pickEdge(network, geometry, view, visible, px, py, reach) {
  let found = -1;
  let best = reach * reach;
  for (let e = 0; e < network.edges; e += 1) {
    if (!visible[e]) continue;
    const away = distanceTo(courseOfEdge(network, geometry, view, e), px, py);
    // `<=` lets the later edge win: it is drawn on top.
    if (away <= best) {
      best = away;
      found = e;
    }
  }
  return found;
}

/** Half the size of a layer's nodes on the screen: tiles are pictures and grow with the zoom, dots less. */
export function radiusOf(geometry, layer, view) {
  return geometry.radius[layer] * (geometry.grouped[layer] ? view.k : dotZoom(view.k));
}

/** The two ends of a line on the screen; at a tile it starts at the side that faces the other layer. */
function endsBetween(network, geometry, view, s, t) {
  const ends = [
    geometry.x[s] * view.k + view.x,
    geometry.y[s] * view.k + view.y,
    geometry.x[t] * view.k + view.x,
    geometry.y[t] * view.k + view.y,
  ];
  const axis = geometry.isPortrait ? 1 : 0;
  const [from, to] = [network.layerOf[s], network.layerOf[t]];
  if (geometry.grouped[from]) ends[axis] += radiusOf(geometry, from, view);
  if (geometry.grouped[to]) ends[axis + 2] -= radiusOf(geometry, to, view);
  return ends;
}

const BOWS = { edge: 0.14, link: 0.36 }; // how far a line that passes layers swings out, as a share of its length
const SWING = { edge: 24, link: 44 };

/**
 * A line as points: its two ends, with a third between them where it passes other layers. It swings away from the
 * middle of the picture, so that it is seen to go around them.
 */
export function courseOf(network, geometry, view, s, t, kind = "edge") {
  const [ax, ay, bx, by] = endsBetween(network, geometry, view, s, t);
  if (network.layerOf[t] - network.layerOf[s] < 2) return [ax, ay, bx, by];
  const { isPortrait, margin, room } = geometry;
  const length = isPortrait ? Math.abs(by - ay) : Math.abs(bx - ax);
  // No further than the names above the outermost nodes are.
  const swing = Math.min(BOWS[kind] * length, SWING[kind] * view.k);
  const [cx, cy] = [(ax + bx) / 2, (ay + by) / 2];
  const middle = isPortrait
    ? (margin.left + room.width / 2) * view.k + view.x
    : (margin.top + room.height / 2) * view.k + view.y;
  const side = (isPortrait ? cx : cy) < middle ? -swing : swing;
  return isPortrait ? [ax, ay, bx, by, cx + side, cy] : [ax, ay, bx, by, cx, cy + side];
}

const LANE = 4.5; // pixels from lane to lane, at first

/** The course of one of the lines: beside those of other connections between the same two layers, not on them. */
export function courseOfEdge(network, geometry, view, edge) {
  const course = courseOf(network, geometry, view, network.source[edge], network.target[edge]);
  const lane = network.lanes[network.connection[edge]];
  if (lane === 0) return course;
  const across = geometry.isPortrait ? 0 : 1;
  return course.map((value, at) => (at % 2 === across ? value + lane * LANE * Math.sqrt(view.k) : value));
}

/** Trace a line's course. */
export function follow(context, [ax, ay, bx, by, cx, cy]) {
  context.moveTo(ax, ay);
  if (cx === undefined) context.lineTo(bx, by);
  else context.quadraticCurveTo(cx, cy, bx, by);
}

const PIECES = 12;

/** Squared distance of a point to a line's course; infinite beyond its ends. */
function distanceTo([ax, ay, bx, by, cx, cy], px, py) {
  if (cx === undefined) return toSegment(ax, ay, bx, by, px, py);
  let least = Infinity;
  let [x, y] = [ax, ay];
  for (let piece = 1; piece <= PIECES; piece += 1) {
    const s = piece / PIECES;
    const nextX = (1 - s) ** 2 * ax + 2 * s * (1 - s) * cx + s * s * bx;
    const nextY = (1 - s) ** 2 * ay + 2 * s * (1 - s) * cy + s * s * by;
    least = Math.min(least, toSegment(x, y, nextX, nextY, px, py));
    [x, y] = [nextX, nextY];
  }
  return least;
}

function toSegment(ax, ay, bx, by, px, py) {
  const dx = bx - ax;
  const dy = by - ay;
  const along = ((px - ax) * dx + (py - ay) * dy) / Math.max(dx * dx + dy * dy, 1e-9);
  return along < 0 || along > 1 ? Infinity : (ax + along * dx - px) ** 2 + (ay + along * dy - py) ** 2;
}

/** The layer whose name is at a point of the canvas, or -1. */
export function pickLayerName(network, geometry, view, px, py) {
  if (!geometry.isPortrait && py > geometry.margin.top - 12) return -1;
  for (let layer = 0; layer < network.layers.length; layer += 1) {
    const [x, y] = [geometry.labels[layer][0] * view.k + view.x, geometry.labels[layer][1] * view.k + view.y];
    if (geometry.isPortrait ? px < 150 && Math.abs(py - (y - 12)) < 9 : Math.abs(px - x) < Math.min(42, (geometry.pitch * view.k) / 2)) return layer;
  }
  return -1;
}

export function dotZoom(k) {
  return k ** 0.6;
}
