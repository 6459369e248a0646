// A frozen curve, and the difference of the live one to it.

/** @typedef {import("./curves.js").Values} Values */
/** @typedef {import("./scales.js").Range} Range */
/** @typedef {{red: string, unit: string, edges: Values, y: Values, e: Values, time: number, pulses: string}} Reference */

/**
 * A density on other bins: in each the mean over the bin. A bin that is cut gives its share of counts and variance.
 *
 * Bins that the reference does not cover are NaN.
 *
 * @param {Reference} reference
 * @param {Values} edges
 * @returns {{y: Float64Array, e: Float64Array}}
 */
export function rebinned(reference, edges) {
  const count = Math.max(0, edges.length - 1);
  const y = new Float64Array(count).fill(NaN);
  const e = new Float64Array(count).fill(NaN);
  const old = reference.edges;
  const last = old.length - 2;
  let from = 0;
  for (let bin = 0; bin < count; bin += 1) {
    const [low, high] = [edges[bin], edges[bin + 1]];
    if (low < old[0] || high > old[last + 1]) continue;
    while (from < last && old[from + 1] <= low) from += 1;
    let [sum, variance] = [0, 0];
    for (let index = from; index <= last && old[index] < high; index += 1) {
      const shared = Math.min(high, old[index + 1]) - Math.max(low, old[index]);
      const width = old[index + 1] - old[index];
      sum += reference.y[index] * shared;
      variance += reference.e[index] ** 2 * width * shared;
    }
    y[bin] = sum / (high - low);
    e[bin] = Math.sqrt(variance) / (high - low);
  }
  return { y, e };
}

/**
 * The factor that gives the reference the area of the live curve, over the bins of a range that both have.
 *
 * @param {Values} edges
 * @param {Values} live
 * @param {Values} frozen on the same bins
 * @param {Range} range
 */
export function areaFactor(edges, live, frozen, [low, high]) {
  let [ours, theirs] = [0, 0];
  for (let bin = 0; bin < live.length; bin += 1) {
    if (edges[bin + 1] < low || edges[bin] > high) continue;
    if (Number.isNaN(frozen[bin]) || Number.isNaN(live[bin])) continue;
    const width = edges[bin + 1] - edges[bin];
    ours += live[bin] * width;
    theirs += frozen[bin] * width;
  }
  return theirs > 0 && ours > 0 ? ours / theirs : 1;
}

/**
 * Live less frozen, with errors added in quadrature.
 *
 * @param {{y: Values, e: Values}} live
 * @param {{y: Values, e: Values}} frozen
 * @param {number} factor of the frozen one
 */
export function difference(live, frozen, factor) {
  const y = new Float64Array(live.y.length);
  const e = new Float64Array(live.y.length);
  for (let bin = 0; bin < y.length; bin += 1) {
    y[bin] = live.y[bin] - factor * frozen.y[bin];
    e[bin] = Math.hypot(live.e[bin], factor * frozen.e[bin]);
  }
  return { y, e };
}
