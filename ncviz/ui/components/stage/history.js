// The browser's history: a step that was chosen is an entry, what slides is none, and what a page writes on arrival is
// part of the entry that it arrived at. Streamlit makes an entry of every change of the address and asks nobody.

import { keepInstance } from "../shared/instances.js";

const MARK = "ncviz";

/**
 * Whether a new address is worth an entry of its own.
 * @param {URL} from
 * @param {URL} to
 * @param {boolean} isSettled whether the page has already written its address since it was arrived at
 * @param {readonly string[]} quiet fields that slide
 */
export function isStep(from, to, isSettled, quiet) {
  if (from.pathname !== to.pathname) return true;
  if (!isSettled) return false;
  const names = new Set([...from.searchParams.keys(), ...to.searchParams.keys()]);
  const differs = (/** @type {string} */ name) => from.searchParams.get(name) !== to.searchParams.get(name);
  return [...names].some((name) => !quiet.includes(name) && differs(name));
}

/** @param {readonly string[]} quiet */
function takeOver(quiet) {
  const push = window.history.pushState.bind(window.history);
  const replace = window.history.replaceState.bind(window.history);
  window.__ncvizQuiet = quiet;
  window.history.pushState = (state, unused, url) => {
    const [from, to] = [new URL(location.href), new URL(url ?? "", location.href)];
    const isHere = from.pathname === to.pathname;
    const isWorth = isStep(from, to, Boolean(window.history.state?.[MARK]), window.__ncvizQuiet ?? []);
    // Within a page an entry is settled as soon as it is there; another page has yet to write its address.
    const kept = isHere && window.history.state?.[MARK] ? { ...state, [MARK]: true } : state;
    (isWorth ? push : replace)(kept, unused, url);
  };
  // A bare link's first address was written before this was there, as an entry: there is nothing to see in the one under it.
  const first = location.pathname;
  const skip = (/** @type {PopStateEvent} */ event) => {
    if (event.state?.[MARK] || location.search || location.pathname !== first) return;
    event.stopImmediatePropagation();
    window.history.back();
  };
  if (location.search) window.addEventListener("popstate", skip, true);
}

class History {
  /** @param {StreamlitComponent<{ quiet: string[], run: number }>} given */
  update({ data }) {
    if (window.__ncvizQuiet) window.__ncvizQuiet = data.quiet;
    else takeOver(data.quiet);
    const { state } = window.history;
    if (!state?.[MARK]) window.history.replaceState({ ...state, [MARK]: true }, "");
  }

  destroy() {}
}

export default keepInstance(() => new History());
