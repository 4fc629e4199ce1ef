// What the canvas shows and how each intent of the reader or the page changes it: pure, without a browser.

import { linesLeft } from "./data.js";
import { pick, pickLayerName } from "./pick.js";
import { hitAmong, ownOf, sameLine } from "./own_lines.js";
import { focusOf, fromText, lineOf, ownFocus, toText, undrawnLine } from "./selection.js";
import { IDENTITY, clampView, leastZoom, viewAt, viewOf, zoomAt } from "./geometry.js";

const LAYER_ZOOM = 1.7;
const HOVER_REACH = 5; // pixels around the pointer

/** @type {State} */
export const EMPTY = Object.freeze({
  network: null,
  geometry: null,
  left: null,
  own: null,
  removed: 0,
  order: null,
  view: IDENTITY,
  hit: null,
  isPinned: false,
  pointer: { x: 0, y: 0 },
  selected: null,
  focus: null,
  told: "",
  asked: null,
  layer: -1,
});

/** After which what a finger touched is still where it was. @type {Intent["type"][]} */
const STILL = ["receive", "resize", "threshold"];

/**
 * The state after an intent; the given one stays as it is.
 * @param {State} given
 * @param {Intent} intent
 * @returns {State}
 */
export function reduce(given, intent) {
  const next = changed(given, intent);
  return next.hit?.kind === "edge" && next.hit.isOwn && !ownOf(next) ? { ...next, hit: null } : next;
}

/**
 * @param {State} given
 * @param {Intent} intent
 * @returns {State}
 */
function changed(given, intent) {
  const state = given.isPinned && !STILL.includes(intent.type) ? hovered(given, null) : given;
  const { view } = state;
  switch (intent.type) {
    case "receive":
      return receive(state, intent);
    case "resize":
      return { ...state, geometry: intent.geometry, view: clampView(view, intent.geometry) };
    case "threshold":
      if (intent.removed === state.removed && intent.order === state.order) return state;
      return withThreshold(state, intent.removed, intent.order);
    case "pan":
      return moved(state, { ...view, x: view.x + intent.dx, y: view.y + intent.dy });
    case "zoom":
      return zoomed(state, intent);
    case "reset":
      return moved({ ...state, layer: -1 }, IDENTITY);
    case "fit":
      return fitted(state);
    case "hover":
      return hovered(state, intent.at);
    case "click":
      return clicked(hovered(state, null), intent);
    case "select":
      return selectedBy(state, intent.text);
    case "walk":
      return walked(state, intent.step);
    case "end":
      return atEnd(state, intent.side);
    case "crumb":
      return stepped(state, intent.act);
    case "centre":
      return state.geometry ? moved(state, viewAt(state.geometry, view, intent.layer)) : state;
    case "follow":
      return moved(state, intent.view);
  }
}

/**
 * What Python sent: maybe another network, a threshold, and a selection, which counts when it changes; else what was
 * clicked here stays, also in a new choice of edges.
 * @param {State} state
 * @param {Receive} message
 */
function receive(state, { network, own, removed, order, selection, card }) {
  const isNew = network.digest !== state.network?.digest;
  let next = state;
  if (isNew) {
    const isSameLayers = JSON.stringify(state.network?.layers) === JSON.stringify(network.layers);
    const isSameSight = isSameLayers && JSON.stringify(state.network?.closeup) === JSON.stringify(network.closeup);
    next = { ...state, network, layer: network.closeup.layer, geometry: null, hit: null };
    if (!isSameSight) next.view = IDENTITY;
    if (!isSameLayers) next.told = "";
  }
  const isOther = own?.network !== next.own?.network;
  if (isOther) next = { ...next, own: own && { ...own, left: linesLeft(own.network, order, removed) } };
  next = withThreshold(next, removed, order);
  const isAsked = selection !== state.asked;
  if (isAsked) next = { ...next, told: selection, asked: selection };
  if (isAsked && selection !== state.told) next = { ...next, hit: null, isPinned: false };
  if (isAsked || isNew) next = withSelected(next, fromText(network, next.told));
  else if (isOther) next = withSelected(next, next.selected);
  if (isNew || isOther) next = { ...next, hit: hitAmong(state, next) };
  // A card that is older than what was clicked meanwhile would answer another question.
  if (card?.line && card.selection === next.told && next.selected === null) {
    return withSelected(next, undrawnLine(network, card.line));
  }
  return next;
}

/**
 * @param {State} state
 * @param {number} removed
 * @param {string | null} order
 * @returns {State}
 */
function withThreshold(state, removed, order) {
  if (!state.network) return state;
  const left = linesLeft(state.network, order, removed);
  const own = state.own && { ...state.own, left: linesLeft(state.own.network, order, removed) };
  const { hit } = state;
  const isGone = hit?.kind === "edge" && !(hit.isOwn ? own?.left : left)?.visible[hit.edge];
  return { ...state, removed, order, left, own, hit: isGone ? null : hit };
}

/**
 * @param {State} state
 * @param {View} view
 * @returns {State}
 */
function moved(state, view) {
  return state.geometry ? { ...state, view: clampView(view, state.geometry) } : state;
}

/**
 * About a point, or about the middle of the picture.
 * @param {State} state
 * @param {{ factor: number, x?: number, y?: number }} intent
 */
function zoomed(state, { factor, x, y }) {
  const { geometry, view } = state;
  if (!geometry) return state;
  const [px, py] = [x ?? geometry.width / 2, y ?? geometry.height / 2];
  return moved(state, zoomAt(view, factor, px, py, leastZoom(geometry)));
}

