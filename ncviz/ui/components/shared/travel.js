// Mass on its way from one heap to the other: a clock that plays, pauses, starts again and can be dragged.

import { make, setAttributes } from "./dom.js";

const SECONDS = 4; // below the five from which on a movement that starts by itself must be stoppable
const STEPS = 1000;
const LONGEST_FRAME = 0.1; // of a page that was out of sight meanwhile

/**
 * How far mass has come that travels with the rest at one speed, the farthest arriving last.
 * @param {number} share
 * @param {number} distance
 * @param {number} farthest
 */
export function comeTo(share, distance, farthest) {
  return share >= 1 ? distance : Math.min(share * farthest, distance);
}

/**
 * The work that is done by then: mass times the way that it has come.
 * @param {Parcel[]} parcels
 * @param {number} share
 */
export function workAt(parcels, share) {
  const farthest = farthestOf(parcels);
  return parcels.reduce((sum, { mass, distance }) => sum + mass * comeTo(share, distance, farthest), 0);
}

/** @param {Parcel[]} parcels */
export function farthestOf(parcels) {
  return parcels.reduce((most, { distance }) => Math.max(most, distance), 0);
}

/**
 * What the button does next.
 * @param {number} share
 * @param {boolean} isPlaying
 */
export function nextStep(share, isPlaying) {
  return isPlaying ? "Pause" : share >= 1 ? "Replay" : "Play";
}

export class Travel {
  /** Of the time, from 0 to 1. */
  share = 1;
  frame = 0;
  last = 0;

  /**
   * @param {HTMLElement} host
   * @param {(share: number) => void} show
   */
  constructor(host, show) {
    this.show = show;
    this.button = make("button", { type: "button", className: "words" });
    this.button.dataset.testid = "ncviz-travel";
    this.range = document.createElement("input");
    setAttributes(this.range, { type: "range", min: 0, max: STEPS, value: STEPS });
    this.range.setAttribute("aria-label", "How far the mass has come");
    this.button.addEventListener("click", () => this.#press());
    this.range.addEventListener("input", () => {
      this.pause();
      this.#set(Number(this.range.value) / STEPS);
    });
    host.append(this.button, this.range);
    this.#tell();
  }

  /** Set out by itself, once; for those who want no movement everything has arrived. */
  setOut() {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) this.arrive();
    else this.#play();
  }

  arrive() {
    this.pause();
    this.#set(1);
  }

  pause() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.#tell();
  }

  #press() {
    if (this.frame) this.pause();
    else this.#play();
  }

  #play() {
    if (this.share >= 1) this.#set(0);
    this.last = performance.now();
    cancelAnimationFrame(this.frame);
    const step = (/** @type {number} */ now) => {
      const seconds = Math.min(Math.max(now - this.last, 0) / 1000, LONGEST_FRAME);
      this.last = now;
      this.frame = requestAnimationFrame(step);
      this.#set(Math.min(this.share + seconds / SECONDS, 1));
      if (this.share >= 1) this.pause();
    };
    this.frame = requestAnimationFrame(step);
    this.#tell();
  }

  /** @param {number} share */
  #set(share) {
    this.share = share;
    this.range.value = String(Math.round(share * STEPS));
    this.range.setAttribute("aria-valuetext", `${Math.round(share * 100)}% of the time`);
    this.#tell();
    this.show(share);
  }

  #tell() {
    const words = nextStep(this.share, this.frame !== 0);
    if (this.button.textContent !== words) this.button.textContent = words;
  }
}
