// The graph editor's picture, built anew on each change: at most forty nodes, so that costs nothing.

import { makeSvg } from "../shared/dom.js";
import { plain, signed } from "../shared/format.js";
import { binOf } from "../shared/scale.js";
import { BAR, drawLabels, placeOf } from "./labels.js";
import { edgeName, edgeWords, nodeWords } from "./words.js";

const MANY_NODES = 20;
const MANY_LABELS = 24; // edges that have their κ written on them

/**
 * From the unit square to pixels and back; room is left for the masses above nodes.
 * @param {number} width
 * @param {number} height
 * @param {boolean} isMany
 * @returns {GraphFrame}
 */
export function frameOf(width, height, isMany) {
  const radius = width < 480 ? (isMany ? 9 : 13) : isMany ? 11 : 15;
  const [side, top, bottom] = [radius + 14, radius + BAR + 8, radius + 8];
  return {
    radius,
    width,
    height,
    x: (value) => side + value * (width - 2 * side),
    y: (value) => top + value * (height - top - bottom),
    back: (x, y) => ({ x: (x - side) / (width - 2 * side), y: (y - top) / (height - top - bottom) }),
  };
}

/** @param {GraphData} data */
export function isMany(data) {
  return data.nodes.length > MANY_NODES;
}

/**
 * Fill the picture. `picked` is the node that waits for its second click.
 * @param {SVGSVGElement} svg
 * @param {GraphData} data
 * @param {GraphFrame} frame
 * @param {Theme} theme
 * @param {number | null} picked
 */
export function drawGraph(svg, data, frame, theme, picked) {
  /** @type {Places} */
  const at = new Map(data.nodes.map((node) => [node.id, { x: frame.x(node.x), y: frame.y(node.y) }]));
  const colors = data.scale[theme.name];
  const color = (/** @type {number} */ kappa) => {
    return colors[binOf(kappa, data.scale, colors.length)];
  };
  const isChosen = (/** @type {GraphEdge} */ edge) => data.selected?.[0] === edge.u && data.selected?.[1] === edge.v;
  const edges = [...data.edges].sort((a, b) => Number(isChosen(a)) - Number(isChosen(b)) || Math.abs(a.kappa) - Math.abs(b.kappa));
  const writesAll = data.edges.length <= MANY_LABELS && frame.width >= 420;
  const lines = edges.map((edge) => drawEdge(edge, data, at, frame, theme, color(edge.kappa), isChosen(edge)));
  const labels = drawLabels(
    edges.filter((edge) => writesAll || isChosen(edge) || edge.was !== null),
    data,
    at,
    frame,
    theme,
    isChosen,
  );
  const flows = data.flow.map((step) => drawFlow(step, at, frame, theme));
  const most = Math.max(...data.nodes.map((node) => Math.max(node.before, node.after)), 1e-9);
  const nodes = data.nodes.map((node) => drawNode(node, data, at, frame, theme, node.id === picked));
  const bars = data.nodes.map((node) => drawMasses(node, placeOf(at, node.id), frame, theme, most));
  svg.setAttribute("viewBox", `0 0 ${frame.width} ${frame.height}`);
  svg.setAttribute("height", String(frame.height));
  svg.replaceChildren(...[lines, flows, nodes, labels, bars].map((part) => makeSvg("g", {}, part)));
}

/**
 * A segment between two nodes, moved aside and shortened at its ends.
 * @param {Point} from
 * @param {Point} to
 * @param {GraphFrame} frame
 * @param {number} aside
 * @param {number} gap
 * @returns {Segment}
 */
function segment(from, to, frame, aside, gap) {
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  const [ux, uy] = [(to.x - from.x) / length, (to.y - from.y) / length];
  const start = frame.radius + gap;
  const end = Math.max(start + 1, length - frame.radius - gap);
  const point = (/** @type {number} */ along) => ({ x: from.x + ux * along - uy * aside, y: from.y + uy * along + ux * aside });
  return { a: point(start), b: point(end), ux, uy };
}

/**
 * @param {{ a: Point, b: Point }} given
 * @param {Attributes} attributes
 */
function line({ a, b }, attributes) {
  return makeSvg("line", { x1: a.x, y1: a.y, x2: b.x, y2: b.y, "stroke-linecap": "round", ...attributes });
}

/**
 * What a finger can hit is wider than what is drawn; an area, because a level line alone has no height at all.
 * @param {Segment} segment
 * @param {number} width
 */
function strip({ a, b, ux, uy }, width) {
  const corner = (/** @type {Point} */ { x, y }, /** @type {number} */ side) => `${x - (uy * side * width) / 2},${y + (ux * side * width) / 2}`;
  const points = [corner(a, 1), corner(b, 1), corner(b, -1), corner(a, -1)];
  return makeSvg("polygon", { points: points.join(" "), fill: "transparent" });
}

/**
 * @param {Point} point
 * @param {{ ux: number, uy: number }} given
 * @param {number} size
 * @param {string} fill
 */
function arrowhead({ x, y }, { ux, uy }, size, fill, opacity = 1) {
  const corner = (/** @type {number} */ along, /** @type {number} */ aside) => `${x + ux * along - uy * aside},${y + uy * along + ux * aside}`;
  const points = [corner(size, 0), corner(-size * 0.5, size * 0.8), corner(-size * 0.5, -size * 0.8)];
  return makeSvg("polygon", { points: points.join(" "), fill, "fill-opacity": opacity });
}

