// The nodes of a large layer that are not shown one by one: a strip beside those that are, a tick for each.

const HALF = 5; // pixels, half a strip's height
const MANY = 60; // nodes of a selection

/**
 * @param {Pen} context
 * @param {Scene} scene
 */
export function drawStrips(context, { network, geometry, view, theme, focus }) {
  const { rest, offsets } = network;
  if (!rest) return;
  // Where a selection reaches all of them, ticks would say nothing.
  const chosen = new Set(focus && focus.units.length < MANY ? focus.units : []);
  for (let layer = 0; layer < network.layers.length; layer += 1) {
    const nodes = [];
    for (let node = offsets[layer]; node < offsets[layer + 1]; node += 1) if (rest[node] === 1) nodes.push(node);
    if (nodes.length > 0) drawStrip(context, geometry, view, theme, nodes, chosen);
  }
}

/**
 * @param {Pen} context
 * @param {Geometry} geometry
 * @param {View} view
 * @param {Theme} theme
 * @param {number[]} nodes
 * @param {Set<number>} chosen
 */
function drawStrip(context, geometry, view, theme, nodes, chosen) {
  const { isPortrait } = geometry;
  const [along, across] = isPortrait ? [geometry.y, geometry.x] : [geometry.x, geometry.y];
  const [shift, drop] = isPortrait ? [view.y, view.x] : [view.x, view.y];
  const places = nodes.map((node) => along[node] * view.k + shift);
  const [low, high] = [places[0] - 3, places[places.length - 1] + 3];
  const middle = across[nodes[0]] * view.k + drop;
  const box = (/** @type {number} */ from, /** @type {number} */ to, /** @type {number} */ half) =>
    isPortrait ? [middle - half, from, 2 * half, to - from] : [from, middle - half, to - from, 2 * half];
  const fill = (/** @type {number[]} */ [x, y, width, height]) => context.fillRect(x, y, width, height);
  context.fillStyle = theme.line;
  fill(box(low, high, HALF));
  context.fillStyle = theme.ink;
  nodes.forEach((node, at) => {
    if (chosen.has(node)) fill(box(places[at] - 0.75, places[at] + 0.75, HALF));
  });
  const text = `+${nodes.length}`;
  context.font = `500 11px ${theme.font}`;
  context.fillStyle = theme.ink;
  context.strokeStyle = theme.paper;
  context.lineWidth = 3;
  context.lineJoin = "round";
  context.textBaseline = isPortrait ? "alphabetic" : "top";
  context.textAlign = "center";
  const [x, y] = isPortrait ? [middle, high + 13] : [(low + high) / 2, middle + HALF + 2];
  context.strokeText(text, x, y);
  context.fillText(text, x, y);
}
