// The arithmetic of one unit as a table in the card: the largest products, the rest as one, bias, sum, activation.

import { make } from "../shared/dom.js";
import { count, plain } from "../shared/format.js";
import { planeOf } from "../network/data.js";
import { largestSummands, productOf } from "./arithmetic.js";

const MOST = 6;
/** @type {Record<string, string>} */
const TITLES = { relu: "ReLU", relu6: "ReLU6", tanh: "tanh", silu: "SiLU", elu: "ELU", batch_norm: "BatchNorm", leaky_relu: "leaky ReLU" };

/**
 * @param {Network} network
 * @param {UnitSum} unitSum
 * @param {string} title
 */
export function sumTable(network, unitSum, title) {
  const { largest, others, now, before } = largestSummands(unitSum, MOST);
  const box = make("section", { className: "sum" });
  box.dataset.testid = "ncviz-sum";
  box.append(make("p", { className: "small", textContent: title }));
  const table = make("table", {});
  table.append(row(["reads", "a × w", "now", "whole"], "th"));
  for (const each of largest) {
    const name = unitWords(network.layers[unitSum.layer]?.shape ?? [], each.unit);
    const product = `${plain(each.value)} × ${plain(each.weight)}`;
    const line = row([name, product, each.isKept ? plain(productOf(each), 3) : "cut", plain(each.before, 3)]);
    line.classList.toggle("is-cut", !each.isKept);
    table.append(line);
  }
  if (others > 0) table.append(row([`${count(others)} others`, "", plain(now, 3), plain(before, 3)]));
  table.append(row(["bias", "", plain(unitSum.bias, 3), plain(unitSum.bias, 3)]));
  const total = row(["sum", "", plain(unitSum.now.sum, 3), plain(unitSum.whole.sum, 3)]);
  total.className = "total";
  total.dataset.now = String(unitSum.now.sum);
  table.append(total);
  unitSum.now.steps.forEach(([kind, value], at) => {
    table.append(row([TITLES[kind] ?? kind, "", plain(value, 3), plain(unitSum.whole.steps[at][1], 3)]));
  });
  box.append(table);
  return box;
}

/**
 * @param {string[]} texts
 * @param {"td" | "th"} [tag]
 */
function row(texts, tag = "td") {
  const line = make("tr", {});
  for (const text of texts) line.append(make(tag, { textContent: text }));
  return line;
}

/**
 * @param {number[]} shape
 * @param {number} unit
 */
function unitWords(shape, unit) {
  if (shape.length < 2) return `unit ${unit}`;
  const { columns, area } = planeOf(shape);
  const [channel, place] = [Math.floor(unit / area), unit % area];
  const at = `${Math.floor(place / columns)}, ${place % columns}`;
  return shape.length > 2 && shape[0] > 1 ? `ch. ${channel} (${at})` : `(${at})`;
}
