// The card of a selection where no Python says what is in it: what the picture itself knows.

import { isWeighted } from "../flow/operations.js";
import { membersLeft, sizeOf } from "../network/data.js";
import { MARKS } from "../network/drawing/marks.js";
import { describeHit } from "../network/words.js";

/**
 * @param {State} state
 * @returns {CardData | null}
 */
export function ownCard({ network, left, selected, told, removed, order }) {
  if (!network || !left || !selected || selected.kind === "line") return null;
  const { title, rows, spread } = describeHit(network, selected, left);
  const isLeft = membersLeft(network, order, removed);
  const kernel = selected.kind === "edge" ? kernelOf(network, selected.edge, isLeft, told) : null;
  if (selected.kind === "edge" && sizeOf(network, selected.edge) === 1) rows.push(["now", nowOf(network, selected.edge, isLeft)]);
  const empty = { image: null, kernels: [], kernels_title: "", kappa: null, line: null };
  return { title, selection: told, rows, kernel, note: spread?.words ?? "", ...empty };
}

/**
 * The kernel slice behind a line, if the line is one.
 * @param {Network} network
 * @param {number} edge
 * @param {Uint8Array} isLeft of the members
 * @param {string} told the selection
 * @returns {Kernel | null}
 */
function kernelOf(network, edge, isLeft, told) {
  const { start, member, memberCurvature, memberWeight, program, connection, scale, factor, byHand } = network;
  const step = program?.operations.filter(isWeighted)[connection[edge]];
  const [rows, columns] = step?.kernel_size ?? [1, 1];
  const size = sizeOf(network, edge);
  if (!start || !member || !memberCurvature || !memberWeight || size < 2 || rows * columns !== size) return null;
  const cells = Array.from({ length: size }, (_, at) => {
    const m = start[edge] + at;
    const isActive = memberCurvature[m] < scale.never;
    return {
      parameter: member[m],
      curvature: isActive ? memberCurvature[m] : null,
      weight: memberWeight[m],
      factor: factor?.[m] ?? 1,
      kept: isLeft[m] === 1,
      by_hand: byHandWord(byHand?.[m]),
      chosen: told === `weight-${member[m]}`,
      is_measured: !Number.isNaN(memberCurvature[m]),
    };
  });
  return { rows, columns, cells };
}

/**
 * What was done by hand, in the words of `WeightsLeft.state` in ncviz/scene/surgery/left.py.
 * @param {number | undefined} mark
 */
function byHandWord(mark) {
  return mark === MARKS.cut ? "cut" : mark === MARKS.held ? "kept" : "";
}

/**
 * Whether the one weight behind a line is left, and by whose doing.
 * @param {Network} network
 * @param {number} edge
 * @param {Uint8Array} isLeft of the members
 */
function nowOf({ start, byHand }, edge, isLeft) {
  const at = start ? start[edge] : edge;
  const word = byHandWord(byHand?.[at]);
  return word ? `${word} by hand` : isLeft[at] ? "kept" : "removed";
}
