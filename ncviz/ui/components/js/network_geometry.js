// From shares of a box to pixels of this canvas: margins, the layout of nearest shape, zoom and pan.

import { share } from "./network_data.js";

export const NARROW = 600;
const MIN_ZOOM = 0.6;
const MAX_ZOOM = 40;

/** Pixel coordinates of all units on a canvas of this size, before zooming. */
export function placeUnits(network, width, height, measure) {
  const isPortrait = width < NARROW;
  const names = network.classes.map((name) => measure(name));
  const widest = Math.min(Math.max(0, ...names), isPortrait ? 64 : Math.min(140, width * 0.2));
  const margin = isPortrait
    ? { left: 14, right: 14, top: 34, bottom: 66 + 24 }
    : { left: 20, right: Math.max(32, widest + 22), top: 58, bottom: 62 };
  const room = { width: width - margin.left - margin.right, height: height - margin.top - margin.bottom };
  if (isPortrait && names.length > 0) {
    // Class names stand upright under the last row where they are too wide to lie side by side.
    const pitch = room.width / Math.max(names.length, 1);
    const areUpright = widest > pitch - 4;
    margin.bottom = 66 + (areUpright ? Math.min(widest, 64) + 10 : 22);
    room.height = height - margin.top - margin.bottom;
  }
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
  };
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
export function zoomAt(view, factor, px, py) {
  const k = Math.max(MIN_ZOOM, Math.min(MAX_ZOOM, view.k * factor));
  const ratio = k / view.k;
  return { k, x: px - (px - view.x) * ratio, y: py - (py - view.y) * ratio };
}

/** Keep at least a part of the picture on the canvas. */
export function clampView(view, width, height) {
  const keep = 60;
  return {
    k: view.k,
    x: Math.min(width - keep, Math.max(keep - width * view.k, view.x)),
    y: Math.min(height - keep, Math.max(keep - height * view.k, view.y)),
  };
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
  const { margin, room } = geometry;
  const fitX = (room.width - 40) / Math.max(right - left, 12);
  const fitY = (room.height - 20) / Math.max(bottom - top, 12);
  const k = Math.max(least, Math.min(12, fitX, fitY));
  return {
    k,
    x: margin.left + room.width / 2 - ((left + right) / 2) * k,
    y: margin.top + room.height / 2 - ((top + bottom) / 2) * k,
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
  return edge >= 0 ? { kind: "edge", edge } : null;
}

function pickEdge(network, geometry, view, visible, px, py, reach) {
  let found = -1;
  let best = reach * reach;
  for (let e = 0; e < network.edges; e += 1) {
    if (!visible[e]) continue;
    const [ax, ay, bx, by] = endsOf(network, geometry, view, e);
    const dx = bx - ax;
    const dy = by - ay;
    const along = ((px - ax) * dx + (py - ay) * dy) / Math.max(dx * dx + dy * dy, 1e-9);
    if (along < 0 || along > 1) continue;
    const away = (ax + along * dx - px) ** 2 + (ay + along * dy - py) ** 2;
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
export function endsOf(network, geometry, view, edge) {
  return endsBetween(network, geometry, view, network.source[edge], network.target[edge]);
}

export function endsBetween(network, geometry, view, s, t) {
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

/** The layer whose name is at a point of the canvas, or -1. */
export function pickLayerName(network, geometry, view, px, py) {
  if (!geometry.isPortrait && py > 46) return -1;
  for (let layer = 0; layer < network.layers.length; layer += 1) {
    const [x, y] = [geometry.labels[layer][0] * view.k + view.x, geometry.labels[layer][1] * view.k + view.y];
    if (geometry.isPortrait ? px < 150 && Math.abs(py - (y - 12)) < 9 : Math.abs(px - x) < 42) return layer;
  }
  return -1;
}

export function dotZoom(k) {
  return k ** 0.6;
}
