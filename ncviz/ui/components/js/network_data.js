// The bytes that Python packed, as typed arrays, and what the drawing needs per edge.

const ARRAYS = {
  uint16: Uint16Array,
  uint32: Uint32Array,
  float32: Float32Array,
};
const GRID = 65535; // coordinates travel as 16-bit shares of their box

/** Read a message: its header, with the arrays in `arrays`. */
export function decode(bytes) {
  // Typed arrays need aligned offsets, and a message that came over the wire starts anywhere.
  const buffer = bytes.slice().buffer;
  const magic = String.fromCharCode(...new Uint8Array(buffer, 0, 4));
  if (magic !== "NCV1") throw new Error(`expected a network message, got one that starts with ${magic}`);
  const length = new DataView(buffer).getUint32(4, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const arrays = {};
  for (const [name, entry] of Object.entries(header.arrays)) {
    arrays[name] = new ARRAYS[entry.dtype](buffer, 8 + length + entry.offset, entry.length);
  }
  return { ...header, arrays };
}

/** A message as the network to draw. */
export function readNetwork(message) {
  const { arrays, scale } = message;
  const bins = message.ramps.light.length;
  const edges = arrays.source.length;
  const bin = new Uint8Array(edges);
  for (let e = 0; e < edges; e += 1) {
    const value = Math.max(-scale.limit, Math.min(scale.limit, arrays.curvature[e]));
    bin[e] = Math.round(((value + scale.limit) / (2 * scale.limit)) * (bins - 1));
  }
  const layerOf = new Uint16Array(message.offsets.at(-1));
  for (let layer = 0; layer + 1 < message.offsets.length; layer += 1) {
    layerOf.fill(layer, message.offsets[layer], message.offsets[layer + 1]);
  }
  return { ...message, ...arrays, edges, bin, bins, layerOf, layouts: message.layouts.map(readLayout, arrays) };
}

function readLayout(box, number) {
  return { ...box, shareX: this[`x${number}`], shareY: this[`y${number}`] };
}

export function share(values, index) {
  return values[index] / GRID;
}

/** Which drawn edges are left: 1 if the edge's parameter is not among the first `removed` of the order. */
export function visibleEdges(network, order, removed, into) {
  const visible = into?.length === network.edges ? into : new Uint8Array(network.edges);
  const number = network.orders.indexOf(order);
  const ranks = network.arrays[`rank${number}`];
  let kept = 0;
  for (let e = 0; e < network.edges; e += 1) {
    visible[e] = !ranks || ranks[e] >= removed ? 1 : 0;
    kept += visible[e];
  }
  return { visible, kept };
}

/** Where a unit sits within its layer, in words: `7`, or `channel 2, row 5, column 0`. */
export function unitName(network, unit) {
  const layer = network.layerOf[unit];
  const index = unit - network.offsets[layer];
  const { name, shape } = network.layers[layer];
  const isLast = layer === network.layers.length - 1;
  const label = isLast ? network.classes[index] : undefined;
  if (shape.length >= 2 && shape.at(-1) * shape.at(-2) > 1) {
    const columns = shape.at(-1);
    const area = columns * shape.at(-2);
    const place = `row ${Math.floor((index % area) / columns)}, column ${index % columns}`;
    const many = network.offsets[layer + 1] - network.offsets[layer] > area;
    return { layer, index, name, place: many ? `channel ${Math.floor(index / area)}, ${place}` : place };
  }
  return { layer, index, name, place: label === undefined ? `unit ${index}` : `unit ${index} (${label})` };
}
