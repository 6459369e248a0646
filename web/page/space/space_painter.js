// Draws surfaces in space without graphics hardware: for each pixel the nearest surface, and of equally near ones the brightest.

import { SHADES, shades } from "../plot/heat_map.js";

/** @typedef {import("./cell_surfaces.js").Surfaces} Surfaces */
/** @typedef {import("./camera.js").Camera} Camera */
/** @typedef {import("../plot/curves.js").Values} Values */
/** @typedef {import("../plot/scales.js").Range} Range */

/** The shade of a surface without a value. */
const NO_SHADE = -1;
/** Half the least size of a surface without neighbours, in pixels: a thin row of detectors is seen. */
const LEAST_HALF = 2;
/** Surfaces that cover no pixel are equally near if they are as near as so many pixels are wide. */
const SAME_PIXELS = 3;
/** Surfaces are drawn larger by so many pixels on each side: from near by their neighbours have another size. */
const MARGIN = 0.5;

/**
 * The number of the colour of each surface, `NO_SHADE` for those without a value.
 *
 * @param {Surfaces} surfaces
 * @param {Values} values of all cells
 * @param {Range} range values of the first and the last colour
 * @param {boolean} log
 * @returns {Int16Array}
 */
export function shadesOf({ cell }, values, range, log) {
  const [low, high] = log ? range.map(Math.log) : range;
  const factor = (SHADES - 1) / (high - low || 1);
  const found = new Int16Array(cell.length);
  for (let index = 0; index < cell.length; index += 1) {
    const value = values[cell[index]];
    const shade = ((log ? Math.log(value) : value) - low) * factor;
    if (value !== value) found[index] = NO_SHADE;
    else found[index] = shade > 0 ? Math.min(SHADES - 1, Math.round(shade)) : 0;
  }
  return found;
}

/** The pixels of a screen, and the surface that each shows. */
export class SpaceScreen {
  /** @param {number} width @param {number} height in pixels */
  constructor(width, height) {
    this.width = width;
    this.height = height;
    /** The number of the surface, from 1; 0: none. */
    this.shown = new Int32Array(width * height);
    this.depth = new Float32Array(width * height);
    this.image = new ImageData(width, height);
  }

  /** @param {number} x @param {number} y @returns {number} the surface that is seen there; -1: none */
  surfaceAt(x, y) {
    const [column, row] = [Math.floor(x), Math.floor(y)];
    if (!(column >= 0 && column < this.width && row >= 0 && row < this.height)) return -1;
    return this.shown[row * this.width + column] - 1;
  }

  /**
   * Find the surface that each pixel shows.
   *
   * @param {Surfaces} surfaces
   * @param {Int16Array} shade of each
   * @param {Camera} camera
   */
  look(surfaces, shade, camera) {
    this.shown.fill(0);
    this.depth.fill(Infinity);
    const { centre, across, down, alone } = surfaces;
    const [mx, my, mz] = camera.middle;
    const [rx, , rz] = camera.right;
    const [ux, uy, uz] = camera.up;
    const [fx, fy, fz] = camera.away;
    for (let index = 0, at = 0; at < centre.length; index += 1, at += 3) {
      const [x, y, z] = [centre[at] - mx, centre[at + 1] - my, centre[at + 2] - mz];
      const depth = camera.distance + x * fx + y * fy + z * fz;
      const scale = camera.focal / depth;
      const px = camera.x + (x * rx + z * rz) * scale;
      const py = camera.y - (x * ux + y * uy + z * uz) * scale;
      const ax = (across[at] * rx + across[at + 2] * rz) * scale;
      const ay = -(across[at] * ux + across[at + 1] * uy + across[at + 2] * uz) * scale;
      const dx = (down[at] * rx + down[at + 2] * rz) * scale;
      const dy = -(down[at] * ux + down[at + 1] * uy + down[at + 2] * uz) * scale;
      const least = alone[index] ? LEAST_HALF : 0;
      const [halfX, halfY] = [Math.max(Math.abs(ax) + Math.abs(dx), least), Math.max(Math.abs(ay) + Math.abs(dy), least)];
      if (!(px + halfX >= 0 && px - halfX < this.width && py + halfY >= 0 && py - halfY < this.height)) continue;
      if (halfX < 0.5 && halfY < 0.5) this.dot(index, shade, px, py, depth, SAME_PIXELS / scale);
      else if (Math.abs(ax * dy - ay * dx) < Math.max(halfX, halfY) / 2) this.edgeOn(index, px, py, depth, ax * ax + ay * ay > dx * dx + dy * dy ? [ax, ay] : [dx, dy], least);
      else this.parallelogram(index, px, py, depth, [ax, ay, dx, dy], halfX, halfY);
    }
  }

