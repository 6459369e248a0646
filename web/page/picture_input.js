// What mouse, fingers and keys do on a picture of cells: zoom, move, read a cell, and draw a rectangle of cells.

/** @typedef {import("./plot.js").Plot} Plot */
/** @typedef {import("./scales.js").Range} Range */
/** @typedef {{x: number, y: number}} Point in pixels of the plot */
/**
 * @typedef {object} PictureActions
 * @property {(x: Range | null, y: Range | null) => void} zoom show these ranges of the axes; null: all
 * @property {(at: {x: number, y: number} | null) => void} cursor the cursor is at values of the axes, or nowhere
 * @property {(columns: number, rows: number, extend: boolean) => void} step move the cursor by cells; extend: and draw a rectangle
 * @property {() => boolean} drawing whether a drag draws a rectangle, and does not zoom
 * @property {(from: {x: number, y: number}, to: {x: number, y: number}) => void} drawn a rectangle was drawn, by values of the axes
 * @property {() => void} enter take the rectangle that was drawn by keys
 */

const SMALLEST_DRAG = 5;
const WHEEL_FACTOR = 1.0015;
const KEY_ZOOM = 1.5;
/** @type {Record<string, [number, number]>} columns and rows */
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class PictureInput {
  /** @param {Plot} plot @param {PictureActions} actions */
  constructor(plot, actions) {
    this.plot = plot;
    this.actions = actions;
    /** @type {Map<number, Point>} fingers, or the mouse, that are down */
    this.down = new Map();
    /** @type {{from: Point, to: Point, moved: boolean, pan: boolean} | null} */
    this.drag = null;
    const { surface } = plot;
    surface.tabIndex = 0;
    surface.addEventListener("pointerdown", (event) => this.pressed(event));
    surface.addEventListener("pointermove", (event) => this.moved(event));
    surface.addEventListener("pointerup", (event) => this.released(event));
    surface.addEventListener("pointercancel", (event) => this.forget(event));
    surface.addEventListener("pointerleave", (event) => {
      if (event.pointerType === "mouse") this.actions.cursor(null);
    });
    surface.addEventListener("wheel", (event) => this.turned(event), { passive: false });
    surface.addEventListener("dblclick", () => this.actions.zoom(null, null));
    surface.addEventListener("keydown", (event) => this.key(event));
    plot.overlays.push((context) => this.drawDrag(context));
  }

  /** @param {MouseEvent} event @returns {Point} */
  place(event) {
    const { left, top } = this.plot.surface.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
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
    this.plot.surface.setPointerCapture(event.pointerId);
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
    const other = [...this.down].find(([each]) => each !== finger)?.[1];
    this.down.set(finger, at);
    if (!other) return;
    const gap = (/** @type {Point} */ each) => Math.max(10, Math.hypot(each.x - other.x, each.y - other.y));
    this.zoomAbout(gap(before) / gap(at), { x: (at.x + other.x) / 2, y: (at.y + other.y) / 2 });
    this.pan({ x: before.x / 2, y: before.y / 2 }, { x: at.x / 2, y: at.y / 2 });
  }

  /** Move what is under one point to another. @param {Point} from @param {Point} to */
  pan(from, to) {
    const { scales } = this.plot;
    const [there, here] = [this.valuesAt(from), this.valuesAt(to)];
    const moved = (/** @type {Range} */ range, /** @type {number} */ by) => /** @type {Range} */ ([range[0] + by, range[1] + by]);
    this.actions.zoom(moved(scales.x.range, there.x - here.x), moved(scales.y.range, there.y - here.y));
  }

  /** @param {number} factor below 1: closer @param {Point} at */
  zoomAbout(factor, at) {
    const { scales } = this.plot;
    const { x, y } = this.valuesAt(at);
    const scaled = (/** @type {Range} */ range, /** @type {number} */ about) =>
      /** @type {Range} */ (range.map((each) => about + (each - about) * factor));
    this.actions.zoom(scaled(scales.x.range, x), scaled(scales.y.range, y));
  }

  /** @param {WheelEvent} event */
  turned(event) {
    if (!event.ctrlKey && !event.metaKey && document.activeElement !== this.plot.surface) return;
    event.preventDefault();
    this.zoomAbout(WHEEL_FACTOR ** event.deltaY, this.place(event));
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== this.plot.surface) return;
    const { left, right, top, bottom } = this.plot.box;
    const middle = { x: (left + right) / 2, y: (top + bottom) / 2 };
    const step = STEPS[event.key];
    if (step) {
      this.actions.step(step[0], step[1], event.shiftKey);
    } else if (event.key === "+" || event.key === "=") this.zoomAbout(1 / KEY_ZOOM, middle);
    else if (event.key === "-") this.zoomAbout(KEY_ZOOM, middle);
    else if (event.key === "Home" || event.key === "0") this.actions.zoom(null, null);
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
