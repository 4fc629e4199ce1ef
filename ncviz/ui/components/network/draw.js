// One picture of a network: edges, units, names, legend, caption. Draws on anything that speaks the canvas language,
// so that the SVG export is the same picture.

import { count, fit } from "../shared/format.js";
import { activityOf, formsOf, shortestForm, sizeOf } from "./data.js";
import { CROWDED, courseOf, courseOfEdge, follow, radiusOf } from "./geometry.js";
import { drawLinks, linkWords } from "./links.js";
import { LEFT_OUT, drawTiles } from "./tiles.js";

/** Draw a scene: network, geometry, view, theme, left (what is left of each line), focus (what stands out, or null). */
export function drawScene(context, scene) {
  context.save();
  clipToPlot(context, scene.geometry);
  drawSheets(context, scene);
  drawLinks(context, scene);
  strokeEdges(context, scene, scene.focus ? 0.1 : 1, null);
  if (scene.focus) strokeEdges(context, scene, 1, scene.focus.edges);
  if (scene.focus?.line) strokeLine(context, scene, scene.focus.line);
  drawUnits(context, scene);
  drawTiles(context, scene);
  drawClasses(context, scene);
  drawLayerNames(context, scene);
  context.restore();
  drawLegend(context, scene);
}

const ROOMY = 90; // pixels from layer to layer from which on lines have room to spread

/** Above the legend, so that a picture zoomed in does not run through it. */
function clipToPlot(context, geometry) {
  context.beginPath();
  context.rect(0, 0, geometry.width, geometry.height - (geometry.isPortrait ? 66 : 44));
  context.clip();
}

/** Many edges between two layers, or two that lie close, need thinner ink, or they clot; few can bear more. */
function inkPerConnection({ network, geometry, left: { visible } }) {
  const length = geometry.isPortrait ? geometry.room.height : geometry.room.width;
  const bearable = 600 * Math.min(1, length / Math.max(network.layers.length - 1, 1) / ROOMY);
  const edges = new Float64Array(network.connections.length);
  for (let e = 0; e < network.edges; e += 1) edges[network.connection[e]] += visible[e];
  return edges.map((n) => Math.max(0.25, Math.min(1.15, (bearable / Math.max(n, 1)) ** 0.55)));
}

/** Whether a line lies wholly before or behind what a picture longer than its frame shows. */
function isBeyond({ network, geometry, view }, edge) {
  if (!geometry.isLong) return false;
  const [along, offset, size] = geometry.isPortrait
    ? [geometry.y, view.y, geometry.height]
    : [geometry.x, view.x, geometry.width];
  return along[network.target[edge]] * view.k + offset < 0 || along[network.source[edge]] * view.k + offset > size;
}

function trace(context, network, geometry, view, edge) {
  follow(context, courseOfEdge(network, geometry, view, edge));
}

/**
 * Edges one by one, in the order given. A single line is a fast case for the browser, while a path of many crossing
 * lines has to be united first: strokes per colour were up to five times slower, and could not keep the order.
 */
