// What the network says in words: tooltip, selection, the picture's name for those who cannot see it.

import { count, plain, signed } from "./format.js";
import { captionOf } from "./network_draw.js";
import { unitName } from "./network_data.js";

/** Lines for the tooltip: a heading and pairs of name and value. */
export function describeHit(network, hit, visible) {
  if (hit.kind === "unit") {
    const { name, place } = unitName(network, hit.unit);
    const { edges, lowest, kept } = unitSummary(network, hit.unit, visible);
    const rows = [["drawn edges", `${count(kept)} of ${count(edges)} kept`]];
    if (kept > 0) rows.push(["lowest κ", signed(lowest)]);
    return { title: `${name} · ${place}`, rows };
  }
  const e = hit.edge;
  const from = unitName(network, network.source[e]);
  const to = unitName(network, network.target[e]);
  const kappa = network.curvature[e];
  const [low, high] = network.scale.names;
  const isNever = kappa >= network.scale.never;
  const meaning = isNever ? "never active" : kappa < -0.005 ? low : kappa > 0.005 ? high : "";
  return {
    title: network.connections[network.connection[e]] ?? "edge",
    rows: [
      ["κ", `${signed(kappa, 3)} ${meaning}`.trim()],
      ["weight", plain(network.weight[e], 4)],
      ["from", `${from.name} · ${from.place}`],
      ["to", `${to.name} · ${to.place}`],
    ],
  };
}

function unitSummary(network, unit, visible) {
  let edges = 0;
  let kept = 0;
  let lowest = Infinity;
  for (let e = 0; e < network.edges; e += 1) {
    if (network.source[e] !== unit && network.target[e] !== unit) continue;
    edges += 1;
    if (!visible[e]) continue;
    kept += 1;
    lowest = Math.min(lowest, network.curvature[e]);
  }
  return { edges, kept, lowest };
}

/** One line for the bar above the picture. */
export function describeSelection(network, hit, visible) {
  const { title, rows } = describeHit(network, hit, visible);
  return hit.kind === "unit"
    ? [title, rows[0][1].replace(" kept", " edges kept"), ...rows.slice(1).map((row) => row.join(" "))].join(" · ")
    : `${rows[2][1]} → ${rows[3][1]} · κ ${rows[0][1]} · weight ${rows[1][1]}`;
}

export function ariaLabel(network, kept) {
  const layers = network.layers.map((layer) => `${layer.name} (${layer.subtitle})`).join(", ");
  return (
    `Layered network coloured by curvature: ${layers}; ${captionOf(network, kept)}. ` +
    "Red edges are bottlenecks, blue ones are redundant. " +
    "Arrow keys pan, plus and minus zoom, F fits, 0 resets, Escape clears the selection."
  );
}

/** What Python hears about a selection; edge and parameter are indices into its own arrays. */
export function toPython(network, hit) {
  if (hit === null) return null;
  const place = (unit) => {
    const { layer, index, name } = unitName(network, unit);
    return { unit, layer, index, name };
  };
  if (hit.kind === "unit") return { kind: "unit", ...place(hit.unit) };
  const e = hit.edge;
  return {
    kind: "edge",
    edge: network.edge[e],
    parameter: network.parameter[e],
    connection: network.connection[e],
    source: place(network.source[e]),
    target: place(network.target[e]),
    curvature: network.curvature[e],
    weight: network.weight[e],
  };
}

export function fromPython(network, selection) {
  if (!selection) return null;
  if (selection.kind === "unit") {
    return selection.unit < network.layerOf.length ? { kind: "unit", unit: selection.unit } : null;
  }
  const edge = network.edge.indexOf(selection.edge);
  return edge >= 0 ? { kind: "edge", edge } : null;
}

/** The edges and units that stand out for a selection. */
export function focusOf(network, hit) {
  if (hit === null) return null;
  const units = new Set();
  const edges = [];
  for (let e = 0; e < network.edges; e += 1) {
    const [s, t] = [network.source[e], network.target[e]];
    const belongs = hit.kind === "edge" ? e === hit.edge : s === hit.unit || t === hit.unit;
    if (!belongs) continue;
    edges.push(e);
    units.add(s).add(t);
  }
  if (hit.kind === "unit") units.add(hit.unit);
  return { edges, units: [...units], main: hit.kind === "unit" ? hit.unit : undefined };
}
