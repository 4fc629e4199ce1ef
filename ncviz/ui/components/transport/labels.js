// Who stands at the two ends of the bands, and how much mass: a name and a share beside each bar.

import { contextOf, make, makeSvg, rulerOf } from "../shared/dom.js";
import { fit } from "../shared/format.js";

const SIZE = 12;
const SPACE = 6; // between a bar and its label
const MOST = 0.3; // of the picture's width for the labels of one side

/**
 * How much room the labels of each side take, and how long a text is.
 * @param {TransportData} data
 * @param {number} width
 * @param {Theme} theme
 */
export function geometryText(data, width, theme) {
  const context = contextOf(make("canvas"));
  context.font = `600 ${SIZE}px ${theme.font}`;
  const measure = rulerOf(context);
  const most = Math.floor(width * MOST);
  const room = (/** @type {TransportEnd[]} */ ends) =>
    Math.min(most, Math.ceil(Math.max(...ends.map(({ name, share }) => Math.max(measure(`${name} ${share}`), 30)))) + 2 * SPACE);
  return { left: room(data.left), right: room(data.right), measure };
}

/**
 * @param {TransportData} data
 * @param {TransportLayout} laid
 * @param {ReturnType<typeof geometryText>} text
 * @param {number[]} span
 * @param {Theme} theme
 */
export function labelsOf(data, laid, text, [start, end], theme) {
  const side = (/** @type {TransportEnd[]} */ ends, /** @type {Bar[]} */ bars, /** @type {boolean} */ isLeft) =>
    ends.map(({ name, share, exact }, at) => {
      const room = (isLeft ? text.left : text.right) - 2 * SPACE - text.measure(` ${share}`);
      const x = isLeft ? start - SPACE : end + SPACE;
      const label = makeSvg("text", {
        x, y: bars[at].top + bars[at].thick / 2 + 4, "text-anchor": isLeft ? "end" : "start",
        "font-size": SIZE, "font-weight": at === 0 ? 700 : 400, fill: theme.ink,
      });
      label.append(`${fit(name, room, text.measure)} ${share}`, makeSvg("title", {}, [`${name}: ${exact}`]));
      return label;
    });
  const own = laid.ribbons.find(({ band }) => band.row === 0 && band.column === 0);
  const thinner = [];
  if (laid.isShort && own) {
    const at = { x: (start + end) / 2, y: (own.from + own.to) / 2 + own.thick / 2 + 4 };
    const words = "drawn thinner than it is";
    const half = text.measure(words) / 2 + 8;
    thinner.push(
      makeSvg("rect", { x: at.x - half, y: at.y - 15, width: 2 * half, height: 21, rx: 4, fill: theme.paper, "fill-opacity": 0.88, "pointer-events": "none" }),
      makeSvg("text", { ...at, "text-anchor": "middle", "font-size": SIZE, fill: theme.ink, "pointer-events": "none" }, [words]),
    );
  }
  return [...side(data.left, laid.left, true), ...side(data.right, laid.right, false), ...thinner];
}
