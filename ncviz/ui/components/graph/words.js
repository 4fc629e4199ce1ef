// What the graph editor says: names for those who cannot see the picture, and what can be done next.

import { plain, signed } from "../shared/format.js";

/**
 * @param {{ u: number, v: number }} edge
 * @param {boolean} isDirected
 */
export function edgeName(edge, isDirected) {
  return isDirected ? `${edge.u} → ${edge.v}` : `${edge.u}–${edge.v}`;
}

/**
 * @param {number} kappa
 * @param {string[]} names
 */
export function meaning(kappa, names) {
  return kappa < -0.005 ? names[0] : kappa > 0.005 ? names[1] : "flat";
}

/**
 * @param {GraphEdge} edge
 * @param {GraphData} data
 */
export function edgeWords(edge, data) {
  const changed = edge.was === null ? "" : `, was ${signed(edge.was)} before the last change`;
  const kind = meaning(edge.kappa, data.scale.names);
  return `Edge ${edgeName(edge, data.directed)}, κ ${signed(edge.kappa)}, ${kind}, length ${edge.length}${changed}`;
}

/**
 * @param {GraphNode} node
 * @param {GraphData} data
 */
export function nodeWords(node, data) {
  const count = data.edges.filter((edge) => edge.u === node.id || edge.v === node.id).length;
  const masses = data.selected ? `, mass ${plain(node.before)} before and ${plain(node.after)} after` : "";
  return `Node ${node.id}, ${count} ${count === 1 ? "edge" : "edges"}${masses}`;
}

/**
 * One line about the next step.
 * @param {GraphData} data
 * @param {number | null} picked
 */
export function hintWords(data, picked) {
  if (picked !== null) return `Node ${picked}: click another to join them.`;
  if (data.nodes.length === 0) return "Add a node, or double-click in the picture.";
  if (data.nodes.length >= data.most_nodes) return `${data.most_nodes} nodes are the most that fit here.`;
  if (data.nodes.length === 1) return "Add another node, to join the two.";
  const areAllJoined = data.edges.length === (data.nodes.length * (data.nodes.length - 1)) / 2;
  if (areAllJoined) return data.selected ? "All nodes are joined; drag them about." : "Click an edge.";
  if (data.edges.length === 0) return "Click two nodes to join them.";
  if (!data.selected) return "Click an edge, or two nodes to join them.";
  return "Click two nodes to join them; drag nodes about.";
}
