// The app's colours and fonts, read from the custom properties that Streamlit sets around a component.

import { contextOf, make } from "./dom.js";

/** @type {Map<string, Uint8ClampedArray>} */
const known = new Map();

/**
 * Red, green and blue of any CSS colour; asking a canvas is slow, so each colour is asked for once.
 * @param {string} color
 */
function channels(color) {
  const channels = known.get(color) ?? readChannels(color);
  known.set(color, channels);
  return channels;
}

/** @param {string} color */
function readChannels(color) {
  const context = contextOf(make("canvas"), { willReadFrequently: true });
  context.fillStyle = color;
  context.fillRect(0, 0, 1, 1);
  return context.getImageData(0, 0, 1, 1).data;
}

/**
 * Colours for drawing; `isDark` follows the background that is really there, so custom themes work too.
 * @param {ShadowRoot} root
 * @returns {Theme}
 */
export function readTheme(root) {
  const style = getComputedStyle(root.host ?? root);
  const get = (/** @type {string} */ name, /** @type {string} */ fallback) => style.getPropertyValue(`--st-${name}`).trim() || fallback;
  const paper = get("background-color", "#ffffff");
  const [red, green, blue] = channels(paper);
  const isDark = 0.2126 * red + 0.7152 * green + 0.0722 * blue < 110;
  return {
    name: isDark ? "dark" : "light",
    isDark,
    paper,
    ink: get("text-color", isDark ? "#fafafa" : "#31333f"),
    muted: isDark ? "#a3a9b5" : "#626875",
    dot: isDark ? "#c3c8d2" : "#4a505d",
    line: isDark ? "#3a404b" : "#d5d8de",
    accent: get("primary-color", "#ff4b4b"),
    font: get("font", "system-ui, sans-serif"),
    shadeChannels: (share) => shadeChannels(isDark, share),
    shade: (share) => `rgb(${shadeChannels(isDark, share).map(Math.round).join(",")})`,
  };
}

// From silent to fully active, without a hue: colour is for curvature alone.
const SHADES = { light: [[243, 244, 247], [46, 51, 62]], dark: [[40, 44, 52], [232, 236, 243]] };

/**
 * @param {boolean} isDark
 * @param {number} share
 */
function shadeChannels(isDark, share) {
  const [silent, active] = isDark ? SHADES.dark : SHADES.light;
  return silent.map((low, i) => low + (active[i] - low) * share);
}

/** @param {Theme} theme */
export function themeKey(theme) {
  return `${theme.name}|${theme.paper}|${theme.ink}|${theme.accent}|${theme.font}`;
}
