// The cells of a detector image as small surfaces in space, and the rectangle of cells that each bank has.

/** @typedef {import("../plot/curves.js").Values} Values */
/** @typedef {import("../picture/cells.js").Rectangle} Rectangle */
/**
 * Where cells are, row by row from the top left; NaN where there is no detector.
 *
 * @typedef {object} Places
 * @property {Values} x mean position of the detectors of each cell, in m; the sample is the origin
 * @property {Values} y upwards
 * @property {Values} z along the beam
 * @property {Values} bank the number of its bank from 0; -1: it has none
 * @property {number} columns
 * @property {number} rows
 */
/**
 * Parallelograms in space, one for each cell that has a detector. Vectors have three numbers for each of them.
 *
 * @typedef {object} Surfaces
 * @property {Int32Array} cell its place in the image
 * @property {Float32Array} centre in m
 * @property {Float32Array} across from the centre to the side of the next column
 * @property {Float32Array} down from the centre to the side of the next row
 * @property {Uint8Array} alone 1 if it has no neighbour of its bank in its row, or none in its column
 * @property {import("./camera.js").Bounds} bounds of all of them and the sample
 */

/** Sides of a surface are cut to this many times the median of its bank. */
const LONGEST_SIDE = 2;
/** Cells of a bank that are looked at to find the median. */
const SAMPLES = 500;
const UNLIMITED = { across: Infinity, down: Infinity };
/** Side of a detector that has no neighbour at all, as a share of the radius. */
const LONE_SIDE = 0.01;

/**
 * The smallest rectangle of cells that holds each bank, by the number of the bank.
 *
 * @param {Places} places
 * @returns {Map<number, Rectangle>}
 */
export function bankRectangles({ bank, columns }) {
  /** @type {Map<number, Rectangle>} */
  const found = new Map();
  for (let cell = 0; cell < bank.length; cell += 1) {
    const number = bank[cell];
    if (number !== number) continue;
    const [row, column] = [Math.floor(cell / columns), cell % columns];
    const known = found.get(number);
    if (!known) {
      found.set(number, { column, row, columns: 1, rows: 1 });
      continue;
    }
    // Cells come row by row, so the first row is known.
    const right = Math.max(known.column + known.columns, column + 1);
    known.column = Math.min(known.column, column);
    known.columns = right - known.column;
    known.rows = row + 1 - known.row;
  }
  return found;
}

/**
 * The surfaces of all cells that have a detector.
 *
 * @param {Places} places
 * @returns {Surfaces}
 */
export function surfacesOf(places) {
  const { x, y, z, columns, rows } = places;
  const cell = Int32Array.from({ length: columns * rows }, (_, each) => each).filter((each) => x[each] === x[each]);
  const centre = new Float32Array(3 * cell.length);
  cell.forEach((each, index) => centre.set([x[each], y[each], z[each]], 3 * index));
  const bounds = boundsOf(centre);
  const [across, down] = [new Float32Array(centre.length), new Float32Array(centre.length)];
  const alone = new Uint8Array(cell.length);
  const longest = longestSides(places);
  cell.forEach((each, index) => {
    const [beside, below] = steps(places, each, longest.get(places.bank[each]) ?? UNLIMITED);
    alone[index] = beside && below ? 0 : 1;
    const at = [x[each], y[each], z[each]];
    const side = beside ?? (below ? facing(below, at) : [LONE_SIDE * bounds.radius, 0, 0]);
    across.set(side, 3 * index);
    down.set(below ?? facing(side, at), 3 * index);
  });
  return { cell, centre, across, down, alone, bounds };
}

