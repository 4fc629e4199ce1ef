// Streamlit calls a component's default function again on every change of data or theme, always with the same parent
// element. One object per element keeps what must survive that: zoom, listeners, the request in flight.

/** A default export for a component: makes `create(root)` once, then `update(component)` on each call. */
export function keepInstance(create) {
  const instances = new WeakMap();
  return (component) => {
    const root = component.parentElement;
    let entry = instances.get(root);
    if (!entry) {
      entry = { instance: create(root), calls: 0 };
      instances.set(root, entry);
    }
    entry.calls += 1;
    const call = entry.calls;
    entry.instance.update(component);
    return () => {
      // A call that was overtaken while its module loaded is cleaned up too; only the latest one may tear down.
      if (call !== entry.calls || instances.get(root) !== entry) return;
      instances.delete(root);
      entry.instance.destroy();
    };
  };
}
