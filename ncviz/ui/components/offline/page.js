// The saved file: mounts the canvas and the panel as Streamlit would, and stays their only listener.

function part(name) {
  return document.querySelector(`[data-part="${name}"]`);
}

function bytesOf(text) {
  return Uint8Array.from(atob(text.trim()), (letter) => letter.charCodeAt(0));
}

/** Put a component's markup into a shadow root and return a function that hands it its data. */
function mount(name, component, data) {
  const root = document.querySelector(`[data-mount="${name}"]`).attachShadow({ mode: "open" });
  root.append(part(name).content.cloneNode(true));
  const ignore = () => {};
  return () =>
    component({ name, key: name, parentElement: root, data, setStateValue: ignore, setTriggerValue: ignore });
}

/** `components`: the default export of each, by name. */
export default function start(components) {
  // The panel leads and the canvas follows, so the panel speaks first.
  const shows = [
    mount("live", components.live, JSON.parse(part("panel").textContent)),
    mount("network", components.network, bytesOf(part("payload").textContent)),
  ];
  const show = () => shows.forEach((one) => one());
  show();
  // Colours are read when data comes; a change of the reader's theme brings none.
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
}
