// The saved file: mounts the canvas and the panel as Streamlit would, and stays their only listener.

import { part, query } from "../shared/dom.js";

/** @typedef {(component: StreamlitComponent<any>) => unknown} Component the default export of its module */

/** @param {string} text */
function bytesOf(text) {
  return Uint8Array.from(atob(text.trim()), (letter) => letter.charCodeAt(0));
}

/**
 * Put a component's markup into a shadow root and return a function that hands it its data.
 * @param {string} name
 * @param {Component} component
 * @param {unknown} data
 */
function mount(name, component, data) {
  const root = query(document, "div", `[data-mount="${name}"]`).attachShadow({ mode: "open" });
  root.append(part(document, "template", name).content.cloneNode(true));
  const ignore = () => {};
  return () =>
    component({ name, key: name, parentElement: root, data, setStateValue: ignore, setTriggerValue: ignore });
}

/**
 * @param {{ live: Component, network: Component }} components
 */
export default function start(components) {
  // The panel leads and the canvas follows, so the panel speaks first.
  const shows = [
    mount("live", components.live, JSON.parse(part(document, "script", "panel").text)),
    mount("network", components.network, bytesOf(part(document, "script", "payload").text)),
  ];
  const show = () => shows.forEach((one) => one());
  show();
  // Colours are read when data comes; a change of the reader's theme brings none.
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
}
