// A plot: axes, curves, and what is drawn over them. Curves are drawn anew only when they or the view change.

import { drawCurve, extent } from "./curves.js";
import { h } from "../controls/elements.js";
import { Scale } from "./scales.js";
import { colourOf } from "../controls/theme.js";

/** @typedef {import("./curves.js").Curve} Curve */
/** @typedef {import("./scales.js").Range} Range */
/** @typedef {"none" | "band" | "bars"} Errors */
/** @typedef {{left: number, right: number, top: number, bottom: number}} Box */
/**
 * What a plot shows, apart from its curves.
 *
 * @typedef {object} Look
 * @property {string} labelX
 * @property {string} labelY
 * @property {"linear" | "time"} kindX
 * @property {boolean} log
 * @property {Errors} errors
 * @property {Range | null} rangeX null: all
 * @property {Range | null} rangeY null: what the curves need
 */

const FONT = '13px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';

export class Plot {
  /**
   * @param {HTMLElement} host gets the plot; it fills it
   * @param {string} label what the plot shows, for those who cannot see it
   * @param {{small?: boolean}} [options] small: with narrow margins
   */
  constructor(host, label, { small = false } = {}) {
    this.host = host;
    this.small = small;
    this.base = h("canvas", { class: "base", "aria-hidden": "true" });
    this.over = h("canvas", { class: "over", "aria-hidden": "true" });
    this.surface = h("div", { class: "surface", role: "img", "aria-label": label }, this.base, this.over);
    host.append(this.surface);
    /** @type {Look} */
    this.look = { labelX: "", labelY: "", kindX: "linear", log: false, errors: "none", rangeX: null, rangeY: null };
    /** @type {Curve[]} */
    this.curves = [];
    /** Drawn on the axes instead of curves, if there is one: a map. */
    /** @type {{rangeX: Range, rangeY: Range, draw: (context: CanvasRenderingContext2D, scales: {x: Scale, y: Scale}, box: Box, ratio: number) => void} | null} */
    this.picture = null;
    /** @type {((context: CanvasRenderingContext2D, scales: {x: Scale, y: Scale}, box: Box) => void)[]} */
    this.overlays = [];
    /** @type {(() => void)[]} called when scales have changed */
    this.followers = [];
    this.width = 0;
    this.height = 0;
    /** @type {{x: Scale, y: Scale}} */
    this.scales = { x: new Scale("linear", [0, 1], [0, 1]), y: new Scale("linear", [0, 1], [1, 0]) };
    /** @type {Box} */
    this.box = { left: 0, right: 1, top: 0, bottom: 1 };
    this.dirty = { base: true, over: true };
    this.scheduled = false;
    new ResizeObserver(() => this.resized()).observe(this.surface);
    document.addEventListener("visibilitychange", () => this.later());
  }

  /** @param {Curve[]} curves */
  setCurves(curves) {
    this.curves = curves;
    this.changed();
  }

  /** @param {Partial<Look>} look */
  setLook(look) {
    Object.assign(this.look, look);
    this.changed();
  }

  changed() {
    this.dirty.base = this.dirty.over = true;
    this.later();
  }

  overChanged() {
    this.dirty.over = true;
    this.later();
  }

