// What mouse, fingers and keys do on a picture of cells: zoom, move, read a cell, and draw a rectangle of cells.

import { SMALLEST_DRAG, STEPS, SurfaceInput } from "./surface_input.js";

/** @typedef {import("../plot/plot.js").Plot} Plot */
/** @typedef {import("../plot/scales.js").Range} Range */
/** @typedef {import("./surface_input.js").Point} Point */
/**
 * @typedef {object} PictureActions
 * @property {(x: Range | null, y: Range | null) => void} zoom show these ranges of the axes; null: all
 * @property {(at: {x: number, y: number} | null) => void} cursor the cursor is at values of the axes, or nowhere
 * @property {(columns: number, rows: number, extend: boolean) => void} step move the cursor by cells; extend: and draw a rectangle
 * @property {() => boolean} drawing whether a drag draws a rectangle, and does not zoom
 * @property {(from: {x: number, y: number}, to: {x: number, y: number}) => void} drawn a rectangle was drawn, by values of the axes
 * @property {() => void} enter take the rectangle that was drawn by keys
 */

const KEY_ZOOM = 1.5;

export class PictureInput extends SurfaceInput {
  /** @param {Plot} plot @param {PictureActions} actions */
  constructor(plot, actions) {
    super(plot.surface);
    this.plot = plot;
    this.actions = actions;
    /** @type {{from: Point, to: Point, moved: boolean, pan: boolean} | null} */
    this.drag = null;
    plot.overlays.push((context) => this.drawDrag(context));
  }

  /** @param {Point} at @returns {{x: number, y: number}} values of the axes */
  valuesAt({ x, y }) {
    const { scales } = this.plot;
    return { x: scales.x.valueAt(x), y: scales.y.valueAt(y) };
  }

  /** @param {PointerEvent} event */
  pressed(event) {
    if (event.button !== 0) return;
    const at = this.place(event);
    this.down.set(event.pointerId, at);
    this.surface.setPointerCapture(event.pointerId);
    this.actions.cursor(this.valuesAt(at));
    this.drag = this.down.size > 1 ? null : { from: at, to: at, moved: false, pan: event.shiftKey };
  }

  /** @param {PointerEvent} event */
  moved(event) {
    const at = this.place(event);
    const before = this.down.get(event.pointerId);
    if (before && this.down.size === 2) {
      this.pinch(event.pointerId, before, at);
      return;
    }
    if (before) this.down.set(event.pointerId, at);
    this.actions.cursor(this.valuesAt(at));
    const { drag } = this;
    if (!drag || !before) return;
    if (drag.pan) this.pan(before, at);
    drag.to = at;
    drag.moved ||= Math.hypot(at.x - drag.from.x, at.y - drag.from.y) > SMALLEST_DRAG;
    this.plot.overChanged();
  }

  /** @param {PointerEvent} event */
  released(event) {
    const { drag } = this;
    this.forget(event);
    if (!drag?.moved || drag.pan) return;
    const [from, to] = [this.valuesAt(drag.from), this.valuesAt(drag.to)];
    if (this.actions.drawing()) this.actions.drawn(from, to);
    else if (Math.abs(drag.to.x - drag.from.x) > SMALLEST_DRAG && Math.abs(drag.to.y - drag.from.y) > SMALLEST_DRAG) {
      this.actions.zoom([from.x, to.x], [from.y, to.y]);
    }
  }

  /** @param {PointerEvent} event */
  forget(event) {
    this.down.delete(event.pointerId);
    this.drag = null;
    this.plot.overChanged();
  }

  /** @param {number} finger that moved @param {Point} before @param {Point} at */
  pinch(finger, before, at) {
    this.down.set(finger, at);
    if (this.pinched(finger, before, at)) this.pan({ x: before.x / 2, y: before.y / 2 }, { x: at.x / 2, y: at.y / 2 });
  }

  /** Move what is under one point to another. @param {Point} from @param {Point} to */
  pan(from, to) {
    const { scales } = this.plot;
    const [there, here] = [this.valuesAt(from), this.valuesAt(to)];
    const moved = (/** @type {Range} */ range, /** @type {number} */ by) => /** @type {Range} */ ([range[0] + by, range[1] + by]);
    this.actions.zoom(moved(scales.x.range, there.x - here.x), moved(scales.y.range, there.y - here.y));
  }

  /** @param {number} closer @param {Point} at */
  zoomAbout(closer, at) {
    const { scales } = this.plot;
    const { x, y } = this.valuesAt(at);
    const scaled = (/** @type {Range} */ range, /** @type {number} */ about) =>
      /** @type {Range} */ (range.map((each) => about + (each - about) / closer));
    this.actions.zoom(scaled(scales.x.range, x), scaled(scales.y.range, y));
  }

  left() {
    this.actions.cursor(null);
  }

  showAll() {
    this.actions.zoom(null, null);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== this.surface) return;
    const { left, right, top, bottom } = this.plot.box;
    const middle = { x: (left + right) / 2, y: (top + bottom) / 2 };
    const step = STEPS[event.key];
    if (step) {
      this.actions.step(step[0], step[1], event.shiftKey);
    } else if (event.key === "+" || event.key === "=") this.zoomAbout(KEY_ZOOM, middle);
    else if (event.key === "-") this.zoomAbout(1 / KEY_ZOOM, middle);
    else if (event.key === "Home" || event.key === "0") this.showAll();
    else if (event.key === "Enter") this.actions.enter();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {CanvasRenderingContext2D} context */
  drawDrag(context) {
    const { drag } = this;
    if (!drag?.moved || drag.pan) return;
    context.fillStyle = "rgba(110, 140, 180, 0.3)";
    context.strokeStyle = "#ffffff";
    const { from, to } = drag;
    context.fillRect(from.x, from.y, to.x - from.x, to.y - from.y);
    context.strokeRect(from.x, from.y, to.x - from.x, to.y - from.y);
  }
}
