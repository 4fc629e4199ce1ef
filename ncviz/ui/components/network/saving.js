// What is taken away of the picture: as PNG or SVG, of a chosen size, or as a video of the slider's run.

import { openChannel } from "../shared/bus.js";
import { actionButton, make, part } from "../shared/dom.js";
import { canFilm, film } from "../film/film.js";
import { SIZES, savePng, saveSvg } from "./export.js";

/**
 * @param {ShadowRoot} root
 * @param {() => { state: State, scene: Scene | null, channel: Channel<Threshold> | null, fileName: string, tell(hint: string): void }} now
 */
export function listenToSaving(root, now) {
  const size = part(root, "select", "size");
  size.replaceChildren(...SIZES.map(({ name }) => make("option", { textContent: name })));
  for (const [action, write] of Object.entries({ png: savePng, svg: saveSvg })) {
    actionButton(root, action).onclick = () => {
      const { scene, channel, fileName } = now();
      const { last } = openChannel(`${channel?.name}/caption`);
      if (scene) write({ ...scene, caption: String(last ?? "") }, fileName || "network-curvature", SIZES[size.selectedIndex] ?? SIZES[0]);
    };
  }
  const button = actionButton(root, "film");
  button.hidden = !canFilm();
  button.onclick = () => {
    const { state, scene, channel, fileName, tell } = now();
    if (!scene) return;
    if (!channel?.isLive) {
      tell("The video runs the slider, which comes with the accuracy curves");
      return;
    }
    const { removed, order } = state;
    const given = { removed, order, total: scene.network.parameters, theme: scene.theme, name: fileName };
    film(part(root, "canvas", "canvas"), channel.name, given, button);
    tell("Recording the slider's run, 8 seconds");
  };
}