  /**
   * @param {number} index @param {Int16Array} shade @param {number} x @param {number} y @param {number} depth
   * @param {number} same surfaces less far apart are equally near
   */
  dot(index, shade, x, y, depth, same) {
    const [column, row] = [Math.floor(x), Math.floor(y)];
    if (column < 0 || column >= this.width || row < 0 || row >= this.height) return;
    const pixel = row * this.width + column;
    const nearest = this.depth[pixel];
    const nearer = depth < nearest - same;
    if (!nearer && !(depth < nearest + same && shade[index] > shade[this.shown[pixel] - 1])) return;
    this.depth[pixel] = depth;
    this.shown[pixel] = index + 1;
  }

  /**
   * A surface that is seen from its side, as a line.
   *
   * @param {number} index @param {number} x @param {number} y @param {number} depth
   * @param {number[]} half the longer half side, in pixels
   * @param {number} thick half the least thickness of the line
   */
  edgeOn(index, x, y, depth, [halfX, halfY], thick) {
    const steps = Math.min(Math.ceil(2 * Math.max(Math.abs(halfX), Math.abs(halfY))) + 1, 2 * (this.width + this.height));
    for (let step = 0; step <= steps; step += 1) {
      const part = (2 * step) / steps - 1;
      const [column, row] = [x + part * halfX, y + part * halfY];
      this.box(index, depth, column - thick, column + thick, row - thick, row + thick);
    }
  }

  /** @param {number} index @param {number} depth @param {number} left @param {number} right @param {number} top @param {number} bottom */
  box(index, depth, left, right, top, bottom) {
    const [first, last] = [Math.max(0, Math.floor(left)), Math.min(this.width - 1, Math.floor(right))];
    for (let row = Math.max(0, Math.floor(top)); row <= Math.min(this.height - 1, Math.floor(bottom)); row += 1) {
      for (let pixel = row * this.width + first; pixel <= row * this.width + last; pixel += 1) {
        if (depth >= this.depth[pixel]) continue;
        this.depth[pixel] = depth;
        this.shown[pixel] = index + 1;
      }
    }
  }

  /**
   * @param {number} index @param {number} x @param {number} y @param {number} depth
   * @param {number[]} sides both half sides, in pixels
   * @param {number} halfX of the box around it @param {number} halfY
   */
  parallelogram(index, x, y, depth, [ax, ay, dx, dy], halfX, halfY) {
    const { width, height } = this;
    const area = ax * dy - ay * dx;
    const [ay1, ax1, dy1, dx1] = [ay / area, ax / area, dy / area, dx / area];
    const [mostAlong, mostBelow] = [1 + MARGIN / Math.hypot(ax, ay), 1 + MARGIN / Math.hypot(dx, dy)];
    const [first, last] = [Math.max(0, Math.floor(x - halfX)), Math.min(width - 1, Math.floor(x + halfX))];
    for (let row = Math.max(0, Math.floor(y - halfY)); row <= Math.min(height - 1, Math.floor(y + halfY)); row += 1) {
      const toY = row + 0.5 - y;
      for (let column = first; column <= last; column += 1) {
        const toX = column + 0.5 - x;
        const [along, below] = [toX * dy1 - toY * dx1, toY * ax1 - toX * ay1];
        if (along > mostAlong || along < -mostAlong || below > mostBelow || below < -mostBelow) continue;
        const pixel = row * width + column;
        if (depth >= this.depth[pixel]) continue;
        this.depth[pixel] = depth;
        this.shown[pixel] = index + 1;
      }
    }
  }

  /**
   * The picture of what the pixels show.
   *
   * @param {Int16Array} shade of each surface
   * @param {number} empty colour of surfaces without a value, as the memory of a picture has it
   * @param {{marked: Uint8Array, colour: number} | null} mark surfaces that get a border, and its colour
   * @returns {ImageData}
   */
  painted(shade, empty, mark) {
    const { shown, width } = this;
    const pixels = new Uint32Array(this.image.data.buffer);
    const isMarked = (/** @type {number} */ pixel) => mark !== null && shown[pixel] > 0 && mark.marked[shown[pixel] - 1] === 1;
    for (let pixel = 0; pixel < shown.length; pixel += 1) {
      const index = shown[pixel] - 1;
      if (index < 0) pixels[pixel] = 0;
      else pixels[pixel] = shade[index] === NO_SHADE ? empty : shades[shade[index]];
      if (!mark || pixel < width || pixel % width === 0) continue;
      const here = isMarked(pixel);
      if (here !== isMarked(pixel - 1) || here !== isMarked(pixel - width)) pixels[pixel] = mark.colour;
    }
    return this.image;
  }
}
