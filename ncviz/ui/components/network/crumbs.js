// Where the reader is, from the whole network down to one weight; each step back is a click.

import { make } from "../shared/dom.js";
import { areaOf, unitName } from "./data.js";

/** @typedef {{ source: number, target: number, connection: number, parameter: number }} Ends */

/**
 * The steps to a selection: [{ text, act }], where act is "all", "layer" or a selection's text.
 * @param {Network} network
 * @param {Selected | null} hit
 * @param {number} layer
 * @param {string | null} chosen
 * @returns {Crumb[]}
 */
export function crumbsOf(network, hit, layer, chosen) {
  const steps = [{ text: "Network", act: "all" }];
  if (hit === null) {
    if (layer >= 0) steps.push({ text: network.layers[layer].name, act: `layer-${layer}` });
    return steps;
  }
  if (hit.kind === "unit") return [...steps, ...stepsTo(network, hit.unit)];
  const line = hit.kind === "line" ? hit : drawnLine(network, hit.edge);
  return [...steps, ...stepsTo(network, line.target), ...stepsFrom(network, line, chosen)];
}

/**
 * @param {Network} network
 * @param {number} edge
 * @returns {Ends}
 */
function drawnLine({ source, target, connection, parameter }, edge) {
  return { source: source[edge], target: target[edge], connection: connection[edge], parameter: parameter[edge] };
}

/**
 * The path has one line, beside the images and the tools.
 * @param {string} place
 */
function shortPlace(place) {
  return place.replace("channel", "ch");
}

/**
 * Layer and node.
 * @param {Network} network
 * @param {number} unit
 * @returns {Crumb[]}
 */
function stepsTo(network, unit) {
  const to = unitName(network, unit);
  const isMap = areaOf(network, to.layer) > 1;
  return [
    { text: to.name, act: `layer-${to.layer}` },
    { text: shortPlace(to.place), act: `${isMap ? "channel" : "unit"}-${to.layer}-${to.index}` },
  ];
}

/**
 * The other end, and one weight of the slice between.
 * @param {Network} network
 * @param {Ends} ends
 * @param {string | null} chosen
 * @returns {Crumb[]}
 */
function stepsFrom(network, { source, target, connection, parameter }, chosen) {
  const [from, to] = [unitName(network, source), unitName(network, target)];
  const isSlice = areaOf(network, from.layer) > 1;
  const slice = `slice-${connection}-${to.index}-${from.index}`;
  const step = { text: `from ${shortPlace(from.place)}`, act: isSlice ? slice : `weight-${parameter}` };
  return isSlice && chosen ? [step, { text: "weight", act: chosen }] : [step];
}

/**
 * @param {HTMLElement} list
 * @param {Crumb[]} steps
 * @param {(act: string) => void} onStep
 */
export function drawCrumbs(list, steps, onStep) {
  const key = JSON.stringify(steps);
  if (list.dataset.steps === key) return;
  list.dataset.steps = key;
  list.replaceChildren(
    ...steps.map(({ text, act }, at) => {
      const item = make("li");
      const button = make("button", { type: "button", textContent: text });
      button.dataset.act = act;
      if (at === steps.length - 1) button.setAttribute("aria-current", "true");
      button.onclick = () => onStep(act);
      item.append(button);
      return item;
    }),
  );
}
