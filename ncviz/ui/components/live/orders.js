// The switch between pruning orders: segments for the two ends of the curvature, a menu for any other criterion.

export class Orders {
  constructor(group, menu, onChoose) {
    this.group = group;
    this.menu = menu;
    this.onChoose = onChoose;
    menu.onchange = () => menu.value && onChoose(menu.value);
    group.onkeydown = (event) => this.#arrow(event);
  }

  update(orders, chosen) {
    const key = JSON.stringify(orders);
    if (key !== this.key) {
      this.key = key;
      this.#build(orders);
    }
    for (const button of this.group.children) {
      const isOn = button.dataset.order === chosen;
      button.setAttribute("aria-checked", String(isOn));
      button.tabIndex = isOn ? 0 : -1;
    }
    const isOther = [...this.menu.options].some((option) => option.value === chosen);
    this.menu.value = isOther ? chosen : "";
    this.menu.classList.toggle("is-on", isOther);
    // Something in the group has to be reachable by Tab even while the menu rules.
    if (isOther && this.group.firstChild) this.group.firstChild.tabIndex = 0;
  }

  #build(orders) {
    const segments = orders.filter((order) => order.tone);
    const others = orders.filter((order) => !order.tone);
    this.group.replaceChildren(
      ...segments.map((order) => {
        const button = document.createElement("button");
        Object.assign(button, { type: "button", textContent: order.label, title: order.hint });
        button.setAttribute("role", "radio");
        button.dataset.order = order.key;
        button.dataset.tone = order.tone;
        button.dataset.testid = `ncviz-order-${order.key}`;
        button.onclick = () => this.onChoose(order.key);
        return button;
      }),
    );
    this.menu.hidden = others.length === 0;
    const option = (value, text) => Object.assign(document.createElement("option"), { value, textContent: text });
    this.menu.replaceChildren(option("", "Other order…"), ...others.map((order) => option(order.key, order.label)));
  }

  #arrow(event) {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const buttons = [...this.group.children];
    const at = buttons.indexOf(this.group.getRootNode().activeElement);
    const next = buttons[(at + step + buttons.length) % buttons.length];
    next.focus();
    this.onChoose(next.dataset.order);
  }
}
