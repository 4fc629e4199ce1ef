// The heading over one of two pictures, which says what is removed from it and follows the panel's slider.

import { openChannel } from "../shared/bus.js";
import { make, query } from "../shared/dom.js";
import { sharePercent } from "../shared/format.js";
import { keepInstance } from "../shared/instances.js";
import { readTheme } from "../shared/theme.js";

class Title {
  leave = () => {};

  /** @param {ShadowRoot} root */
  constructor(root) {
    this.root = root;
    this.heading = query(root, "h3", ".title");
  }

  /** @param {StreamlitComponent<TitleData>} given */
  update({ data }) {
    this.leave();
    const theme = readTheme(this.root).name;
    const channel = openChannel(data.channel);
    this.leave = channel.subscribe((event) => this.#write(data, theme, event));
    this.#write(data, theme, channel.isLive && channel.last ? channel.last : data);
  }

  /**
   * @param {TitleData} data
   * @param {ThemeName} theme
   * @param {Threshold} threshold
   */
  #write({ network, orders, total, tones }, theme, { removed, order }) {
    const { label, tone } = orders[order ?? ""] ?? { label: order, tone: null };
    const piece = (/** @type {string} */ className, /** @type {string} */ textContent) =>
      make("span", { className, textContent });
    const parts = [piece("", `${label}, ${sharePercent(removed, total)} removed`)];
    if (tone) {
      parts.unshift(piece("dot", ""));
      this.heading.style.setProperty("--tone", tones[theme][tone]);
    }
    if (network) parts.unshift(piece("network", network));
    this.heading.replaceChildren(...parts);
  }

  destroy() {
    this.leave();
  }
}

export default keepInstance((root) => new Title(root));
