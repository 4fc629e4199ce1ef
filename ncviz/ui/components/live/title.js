// The heading over one of two pictures, which says what is removed from it and follows the panel's slider.

import { openChannel } from "../shared/bus.js";
import { percent } from "../shared/format.js";
import { keepInstance } from "../shared/instances.js";
import { readTheme } from "../shared/theme.js";

class Title {
  constructor(root) {
    this.root = root;
    this.heading = root.querySelector(".title");
    this.leave = () => {};
  }

  update({ data }) {
    this.leave();
    this.data = data;
    this.theme = readTheme(this.root);
    const channel = openChannel(data.channel);
    this.leave = channel.subscribe((event) => this.#write(event));
    this.#write(channel.isLive && channel.last ? channel.last : data);
  }

  #write({ removed, order }) {
    const { network, orders, total, tones } = this.data;
    const { label, tone } = orders[order] ?? { label: order };
    const part = (name, text) =>
      Object.assign(document.createElement("span"), { className: name, textContent: text });
    const parts = [part("", `${label}, ${percent(total > 0 ? removed / total : 0)} removed`)];
    if (tone) {
      parts.unshift(part("dot", ""));
      this.heading.style.setProperty("--tone", tones[this.theme.name][tone]);
    }
    if (network) parts.unshift(part("network", network));
    this.heading.replaceChildren(...parts);
  }

  destroy() {
    this.leave();
  }
}

export default keepInstance((root) => new Title(root));
