// Mouse, touch and keys on the canvas, as intents.

import { focusedBeside } from "../shared/dom.js";
import { zoomOf } from "../shared/zoom.js";

const CLICK_SLOP = 4; // pixels a click may wander before it is a drag
const STEP = 40;

/** @type {Record<string, Intent>} */
export const KEYS = {
  ArrowLeft: { type: "pan", dx: STEP, dy: 0 },
  ArrowRight: { type: "pan", dx: -STEP, dy: 0 },
  ArrowUp: { type: "pan", dx: 0, dy: STEP },
  ArrowDown: { type: "pan", dx: 0, dy: -STEP },
  "+": { type: "zoom", factor: 1.3 },
  "=": { type: "zoom", factor: 1.3 },
  "-": { type: "zoom", factor: 1 / 1.3 },
  0: { type: "reset" },
  f: { type: "fit" },
  Escape: { type: "select", text: "" },
  n: { type: "walk", step: 1 },
  p: { type: "walk", step: -1 },
  s: { type: "end", side: "source" },
  t: { type: "end", side: "target" },
};

/**
 * @param {HTMLCanvasElement} canvas
 * @param {(intent: Intent) => void} dispatch
 * @param {(text: string) => void} hint says something in the picture for a moment
 * @returns a function that stops listening
 */
export function listen(canvas, dispatch, hint) {
  /** @type {Map<number, Point>} */
  const pointers = new Map();
  let hasMoved = false;
  /** @type {{ size: number, x: number, y: number } | null} */
  let pinch = null;
  const stop = new AbortController();
  /**
   * @template {keyof HTMLElementEventMap} Type
   * @param {Type} type
   * @param {(event: HTMLElementEventMap[Type]) => void} handler
   * @param {AddEventListenerOptions} options
   */
  const on = (type, handler, options = {}) =>
    canvas.addEventListener(type, handler, { ...options, signal: stop.signal });

  const place = (/** @type {MouseEvent} */ event) => {
    const [box, zoom] = [canvas.getBoundingClientRect(), zoomOf(canvas)];
    return { x: (event.clientX - box.left) / zoom, y: (event.clientY - box.top) / zoom };
  };
  const spread = () => {
    const [a, b] = [...pointers.values()];
    return { size: Math.hypot(a.x - b.x, a.y - b.y), x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  };

  on("pointerdown", (event) => {
    if (event.button !== 0) return;
    pointers.set(event.pointerId, place(event));
    canvas.setPointerCapture(event.pointerId);
    if (pointers.size === 1) hasMoved = false;
    pinch = pointers.size === 2 ? spread() : null;
  });

  on("pointermove", (event) => {
    const now = place(event);
    const before = pointers.get(event.pointerId);
    if (!before) {
      if (event.pointerType === "mouse") dispatch({ type: "hover", at: now });
      return;
    }
    if (!hasMoved && Math.hypot(now.x - before.x, now.y - before.y) < CLICK_SLOP) return;
    hasMoved = true;
    pointers.set(event.pointerId, now);
    if (pinch && pointers.size === 2) {
      const next = spread();
      dispatch({ type: "hover", at: null });
      dispatch({ type: "zoom", factor: next.size / Math.max(pinch.size, 1), x: next.x, y: next.y });
      dispatch({ type: "pan", dx: next.x - pinch.x, dy: next.y - pinch.y });
      pinch = next;
    } else if (pointers.size === 1) {
      dispatch({ type: "hover", at: null });
      dispatch({ type: "pan", dx: now.x - before.x, dy: now.y - before.y });
    }
  });

  const lift = (/** @type {PointerEvent} */ event) => {
    const known = pointers.delete(event.pointerId);
    pinch = null;
    if (!known || event.type === "pointercancel" || hasMoved || pointers.size > 0) return;
    const isTouch = event.pointerType !== "mouse";
    dispatch({ type: "click", at: place(event), reach: isTouch ? 14 : 6, isTouch });
  };
  on("pointerup", lift);
  on("pointercancel", lift);
  // A finger that is lifted leaves as well, and what it touched is to stay.
  on("pointerleave", (event) => {
    if (event.pointerType === "mouse") dispatch({ type: "hover", at: null });
  });
  on("dblclick", () => dispatch({ type: "reset" }));

  // A picture that eats the wheel traps whoever scrolls past it: it zooms only once it was clicked, or with Ctrl.
  on(
    "wheel",
    (event) => {
      const isOurs = event.ctrlKey || event.metaKey || focusedBeside(canvas) === canvas;
      if (!isOurs) {
        hint("Click the picture, then scroll to zoom");
        return;
      }
      event.preventDefault();
      const pixels = event.deltaY * (event.deltaMode === 1 ? 16 : 1);
      const { x, y } = place(event);
      dispatch({ type: "zoom", factor: Math.exp(-pixels * (event.ctrlKey ? 0.006 : 0.0022)), x, y });
    },
    { passive: false },
  );

  on("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const intent = KEYS[event.key];
    if (!intent) return;
    event.preventDefault();
    dispatch(intent);
  });
  return () => stop.abort();
}
