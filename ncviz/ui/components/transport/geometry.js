// Where the bands of a plan run, in pixels.

export const GAP = 15; // between two bars, so that their labels fit
const CURVE = 24;

/**
 * Where more mass goes along the edge than everywhere else together, that one band is drawn thinner.
 * @param {TransportData} data
 * @param {number} height
 * @returns {TransportLayout}
 */
export function layOut({ left, right, bands }, height) {
  const own = bands.find(({ row, column }) => row === 0 && column === 0);
  const rest = bands.reduce((sum, band) => sum + (band === own ? 0 : band.mass), 0);
  const isShort = own !== undefined && rest > 1e-12 && own.mass > rest;
  const thick = (/** @type {TransportBand} */ band) => (isShort && band === own ? rest : band.mass);
  const all = bands.reduce((sum, band) => sum + thick(band), 0);
  const gaps = Math.max(left.length, right.length) - 1;
  const scale = (height - GAP * gaps) / Math.max(all, 1e-12);
  const bars = (/** @type {"row" | "column"} */ side, /** @type {number} */ count) => {
    const sizes = Array.from({ length: count }, (_, at) => bands.reduce((sum, band) => sum + (band[side] === at ? thick(band) * scale : 0), 0));
    const gap = (height - sizes.reduce((sum, size) => sum + size, 0)) / Math.max(1, count - 1);
    let top = 0;
    return sizes.map((size) => {
      const bar = { top, thick: size };
      top += size + gap;
      return bar;
    });
  };
  const [starts, ends] = [bars("row", left.length), bars("column", right.length)];
  const [used, taken] = [starts.map(({ top }) => top), ends.map(({ top }) => top)];
  const ribbons = [...bands]
    .sort((a, b) => a.row - b.row || a.column - b.column)
    .map((band) => {
      const ribbon = { band, from: used[band.row], to: taken[band.column], thick: thick(band) * scale };
      used[band.row] += ribbon.thick;
      taken[band.column] += ribbon.thick;
      return ribbon;
    });
  return { left: starts, right: ends, ribbons, isShort };
}

/**
 * The outline of a ribbon as far as its mass has come; level at both ends, as rivers are drawn.
 * @param {Ribbon} ribbon
 * @param {number} start
 * @param {number} end
 * @param {number} share
 */
export function outline({ from, to, thick }, start, end, share = 1) {
  const steps = Math.max(1, Math.ceil(CURVE * share));
  const seen = Math.max(thick, 0.6);
  const point = (/** @type {number} */ along, /** @type {number} */ below) => {
    const y = from + (to - from) * along * along * (3 - 2 * along) + below;
    return `${(start + (end - start) * along).toFixed(1)} ${y.toFixed(2)}`;
  };
  const places = Array.from({ length: steps + 1 }, (_, at) => (share * at) / steps);
  const upper = places.map((along) => point(along, 0));
  const lower = places.reverse().map((along) => point(along, seen));
  return `M${upper.join("L")}L${lower.join("L")}Z`;
}
