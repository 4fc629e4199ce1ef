// The slider's run as a video: the picture on the page, frame by frame, through the browser's own encoder.

import { openChannel } from "../shared/bus.js";
import { contextOf, download, make } from "../shared/dom.js";

const RUN_SECONDS = 7;
const REST_SECONDS = 0.5; // that it stands still at either end
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
  let step = /** @type {ShownStep | null} */ (shown.last);
  const leave = shown.subscribe((now) => (step = now));
  const paint = () => {
    context.fillStyle = theme.paper;
    context.fillRect(0, 0, sheet.width, sheet.height);
    context.drawImage(canvas, 0, 0);
    context.fillStyle = theme.ink;
    context.font = `600 ${line * 0.5}px ${theme.font}`;
    context.fillText(step?.says ?? "", line * 0.5, sheet.height - line * 0.35, sheet.width - line);
  };
  try {
    drive.publish({ removed: 0, order, isHeld: true });
    // The picture follows with the next frame.
    await new Promise(requestAnimationFrame);
    paint();
    const recorder = new MediaRecorder(sheet.captureStream(FILM_RATE), { mimeType: kind[0], videoBitsPerSecond: 6e6 });
    /** @type {Blob[]} */
    const parts = [];
    recorder.ondataavailable = ({ data }) => parts.push(data);
    const end = new Promise((resolve) => (recorder.onstop = resolve));
    recorder.start();
    const start = performance.now() + 1000 * REST_SECONDS;
    for (let seconds = 0; seconds < RUN_SECONDS + REST_SECONDS; ) {
      await new Promise((resolve) => setTimeout(resolve, 1000 / FILM_RATE));
      paint();
      seconds = (performance.now() - start) / 1000;
      drive.publish({ removed: removedIn(seconds / RUN_SECONDS, total), order, isHeld: true });
    }
    recorder.stop();
    await end;
    download(new Blob(parts, { type: kind[0] }), `${name}.${kind[1]}`);
  } finally {
    leave();
    drive.publish({ removed, order, isHeld: false });
    button.disabled = false;
  }
}
