// Keys that work from anywhere on the page. Of several panels, the one that was used last listens, at first the first.

/** @type {Record<string, [number, StepSize]>} */
const KEYS = {
  "[": [-1, "step"],
  "]": [1, "step"],
  "{": [-1, "leap"],
  "}": [1, "leap"],
  ",": [-1, "weight"],
  ".": [1, "weight"],
};
const NOT_TYPED_INTO = ["range", "checkbox", "radio", "button", "submit", "reset", "color", "file"];

/**
 * What a key asks for from anywhere: `{ action }`, `{ sign, size }`, or null.
 * @param {KeyboardEvent} event
 * @returns {{ action: PanelAction } | Step | null}
 */
export function wish({ key, ctrlKey, metaKey, altKey, shiftKey }) {
  const isCommand = (ctrlKey || metaKey) && !altKey;
  if (isCommand && key.toLowerCase() === "z") return { action: shiftKey ? "redo" : "undo" };
  if (isCommand && !shiftKey && key.toLowerCase() === "y") return { action: "redo" };
  // Some keyboards need Ctrl and Alt together for a bracket.
  if (isCommand || metaKey || !KEYS[key]) return null;
  const [sign, size] = KEYS[key];
  return { sign, size };
}

/**
 * The step that a key makes on the slider itself: `{ sign, size }`, `{ to }` as an end of it, or null. Ctrl or Alt with an
 * arrow is one weight: some systems keep the one for themselves, some browsers the other.
 * @param {KeyboardEvent} event
 * @returns {Step | null}
 */
export function slide({ key, shiftKey, ctrlKey, metaKey, altKey }) {
  const isFine = ctrlKey || altKey;
  if (metaKey || (isFine && !key.startsWith("Arrow"))) return null;
  if (key === "Home" || key === "End") return { to: key === "End" ? 1 : 0 };
  /** @type {Record<string, number>} */
  const signs = { ArrowRight: 1, ArrowUp: 1, PageUp: 1, ArrowLeft: -1, ArrowDown: -1, PageDown: -1 };
  const sign = signs[key];
  if (!sign) return null;
  if (isFine) return { sign, size: "weight" };
  return { sign, size: shiftKey || key.startsWith("Page") ? "leap" : "step" };
}

/**
 * Whether what has the focus takes text, and so has its own use for every key.
 * @param {EventTarget | undefined} element
 */
export function takesText(element) {
  const { tagName: tag, type, isContentEditable } = /** @type {Partial<HTMLInputElement>} */ (element ?? {});
  if (tag === "INPUT") return !NOT_TYPED_INTO.includes(type ?? "");
  return tag === "TEXTAREA" || tag === "SELECT" || isContentEditable === true;
}

/**
 * @param {Node} a
 * @param {Node} b
 */
function isBefore(a, b) {
  return Boolean(a.compareDocumentPosition(b) & Node.DOCUMENT_POSITION_FOLLOWING);
}

/**
 * Let `onWish` have the page's keys while this panel is the one that was used last; returns how to stop.
 * @param {ShadowRoot} root
 * @param {(wish: { action: PanelAction } | Step) => void} onWish
 */
export function listenToPage(root, onWish) {
  const host = root.host ?? root;
  const page = (window.__ncvizPanels ??= { hosts: new Set(), last: null });
  const current = () => page.last ?? [...page.hosts].reduce((a, b) => (isBefore(a, b) ? a : b));
  const use = () => {
    page.last = host;
  };
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.defaultPrevented || current() !== host || takesText(event.composedPath()[0])) return;
    const found = wish(event);
    if (!found) return;
    event.preventDefault();
    onWish(found);
  };
  page.hosts.add(host);
  root.addEventListener("pointerdown", use);
  root.addEventListener("focusin", use);
  document.addEventListener("keydown", onKey);
  return () => {
    page.hosts.delete(host);
    if (page.last === host) page.last = null;
    root.removeEventListener("pointerdown", use);
    root.removeEventListener("focusin", use);
    document.removeEventListener("keydown", onKey);
  };
}
