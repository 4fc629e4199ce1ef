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
    const file = isWanted() ? fileOf(event.clipboardData) : null;
    if (file) onBring(file);
  };
  target.addEventListener("dragover", over);
  target.addEventListener("dragleave", leave);
  target.addEventListener("drop", drop);
  document.addEventListener("paste", paste);
  return () => document.removeEventListener("paste", paste);
}

/** @param {DataTransfer | null} transfer */
function fileOf(transfer) {
  return transfer?.files[0] ?? null;
}
