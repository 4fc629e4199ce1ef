// The scale of κ below the graph.

import { make } from "../shared/dom.js";

/**
 * @param {HTMLElement} legend
 * @param {ThemeName} theme
 * @param {GraphScale} scale
 */
export function drawLegend(legend, theme, { ends, names, ...colors }) {
  if (legend.dataset.theme === theme) return;
  legend.dataset.theme = theme;
  const bar = make("i");
  bar.style.background = `linear-gradient(90deg, ${colors[theme].join(", ")})`;
  const text = (/** @type {string} */ textContent) => make("span", { textContent });
  legend.replaceChildren(text(`κ ${ends[0]} ${names[0]}`), bar, text(`${names[1]} ${ends[1]}`));
}