function strokeEdges(context, scene, ink, only) {
  const { network, geometry, view, theme } = scene;
  const { visible, bin, lowest, negative } = scene.left;
  const { width, height } = geometry.frame;
  const ramp = network.ramps[theme.name];
  const middle = (network.bins - 1) / 2;
  const inks = inkPerConnection(scene);
  const grow = view.k ** 0.35 * Math.max(0.6, Math.min(1, Math.min(width, height) / 420));
  const faintest = theme.isDark ? 0.38 : 0.3;
  const total = only ? only.length : network.edges;
  // Between small tiles that stand close, lines as wide as elsewhere would close up to a surface.
  const room = network.layers.map((_, layer) => (geometry.grouped[layer] ? geometry.radius[layer] / 12 : Infinity));
  const slim = (e) =>
    Math.max(0.35, Math.min(1, room[network.layerOf[network.source[e]]], room[network.layerOf[network.target[e]]]));
  context.lineCap = "butt";
  for (let i = 0; i < total; i += 1) {
    const e = only ? only[i] : i;
    if (!visible[e] || isBeyond(scene, e)) continue;
    // The order is by strength, so `i` says where among its like an edge stands. Colour ends at the fixed limit; ink
    // goes on, and lets the strongest few stand out of a thousand that all have the last colour.
    const place = i / total;
    const density = only ? 1 : inks[network.connection[e]] ** (1 - place ** 6);
    const isNever = lowest[e] >= network.scale.never;
    const strength = isNever ? 0 : Math.abs(bin[e] - middle) / middle;
    const size = sizeOf(network, e);
    // A kernel slice is as wide as many of its parameters are bottlenecks.
    const weight =
      size > 1
        ? (0.2 + (0.8 * negative[e]) / size) * strength
        : only
          ? 0.35 + 0.65 * strength
          : strength * (0.35 + 0.65 * place ** 4);
    context.strokeStyle = ramp[bin[e]];
    context.globalAlpha = only ? 0.95 : Math.min(1, (faintest + 0.62 * weight ** 0.7) * density * ink);
    context.lineWidth = (0.55 + 2.4 * weight) * (only ? 1 : Math.max(0.7, density) * slim(e)) * grow;
    context.beginPath();
    trace(context, network, geometry, view, e);
    context.stroke();
  }
  context.globalAlpha = 1;
}

/** The selected line where it is not among those drawn. */
function strokeLine(context, { network, geometry, view, theme }, { source, target, bin }) {
  context.strokeStyle = network.ramps[theme.name][bin];
  context.lineWidth = 2.2;
  context.beginPath();
  follow(context, courseOf(network, geometry, view, source, target));
  context.stroke();
}

/** The sheet behind each image or feature map, so that its pixels are seen as one. */
function drawSheets(context, { network, geometry, view, theme }) {
  network.layers.forEach(({ shape, grouped }, layer) => {
    const [rows, columns] = [shape.at(-2) ?? 1, shape.at(-1)];
    if (grouped || shape.length < 2 || rows < 2 || columns < 2) return;
    const area = rows * columns;
    const pad = radiusOf(geometry, layer, view) + 1.5;
    context.beginPath();
    for (let first = network.offsets[layer]; first < network.offsets[layer + 1]; first += area) {
      const corners = [first, first + columns - 1, first + area - 1, first + area - columns];
      outline(context, geometry, view, corners, pad);
    }
    context.fillStyle = theme.line;
    context.globalAlpha = 0.35;
    context.fill();
    context.globalAlpha = 1;
    context.strokeStyle = theme.line;
    context.lineWidth = 1;
    context.stroke();
  });
}

/** A quadrilateral through four units, `pad` pixels larger on each side. */
function outline(context, geometry, view, corners, pad) {
  const points = corners.map((u) => [geometry.x[u] * view.k + view.x, geometry.y[u] * view.k + view.y]);
  const centre = [0, 1].map((axis) => points.reduce((sum, point) => sum + point[axis], 0) / 4);
  points.forEach((point, i) => {
    const [x, y] = point.map((value, axis) => value + Math.sign(value - centre[axis]) * pad);
    if (i === 0) context.moveTo(x, y);
    else context.lineTo(x, y);
  });
  context.closePath();
}

/** Units of a layer from which on their dots are paler: so many would lie over the edges like a curtain. */
const CURTAIN = 8000;

const LEVELS = 6; // shades of a dot

