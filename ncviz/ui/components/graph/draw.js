// The graph editor's picture, built anew on each change: at most forty nodes, so that costs nothing.

import { plain, signed } from "../shared/format.js";
import { edgeName, edgeWords, nodeWords } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const MANY_NODES = 20;
const MANY_LABELS = 24; // edges that have their κ written on them
const BAR = 30; // pixels of the largest mass
const LABEL_AT = [0.4, 0.6, 0.32, 0.68, 0.5, 0.25, 0.75]; // places along an edge, the middle late, where edges cross

export function make(name, attributes = {}, children = []) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** From the unit square to pixels and back; room is left for the masses above nodes. */
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

export function isMany(data) {
  return data.nodes.length > MANY_NODES;
}

/** Fill the picture. `picked` is the node that waits for its second click. */
export function drawGraph(svg, data, frame, theme, picked) {
  const at = new Map(data.nodes.map((node) => [node.id, { x: frame.x(node.x), y: frame.y(node.y) }]));
  const colors = data.scale[theme.name];
  const color = (kappa) => {
    const share = (Math.min(Math.max(kappa, -data.scale.limit), data.scale.limit) / data.scale.limit + 1) / 2;
    return colors[Math.round(share * (colors.length - 1))];
  };
  const isChosen = (edge) => data.selected?.[0] === edge.u && data.selected?.[1] === edge.v;
  const edges = [...data.edges].sort((a, b) => isChosen(a) - isChosen(b) || Math.abs(a.kappa) - Math.abs(b.kappa));
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
  const bars = data.nodes.map((node) => drawMasses(node, at.get(node.id), frame, theme, most));
  svg.setAttribute("viewBox", `0 0 ${frame.width} ${frame.height}`);
  svg.setAttribute("height", frame.height);
  svg.replaceChildren(...[lines, flows, nodes, labels, bars].map((part) => make("g", {}, part)));
}

/** A segment between two nodes, moved aside and shortened at its ends. */
function segment(from, to, frame, aside, gap) {
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  const [ux, uy] = [(to.x - from.x) / length, (to.y - from.y) / length];
  const start = frame.radius + gap;
  const end = Math.max(start + 1, length - frame.radius - gap);
  const point = (along) => ({ x: from.x + ux * along - uy * aside, y: from.y + uy * along + ux * aside });
  return { a: point(start), b: point(end), ux, uy };
}

function line({ a, b }, attributes) {
  return make("line", { x1: a.x, y1: a.y, x2: b.x, y2: b.y, "stroke-linecap": "round", ...attributes });
}

/** What a finger can hit is wider than what is drawn; an area, because a level line alone has no height at all. */
function strip({ a, b, ux, uy }, width) {
  const corner = ({ x, y }, side) => `${x - (uy * side * width) / 2},${y + (ux * side * width) / 2}`;
  const points = [corner(a, 1), corner(b, 1), corner(b, -1), corner(a, -1)];
  return make("polygon", { points: points.join(" "), fill: "transparent" });
}

function arrowhead({ x, y }, { ux, uy }, size, fill, opacity = 1) {
  const corner = (along, aside) => `${x + ux * along - uy * aside},${y + uy * along + ux * aside}`;
  const points = [corner(size, 0), corner(-size * 0.5, size * 0.8), corner(-size * 0.5, -size * 0.8)];
  return make("polygon", { points: points.join(" "), fill, "fill-opacity": opacity });
}

