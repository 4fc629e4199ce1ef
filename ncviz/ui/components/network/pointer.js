// Mouse, touch and keys on the canvas, as the few intentions that the network understands:
// pan(dx, dy), zoom(factor, x, y), hover(x, y) or hover(null), click(x, y), fit(), reset(), clear(), hint(text),
// and for those without a pointer: next(step) along the lines by strength, and end(side) of the line that is selected.

const CLICK_SLOP = 4; // pixels a click may wander before it is a drag
const STEP = 40;

export function listen(canvas, act) {
  const pointers = new Map();
  let moved = false;
  let pinch = null;
  const stop = new AbortController();
  const on = (type, handler, options = {}) =>
    canvas.addEventListener(type, handler, { ...options, signal: stop.signal });

  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const spread = () => {
    const [a, b] = [...pointers.values()];
    return { size: Math.hypot(a.x - b.x, a.y - b.y), x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  };

  on("pointerdown", (event) => {
    if (event.button !== 0) return;
    pointers.set(event.pointerId, place(event));
    canvas.setPointerCapture(event.pointerId);
    if (pointers.size === 1) moved = false;
    pinch = pointers.size === 2 ? spread() : null;
  });

  on("pointermove", (event) => {
    const now = place(event);
    const before = pointers.get(event.pointerId);
    if (!before) {
      if (event.pointerType === "mouse") act.hover(now.x, now.y);
      return;
    }
    if (!moved && Math.hypot(now.x - before.x, now.y - before.y) < CLICK_SLOP) return;
    moved = true;
    pointers.set(event.pointerId, now);
    if (pinch && pointers.size === 2) {
      const next = spread();
      act.zoom(next.size / Math.max(pinch.size, 1), next.x, next.y);
      act.pan(next.x - pinch.x, next.y - pinch.y);
      pinch = next;
    } else if (pointers.size === 1) {
      act.hover(null);
      act.pan(now.x - before.x, now.y - before.y);
    }
  });

  const lift = (event) => {
    const known = pointers.delete(event.pointerId);
    pinch = null;
    if (!known || event.type === "pointercancel" || moved || pointers.size > 0) return;
    const { x, y } = place(event);
    act.click(x, y, event.pointerType === "mouse" ? 6 : 14);
  };
  on("pointerup", lift);
  on("pointercancel", lift);
  on("pointerleave", () => act.hover(null));
  on("dblclick", () => act.reset());

  // A picture that eats the wheel traps whoever scrolls past it: it zooms only once it was clicked, or with Ctrl.
  const root = canvas.getRootNode();
  on(
    "wheel",
    (event) => {
      const isOurs = event.ctrlKey || event.metaKey || root.activeElement === canvas;
      if (!isOurs) {
        act.hint("Click the picture, then scroll to zoom");
        return;
      }
      event.preventDefault();
      const pixels = event.deltaY * (event.deltaMode === 1 ? 16 : 1);
      const { x, y } = place(event);
      act.zoom(Math.exp(-pixels * (event.ctrlKey ? 0.006 : 0.0022)), x, y);
    },
    { passive: false },
  );

  on("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const middle = { x: canvas.clientWidth / 2, y: canvas.clientHeight / 2 };
    const keys = {
      ArrowLeft: () => act.pan(STEP, 0),
      ArrowRight: () => act.pan(-STEP, 0),
      ArrowUp: () => act.pan(0, STEP),
      ArrowDown: () => act.pan(0, -STEP),
      "+": () => act.zoom(1.3, middle.x, middle.y),
      "=": () => act.zoom(1.3, middle.x, middle.y),
      "-": () => act.zoom(1 / 1.3, middle.x, middle.y),
      0: () => act.reset(),
      f: () => act.fit(),
      Escape: () => act.clear(),
      n: () => act.next(1),
      p: () => act.next(-1),
      s: () => act.end("source"),
      t: () => act.end("target"),
    };
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
  return () => stop.abort();
}
