// The switch between pruning orders: segments for the two ends of the curvature, a menu for any other criterion.

import { focusedBeside, make } from "../shared/dom.js";

/** @type {Record<string, number>} */
const ARROWS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

export class Orders {
  /** What is offered, as JSON. */
  key = "";
  /** @type {HTMLButtonElement[]} */
  buttons = [];

  /**
   * @param {HTMLElement} group
   * @param {HTMLSelectElement} menu
   * @param {(order: string) => void} onChoose
   */
  constructor(group, menu, onChoose) {
    this.group = group;
    this.menu = menu;
    this.onChoose = onChoose;
    menu.onchange = () => menu.value && onChoose(menu.value);
    group.onkeydown = (event) => this.#arrow(event);
  }

  /**
   * @param {Order[]} orders
   * @param {string} chosen
   */
  update(orders, chosen) {
    const key = JSON.stringify(orders);
    if (key !== this.key) {
      this.key = key;
      this.#build(orders);
    }
    for (const button of this.buttons) {
      const isOn = button.dataset.order === chosen;
      button.setAttribute("aria-checked", String(isOn));
      button.tabIndex = isOn ? 0 : -1;
    }
    const isOther = [...this.menu.options].some((option) => option.value === chosen);
    this.menu.value = isOther ? chosen : "";
    this.menu.classList.toggle("is-on", isOther);
    // Something in the group has to be reachable by Tab even while the menu rules.
    if (isOther && this.buttons.length > 0) this.buttons[0].tabIndex = 0;
  }

  /** @param {Order[]} orders */
  #build(orders) {
    const segments = orders.filter((order) => order.tone);
    const others = orders.filter((order) => !order.tone);
    this.buttons = segments.map((order) => {
        const button = make("button", { type: "button", textContent: order.label, title: order.hint });
        button.setAttribute("role", "radio");
        button.dataset.order = order.key;
        button.dataset.tone = order.tone ?? "";
        button.dataset.testid = `ncviz-order-${order.key}`;
        button.onclick = () => this.onChoose(order.key);
        return button;
      });
    this.group.replaceChildren(...this.buttons);
    this.menu.hidden = others.length === 0;
    const options = others.map(({ key, label }) => make("option", { value: key, textContent: label }));
    this.menu.replaceChildren(make("option", { value: "", textContent: "Other order…" }), ...options);
  }

  /** @param {KeyboardEvent} event */
  #arrow(event) {
    const step = ARROWS[event.key];
    if (!step) return;
    event.preventDefault();
    const { buttons } = this;
    const at = buttons.findIndex((button) => button === focusedBeside(this.group));
    const next = buttons[(at + step + buttons.length) % buttons.length];
    next.focus();
    this.onChoose(next.dataset.order ?? "");
  }
}
