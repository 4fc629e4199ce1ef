// A picture of one's own comes by a file chooser, by being dropped, or by being pasted.

/**
 * A hidden chooser of one picture.
 * @param {(file: File) => void} onBring
 */
export function pictureChooser(onBring) {
  const chooser = document.createElement("input");
  Object.assign(chooser, { type: "file", accept: "image/*", hidden: true });
  chooser.dataset.testid = "ncviz-flow-file";
  chooser.onchange = () => {
    const [file] = chooser.files ?? [];
    if (file) onBring(file);
    // The same file can be brought again.
    chooser.value = "";
  };
  return chooser;
}

/**
 * Take what is dropped on an element or pasted into the page, while it is wanted; returns what ends that.
 * @param {HTMLElement} target
 * @param {{ isWanted(): boolean, onBring(file: File): void }} given
 */
export function listenToPictures(target, { isWanted, onBring }) {
  const over = (/** @type {DragEvent} */ event) => {
    if (!isWanted() || !event.dataTransfer?.types.includes("Files")) return;
    // Else the browser would leave the page for the file.
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    target.classList.add("is-dropping");
  };
  const leave = () => target.classList.remove("is-dropping");
  const drop = (/** @type {DragEvent} */ event) => {
    leave();
    if (!isWanted()) return;
    const file = fileOf(event.dataTransfer);
    if (!file) return;
    event.preventDefault();
    onBring(file);
  };
  const paste = (/** @type {ClipboardEvent} */ event) => {
    const file = isWanted() && !isTyping(event) ? pastedPicture(event.clipboardData) : null;
    if (file) onBring(file);
  };
  // Dropped beside the target, it would make the browser leave the page as well.
  const stop = new AbortController();
  const beside = (/** @type {DragEvent} */ event) => {
    if (!isWanted() || event.defaultPrevented || isTyping(event) || !event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "none";
  };
  target.addEventListener("dragover", over);
  target.addEventListener("dragleave", leave);
  target.addEventListener("drop", drop);
  document.addEventListener("paste", paste, { signal: stop.signal });
  for (const type of /** @type {const} */ (["dragover", "drop"])) document.addEventListener(type, beside, { signal: stop.signal });
  return () => stop.abort();
}

/**
 * Whether it goes to a field, which takes it itself.
 * @param {Event} event
 */
function isTyping(event) {
  const [first] = event.composedPath();
  return first instanceof HTMLElement && (first.isContentEditable || first.matches("input, textarea"));
}

/**
 * A picture that was copied as one: cells of a table come with a picture of them, and are text.
 * @param {Pick<DataTransfer, "types" | "files"> | null} clipboard
 * @returns {File | null}
 */
export function pastedPicture(clipboard) {
  if (!clipboard || clipboard.types.includes("text/plain")) return null;
  return [...clipboard.files].find(({ type }) => type.startsWith("image/")) ?? null;
}

/** @param {DataTransfer | null} transfer */
function fileOf(transfer) {
  return transfer?.files[0] ?? null;
}
