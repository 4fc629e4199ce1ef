// Where the reader is, from the whole network down to one weight; each step back is a click.

import { areaOf, unitName } from "./network_data.js";

/** The steps to a selection: [{ text, act }], where act is "all", "layer" or a selection's text. */
export function crumbsOf(network, hit, layer, chosen) {
  const steps = [{ text: "Network", act: "all" }];
  const onto = (unit) => unitName(network, unit);
  if (hit === null || hit.kind === "layer") {
    const at = hit?.layer ?? layer;
    if (at >= 0) steps.push({ text: network.layers[at].name, act: `layer-${at}` });
    return steps;
  }
  const unit = hit.kind === "unit" ? hit.unit : network.target[hit.edge];
  const to = onto(unit);
  const isMap = areaOf(network, to.layer) > 1;
  steps.push({ text: to.name, act: `layer-${to.layer}` });
  steps.push({ text: to.place, act: `${isMap ? "channel" : "unit"}-${to.layer}-${to.index}` });
  if (hit.kind === "unit") return steps;
  const from = onto(network.source[hit.edge]);
  const isSlice = areaOf(network, from.layer) > 1;
  const slice = `slice-${network.connection[hit.edge]}-${to.index}-${from.index}`;
  steps.push({ text: `from ${from.place}`, act: isSlice ? slice : `weight-${network.parameter[hit.edge]}` });
  if (isSlice && chosen) steps.push({ text: "one weight", act: chosen });
  return steps;
}

export function drawCrumbs(list, steps, onStep) {
  const key = JSON.stringify(steps);
  if (list.dataset.steps === key) return;
  list.dataset.steps = key;
  list.replaceChildren(
    ...steps.map(({ text, act }, at) => {
      const item = document.createElement("li");
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: text });
      button.dataset.act = act;
      if (at === steps.length - 1) button.setAttribute("aria-current", "true");
      button.onclick = () => onStep(act);
      item.append(button);
      return item;
    }),
  );
}
