// Elements, found in a component's markup or made. Text is always set as text, so a name can never become markup.

const SVG = "http://www.w3.org/2000/svg";

/**
 * The element of a component's markup that carries this `data-part`.
 * @template {keyof (HTMLElementTagNameMap & SVGElementTagNameMap)} Tag
 * @param {ParentNode} root
 * @param {Tag} tag
 * @param {string} name
 * @returns {(HTMLElementTagNameMap & SVGElementTagNameMap)[Tag]}
 */
export function part(root, tag, name) {
  return query(root, tag, `[data-part="${name}"]`);
}

/**
 * The button of a component's markup that carries this `data-action`.
 * @param {ParentNode} root
 * @param {string} action
 */
export function actionButton(root, action) {
  return query(root, "button", `[data-action="${action}"]`);
}

/**
 * @template {keyof (HTMLElementTagNameMap & SVGElementTagNameMap)} Tag
 * @param {ParentNode} root
 * @param {Tag} tag
 * @param {string} selector
 * @returns {(HTMLElementTagNameMap & SVGElementTagNameMap)[Tag]}
 */
export function query(root, tag, selector) {
  const element = root.querySelector(tag + selector);
  if (!element) throw new Error(`expected <${tag}> with ${selector} in the markup`);
  return /** @type {any} */ (element);
}

/**
 * An element with some properties.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Partial<HTMLElementTagNameMap[Tag]>} properties
 */
export function make(tag, properties = {}) {
  return Object.assign(document.createElement(tag), properties);
}

/**
 * An SVG element; attributes that are undefined are left out.
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} attributes
 * @param {(Node | string)[]} children
 * @returns {SVGElementTagNameMap[Tag]}
 */
export function makeSvg(tag, attributes = {}, children = []) {
  const element = document.createElementNS(SVG, tag);
  setAttributes(element, attributes);
  element.append(...children);
  return element;
}

/**
 * @param {Element} element
 * @param {Attributes} attributes
 */
export function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) element.setAttribute(name, String(value));
  }
}

/**
 * The context of a canvas, which every browser that shows this page has.
 * @param {HTMLCanvasElement} canvas
 * @param {CanvasRenderingContext2DSettings} [settings]
 */
export function contextOf(canvas, settings) {
  const context = canvas.getContext("2d", settings);
  if (!context) throw new Error("expected a browser with a canvas");
  return context;
}

/**
 * What has the focus within the shadow root (or document) that an element is in.
 * @param {Node} element
 * @returns {HTMLElement | SVGElement | null}
 */
export function focusedBeside(element) {
  const root = /** @type {ShadowRoot | Document} */ (element.getRootNode());
  return /** @type {any} */ (root.activeElement ?? null);
}

/**
 * How wide a text is, in the font that a context has by then.
 * @param {Pick<Pen, "measureText">} context
 */
export function rulerOf(context) {
  return (/** @type {string} */ text) => context.measureText(text).width;
}

/**
 * Hand a file to the browser.
 * @param {Blob} blob
 * @param {string} name
 */
export function download(blob, name) {
  const link = make("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  // The browser reads the blob after the click has returned.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
