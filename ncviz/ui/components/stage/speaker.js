// What a speaker's keys ask for, and how large a stage is drawn.

// The page is laid out for a window of about this size; a larger one shows the same, larger.
const [WIDTH, HEIGHT] = [1100, 720];
/** @type {Record<string, number>} */
const CLICKER = { PageDown: 1, PageUp: -1 };
/** @type {Record<string, number>} */
const ARROWS = { ArrowRight: 1, ArrowLeft: -1 };

/**
 * Which way a key goes through the steps: 1, −1, or 0 for none.
 * @param {string} key
 * @param {boolean} isFree whether nothing on the page has the keyboard: a slider that has it moves by arrows
 */
export function stepOf(key, isFree) {
  return CLICKER[key] ?? (isFree ? ARROWS[key] : undefined) ?? 0;
}

// What walks by letters of its own: pictures, and lists that go to what is typed.
const LETTERED = ["listbox", "option", "combobox", "menu", "menuitem", "tree", "treeitem", "grid", "gridcell", "application"];

/**
 * Whether what has the keyboard has a use of its own for single letters; text fields have too, see `takesText`.
 * @param {EventTarget | undefined} element
 */
export function keepsLetters(element) {
  const { tagName: tag, role } = /** @type {Partial<HTMLElement>} */ (element ?? {});
  return tag?.toUpperCase() === "CANVAS" || LETTERED.includes(role ?? "");
}

/**
 * @param {number} width of the window, in pixels
 * @param {number} height
 */
export function zoomFor(width, height) {
  return Math.max(1, Math.min(width / WIDTH, height / HEIGHT));
}
