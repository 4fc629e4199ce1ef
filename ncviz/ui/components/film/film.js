// The slider's run as a video: the picture on the page, frame by frame, through the browser's own encoder.

import { openChannel } from "../shared/bus.js";
import { contextOf, download, make } from "../shared/dom.js";
import { percent } from "../shared/format.js";

const FILM_SECONDS = 8;
const FILM_RATE = 25; // a second
const FILM_LINE = 34; // pixels for what is removed and how good it is
// What a browser can write, best known first.
const FILM_KINDS = [
  ["video/mp4;codecs=avc1.42E01E", "mp4"],
  ["video/webm;codecs=vp9", "webm"],
  ["video/webm", "webm"],
];

/**
 * How many weights are removed at a moment of the run: slowly at first, where bottlenecks go.
 * @param {number} share of the run, 0 to 1
 * @param {number} total
 */
export function removedIn(share, total) {
  return Math.round(total * Math.min(1, Math.max(0, share)) ** 2);
}

/** Whether this browser can record one. */
export function canFilm() {
  return FILM_KINDS.some(([type]) => window.MediaRecorder?.isTypeSupported(type));
}

/**
 * Record the run of the slider from nothing to all removed, and put it back where it was.
 * @param {HTMLCanvasElement} canvas the picture
 * @param {string} channel of its live panel
 * @param {{ removed: number, order: string | null, total: number, theme: Theme, name: string }} given
 * @param {HTMLButtonElement} button that rests until it is done
 */
export async function film(canvas, channel, { removed, order, total, theme, name }, button) {
  const kind = FILM_KINDS.find(([type]) => window.MediaRecorder?.isTypeSupported(type));
  if (!kind || order === null) return;
  button.disabled = true;
  const line = FILM_LINE * (window.devicePixelRatio || 1);
  // Encoders want even sides.
  const sheet = make("canvas", { width: canvas.width & ~1, height: (canvas.height + line) & ~1 });
  const context = contextOf(sheet);
  /** @type {Channel<DrivenStep>} */
  const drive = openChannel(`${channel}/drive`);
  /** @type {Channel<ShownStep>} */
  const shown = openChannel(`${channel}/shown`);
  let [gone, accuracy, byHand] = [0, /** @type {number | null} */ (null), ""];
  const leave = shown.subscribe((step) => ([gone, accuracy, byHand] = [step.removed, step.accuracy, step.by_hand]));
  const paint = () => {
    context.fillStyle = theme.paper;
    context.fillRect(0, 0, sheet.width, sheet.height);
    context.drawImage(canvas, 0, 0);
    context.fillStyle = theme.ink;
    context.font = `600 ${line * 0.5}px ${theme.font}`;
    const told = accuracy === null ? "" : ` · ${percent(accuracy)} right`;
    const changed = byHand ? ` · ${byHand}` : "";
    context.fillText(`${percent(gone / total)} removed${told}${changed}`, line * 0.5, sheet.height - line * 0.35);
  };
  paint();
  const recorder = new MediaRecorder(sheet.captureStream(FILM_RATE), { mimeType: kind[0], videoBitsPerSecond: 6e6 });
  /** @type {Blob[]} */
  const parts = [];
  recorder.ondataavailable = ({ data }) => parts.push(data);
  const end = new Promise((resolve) => (recorder.onstop = resolve));
  recorder.start();
  const start = performance.now();
  for (let share = 0; share < 1; ) {
    await new Promise((resolve) => setTimeout(resolve, 1000 / FILM_RATE));
    share = (performance.now() - start) / (1000 * FILM_SECONDS);
    drive.publish({ removed: removedIn(share, total), order, isHeld: true });
    paint();
  }
  recorder.stop();
  await end;
  leave();
  drive.publish({ removed, order, isHeld: false });
  download(new Blob(parts, { type: kind[0] }), `${name}.${kind[1]}`);
  button.disabled = false;
}
