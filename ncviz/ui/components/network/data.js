// The bytes that Python packed, as typed arrays, and what the drawing needs per edge.

const ARRAYS = {
  uint8: Uint8Array,
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
  const binOf = (curvature) => {
    const value = Math.max(-scale.limit, Math.min(scale.limit, curvature));
    return Math.round(((value + scale.limit) / (2 * scale.limit)) * (bins - 1));
  };
  for (let e = 0; e < edges; e += 1) bin[e] = binOf(arrays.curvature[e]);
  const layerOf = new Uint16Array(message.offsets.at(-1));
  for (let layer = 0; layer + 1 < message.offsets.length; layer += 1) {
    layerOf.fill(layer, message.offsets[layer], message.offsets[layer + 1]);
  }
  const network = { ...message, ...arrays, edges, bin, binOf, bins, layerOf };
  network.layouts = message.layouts.map(readLayout, arrays);
  network.linkSource ??= [];
  network.linkTarget ??= [];
  network.firstUnit = firstUnits(message.layers);
  network.lanes = lanesOf(network);
  return network;
}

/** For each connection how far beside the middle its lines run, in lanes: several may join the same two layers. */
function lanesOf({ connections, connection, source, target, layerOf }) {
  const ends = connections.map(() => null);
  for (let e = 0; e < connection.length; e += 1) {
    ends[connection[e]] ??= `${layerOf[source[e]]}-${layerOf[target[e]]}`;
  }
  return ends.map((own, at) => {
    const beside = ends.flatMap((other, index) => (own !== null && other === own ? [index] : []));
    return own === null ? 0 : beside.indexOf(at) - (beside.length - 1) / 2;
  });
}

/** Index of each layer's first unit over all layers; where a feature map is one node, nodes are fewer. */
function firstUnits(layers) {
  const first = [0];
  for (const { shape } of layers) first.push(first.at(-1) + shape.reduce((product, size) => product * size, 1));
  return first;
}

/** How active a node is, 0 … 1: a unit's activity, or the mean over a feature map. */
export function activityOf(network, node) {
  if (!network.activity) return null;
  const layer = network.layerOf[node];
  const area = areaOf(network, layer);
  const first = network.firstUnit[layer] + (node - network.offsets[layer]) * area;
  let sum = 0;
  for (let unit = first; unit < first + area; unit += 1) sum += network.activity[unit];
  return sum / area / 255;
}

/** Units behind one node of a layer. */
export function areaOf(network, layer) {
  const { grouped, shape } = network.layers[layer];
  return grouped ? shape.at(-1) * shape.at(-2) : 1;
}

function readLayout(box, number) {
  return { ...box, shareX: this[`x${number}`], shareY: this[`y${number}`] };
}

export function share(values, index) {
  return values[index] / GRID;
}

/**
 * What is left of each line: `visible` 1 if any of its parameters is not among the first `removed` of the order, `bin`
 * the colour of its strongest bottleneck that is left, `lowest` that curvature, `negative` how many negative ones are.
 */
export function linesLeft(network, order, removed, into) {
  const { edges } = network;
  const state =
    into?.visible.length === edges
      ? into
      : {
          visible: new Uint8Array(edges),
          bin: new Uint8Array(edges),
          lowest: new Float32Array(edges),
          negative: new Uint16Array(edges),
          kept: 0,
        };
  const isLeft = keeper(network, order, removed);
  const { start, memberCurvature, curvature, bin } = network;
  state.kept = 0;
  for (let e = 0; e < edges; e += 1) {
    let lowest = Infinity;
    let negative = 0;
    if (start) {
      for (let m = start[e]; m < start[e + 1]; m += 1) {
        if (!isLeft(m)) continue;
        lowest = Math.min(lowest, memberCurvature[m]);
        negative += memberCurvature[m] < 0;
      }
    } else if (isLeft(e)) {
      lowest = curvature[e];
      negative = lowest < 0 ? 1 : 0;
    }
    const isVisible = lowest < Infinity;
    state.visible[e] = isVisible;
    state.kept += isVisible;
    state.lowest[e] = lowest;
    state.negative[e] = negative;
    state.bin[e] = !isVisible || lowest === curvature[e] ? bin[e] : network.binOf(lowest);
  }
  return state;
}

/** Whether a member (or an edge, where each has one) is left, as a function of its index. */
function keeper(network, order, removed) {
  const found = network.orders.find((known) => known.key === order);
  if (!found || removed <= 0) return () => true;
  const ranks = network.arrays[`rank${found.rank}`];
  const last = network.parameters - 1;
  return found.mirrored ? (m) => last - ranks[m] >= removed : (m) => ranks[m] >= removed;
}

/** How many parameters stand behind a line. */
export function sizeOf(network, edge) {
  return network.start ? network.start[edge + 1] - network.start[edge] : 1;
}

/** A layer's name and its short forms, longest first: of a module's path its end tells most, but for a bare number. */
export function formsOf(name) {
  const parts = name.split(".");
  const ends = parts.slice(1).map((_, at) => parts.slice(at + 1).join("."));
  return [name, ...ends.filter((text) => /[a-z]/i.test(text)), name.replace(/^hidden /, "h")];
}

export function shortestForm(name) {
  const short = name.replace(/^hidden /, "h");
  return short === name ? formsOf(name).at(-2) : short;
}

/** Where a unit sits within its layer, in words: `7`, or `channel 2, row 5, column 0`. */
export function unitName(network, unit) {
  const layer = network.layerOf[unit];
  const index = unit - network.offsets[layer];
  const { name, shape, grouped } = network.layers[layer];
  if (grouped) return { layer, index, name, place: `channel ${index}` };
  const isLast = layer === network.layers.length - 1;
  const label = isLast ? network.classes[index] : undefined;
  if (shape.length >= 2 && shape.at(-1) * shape.at(-2) > 1) {
    const columns = shape.at(-1);
    const area = columns * shape.at(-2);
    const row = `row ${Math.floor((index % area) / columns)}, column ${index % columns}`;
    const place = shape.at(-2) === 1 && shape.length > 2 ? `place ${index % columns}` : row;
    const many = network.offsets[layer + 1] - network.offsets[layer] > area;
    return { layer, index, name, place: many ? `channel ${Math.floor(index / area)}, ${place}` : place };
  }
  return { layer, index, name, place: label === undefined ? `unit ${index}` : `unit ${index} (${label})` };
}
