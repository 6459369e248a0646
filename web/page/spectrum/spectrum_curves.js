// Curves and maps of spectra, and what the legend says of them.

import { h } from "../controls/elements.js";
import { intensityRange, mapPainter, shadeOf } from "../plot/heat_map.js";
import { amount } from "../controls/numbers.js";

/** @typedef {import("../plot/curves.js").Curve} Curve */
/** @typedef {import("../plot/curves.js").Values} Values */
/** @typedef {import("./families.js").Member} Member */
/** @typedef {import("../plot/scales.js").Range} Range */
/** @typedef {{edges: Values, y: Values, e: Values | null}} Histogram edges, one more than values, and errors */

const COLOURS = 8;
/** @type {number[][]} */
const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3], [14, 5], [5, 2, 1, 2, 1, 2]];
/** Share of the tallest spectrum by which each stands above the one before. */
const OFFSET = 0.25;
const LEGEND_SHADES = 24;

/** What the values of the detector image are, by its setting Scale; counts for others. */
/** @type {Record<string, string>} */
export const SCALES = { PerPixel: "counts per detector", Normalised: "normalised counts per detector" };

/**
 * A histogram as a curve of steps; `index` chooses its colour and dashes.
 *
 * @param {string} name
 * @param {Histogram} histogram
 * @param {number} index
 * @returns {Curve}
 */
export function curveOf(name, histogram, index) {
  return {
    name,
    kind: "steps",
    x: histogram.edges,
    y: histogram.y,
    e: histogram.e,
    colour: `curve-${index % COLOURS}`,
    dash: DASHES[index % DASHES.length],
    marker: -1,
    shift: 0,
    scale: 1,
  };
}

/**
 * The curves of several spectra, each with a marker of its own.
 *
 * @param {Values} edges
 * @param {Member[]} members
 * @param {boolean} offset whether each stands above the one before
 * @param {Range} range of the axis that is shown
 * @returns {Curve[]}
 */
export function familyCurves(edges, members, offset, range) {
  const shown = members.filter((each) => each.y);
  const tallest = intensityRange(edges, shown.map((each) => each.y), range, false)[1];
  return shown.map((member, index) => ({
    ...curveOf(member.name, { edges, y: member.y ?? [], e: member.e }, index),
    marker: index,
    shift: offset ? index * OFFSET * tallest : 0,
  }));
}

/**
 * The map of several spectra, and the intensities of its first and last colour.
 *
 * @param {Values} edges
 * @param {Member[]} members
 * @param {Range} rangeY the ends of the first and the last row
 * @param {Range | null} range of the axis that is shown; null: all
 * @param {boolean} log
 */
export function familyMap(edges, members, rangeY, range, log) {
  const rows = members.map((each) => each.y);
  const whole = /** @type {Range} */ ([edges[0], edges[edges.length - 1]]);
  const intensity = intensityRange(edges, rows, range ?? whole, log);
  return { intensity, picture: { rangeX: whole, rangeY, draw: mapPainter(edges, rows, rangeY, intensity, log) } };
}

/**
 * The scale of the colours of a map, as an entry of a legend.
 *
 * @param {Range} intensity
 * @param {string} words what is counted
 */
export function shadesEntry(intensity, words) {
  const shades = Array.from({ length: LEGEND_SHADES }, (_, index) => {
    const shade = h("i", {});
    shade.style.background = shadeOf(index / (LEGEND_SHADES - 1));
    return shade;
  });
  const scale = h("span", { class: "shades", "aria-hidden": "true" }, ...shades);
  return h("li", {}, amount(intensity[0]), scale, `${amount(intensity[1])} ${words}`);
}
