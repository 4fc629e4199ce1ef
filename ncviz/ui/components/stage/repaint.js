// What Python draws has its colours from the run that drew it: another theme asks for another run.

import { keepInstance } from "../shared/instances.js";
import { readTheme } from "../shared/theme.js";

class Repaint {
  /** @type {string | null} */
  known = null;

  /** @param {ShadowRoot} root */
  constructor(root) {
    this.root = root;
  }

  /** @param {StreamlitComponent<object>} given called anew whenever the theme changes */
  update({ setTriggerValue }) {
    const { name } = readTheme(this.root);
    const isOther = this.known !== null && this.known !== name;
    this.known = name;
    if (isOther) setTriggerValue("theme", name);
  }

  destroy() {}
}

export default keepInstance((root) => new Repaint(root));
