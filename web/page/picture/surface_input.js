// Where mouse, fingers and keys are on a surface that is drawn on; what they do there is up to the classes that extend this one.

/** @typedef {{x: number, y: number}} Point in pixels, from the upper left corner of the surface */

export const SMALLEST_DRAG = 5;
const WHEEL_FACTOR = 1.0015;
const LEAST_GAP = 10;
/** @type {Record<string, [number, number]>} columns and rows */
export const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @abstract */
export class SurfaceInput {
  /** @param {HTMLElement} surface */
  constructor(surface) {
    this.surface = surface;
    /** @type {Map<number, Point>} fingers, or the mouse, that are down */
    this.down = new Map();
    surface.tabIndex = 0;
    surface.addEventListener("pointerdown", (event) => this.pressed(event));
    surface.addEventListener("pointermove", (event) => this.moved(event));
    surface.addEventListener("pointerup", (event) => this.released(event));
    surface.addEventListener("pointercancel", (event) => this.forget(event));
    surface.addEventListener("pointerleave", (event) => {
      if (event.pointerType === "mouse") this.left();
    });
    surface.addEventListener("wheel", (event) => this.turned(event), { passive: false });
    surface.addEventListener("dblclick", () => this.showAll());
    surface.addEventListener("keydown", (event) => this.key(event));
  }

  /** @param {PointerEvent} _event */
  pressed(_event) {}

  /** @param {PointerEvent} _event */
  moved(_event) {}

  /** @param {PointerEvent} _event */
  released(_event) {}

  /** @param {PointerEvent} _event */
  forget(_event) {}

  /** The mouse is elsewhere. */
  left() {}

  /** Show what is shown at first. */
  showAll() {}

  /** @param {number} _closer the factor by which things become larger @param {Point} _at what stays where it is */
  zoomAbout(_closer, _at) {}

  /** @param {KeyboardEvent} _event */
  key(_event) {}

  /** @param {MouseEvent} event @returns {Point} */
  place(event) {
    const { left, top } = this.surface.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }

  /** Two fingers: come closer about their middle. @param {number} finger that moved @param {Point} before @param {Point} at @returns {boolean} whether there is another */
  pinched(finger, before, at) {
    const other = [...this.down].find(([each]) => each !== finger)?.[1];
    if (!other) return false;
    const gap = (/** @type {Point} */ each) => Math.max(LEAST_GAP, Math.hypot(each.x - other.x, each.y - other.y));
    this.zoomAbout(gap(at) / gap(before), { x: (at.x + other.x) / 2, y: (at.y + other.y) / 2 });
    return true;
  }

  /** The wheel zooms on a surface in focus, or with Ctrl; else the page scrolls. @param {WheelEvent} event */
  turned(event) {
    if (!event.ctrlKey && !event.metaKey && document.activeElement !== this.surface) return;
    event.preventDefault();
    this.zoomAbout(WHEEL_FACTOR ** -event.deltaY, this.place(event));
  }
}
