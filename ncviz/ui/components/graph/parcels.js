// The mass of the chosen edge on its way: each part of the plan as a disc that goes along a shortest path.

import { makeSvg } from "../shared/dom.js";
import { plain } from "../shared/format.js";
import { comeTo, farthestOf, Travel, workAt } from "../shared/travel.js";
import { placeOf } from "./labels.js";

/**
 * Where a parcel is that has come so far.
 * @param {Point[]} points of its path
 * @param {number[]} lengths of the path's steps
 * @param {number} come
 * @returns {Point}
 */
export function pointAt(points, lengths, come) {
  let left = come;
  for (const [at, length] of lengths.entries()) {
    if (left <= length) {
      const share = length > 0 ? left / length : 1;
      const [from, to] = [points[at], points[at + 1]];
      return { x: from.x + share * (to.x - from.x), y: from.y + share * (to.y - from.y) };
    }
    left -= length;
  }
  return points[points.length - 1];
}

export class Parcels {
  /** @type {{ parcel: GraphParcel, points: Point[], disc: SVGCircleElement }[]} */
  discs = [];
  /** @type {GraphData | null} */
  data = null;
  subject = "";

  /**
   * @param {SVGSVGElement} picture
   * @param {HTMLElement} host
   * @param {HTMLOutputElement} work
   */
  constructor(picture, host, work) {
    this.picture = picture;
    this.host = host;
    this.work = work;
    this.travel = new Travel(host, (share) => this.#move(share));
  }

  /**
   * Another edge's mass sets out by itself; after an edit everything has arrived.
   * @param {GraphData} data
   */
  follow(data) {
    const subject = String(data.selected);
    if (data.selected && subject !== this.subject) this.travel.setOut();
    else this.travel.arrive();
    this.subject = subject;
  }

  /**
   * @param {GraphData} data
   * @param {GraphNode[]} nodes where they are drawn
   * @param {GraphFrame} frame
   * @param {Theme} theme
   */
  draw(data, nodes, frame, theme) {
    this.data = data;
    this.host.hidden = !data.selected;
    /** @type {Places} */
    const at = new Map(nodes.map((node) => [node.id, { x: frame.x(node.x), y: frame.y(node.y) }]));
    this.discs = data.parcels
      .filter(({ distance }) => distance > 0)
      .map((parcel) => {
        const r = Math.max(3, frame.radius * Math.sqrt(parcel.mass));
        const disc = makeSvg("circle", { r, fill: theme.accent, stroke: theme.paper, "stroke-width": 1.5, "data-testid": "ncviz-parcel" });
        return { parcel, points: parcel.path.map((node) => placeOf(at, node)), disc };
      });
    this.picture.append(makeSvg("g", { "pointer-events": "none" }, this.discs.map(({ disc }) => disc)));
    this.#move(this.travel.share);
  }

  /** @param {number} share */
  #move(share) {
    if (!this.data) return;
    const { parcels, work } = this.data;
    const farthest = farthestOf(parcels);
    for (const { parcel, points, disc } of this.discs) {
      const { x, y } = pointAt(points, parcel.lengths, comeTo(share, parcel.distance, farthest));
      disc.setAttribute("cx", x.toFixed(1));
      disc.setAttribute("cy", y.toFixed(1));
      // What has arrived is in the bar above its node.
      disc.setAttribute("visibility", share >= 1 ? "hidden" : "visible");
    }
    this.work.textContent = share >= 1 ? `W = ${work.total}` : `work so far ${plain(workAt(parcels, share), work.decimals)} of ${work.total}`;
  }

  stop() {
    this.travel.pause();
  }
}
