// How much larger the page is drawn than it is laid out, as on a stage.

/**
 * Pixels of the window in one pixel of an element's own.
 * @param {Element} element
 */
export function zoomOf(element) {
  const { width } = element.getBoundingClientRect();
  return element.clientWidth > 0 && width > 0 ? width / element.clientWidth : 1;
}
