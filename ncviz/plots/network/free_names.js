// Names in a free layout: those of its layers above their columns, and those of nodes where there is room beside them.

/** @typedef {{ x: number, y: number }} Spot */

const LETTER = 12; // pixels, at any zoom
const HEADROOM = 18; // pixels
const ROOM = 15; // pixels from a name to the next one below

/**
 * @param {any} network of vis-network
 * @param {{ layers: { name: string, node: number }[], nodes: { id: number, name: string }[], ink: string, muted: string,
 *   paper: string, font: string }} picture
 */
export function drawNames(network, { layers, nodes, ink, muted, paper, font }) {
  // Once it is drawn, so that the picture is as large as its frame; nothing moves by itself.
  network.once("afterDrawing", () => {
    network.fit({ animation: false });
    // Room above for the names of layers, and for the letters of parts under them.
    const share = 1 - (2 * HEADROOM) / network.canvas.frame.clientHeight;
    network.moveTo({ scale: network.getScale() * share, offset: { x: 0, y: HEADROOM } });
  });
  network.on("afterDrawing", (/** @type {CanvasRenderingContext2D} */ context) => {
    const scale = network.getScale();
    const pixel = 1 / scale;
    const write = (/** @type {string} */ text, /** @type {number} */ x, /** @type {number} */ y, /** @type {string} */ color) => {
      context.strokeStyle = paper;
      context.lineWidth = 4 * pixel;
      context.strokeText(text, x, y);
      context.fillStyle = color;
      context.fillText(text, x, y);
    };
    context.lineJoin = "round";
    context.textBaseline = "middle";
    context.textAlign = "left";
    context.font = `400 ${LETTER * pixel}px ${font}`;
    const places = network.getPositions();
    /** @type {Spot[]} */
    const taken = [];
    for (const { id, name } of nodes) {
      const at = places[id];
      const isFree = at && taken.every(({ x, y }) => Math.abs(x - at.x) > 30 * pixel || Math.abs(y - at.y) > ROOM * pixel);
      if (!isFree) continue;
      taken.push(at);
      // Names of nodes that stand closer than their letters are high would be a column of ink.
      if (isApart(places, nodes, at, ROOM * pixel)) write(name, at.x + 12 + 5 * pixel, at.y, muted);
    }
    context.textAlign = "center";
    context.font = `600 ${(LETTER + 1) * pixel}px ${font}`;
    const top = network.DOMtoCanvas({ x: 0, y: 12 }).y;
    let last = -Infinity;
    for (const { name, node } of layers) {
      const x = places[node]?.x;
      const half = context.measureText(name).width / 2;
      if (x === undefined || x - half < last + 8 * pixel) continue;
      last = x + half;
      write(name, x, top, ink);
    }
  });
}

/**
 * Whether no other node stands right above or below.
 * @param {Record<string, Spot>} places
 * @param {{ id: number }[]} nodes
 * @param {Spot} at
 * @param {number} room
 */
function isApart(places, nodes, at, room) {
  return nodes.every(({ id }) => {
    const other = places[id];
    return !other || other === at || other.x !== at.x || Math.abs(other.y - at.y) >= room;
  });
}