function drawEdge(edge, data, at, frame, theme, color, isChosen) {
  const [from, to] = [at.get(edge.u), at.get(edge.v)];
  const width = 2.5 + 4 * Math.min(Math.abs(edge.kappa) / 1.5, 1);
  const whole = segment(from, to, frame, 0, data.directed ? 5 : 0);
  const group = make("g", {
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
    make("title", {}, [`${edgeName(edge, data.directed)}: κ = ${signed(edge.kappa, 3)}, length ${edge.length}`]),
  );
  return group;
}

/** κ on the edges, the chosen one first, then those that changed; what has no room is left to the tooltip. */
function drawLabels(edges, data, at, frame, theme, isChosen) {
  const taken = data.nodes.map((node) => ({ ...at.get(node.id), width: 2 * frame.radius, height: 2 * frame.radius }));
  for (const node of data.nodes.filter(({ before, after }) => Math.max(before, after) > 1e-6)) {
    const { x, y } = at.get(node.id);
    taken.push({ x, y: y - frame.radius - 5 - BAR / 2, width: 18, height: BAR });
  }
  const rank = (edge) => 2 * isChosen(edge) + (edge.was !== null);
  return [...edges]
    .sort((a, b) => rank(b) - rank(a) || Math.abs(b.kappa) - Math.abs(a.kappa))
    .map((edge) => drawLabel(edge, at, theme, isChosen(edge), taken))
    .filter((label) => label !== null)
    .reverse();
}

/** κ on its edge, at the first place where nothing else is; `taken` grows by that place. */
function drawLabel(edge, at, theme, isChosen, taken) {
  const [from, to] = [at.get(edge.u), at.get(edge.v)];
  const isChanged = edge.was !== null;
  const size = isChosen ? 13 : 11;
  const wide = `${signed(edge.was ?? 0)} → ${signed(edge.kappa)}`;
  const hasRoom = Math.hypot(to.x - from.x, to.y - from.y) > wide.length * size * 0.6 + 40;
  let text = signed(edge.kappa);
  if (isChanged) text = isChosen && hasRoom ? wide : `${text} ${edge.kappa > edge.was ? "▲" : "▼"}`;
  const [width, height] = [text.length * size * 0.6, size + 4];
  const places = LABEL_AT.map((share) => ({
    x: from.x + share * (to.x - from.x),
    y: from.y + share * (to.y - from.y),
    width,
    height,
  }));
  const overlap = (one, other) =>
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

function words(text, x, y, theme, attributes) {
  const paper = { stroke: theme.paper, "stroke-width": 4, "paint-order": "stroke", "stroke-linejoin": "round" };
  return make("text", { x, y, fill: theme.ink, "text-anchor": "middle", ...paper, ...attributes }, [text]);
}

function drawFlow({ x, y, mass }, at, frame, theme) {
  const width = Math.min(2 + 12 * mass, 14);
  const way = segment(at.get(x), at.get(y), frame, 6 + width / 2, 6);
  const head = width / 2 + 4;
  const stem = { a: way.a, b: { x: way.b.x - way.ux * head, y: way.b.y - way.uy * head } };
  return make("g", { "pointer-events": "none", "data-testid": "ncviz-flow" }, [
    line(stem, { stroke: theme.accent, "stroke-width": width, "stroke-opacity": 0.65, "stroke-linecap": "butt" }),
    arrowhead({ x: way.b.x - way.ux * head, y: way.b.y - way.uy * head }, way, head, theme.accent, 0.9),
  ]);
}

function drawNode(node, data, at, frame, theme, isPicked) {
  const { x, y } = at.get(node.id);
  const { radius } = frame;
  const isEnd = data.selected?.includes(node.id);
  return make(
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
      make("circle", { class: "ring", cx: x, cy: y, r: radius + 4, fill: "none", stroke: "none", "stroke-width": 2.5 }),
      // What a finger can hit is larger than what is drawn.
      make("circle", { cx: x, cy: y, r: Math.max(radius, 18), fill: "transparent" }),
      make("circle", {
        cx: x,
        cy: y,
        r: radius,
        fill: isPicked ? theme.accent : theme.paper,
        stroke: isPicked ? theme.accent : isEnd ? theme.ink : theme.muted,
        "stroke-width": isEnd ? 2.5 : 1.5,
      }),
      make(
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

/** Two bars above a node: its mass before and after. */
function drawMasses({ before, after }, { x, y }, frame, theme, most) {
  const group = make("g", { "pointer-events": "none" });
  if (before < 1e-6 && after < 1e-6) return group;
  const floor = y - frame.radius - 5;
  const width = 8;
  [before, after].forEach((mass, side) => {
    const height = Math.max((BAR * mass) / most, mass > 1e-6 ? 1.5 : 0);
    if (height === 0) return;
    const left = x + (side === 0 ? -width - 0.5 : 0.5);
    group.append(
      make("rect", {
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
  group.append(make("title", {}, [`before ${plain(before, 3)}, after ${plain(after, 3)}`]));
  return group;
}