function drawUnits(context, { network, geometry, view, theme, focus }) {
  for (let layer = 0; layer + 1 < network.offsets.length; layer += 1) {
    if (geometry.grouped[layer]) continue;
    const radius = radiusOf(geometry, layer, view);
    const tiny = radius < 1.6;
    const pale = Math.min(1, CURTAIN / (network.offsets[layer + 1] - network.offsets[layer]));
    shadesOf(network, layer).forEach((nodes, level) => {
      if (nodes.length === 0) return;
      context.fillStyle = theme.shade(network.activity ? (level + 0.5) / LEVELS : 0.8);
      context.strokeStyle = tiny ? theme.paper : theme.dot;
      context.lineWidth = 1;
      context.globalAlpha = (level === LEVELS ? LEFT_OUT : 1) * (focus ? 0.35 * pale : tiny ? 0.7 * pale : 1);
      context.beginPath();
      for (const node of nodes) dot(context, geometry, view, node, radius);
      if (!tiny) context.stroke();
      context.fill();
    });
  }
  context.globalAlpha = 1;
  context.fillStyle = theme.dot;
  for (const unit of focus?.units ?? []) {
    const layer = network.layerOf[unit];
    if (geometry.grouped[layer]) continue;
    context.beginPath();
    dot(context, geometry, view, unit, Math.max(radiusOf(geometry, layer, view), 2));
    context.fill();
  }
  if (focus?.main !== undefined) ring(context, geometry, view, theme, focus.main, network);
}

/** A layer's nodes by how active they are, palest first, then those that took no part; found once. */
function shadesOf(network, layer) {
  const known = (network.shades ??= []);
  if (known[layer]) return known[layer];
  const shades = Array.from({ length: LEVELS + 1 }, () => []);
  for (let node = network.offsets[layer]; node < network.offsets[layer + 1]; node += 1) {
    const level = Math.min(LEVELS - 1, Math.floor((activityOf(network, node) ?? 0) * LEVELS));
    shades[network.leftOut?.[node] ? LEVELS : level].push(node);
  }
  known[layer] = shades;
  return shades;
}

function dot(context, geometry, view, unit, radius) {
  const x = geometry.x[unit] * view.k + view.x;
  const y = geometry.y[unit] * view.k + view.y;
  context.moveTo(x + radius, y);
  context.arc(x, y, radius, 0, 2 * Math.PI);
}

/** A ring around one node, for the selection and the pointer. */
export function ring(context, geometry, view, theme, unit, network) {
  const layer = network.layerOf[unit];
  const radius = Math.max(3, radiusOf(geometry, layer, view)) + 3;
  context.strokeStyle = theme.ink;
  context.lineWidth = 1.75;
  context.beginPath();
  if (geometry.grouped[layer]) {
    const [x, y] = [geometry.x[unit] * view.k + view.x, geometry.y[unit] * view.k + view.y];
    context.rect(x - radius, y - radius, 2 * radius, 2 * radius);
  } else dot(context, geometry, view, unit, radius);
  context.stroke();
}

/** What lies under the pointer, drawn on the layer above the picture. */
export function drawHover(context, scene, hit) {
  const { network, geometry, view, theme } = scene;
  if (hit?.kind === "unit") ring(context, geometry, view, theme, hit.unit, network);
  if (hit?.kind !== "edge" && hit?.kind !== "link") return;
  context.save();
  clipToPlot(context, geometry);
  if (hit.kind === "link") {
    context.strokeStyle = theme.ink;
    context.lineWidth = 2;
    context.beginPath();
    follow(
      context,
      courseOf(network, geometry, view, network.linkSource[hit.link], network.linkTarget[hit.link], "link"),
    );
    context.stroke();
    context.restore();
    return;
  }
  const bin = scene.left.bin[hit.edge];
  for (const [color, width] of [[theme.paper, 6.5], [theme.ink, 4.5], [network.ramps[theme.name][bin], 2.5]]) {
    context.strokeStyle = color;
    context.lineWidth = width;
    context.beginPath();
    trace(context, network, geometry, view, hit.edge);
    context.stroke();
  }
  context.restore();
}

/** Text on a halo of paper, so that it reads above edges. */
function halo(context, theme, text, x, y) {
  context.strokeStyle = theme.paper;
  context.lineWidth = 4;
  context.lineJoin = "round";
  context.strokeText(text, x, y);
  context.fillText(text, x, y);
}

