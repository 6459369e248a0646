// Many spectra as a map: one row a spectrum, colour for intensity. Each pixel shows the extremes of its bins.

import { intervalOf } from "./curves.js";

/** @typedef {import("./curves.js").Values} Values */
/** @typedef {import("./scales.js").Range} Range */
/** @typedef {import("./scales.js").Scale} Scale */

// Colours of rising lightness, which are read the same in grey and by those who do not tell red from green.
const STOPS = [
  [13, 8, 61],
  [52, 40, 122],
  [44, 92, 146],
  [33, 141, 141],
  [58, 186, 110],
  [163, 219, 56],
  [253, 240, 160],
];
/** How many colours there are. */
export const SHADES = 256;

/** @returns {Uint32Array} colours as the memory of a picture has them */
function makeShades() {
  const shades = new Uint32Array(SHADES);
  for (let index = 0; index < SHADES; index += 1) {
    const at = (index / (SHADES - 1)) * (STOPS.length - 1);
    const from = Math.min(STOPS.length - 2, Math.floor(at));
    const [red, green, blue] = [0, 1, 2].map((part) =>
      Math.round(STOPS[from][part] + (at - from) * (STOPS[from + 1][part] - STOPS[from][part])),
    );
    shades[index] = (255 << 24) | (blue << 16) | (green << 8) | red;
  }
  return shades;
}

/** The colours as the memory of a picture has them, from the darkest. */
export const shades = makeShades();

/** @param {number} share 0 to 1 @returns {string} the colour, for CSS */
export function shadeOf(share) {
  const shade = shades[Math.round(Math.max(0, Math.min(1, share)) * (SHADES - 1))];
  return `rgb(${shade & 255}, ${(shade >> 8) & 255}, ${(shade >> 16) & 255})`;
}

/**
 * The least and the largest value of all rows in a range of the axis; with a log scale only those above 0.
 *
 * @param {Values} edges
 * @param {(Values | null)[]} rows
 * @param {Range} range
 * @param {boolean} log
 * @returns {Range}
 */
export function intensityRange(edges, rows, range, log) {
  let [low, high] = [Infinity, -Infinity];
  const from = Math.max(0, intervalOf(edges, range[0]));
  for (const row of rows) {
    if (!row) continue;
    const to = Math.min(row.length - 1, intervalOf(edges, range[1]));
    for (let index = from; index <= to; index += 1) {
      const value = row[index];
      if (value > high) high = value;
      if (value < low && (!log || value > 0)) low = value;
    }
  }
  if (!(high > low)) return log ? [0.1, 1] : [0, high > 0 ? high : 1];
  return log ? [Math.max(low, high / 1e5), high] : [Math.min(0, low), high];
}

/**
 * A function that draws the map between the axes of a plot.
 *
 * @param {Values} edges of the axis, one more than the values of a row
 * @param {(Values | null)[]} rows from below
 * @param {Range} rangeY the ends of the first and the last row on the upright axis
 * @param {Range} intensity values of the first and the last colour
 * @param {boolean} log
 * @returns {(context: CanvasRenderingContext2D, scales: {x: Scale, y: Scale}) => void}
 */
export function mapPainter(edges, rows, rangeY, intensity, log) {
  const [low, high] = log ? intensity.map(Math.log) : intensity;
  const factor = (SHADES - 1) / (high - low || 1);
  return (context, scales) => {
    const left = Math.round(scales.x.pixels[0]);
    const width = Math.round(scales.x.pixels[1]) - left;
    if (width < 1 || !rows.length) return;
    const image = new ImageData(width, rows.length);
    const pixels = new Uint32Array(image.data.buffer);
    const spans = columnSpans(edges, scales.x, left, width);
    rows.forEach((row, number) => {
      if (!row) return;
      const at = (rows.length - 1 - number) * width;
      for (let column = 0; column < width; column += 1) {
        const [from, to] = [spans[2 * column], spans[2 * column + 1]];
        let most = -Infinity;
        for (let index = from; index <= to && index < row.length; index += 1) if (row[index] > most) most = row[index];
        if (most === -Infinity) continue;
        const shade = ((log ? Math.log(most) : most) - low) * factor;
        pixels[at + column] = shades[shade > 0 ? Math.min(SHADES - 1, Math.round(shade)) : 0];
      }
    });
    const canvas = new OffscreenCanvas(width, rows.length);
    canvas.getContext("2d")?.putImageData(image, 0, 0);
    const [bottom, top] = [scales.y.at(rangeY[0]), scales.y.at(rangeY[1])];
    context.imageSmoothingEnabled = false;
    context.drawImage(canvas, left, top, width, bottom - top);
  };
}

/** @param {Values} edges @param {Scale} scale @param {number} left @param {number} width @returns {Int32Array} first and last bin of each column */
function columnSpans(edges, scale, left, width) {
  const spans = new Int32Array(2 * width);
  const last = edges.length - 2;
  for (let column = 0; column < width; column += 1) {
    const from = intervalOf(edges, scale.valueAt(left + column));
    const to = intervalOf(edges, scale.valueAt(left + column + 1));
    const outside = to < 0 || from > last;
    spans[2 * column] = outside ? 0 : Math.max(0, from);
    spans[2 * column + 1] = outside ? -1 : Math.min(last, Math.max(from, to - (to > from ? 1 : 0)));
  }
  return spans;
}
