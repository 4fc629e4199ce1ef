// What joins layers without weights: skips, poolings, scalings. Without curvature, so without colour.

import { courseOf, follow } from "./geometry.js";

/** Thin lines, bowed around the layers that they pass; those of what is selected stand out. */
export function drawLinks(context, { network, geometry, view, theme, focus }) {
  if (network.linkSource.length === 0) return;
  const chosen = new Set(focus?.main === undefined ? [] : [focus.main]);
  const counts = network.links.map(() => 0);
  for (const link of network.linkOf) counts[link] += 1;
  context.strokeStyle = theme.muted;
  for (let e = 0; e < network.linkSource.length; e += 1) {
    const isChosen = chosen.has(network.linkSource[e]) || chosen.has(network.linkTarget[e]);
    const faint = Math.max(0.3, Math.min(0.6, 4 / counts[network.linkOf[e]]));
    context.globalAlpha = isChosen ? 0.9 : focus ? 0.12 : faint;
    context.lineWidth = isChosen ? 1.6 : 0.9;
    context.beginPath();
    follow(context, courseOf(network, geometry, view, network.linkSource[e], network.linkTarget[e], "link"));
    context.stroke();
  }
  context.globalAlpha = 1;
}

/** The kinds of links in a few words, such as "grey: skips, pooling"; "" where there are none. */
export function linkWords(network) {
  if (network.linkSource.length === 0) return "";
  const names = { skip: "skips", pool: "pooling", scale: "scaling" };
  const kinds = [...new Set(network.links.map(({ kind }) => names[kind] ?? kind))];
  return `grey: ${kinds.join(", ")}`;
}