/** @param {Float32Array} centre @returns {import("./camera.js").Bounds} */
function boundsOf(centre) {
  const [low, high] = [[0, 0, 0], [0, 0, 0]];
  centre.forEach((value, index) => {
    low[index % 3] = Math.min(low[index % 3], value);
    high[index % 3] = Math.max(high[index % 3], value);
  });
  const middle = low.map((each, axis) => (each + high[axis]) / 2);
  let [radius, wide] = [Math.hypot(...middle), Math.hypot(middle[0], middle[2])];
  for (let at = 0; at < centre.length; at += 3) {
    const [x, y, z] = [centre[at] - middle[0], centre[at + 1] - middle[1], centre[at + 2] - middle[2]];
    wide = Math.max(wide, Math.sqrt(x * x + z * z));
    radius = Math.max(radius, Math.sqrt(x * x + y * y + z * z));
  }
  return { middle, radius: radius || 1, wide: wide || radius || 1, tall: (high[1] - low[1]) / 2 };
}

/**
 * The longest half sides that cells of each bank get: ids that jump to and fro would make long ones.
 *
 * @param {Places} places
 * @returns {Map<number, {across: number, down: number}>}
 */
function longestSides(places) {
  const { columns } = places;
  const sides = new Map();
  for (const [bank, rectangle] of bankRectangles(places)) {
    const count = rectangle.columns * rectangle.rows;
    const step = Math.max(1, Math.floor(count / SAMPLES));
    /** @type {{across: number[], down: number[]}} */
    const lengths = { across: [], down: [] };
    for (let number = 0; number < count; number += step) {
      const row = rectangle.row + Math.floor(number / rectangle.columns);
      const cell = row * columns + rectangle.column + (number % rectangle.columns);
      if (places.bank[cell] !== bank) continue;
      const [beside, below] = steps(places, cell, UNLIMITED);
      if (beside) lengths.across.push(Math.hypot(...beside));
      if (below) lengths.down.push(Math.hypot(...below));
    }
    sides.set(bank, { across: LONGEST_SIDE * median(lengths.across), down: LONGEST_SIDE * median(lengths.down) });
  }
  return sides;
}

/** @param {number[]} values @returns {number} */
function median(values) {
  return values.sort((one, other) => one - other)[values.length >> 1] ?? 0;
}

/**
 * Half the ways to the next column and the next row; null where a cell has no neighbour of its bank.
 *
 * @param {Places} places
 * @param {number} cell
 * @param {{across: number, down: number}} longest
 */
function steps(places, cell, longest) {
  const { columns, rows } = places;
  const column = cell % columns;
  return [
    halfStep(places, column > 0 ? cell - 1 : -1, cell, column + 1 < columns ? cell + 1 : -1, longest.across),
    halfStep(places, cell - columns, cell, cell + columns < columns * rows ? cell + columns : -1, longest.down),
  ];
}

/**
 * Half the way from one cell to the next of its bank.
 *
 * @param {Places} places
 * @param {number} before the cell before, -1 if there is none
 * @param {number} here
 * @param {number} after
 * @param {number} longest
 * @returns {number[] | null} null if neither cell is one of its bank
 */
function halfStep({ x, y, z, bank }, before, here, after, longest) {
  const from = before >= 0 && bank[before] === bank[here] ? before : here;
  const to = after >= 0 && bank[after] === bank[here] ? after : here;
  if (from === to) return null;
  const part = from === here || to === here ? 0.5 : 0.25;
  const step = [part * (x[to] - x[from]), part * (y[to] - y[from]), part * (z[to] - z[from])];
  const length = Math.hypot(...step);
  return length > longest ? step.map((each) => (each * longest) / length) : step;
}

/** @param {number[]} side @param {number[]} at @returns {number[]} another side as long, so that the surface faces the sample */
function facing(side, at) {
  let other = [side[1] * at[2] - side[2] * at[1], side[2] * at[0] - side[0] * at[2], side[0] * at[1] - side[1] * at[0]];
  if (!(Math.hypot(...other) > 1e-6 * Math.hypot(...side) * Math.hypot(...at))) other = [side[1], side[2], side[0]];
  const factor = Math.hypot(...side) / (Math.hypot(...other) || 1);
  return other.map((each) => each * factor);
}
