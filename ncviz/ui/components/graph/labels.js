// κ written on the edges, where there is room.

import { makeSvg } from "../shared/dom.js";
import { signed } from "../shared/format.js";

export const BAR = 30; // pixels of the largest mass above a node
const LABEL_AT = [0.4, 0.6, 0.32, 0.68, 0.5, 0.25, 0.75]; // places along an edge, the middle late, where edges cross

/**
 * @param {Places} at
 * @param {number} node
 */
export function placeOf(at, node) {
  const place = at.get(node);
  if (!place) throw new Error(`expected an edge between nodes that are there, got node ${node}`);
  return place;
}

/**
 * κ on the edges, the chosen one first, then those that changed; what has no room is left to the tooltip.
 * @param {GraphEdge[]} edges
 * @param {GraphData} data
 * @param {Places} at
 * @param {GraphFrame} frame
 * @param {Theme} theme
 * @param {(edge: GraphEdge) => boolean} isChosen
 */
export function drawLabels(edges, data, at, frame, theme, isChosen) {
  const taken = data.nodes.map((node) => ({ ...placeOf(at, node.id), width: 2 * frame.radius, height: 2 * frame.radius }));
  for (const node of data.nodes.filter(({ before, after }) => Math.max(before, after) > 1e-6)) {
    const { x, y } = placeOf(at, node.id);
    taken.push({ x, y: y - frame.radius - 5 - BAR / 2, width: 18, height: BAR });
  }
  const rank = (/** @type {GraphEdge} */ edge) => 2 * Number(isChosen(edge)) + Number(edge.was !== null);
  return [...edges]
    .sort((a, b) => rank(b) - rank(a) || Math.abs(b.kappa) - Math.abs(a.kappa))
    .map((edge) => drawLabel(edge, at, theme, isChosen(edge), taken))
    .filter((label) => label !== null)
    .reverse();
}

/**
 * κ on its edge, at the first place where nothing else is; `taken` grows by that place.
 * @param {GraphEdge} edge
 * @param {Places} at
 * @param {Theme} theme
 * @param {boolean} isChosen
 * @param {Area[]} taken
 * @returns {SVGTextElement | null}
 */
function drawLabel(edge, at, theme, isChosen, taken) {
  const [from, to] = [placeOf(at, edge.u), placeOf(at, edge.v)];
  const isChanged = edge.was !== null;
  const size = isChosen ? 13 : 11;
  const wide = `${signed(edge.was ?? 0)} → ${signed(edge.kappa)}`;
  const hasRoom = Math.hypot(to.x - from.x, to.y - from.y) > wide.length * size * 0.6 + 40;
  let text = signed(edge.kappa);
  if (isChanged) text = isChosen && hasRoom ? wide : `${text} ${edge.kappa > (edge.was ?? 0) ? "▲" : "▼"}`;
  const [width, height] = [text.length * size * 0.6, size + 4];
  const places = LABEL_AT.map((share) => ({
    x: from.x + share * (to.x - from.x),
    y: from.y + share * (to.y - from.y),
    width,
    height,
  }));
  const overlap = (/** @type {Area} */ one, /** @type {Area} */ other) =>
    Math.max((one.width + other.width) / 2 - Math.abs(one.x - other.x), 0) *
    Math.max((one.height + other.height) / 2 - Math.abs(one.y - other.y), 0);
  const covered = places.map((place) => taken.reduce((sum, other) => sum + overlap(place, other), 0));
  const least = Math.min(...covered);
  if (least > 0 && !isChosen) return null;
  const place = places[covered.indexOf(least)];
  taken.push(place);
  const weight = isChosen || isChanged ? 700 : 500;
  return words(text, place.x, place.y + 4, theme, { "font-size": size, "font-weight": weight, "data-label": "" });
}

/**
 * @param {string} text
 * @param {number} x
 * @param {number} y
 * @param {Theme} theme
 * @param {Attributes} attributes
 */
function words(text, x, y, theme, attributes) {
  const paper = { stroke: theme.paper, "stroke-width": 4, "paint-order": "stroke", "stroke-linejoin": "round" };
  return makeSvg("text", { x, y, fill: theme.ink, "text-anchor": "middle", ...paper, ...attributes }, [text]);
}
