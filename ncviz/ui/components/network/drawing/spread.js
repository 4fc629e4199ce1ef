// A small histogram of κ over the colours' scale, for the tooltip.

import { make } from "../../shared/dom.js";

/**
 * @param {DescribedSpread} spread
 * @param {string[]} ramp
 */
export function spreadOf({ bars, mark, words }, ramp) {
  const box = make("div", { className: "spread" });
  const most = Math.max(...bars);
  const columns = bars.map((count, at) => {
    const bar = make("span", {});
    // Small counts beside large ones are seen as well: heights grow with the square root.
    bar.style.height = `${count > 0 ? Math.max(4, 100 * Math.sqrt(count / most)) : 0}%`;
    bar.style.background = ramp[Math.round(((at + 0.5) / bars.length) * (ramp.length - 1))];
    return bar;
  });
  box.append(...columns);
  if (mark !== null) {
    const pin = make("i", {});
    pin.style.left = `${100 * mark}%`;
    box.append(pin);
  }
  const figure = make("div", {});
  figure.append(box, make("p", { className: "small", textContent: words }));
  return figure;
}
