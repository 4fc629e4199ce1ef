// Streamlit calls a component's default function again on every change of data or theme, always with the same parent
// element. One object per element keeps what must survive that: zoom, listeners, the request in flight.

/**
 * A default export for a component: makes `create(root)` once, then `update(component)` on each call.
 * @template Data
 * @param {(root: ShadowRoot) => { update(component: StreamlitComponent<Data>): void, destroy(): void }} create
 */
export function keepInstance(create) {
  /** @type {WeakMap<Node, ReturnType<create>>} */
  const instances = new WeakMap();
  return (/** @type {StreamlitComponent<Data>} */ component) => {
    const root = /** @type {ShadowRoot} */ (component.parentElement);
    let instance = instances.get(root);
    if (!instance) {
      instance = create(root);
      instances.set(root, instance);
    }
    // What is no bytes comes in a list of one: see `component` in bundle.py.
    const { data } = component;
    instance.update({ ...component, data: Array.isArray(data) ? data[0] : data });
    return () => {
      // Not only what leaves the page is cleaned up, but also every call that was overtaken while its module loaded,
      // and on a busy machine such a call may come after the one that overtook it.
      if (root.isConnected || instances.get(root) !== instance) return;
      instances.delete(root);
      instance.destroy();
    };
  };
}
