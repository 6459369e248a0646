// What mouse, fingers and keys do on an instrument in space: turn it, move it, come closer, and point at a place.

import { limitedEye } from "./camera.js";
import { SMALLEST_DRAG, STEPS, SurfaceInput } from "../picture/surface_input.js";

/** @typedef {import("./camera.js").Eye} Eye */
/** @typedef {import("../picture/surface_input.js").Point} Point */
/**
 * @typedef {object} SpaceActions
 * @property {() => Eye} eye
 * @property {(eye: Eye | null) => void} look from another eye; null: from the usual one
 * @property {(at: Point | null) => void} point the mouse is there, or nowhere
 * @property {(at: Point) => void} press the mouse, or a finger, was pressed there and has not moved
 */

/** Degrees a pixel. */
const TURN = 0.4;
const KEY_TURN = 10;
const KEY_MOVE = 0.1;
const KEY_ZOOM = 1.25;

export class SpaceInput extends SurfaceInput {
  /** @param {HTMLElement} surface @param {SpaceActions} actions */
  constructor(surface, actions) {
    super(surface);
    this.actions = actions;
    /** @type {{from: Point, moved: boolean} | null} */
    this.drag = null;
  }

  /** @returns {number} the shorter side, in pixels */
  get side() {
    return Math.max(1, Math.min(this.surface.clientWidth, this.surface.clientHeight));
  }

  /** @param {PointerEvent} event */
  pressed(event) {
    if (event.button !== 0) return;
    const at = this.place(event);
    this.down.set(event.pointerId, at);
    this.surface.setPointerCapture(event.pointerId);
    this.drag = this.down.size > 1 ? null : { from: at, moved: false };
    this.actions.point(at);
  }

  /** @param {PointerEvent} event */
  moved(event) {
    const at = this.place(event);
    const before = this.down.get(event.pointerId);
    if (!before) {
      this.actions.point(at);
      return;
    }
    if (this.drag && !this.drag.moved && Math.hypot(at.x - this.drag.from.x, at.y - this.drag.from.y) < SMALLEST_DRAG) return;
    if (this.drag) this.drag.moved = true;
    this.actions.point(null);
    this.down.set(event.pointerId, at);
    if (this.down.size > 1) this.pinch(event.pointerId, before, at);
    else if (event.shiftKey) this.shift((at.x - before.x) / this.side, (at.y - before.y) / this.side);
    else this.turn((before.x - at.x) * TURN, (at.y - before.y) * TURN);
  }

  /** @param {PointerEvent} event */
  released(event) {
    const { drag } = this;
    this.forget(event);
    if (drag && !drag.moved) this.actions.press(drag.from);
  }

  /** @param {PointerEvent} event */
  forget(event) {
    this.down.delete(event.pointerId);
    this.drag = null;
  }

  /** @param {number} azimuth @param {number} height degrees that the eye goes around and up */
  turn(azimuth, height) {
    const eye = this.actions.eye();
    this.actions.look({ ...eye, azimuth: eye.azimuth + azimuth, height: eye.height + height });
  }

  /** @param {number} x @param {number} y shares of the shorter side */
  shift(x, y) {
    const eye = this.actions.eye();
    this.actions.look({ ...eye, x: eye.x + x, y: eye.y + y });
  }

  /** @param {number} factor above 1: closer @param {Point} at what stays where it is */
  zoomAbout(factor, at) {
    const eye = this.actions.eye();
    const { zoom } = limitedEye({ ...eye, zoom: eye.zoom * factor });
    const kept = (/** @type {number} */ middle, /** @type {number} */ pixel, /** @type {number} */ size) => {
      const there = (pixel - size / 2) / this.side;
      return there + ((middle - there) * zoom) / eye.zoom;
    };
    const { clientWidth, clientHeight } = this.surface;
    this.actions.look({ ...eye, zoom, x: kept(eye.x, at.x, clientWidth), y: kept(eye.y, at.y, clientHeight) });
  }

  /** @param {number} finger that moved @param {Point} before @param {Point} at */
  pinch(finger, before, at) {
    if (this.pinched(finger, before, at)) this.shift((at.x - before.x) / 2 / this.side, (at.y - before.y) / 2 / this.side);
  }

  left() {
    this.actions.point(null);
  }

  showAll() {
    this.actions.look(null);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== this.surface) return;
    const step = STEPS[event.key];
    const middle = { x: this.surface.clientWidth / 2, y: this.surface.clientHeight / 2 };
    if (step && event.shiftKey) this.shift(step[0] * KEY_MOVE, step[1] * KEY_MOVE);
    else if (step) this.turn(step[0] * KEY_TURN, -step[1] * KEY_TURN);
    else if (event.key === "+" || event.key === "=") this.zoomAbout(KEY_ZOOM, middle);
    else if (event.key === "-") this.zoomAbout(1 / KEY_ZOOM, middle);
    else if (event.key === "Home" || event.key === "0") this.showAll();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