function drawClasses(context, { network, geometry, view, theme }) {
  const first = network.offsets.at(-2);
  const last = Math.min(network.offsets.at(-1), first + network.classes.length);
  if (last - first < 1) return;
  const radius = radiusOf(geometry, network.layers.length - 1, view);
  const axis = geometry.isPortrait ? geometry.x : geometry.y;
  const pitch = last - first > 1 ? Math.abs(axis[first + 1] - axis[first]) * view.k : Infinity;
  if (pitch < 9) return;
  context.font = `500 12px ${theme.font}`;
  context.fillStyle = theme.ink;
  const measure = (text) => context.measureText(text).width;
  for (let u = first; u < last; u += 1) {
    const x = geometry.x[u] * view.k + view.x;
    const y = geometry.y[u] * view.k + view.y;
    const name = network.classes[u - first];
    if (!geometry.isPortrait) {
      context.textAlign = "left";
      context.textBaseline = "middle";
      halo(context, theme, fit(name, geometry.margin.right - 20, measure), x + radius + 7, y);
    } else if (geometry.widest <= pitch - 4) {
      context.textAlign = "center";
      context.textBaseline = "top";
      halo(context, theme, name, x, y + radius + 5);
    } else {
      context.save();
      context.translate(x, y + radius + 6);
      context.rotate(Math.PI / 2);
      context.textAlign = "left";
      context.textBaseline = "middle";
      halo(context, theme, fit(name, 62, measure), 0, 0);
      context.restore();
    }
  }
}

function drawLayerNames(context, { network, geometry, view, theme }) {
  const measure = (text) => context.measureText(text).width;
  const anchors = geometry.labels.map(([x]) => x);
  // Names stay between those of their neighbours.
  const pitchAt = (layer) =>
    Math.min(...[layer - 1, layer + 1].map((at) => Math.abs((anchors[at] ?? Infinity) - anchors[layer])), 400);
  let last = -Infinity;
  network.layers.forEach(({ name, subtitle }, layer) => {
    const [ax, ay] = geometry.labels[layer];
    if (geometry.isPortrait) {
      const y = ay * view.k + view.y - 8 * Math.min(view.k, 2);
      const most = geometry.width - 2 * geometry.margin.left;
      portraitName(context, theme, fitNames(context, theme, name, subtitle, most, measure), y);
      return;
    }
    // Names stay at the top when the picture is zoomed, above the layer they belong to.
    const room = Math.max(24, pitchAt(layer) * view.k - 8);
    context.font = `600 13px ${theme.font}`;
    if (geometry.isCrowded && view.k * geometry.pitch < CROWDED) {
      const at = ax * view.k + view.x;
      // Names that would lie on one another are left out; the pointer on a node says them.
      if (at - last < LINE_HEIGHT) return;
      last = at;
      leaningName(context, theme, name, at, geometry.margin.top - 16, measure);
      return;
    }
    // A name that is cut tells less than a short one, and a size that is cut tells nothing.
    const title = shortName(name, room, measure);
    const wide = measure(title);
    context.font = `400 12px ${theme.font}`;
    const size = measure(subtitle) <= room ? subtitle : "";
    const half = Math.max(wide, measure(size)) / 2;
    const centre = ax * view.k + view.x;
    const isHeld = view.k === 1 && !geometry.isLong;
    const x = isHeld ? Math.max(half + 8, Math.min(geometry.width - half - 8, centre)) : centre;
    // Zoomed out, names that would lie on one another are left out.
    if (geometry.isLong && x - half < last + 4) return;
    last = x + half;
    context.textAlign = "center";
    context.textBaseline = "alphabetic";
    context.fillStyle = theme.muted;
    halo(context, theme, size, x, 38);
    context.font = `600 13px ${theme.font}`;
    context.fillStyle = theme.ink;
    halo(context, theme, title, x, 22);
  });
}

const LINE_HEIGHT = 12;
const LEAN = (-58 * Math.PI) / 180;

/** The longest of a name's forms that fits. */
function shortName(name, room, measure) {
  return formsOf(name).find((text) => measure(text) <= room) ?? fit(shortestForm(name), room, measure);
}

