// The two canvases: the picture, and above it what lies under the pointer. Draws at most once per frame.

import { contextOf } from "../../shared/dom.js";
import { linesOf } from "../own_lines.js";
import { courseOf, follow } from "./course.js";
import { drawScene } from "./draw.js";
import { clipToPlot } from "./frame.js";
import { trace } from "./lines.js";
import { ring } from "./units.js";
import { zoomOf } from "../../shared/zoom.js";

const SLOW = 45; // ms for a picture above which the rest of the page needs a breath between two
const LONGEST_REST = 300;

export class Painter {
  frame = 0;
  pause = 0;
  cost = 0;
  drawnAt = 0;
  size = "";

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {HTMLCanvasElement} overlay
   * @param {() => Scene | null} scene what to draw, by the time of the frame
   * @param {() => Hit | null} hit
   * @param {() => void} onDrawn
   */
  constructor(canvas, overlay, scene, hit, onDrawn) {
    this.canvas = canvas;
    this.overlay = overlay;
    this.scene = scene;
    this.hit = hit;
    this.onDrawn = onDrawn;
  }

  /**
   * Give both canvases this size, and return whether it is another than before.
   * @param {number} width
   * @param {number} height
   */
  fit(width, height) {
    const ratio = ratioOf(this.canvas);
    const size = `${width}×${height}@${ratio}`;
    if (size === this.size) return false;
    this.size = size;
    for (const canvas of [this.canvas, this.overlay]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    return true;
  }

  /** Draw once per frame, however often asked; a picture that takes long leaves the page as much time as it took. */
  draw() {
    if (this.frame || this.pause) return;
    const rest = this.cost > SLOW ? Math.min(this.cost, LONGEST_REST) - (performance.now() - this.drawnAt) : 0;
    if (rest > 0) {
      this.pause = window.setTimeout(() => {
        this.pause = 0;
        this.draw();
      }, rest);
      return;
    }
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      const scene = this.scene();
      if (!scene) return;
      const start = performance.now();
      drawScene(clean(this.canvas, scene), scene);
      this.onDrawn();
      this.drawHit();
      // The lines reach the screen after this function: the next frame tells what they cost.
      requestAnimationFrame(() => {
        this.drawnAt = performance.now();
        this.cost = this.drawnAt - start;
      });
    });
  }

  /** Draw what lies under the pointer, at once. */
  drawHit() {
    const scene = this.scene();
    if (scene) drawHover(clean(this.overlay, scene), scene, this.hit());
  }

  stop() {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.pause);
  }
}

/** @param {HTMLCanvasElement} canvas */
const ratioOf = (canvas) => (window.devicePixelRatio || 1) * zoomOf(canvas);

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Scene} scene
 */
function clean(canvas, { geometry }) {
  const ratio = ratioOf(canvas);
  const context = contextOf(canvas);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, geometry.width, geometry.height);
  return context;
}

/**
 * What lies under the pointer, drawn on the layer above the picture.
 * @param {Pen} context
 * @param {Scene} scene
 * @param {Hit | null} hit
 */
function drawHover(context, scene, hit) {
  const { network, geometry, view, theme } = scene;
  if (hit?.kind === "unit") ring(context, geometry, view, theme, hit.unit, network);
  if (hit?.kind !== "edge" && hit?.kind !== "link") return;
  context.save();
  clipToPlot(context, geometry);
  if (hit.kind === "link") {
    context.strokeStyle = theme.ink;
    context.lineWidth = 2;
    context.beginPath();
    follow(
      context,
      courseOf(network, geometry, view, network.linkSource[hit.link], network.linkTarget[hit.link], "link"),
    );
    context.stroke();
    context.restore();
    return;
  }
  const lines = linesOf(scene, hit);
  const inks = [theme.paper, theme.ink, network.ramps[theme.name][lines.left.bin[hit.edge]]];
  for (const [at, width] of [6.5, 4.5, 2.5].entries()) {
    context.strokeStyle = inks[at];
    context.lineWidth = width;
    context.beginPath();
    trace(context, lines.network, geometry, view, hit.edge);
    context.stroke();
  }
  context.restore();
}