  later() {
    if (this.scheduled || document.hidden) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      this.draw();
    });
  }

  resized() {
    const { clientWidth, clientHeight } = this.surface;
    if (clientWidth === this.width && clientHeight === this.height) return;
    this.width = clientWidth;
    this.height = clientHeight;
    this.changed();
  }

  draw() {
    if (!this.width || !this.height) return;
    const ratio = window.devicePixelRatio || 1;
    if (this.dirty.base) {
      this.measure();
      const context = prepared(this.base, this.width, this.height, ratio);
      this.drawBase(context, ratio);
      for (const each of this.followers) each();
    }
    if (this.dirty.over) this.drawOver(prepared(this.over, this.width, this.height, ratio));
    this.dirty.base = this.dirty.over = false;
  }

  /** Find the box of the axes and the scales. */
  measure() {
    const narrow = this.width < 520;
    const left = narrow ? 66 : 76;
    const top = this.small ? 8 : 12;
    this.box = { left, right: this.width - 12, top, bottom: this.height - (this.look.labelX ? 42 : 24) };
    const rangeX = this.look.rangeX ?? this.wholeX();
    const { left: from, right, bottom } = this.box;
    const rangeY = this.look.rangeY ?? this.wholeY(rangeX);
    this.scales = {
      x: new Scale(this.look.kindX, rangeX, [from, right]),
      y: new Scale(this.look.log && !this.picture ? "log" : "linear", this.valid(rangeY), [bottom, top]),
    };
  }

  /** @param {Range} range @returns {Range} one that the scale can have */
  valid([low, high]) {
    if (!this.look.log || this.picture) return [low, high];
    const top = high > 0 ? high : 1;
    return [low > 0 && low < top ? low : top / 1000, top];
  }

  /** @returns {Range} all values on the axis */
  wholeX() {
    if (this.picture) return this.picture.rangeX;
    let [low, high] = [Infinity, -Infinity];
    for (const { x } of this.curves) {
      if (!x.length) continue;
      low = Math.min(low, x[0]);
      high = Math.max(high, x[x.length - 1]);
    }
    if (!(high > low)) return Number.isFinite(low) ? [low - 0.5, low + 0.5] : [0, 1];
    const points = this.curves.some((each) => each.kind === "points");
    const room = points ? 0.04 * (high - low) : 0;
    return [low - room, high + room];
  }

  /** @param {Range} rangeX @returns {Range} what the curves need there */
  wholeY(rangeX) {
    if (this.picture) return this.picture.rangeY;
    const { log } = this.look;
    let [low, high] = [Infinity, -Infinity];
    let points = false;
    for (const curve of this.curves) {
      const found = extent(curve, rangeX, { positive: log, errors: this.look.errors !== "none" });
      if (!found) continue;
      low = Math.min(low, found[0]);
      high = Math.max(high, found[1]);
      points ||= curve.kind === "points";
    }
    if (!(high >= low)) return log ? [0.1, 1] : [0, 1];
    if (log) return [low * 0.7, high * 1.6];
    // Counts stand on zero; points, such as positions of a peak, fill the plot.
    if (low > 0 && !points && low < 0.7 * high) low = 0;
    const room = (high - low || Math.abs(high) || 1) * 0.06;
    return [low === 0 ? 0 : low - room, high + room];
  }

  /** @param {CanvasRenderingContext2D} context @param {number} ratio pixels of the screen a pixel of the page */
  drawBase(context, ratio) {
    const { box, scales } = this;
    this.drawGrid(context);
    context.save();
    context.beginPath();
    context.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
    context.clip();
    if (this.picture) this.picture.draw(context, scales, box, ratio);
    for (const curve of this.curves) {
      const look = { colour: colourOf(curve.colour), errors: this.look.errors, width: this.small ? 1.2 : 1.4 };
      drawCurve(context, curve, scales, look);
    }
    context.restore();
    context.strokeStyle = colourOf("axis");
    context.lineWidth = 1;
    context.strokeRect(box.left + 0.5, box.top + 0.5, box.right - box.left, box.bottom - box.top);
  }

  /** @param {CanvasRenderingContext2D} context */
  drawGrid(context) {
    const { box, scales, look } = this;
    context.font = FONT;
    context.fillStyle = colourOf("text");
    context.strokeStyle = colourOf("grid");
    context.lineWidth = 1;
    context.textBaseline = "top";
    context.textAlign = "center";
    const room = look.kindX === "time" ? 90 : 80;
    for (const { value, label } of scales.x.ticks((box.right - box.left) / room)) {
      const x = Math.round(scales.x.at(value)) + 0.5;
      line(context, x, box.top, x, box.bottom);
      const half = context.measureText(label).width / 2;
      context.fillText(label, Math.min(x, this.width - half - 2), box.bottom + 6);
    }
    context.textBaseline = "middle";
    context.textAlign = "right";
    for (const { value, label } of scales.y.ticks((box.bottom - box.top) / (this.small ? 34 : 48))) {
      const y = Math.round(scales.y.at(value)) + 0.5;
      if (y < box.top || y > box.bottom + 1) continue;
      line(context, box.left, y, box.right, y);
      context.fillText(label, box.left - 6, y, box.left - 25);
    }
    context.textAlign = "center";
    if (look.labelX) context.fillText(look.labelX, (box.left + box.right) / 2, this.height - 11);
    context.save();
    context.translate(9, (box.top + box.bottom) / 2);
    context.rotate(-Math.PI / 2);
    context.fillText(look.labelY, 0, 0, box.bottom - box.top);
    context.restore();
  }

  /** @param {CanvasRenderingContext2D} context */
  drawOver(context) {
    context.font = FONT;
    for (const each of this.overlays) each(context, this.scales, this.box);
  }

  /**
   * A picture of the plot as it is seen, with a line of words above it.
   *
   * @param {string} words
   * @returns {Promise<Blob>}
   */
  picturePng(words) {
    const head = 28;
    const canvas = document.createElement("canvas");
    const ratio = Math.max(2, window.devicePixelRatio || 1);
    const context = prepared(canvas, this.width, this.height + head, ratio);
    context.fillStyle = colourOf("plot");
    context.fillRect(0, 0, this.width, this.height + head);
    context.fillStyle = colourOf("text");
    context.font = FONT;
    context.textBaseline = "middle";
    context.fillText(words, this.box.left, head / 2 + 2, this.width - this.box.left - 8);
    context.translate(0, head);
    this.drawBase(context, ratio);
    this.drawOver(context);
    return new Promise((resolve, reject) => {
      canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the picture could not be made"))));
    });
  }
}

/** @param {CanvasRenderingContext2D} context @param {number} x0 @param {number} y0 @param {number} x1 @param {number} y1 */
function line(context, x0, y0, x1, y1) {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}

/**
 * The empty canvas at the size of its place.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {number} width
 * @param {number} height
 * @param {number} ratio
 */
function prepared(canvas, width, height, ratio) {
  const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== across || canvas.height !== down) {
    canvas.width = across;
    canvas.height = down;
  }
  const context = canvas.getContext("2d");
  if (!context) throw new Error("this browser has no canvas");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}
