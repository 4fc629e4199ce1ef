// A free layout within the app: edges go while the slider is dragged; the page as a whole is made anew when it is let go.

const RETRY = 300; // ms until the panel's channel is looked for again

/**
 * @param {any} network of vis-network
 * @param {any} edges its edges, each with its `rank` in the order
 * @param {{ channel: string, order: string }} leader the live panel on the page around this one
 */
export function follow(network, edges, { channel, order }) {
  join(channel, (event) => {
    /** @type {{ id: string, hidden: boolean }[]} */
    const changed = [];
    edges.forEach((/** @type {{ id: string, rank: number, hidden?: boolean }} */ edge) => {
      const hidden = event.order === order && edge.rank < event.removed;
      if (hidden !== Boolean(edge.hidden)) changed.push({ id: edge.id, hidden });
    });
    if (changed.length > 0) edges.update(changed);
  });
  borrowFont();
  document.fonts.load('600 15px "Source Sans"').then(
    () => network.redraw(),
    () => {},
  );
}

/**
 * @param {string} channel
 * @param {(event: { removed: number, order: string | null }) => void} listener
 */
function join(channel, listener) {
  const state = window.parent.__ncvizChannels?.get(channel);
  if (!state) {
    setTimeout(() => join(channel, listener), RETRY);
    return;
  }
  state.listeners.add(listener);
  window.addEventListener("pagehide", () => state.listeners.delete(listener));
  if (state.last) listener(state.last);
}

/** The page around has the font; without it, this one would stand in the system's. */
function borrowFont() {
  const { location, document: outer } = window.parent;
  const own = document.head.appendChild(document.createElement("style")).sheet;
  for (const sheet of outer.styleSheets) {
    if (sheet.href && new URL(sheet.href).origin !== location.origin) continue;
    for (const rule of sheet.cssRules) {
      if (isFontFace(rule) && rule.style.fontFamily.includes("Source Sans")) {
        own?.insertRule(withWholeUrls(rule.cssText, sheet.href ?? outer.baseURI));
      }
    }
  }
}

/**
 * @param {CSSRule} rule
 * @returns {rule is CSSFontFaceRule}
 */
function isFontFace(rule) {
  return rule instanceof /** @type {any} */ (window.parent).CSSFontFaceRule;
}

/**
 * @param {string} rule
 * @param {string} base
 */
function withWholeUrls(rule, base) {
  return rule.replace(/url\("([^"]+)"\)/g, (_, url) => `url("${new URL(url, base)}")`);
}