/**
 * The selection as large as fits, or everything.
 * @param {State} state
 */
function fitted(state) {
  if (!state.geometry) return state;
  return moved(state, state.focus ? viewOf(state.geometry, state.focus.units) : IDENTITY);
}

/**
 * @param {State} state
 * @param {Point | null} at
 * @returns {State}
 */
function hovered(state, at) {
  return { ...state, hit: at && hitAt(state, at, HOVER_REACH), isPinned: false, pointer: at ?? state.pointer };
}

/**
 * What lies under a point: a layer's name, a node, a line.
 * @param {State} state
 * @param {Point} at
 * @param {number} reach
 * @returns {Hit | null}
 */
function hitAt(state, { x, y }, reach) {
  const { network, geometry, view, left } = state;
  if (!network || !geometry || !left) return null;
  const layer = pickLayerName(network, geometry, view, x, y);
  if (layer >= 0) return { kind: "layer", layer };
  const own = ownOf(state);
  // What is selected lies above the rest.
  const hit = own && pick(own.network, geometry, view, own.left.visible, x, y, reach);
  if (hit?.kind === "edge") return { ...hit, isOwn: true };
  return hit?.kind === "unit" ? hit : pick(network, geometry, view, left.visible, x, y, reach);
}

/**
 * A link has no weight and so nothing to select; what is selected is let go by another click.
 * A finger cannot hover: what it touches is said at once, and stays.
 * @param {State} state
 * @param {{ at: Point, reach: number, isTouch?: boolean }} click
 */
function clicked(state, { at, reach, isTouch = false }) {
  const hit = hitAt(state, at, reach);
  if (hit?.kind === "layer") return zoomedToLayer(state, hit.layer);
  const own = hit === null || hit.kind === "link" ? null : hit;
  const isSame = own !== null && JSON.stringify(own) === JSON.stringify(state.selected);
  const next = isSame ? withTold(state, null) : withTold(state, own);
  if (!isTouch || !hit || isSame) return next;
  return { ...next, hit: hit.kind === "edge" ? sameLine(state, hit, next) : hit, isPinned: true, pointer: at };
}

/**
 * Select something drawn, or nothing, and say so to Python.
 * @param {State} state
 * @param {UnitHit | EdgeHit | null} hit
 */
function withTold(state, hit) {
  if (!state.network) return state;
  const own = hit?.kind === "edge" && hit.isOwn ? state.own : null;
  if (!own || hit?.kind !== "edge") return withSelected({ ...state, told: toText(state.network, hit) }, hit);
  const told = toText(own.network, hit);
  return withSelected({ ...state, told }, fromText(state.network, told) ?? lineOf(own.network, hit.edge));
}

/**
 * Select by text something that may not be drawn here.
 * @param {State} state
 * @param {string} text
 */
function selectedBy(state, text) {
  if (!state.network) return state;
  return withSelected({ ...state, told: text }, fromText(state.network, text));
}

/**
 * @param {State} state
 * @param {Selected | null} selected
 * @returns {State}
 */
function withSelected(state, selected) {
  if (!state.network) return state;
  const own = ownOf(state);
  const focus = own
    ? ownFocus(own.network, selected)
    : selected?.kind === "line"
      ? { isOwn: false, edges: [], units: [selected.source, selected.target], line: selected }
      : focusOf(state.network, selected);
  return { ...state, selected, focus };
}

/**
 * Along the lines that are left, from the strongest on.
 * @param {State} state
 * @param {1 | -1} step
 */
function walked(state, step) {
  const { network, left, selected } = state;
  if (!network || !left) return state;
  const from = selected?.kind === "edge" ? selected.edge : step > 0 ? network.edges : -1;
  for (let edge = from - step; edge >= 0 && edge < network.edges; edge -= step) {
    if (left.visible[edge]) return withTold(state, { kind: "edge", edge });
  }
  return state;
}

/**
 * From a line to the node at one of its ends.
 * @param {State} state
 * @param {"source" | "target"} side
 */
function atEnd(state, side) {
  const { network, selected } = state;
  if (!network || !selected || selected.kind === "unit") return state;
  return withTold(state, { kind: "unit", unit: selected.kind === "line" ? selected[side] : network[side][selected.edge] });
}

/**
 * A layer with the one before it; columns are as high as the picture, so some of them may have to be dragged in.
 * @param {State} state
 * @param {number} layer
 */
function zoomedToLayer(state, layer) {
  const { network, geometry } = state;
  if (!network || !geometry) return state;
  // What is looked at closely fills the picture already.
  if (network.closeup.layer === layer) return moved({ ...state, layer }, IDENTITY);
  const first = network.offsets[Math.max(0, layer - 1)];
  const units = Array.from({ length: network.offsets[layer + 1] - first }, (_, at) => first + at);
  return moved({ ...state, layer }, viewOf(geometry, units, LAYER_ZOOM));
}

/**
 * A step of the path above the picture: the whole network, a layer, or a selection on the way to this one.
 * @param {State} state
 * @param {string} act
 */
function stepped(state, act) {
  const [kind, at] = act.split("-");
  if (kind === "layer") return zoomedToLayer(selectedBy(state, ""), Number(at));
  if (act === "all") return moved({ ...selectedBy(state, ""), layer: -1 }, IDENTITY);
  return fitted(selectedBy(state, act));
}
