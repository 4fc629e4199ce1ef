// Saving the picture as it stands, legend and caption included, without the server.

import { drawScene } from "./network_draw.js";
import { SvgContext } from "./svg_context.js";

const PNG_SCALE = 2;

export function savePng(scene, name) {
  const { width, height } = scene.geometry;
  const canvas = document.createElement("canvas");
  canvas.width = width * PNG_SCALE;
  canvas.height = height * PNG_SCALE;
  const context = canvas.getContext("2d");
  context.scale(PNG_SCALE, PNG_SCALE);
  paint(context, scene);
  canvas.toBlob((blob) => blob && download(blob, `${name}.png`), "image/png");
}

export function saveSvg(scene, name) {
  const { width, height } = scene.geometry;
  const context = new SvgContext(width, height, scene.network.layers.map((layer) => layer.name).join(" → "));
  paint(context, scene);
  download(new Blob([context.toString()], { type: "image/svg+xml" }), `${name}.svg`);
}

/** An export stands alone, so it brings its own paper. */
function paint(context, scene) {
  context.fillStyle = scene.theme.paper;
  context.fillRect(0, 0, scene.geometry.width, scene.geometry.height);
  drawScene(context, scene);
}

function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The browser reads the blob after the click has returned.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
