// Cells in rows and columns, such as a detector image: what of them is seen, and their colours on the screen.

import { SHADES, shades } from "../plot/heat_map.js";

/** @typedef {import("../plot/curves.js").Values} Values */
/** @typedef {import("../plot/scales.js").Range} Range */
/** @typedef {import("../plot/scales.js").Scale} Scale */
/**
 * Values of cells, row by row from the first one; NaN where there is nothing.
 *
 * @typedef {object} Cells
 * @property {Values} values
 * @property {number} columns
 * @property {number} rows
 * @property {Values} xEdges boundaries of columns from the left; they may descend
 * @property {Values} yEdges boundaries of rows from the first one; they may descend
 */
/** @typedef {{column: number, row: number, columns: number, rows: number}} Rectangle of cells, by its first column and row */
/** @typedef {{log: boolean, clip: boolean}} ShadeLook clip: the brightest and darkest cells do not decide on the colours */

/** Share of cells that are brighter than the last colour, and share of those darker than the first, if they are clipped. */
const CLIPPED = 0.005;
/** Cells that are looked at to find where these are. */
const SAMPLES = 20000;

/**
 * The column or row in which a value of the axis lies; -1 and the number of cells outside.
 *
 * @param {Values} edges rising or descending
 * @param {number} value
 */
export function cellAt(edges, value) {
  const count = edges.length - 1;
  const sign = edges[count] >= edges[0] ? 1 : -1;
  if ((value - edges[0]) * sign < 0) return -1;
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((value - edges[middle]) * sign >= 0) low = middle;
    else high = middle - 1;
  }
  return low;
}

/**
 * The cells that ranges of the axes show, at least one.
 *
 * @param {Cells} cells
 * @param {Range} rangeX
 * @param {Range} rangeY
 * @returns {Rectangle}
 */
export function shownCells(cells, rangeX, rangeY) {
  const [column, columns] = span(cells.xEdges, rangeX, cells.columns);
  const [row, rows] = span(cells.yEdges, rangeY, cells.rows);
  return { column, row, columns, rows };
}

/** @param {Values} edges @param {Range} range @param {number} count @returns {[number, number]} first, and how many */
function span(edges, range, count) {
  const ends = range.map((each) => Math.max(0, Math.min(count - 1, cellAt(edges, each))));
  const first = Math.min(...ends);
  return [first, Math.max(...ends) - first + 1];
}

/**
 * The values of the first and the last colour for the cells in a rectangle.
 *
 * @param {Cells} cells
 * @param {Rectangle} shown
 * @param {ShadeLook} look
 * @returns {Range}
 */
export function shadeRange(cells, shown, look) {
  let [low, high] = [Infinity, -Infinity];
  const step = Math.max(1, Math.floor((shown.columns * shown.rows) / SAMPLES));
  const { values } = cells;
  const samples = [];
  let skip = 0;
  for (let row = shown.row; row < shown.row + shown.rows; row += 1) {
    const start = row * cells.columns + shown.column;
    for (let index = start; index < start + shown.columns; index += 1) {
      const value = values[index];
      if (value > high) high = value;
      if (value < low && (!look.log || value > 0)) low = value;
      skip += 1;
      if (look.clip && skip >= step && (look.log ? value > 0 : value === value)) {
        samples.push(value);
        skip = 0;
      }
    }
  }
  if (look.clip && samples.length) {
    const sorted = Float64Array.from(samples).sort();
    const last = sorted.length - 1;
    const ends = /** @type {Range} */ ([sorted[Math.floor(last * CLIPPED)], sorted[Math.ceil(last * (1 - CLIPPED))]]);
    if (ends[1] > ends[0]) return ends;
  }
  if (!Number.isFinite(high)) return look.log ? [0.1, 1] : [0, 1];
  if (!(high > low)) return high > 0 ? [look.log ? high / 10 : 0, high] : look.log ? [0.1, 1] : [Math.min(0, high), 1];
  return look.log ? [low, high] : [Math.min(0, low), high];
}