/**
 * @param {GraphEdge} edge
 * @param {GraphData} data
 * @param {Places} at
 * @param {GraphFrame} frame
 * @param {Theme} theme
 * @param {string} color
 * @param {boolean} isChosen
 */
function drawEdge(edge, data, at, frame, theme, color, isChosen) {
  const [from, to] = [placeOf(at, edge.u), placeOf(at, edge.v)];
  const width = 2.5 + 4 * Math.min(Math.abs(edge.kappa) / 1.5, 1);
  const whole = segment(from, to, frame, 0, data.directed ? 5 : 0);
  const group = makeSvg("g", {
    class: "edge",
    role: "button",
    tabindex: -1,
    "aria-label": edgeWords(edge, data),
    "aria-pressed": isChosen,
    "data-key": `edge ${edge.u} ${edge.v}`,
    "data-u": edge.u,
    "data-v": edge.v,
    "data-kappa": edge.kappa,
    "data-testid": `ncviz-edge-${edge.u}-${edge.v}`,
  });
  const ring = { class: "ring", stroke: theme.ink, "stroke-width": width + 7, "stroke-opacity": isChosen ? 0.55 : 0 };
  if (edge.was !== null && !isChosen) Object.assign(ring, { "stroke-opacity": 0.3, "stroke-dasharray": "1 9" });
  group.append(
    strip(whole, 22),
    line(whole, ring),
    line(whole, { stroke: theme.paper, "stroke-width": width + 2.5 }),
    line(whole, { stroke: color, "stroke-width": width }),
    ...(data.directed ? [arrowhead(whole.b, whole, width + 3, color)] : []),
    makeSvg("title", {}, [`${edgeName(edge, data.directed)}: κ = ${signed(edge.kappa, 3)}, length ${edge.length}`]),
  );
  return group;
}

/**
 * @param {Flow} flow
 * @param {Places} at
 * @param {GraphFrame} frame
 * @param {Theme} theme
 */
function drawFlow({ x, y, mass }, at, frame, theme) {
  const width = Math.min(2 + 12 * mass, 14);
  const way = segment(placeOf(at, x), placeOf(at, y), frame, 6 + width / 2, 6);
  const head = width / 2 + 4;
  const stem = { a: way.a, b: { x: way.b.x - way.ux * head, y: way.b.y - way.uy * head } };
  return makeSvg("g", { "pointer-events": "none", "data-testid": "ncviz-flow" }, [
    line(stem, { stroke: theme.accent, "stroke-width": width, "stroke-opacity": 0.65, "stroke-linecap": "butt" }),
    arrowhead({ x: way.b.x - way.ux * head, y: way.b.y - way.uy * head }, way, head, theme.accent, 0.9),
  ]);
}

/**
 * @param {GraphNode} node
 * @param {GraphData} data
 * @param {Places} at
 * @param {GraphFrame} frame
 * @param {Theme} theme
 * @param {boolean} isPicked
 */
function drawNode(node, data, at, frame, theme, isPicked) {
  const { x, y } = placeOf(at, node.id);
  const { radius } = frame;
  const isEnd = data.selected?.includes(node.id);
  return makeSvg(
    "g",
    {
      class: "node",
      role: "button",
      tabindex: -1,
      "aria-label": nodeWords(node, data),
      "aria-pressed": isPicked,
      "data-key": `node ${node.id}`,
      "data-node": node.id,
      "data-testid": `ncviz-node-${node.id}`,
    },
    [
      makeSvg("circle", { class: "ring", cx: x, cy: y, r: radius + 4, fill: "none", stroke: "none", "stroke-width": 2.5 }),
      // What a finger can hit is larger than what is drawn.
      makeSvg("circle", { cx: x, cy: y, r: Math.max(radius, 18), fill: "transparent" }),
      makeSvg("circle", {
        cx: x,
        cy: y,
        r: radius,
        fill: isPicked ? theme.accent : theme.paper,
        stroke: isPicked ? theme.accent : isEnd ? theme.ink : theme.muted,
        "stroke-width": isEnd ? 2.5 : 1.5,
      }),
      makeSvg(
        "text",
        {
          x,
          y: y + (radius > 12 ? 4.5 : 4),
          "font-size": radius > 12 ? 13 : 10.5,
          "font-weight": 600,
          "text-anchor": "middle",
          fill: isPicked ? theme.paper : theme.ink,
        },
        [String(node.id)],
      ),
    ],
  );
}

/**
 * Two bars above a node: its mass before and after.
 * @param {GraphNode} graphNode
 * @param {Point} point
 * @param {GraphFrame} frame
 * @param {Theme} theme
 * @param {number} most
 */
function drawMasses({ before, after }, { x, y }, frame, theme, most) {
  const group = makeSvg("g", { "pointer-events": "none" });
  if (before < 1e-6 && after < 1e-6) return group;
  const floor = y - frame.radius - 5;
  const width = 8;
  [before, after].forEach((mass, side) => {
    const height = Math.max((BAR * mass) / most, mass > 1e-6 ? 1.5 : 0);
    if (height === 0) return;
    const left = x + (side === 0 ? -width - 0.5 : 0.5);
    group.append(
      makeSvg("rect", {
        x: left,
        y: floor - height,
        width,
        height,
        fill: side === 0 ? theme.accent : theme.paper,
        stroke: theme.accent,
        "stroke-width": 1.5,
      }),
    );
  });
  group.append(makeSvg("title", {}, [`before ${plain(before, 3)}, after ${plain(after, 3)}`]));
  return group;
}