function leaningName(context, theme, name, x, y, measure) {
  context.save();
  context.translate(x, y);
  context.rotate(LEAN);
  context.font = `500 11px ${theme.font}`;
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.fillStyle = theme.ink;
  halo(context, theme, shortName(name, 92, measure), 0, 0);
  context.restore();
}

function fitNames(context, theme, name, subtitle, most, measure) {
  context.font = `600 12px ${theme.font}`;
  return { title: fit(name, most * 0.6, measure), size: fit(subtitle, most * 0.4 - 8, measure) };
}

function portraitName(context, theme, { title, size }, y) {
  const measure = (text) => context.measureText(text).width;
  context.textAlign = "left";
  context.textBaseline = "alphabetic";
  context.font = `600 12px ${theme.font}`;
  // Edges run right through these names, more than a halo can hold back.
  context.fillStyle = theme.paper;
  context.globalAlpha = 0.8;
  context.fillRect(4, y - 12, measure(title) + measure(size) + 16, 16);
  context.globalAlpha = 1;
  context.fillStyle = theme.ink;
  halo(context, theme, title, 10, y);
  const offset = context.measureText(title).width + 6;
  context.font = `400 12px ${theme.font}`;
  context.fillStyle = theme.muted;
  halo(context, theme, size, 10 + offset, y);
}

/** The words that say what the picture leaves out. */
export function captionOf(network, kept, isShort = false) {
  const where = network.filter ? ` in ${network.filter}` : "";
  const which = network.drawn < network.total && !isShort ? ": the strongest and an even sample" : "";
  const rest = network.unmeasured ? ` · ${count(network.unmeasured)} weights not measured` : "";
  return `showing ${count(network.drawn)} of ${count(network.total)} ${network.lines}${where}${which} · ${count(kept)} kept${rest}`;
}

function drawLegend(context, { network, geometry, theme, left: { kept } }) {
  const { width, height, isPortrait } = geometry;
  const measure = (text) => context.measureText(text).width;
  const { ends, names } = network.scale;
  context.font = `400 12px ${theme.font}`;
  const sides = names.map((name) => measure(name) + 10);
  const bar = Math.max(80, Math.min(isPortrait ? width - 28 - sides[0] - sides[1] : width * 0.22, 260));
  const left = isPortrait ? (width - bar - sides[0] - sides[1]) / 2 + sides[0] : width - 16 - sides[1] - bar;
  const top = height - 34;
  const most = isPortrait ? width - 28 : left - sides[0] - 40;
  // What is kept matters more than how the lines were chosen.
  const whole = captionOf(network, kept, isPortrait);
  const links = linkWords(network);
  const forms = [`${whole} · ${links}`, whole, `${captionOf(network, kept, true)} · ${links}`];
  const words =
    forms.slice(links ? 0 : 1, links ? 3 : 2).find((text) => measure(text) <= most) ?? captionOf(network, kept, true);
  context.textBaseline = "alphabetic";
  context.textAlign = "left";
  context.fillStyle = theme.muted;
  context.fillText(fit(words, most, measure), 16, isPortrait ? height - 48 : top + 9);
  drawBar(context, network.ramps[theme.name], left, top, bar);
  context.fillStyle = theme.ink;
  context.textAlign = "right";
  context.fillText(names[0], left - 9, top + 9);
  context.textAlign = "left";
  context.fillText(names[1], left + bar + 9, top + 9);
  context.font = `400 11px ${theme.font}`;
  context.fillStyle = theme.muted;
  context.textAlign = "center";
  [ends[0], "κ = 0", ends[1]].forEach((text, i) => context.fillText(text, left + (bar * i) / 2, top + 24));
}

/** The colour bar as plain rectangles: the same in every export, and no gradient to name. */
function drawBar(context, ramp, left, top, width) {
  const step = width / ramp.length;
  ramp.forEach((color, i) => {
    context.fillStyle = color;
    // Overlap by a hair, or seams shine through between neighbours.
    context.fillRect(left + i * step, top, i + 1 < ramp.length ? step + 0.6 : step, 10);
  });
}