/**
 * The cells in a rectangle as a picture of at most so many pixels; each pixel has the brightest of its cells.
 *
 * @param {Cells} cells
 * @param {Rectangle} shown
 * @param {Range} range values of the first and the last colour
 * @param {boolean} log
 * @param {{width: number, height: number}} most
 * @returns {ImageData}
 */
export function paintedCells(cells, shown, range, log, most) {
  const width = Math.max(1, Math.min(shown.columns, Math.round(most.width)));
  const height = Math.max(1, Math.min(shown.rows, Math.round(most.height)));
  const image = new ImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const pixelOf = Int32Array.from({ length: shown.columns }, (_, each) => Math.floor((each * width) / shown.columns));
  const brightest = new Float64Array(width);
  const [low, high] = log ? range.map(Math.log) : range;
  const factor = (SHADES - 1) / (high - low || 1);
  for (let line = 0; line < height; line += 1) {
    const from = shown.row + Math.ceil((line * shown.rows) / height);
    const to = shown.row + Math.ceil(((line + 1) * shown.rows) / height);
    brightest.fill(-Infinity);
    for (let row = from; row < to; row += 1) brightestOf(cells.values, row * cells.columns + shown.column, pixelOf, brightest);
    for (let column = 0; column < width; column += 1) {
      const value = brightest[column];
      if (value === -Infinity) continue;
      const shade = ((log ? Math.log(value) : value) - low) * factor;
      pixels[line * width + column] = shades[shade > 0 ? Math.min(SHADES - 1, Math.round(shade)) : 0];
    }
  }
  return image;
}

/** @param {Values} values @param {number} start of the row @param {Int32Array} pixelOf each column @param {Float64Array} brightest so far; NaN is never brighter */
function brightestOf(values, start, pixelOf, brightest) {
  for (let column = 0; column < pixelOf.length; column += 1) {
    const value = values[start + column];
    const pixel = pixelOf[column];
    if (value > brightest[pixel]) brightest[pixel] = value;
  }
}

/**
 * A function that draws cells between the axes of a plot.
 *
 * @param {Cells} cells
 * @param {ShadeLook} look
 * @returns {{draw: (context: CanvasRenderingContext2D, scales: {x: Scale, y: Scale}, box: import("../plot/plot.js").Box, ratio: number) => void, range: () => Range}}
 */
export function cellPainter(cells, look) {
  /** @type {Range} */
  let range = [0, 1];
  return {
    range: () => range,
    draw: (context, scales, _box, ratio) => {
      const shown = shownCells(cells, scales.x.range, scales.y.range);
      range = shadeRange(cells, shown, look);
      const { left, right, top, bottom } = placeOf(cells, shown, scales);
      const most = { width: (right - left) * ratio, height: Math.abs(bottom - top) * ratio };
      const image = paintedCells(cells, shown, range, look.log, most);
      const canvas = new OffscreenCanvas(image.width, image.height);
      canvas.getContext("2d")?.putImageData(image, 0, 0);
      context.imageSmoothingEnabled = false;
      context.save();
      context.translate(left, top);
      context.scale(1, Math.sign(bottom - top));
      context.drawImage(canvas, 0, 0, right - left, Math.abs(bottom - top));
      context.restore();
    },
  };
}

/**
 * Where a rectangle of cells is on the screen; `top` is where its first row begins.
 *
 * @param {Cells} cells
 * @param {Rectangle} rectangle
 * @param {{x: Scale, y: Scale}} scales
 */
export function placeOf(cells, { column, row, columns, rows }, scales) {
  return {
    left: scales.x.at(cells.xEdges[column]),
    right: scales.x.at(cells.xEdges[column + columns]),
    top: scales.y.at(cells.yEdges[row]),
    bottom: scales.y.at(cells.yEdges[row + rows]),
  };
}
