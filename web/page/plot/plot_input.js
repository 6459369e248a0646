// What mouse, fingers and keys do on a plot: zoom, move, and read the value at the cursor.

/** @typedef {import("./plot.js").Plot} Plot */
/** @typedef {import("./scales.js").Range} Range */
/**
 * @typedef {object} InputActions
 * @property {(range: Range | null) => void} zoomX
 * @property {(range: Range | null) => void} zoomY
 * @property {(value: number | null, height: number) => void} cursor the cursor is at a value of the axis, or nowhere
 * @property {(direction: number) => void} step move the cursor by bins
 * @property {(() => ((from: number, to: number) => void) | null)} drawn what takes an interval drawn by the mouse, instead of a zoom
 */

const SMALLEST_DRAG = 5;
const WHEEL_FACTOR = 1.0015;
const KEY_ZOOM = 1.5;
const KEY_MOVE = 0.15;

export class PlotInput {
  /**
   * @param {Plot} plot
   * @param {InputActions} actions
   */
  constructor(plot, actions) {
    this.plot = plot;
    this.actions = actions;
    /** @type {Map<number, {x: number, y: number}>} fingers, or the mouse, that are down */
    this.down = new Map();
    /** @type {{from: number, to: number, vertical: boolean, moved: boolean, pan: boolean} | null} */
    this.drag = null;
    /** @type {{gap: number, middle: number, range: Range} | null} */
    this.pinch = null;
    const { surface } = plot;
    surface.tabIndex = 0;
    surface.addEventListener("pointerdown", (event) => this.pressed(event));
    surface.addEventListener("pointermove", (event) => this.moved(event));
    surface.addEventListener("pointerup", (event) => this.released(event));
    surface.addEventListener("pointercancel", (event) => this.cancelled(event));
    surface.addEventListener("pointerleave", () => this.actions.cursor(null, 0));
    surface.addEventListener("wheel", (event) => this.turned(event), { passive: false });
    surface.addEventListener("dblclick", (event) => this.doubled(event));
    surface.addEventListener("keydown", (event) => this.key(event));
    plot.overlays.push((context, _scales, box) => this.drawSelection(context, box));
  }

  /** @param {MouseEvent} event @returns {{x: number, y: number}} in the plot */
  place(event) {
    const { left, top } = this.plot.surface.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }

  /** @param {PointerEvent} event */
  pressed(event) {
    if (event.button !== 0) return;
    const at = this.place(event);
    this.down.set(event.pointerId, at);
    this.plot.surface.setPointerCapture(event.pointerId);
    if (this.down.size === 2) {
      this.drag = null;
      this.startPinch();
      return;
    }
    const vertical = at.x < this.plot.box.left;
    this.drag = {
      from: vertical ? at.y : at.x,
      to: vertical ? at.y : at.x,
      vertical,
      moved: false,
      pan: event.shiftKey && !vertical,
    };
  }

  /** @param {PointerEvent} event */
  moved(event) {
    const at = this.place(event);
    const before = this.down.get(event.pointerId);
    if (before) this.down.set(event.pointerId, at);
    if (this.pinch) {
      this.movePinch();
      return;
    }
    const { scales, box } = this.plot;
    const inside = at.x >= box.left && at.x <= box.right && at.y >= box.top && at.y <= box.bottom;
    this.actions.cursor(inside || this.drag ? scales.x.valueAt(at.x) : null, scales.y.valueAt(at.y));
    const { drag } = this;
    if (!drag || !before) return;
    const now = drag.vertical ? at.y : at.x;
    if (drag.pan) this.shift((before.x - at.x) / (box.right - box.left));
    drag.to = now;
    drag.moved ||= Math.abs(now - drag.from) > SMALLEST_DRAG;
    this.plot.overChanged();
  }

  /** @param {PointerEvent} event */
  released(event) {
    this.down.delete(event.pointerId);
    if (this.down.size < 2) this.pinch = null;
    const { drag } = this;
    this.drag = null;
    this.plot.overChanged();
    if (!drag?.moved || drag.pan) return;
    const scale = drag.vertical ? this.plot.scales.y : this.plot.scales.x;
    const ends = [scale.valueAt(drag.from), scale.valueAt(drag.to)].sort((one, other) => one - other);
    const range = /** @type {Range} */ (ends);
    const taker = this.actions.drawn();
    if (drag.vertical) this.actions.zoomY(range);
    else if (taker) taker(range[0], range[1]);
    else this.actions.zoomX(range);
  }

  /** @param {PointerEvent} event */
  cancelled(event) {
    this.down.delete(event.pointerId);
    this.pinch = null;
    this.drag = null;
    this.plot.overChanged();
  }

  startPinch() {
    const [one, other] = [...this.down.values()];
    this.pinch = {
      gap: Math.max(10, Math.abs(one.x - other.x)),
      middle: (one.x + other.x) / 2,
      range: this.plot.scales.x.range,
    };
  }

  movePinch() {
    const [one, other] = [...this.down.values()];
    const { pinch, plot } = this;
    if (!pinch || !other) return;
    const { left, right } = plot.box;
    const factor = pinch.gap / Math.max(10, Math.abs(one.x - other.x));
    const [low, high] = pinch.range;
    const share = (pinch.middle - left) / (right - left);
    const span = (high - low) * factor;
    const moved = ((one.x + other.x) / 2 - pinch.middle) / (right - left);
    const start = low + share * (high - low) - (share + moved) * span;
    this.actions.zoomX([start, start + span]);
  }

  /** @param {WheelEvent} event */
  turned(event) {
    if (!event.ctrlKey && !event.metaKey && document.activeElement !== this.plot.surface) return;
    event.preventDefault();
    const factor = WHEEL_FACTOR ** event.deltaY;
    const at = this.place(event);
    if (at.x < this.plot.box.left) this.zoom("y", factor, this.plot.scales.y.valueAt(at.y));
    else this.zoom("x", factor, this.plot.scales.x.valueAt(at.x));
  }

  /** @param {MouseEvent} event */
  doubled(event) {
    if (this.place(event).x >= this.plot.box.left) this.actions.zoomX(null);
    this.actions.zoomY(null);
  }

  /** @param {"x" | "y"} axis @param {number} factor @param {number} about */
  zoom(axis, factor, about) {
    const [low, high] = this.plot.scales[axis].range;
    const range = /** @type {Range} */ ([about - (about - low) * factor, about + (high - about) * factor]);
    if (axis === "x") this.actions.zoomX(range);
    else this.actions.zoomY(range);
  }

  /** Move the view sideways by a share of its width. @param {number} share */
  shift(share) {
    const [low, high] = this.plot.scales.x.range;
    const by = share * (high - low);
    this.actions.zoomX([low + by, high + by]);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== this.plot.surface) return;
    const { x } = this.plot.scales;
    const middle = (x.range[0] + x.range[1]) / 2;
    switch (event.key) {
      case "+":
      case "=":
        this.zoom("x", 1 / KEY_ZOOM, middle);
        break;
      case "-":
        this.zoom("x", KEY_ZOOM, middle);
        break;
      case "Home":
      case "0":
        this.actions.zoomX(null);
        this.actions.zoomY(null);
        break;
      case "PageUp":
        this.shift(-KEY_MOVE);
        break;
      case "PageDown":
        this.shift(KEY_MOVE);
        break;
      case "ArrowLeft":
        this.actions.step(event.shiftKey ? -10 : -1);
        break;
      case "ArrowRight":
        this.actions.step(event.shiftKey ? 10 : 1);
        break;
      default:
        return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {CanvasRenderingContext2D} context @param {import("./plot.js").Box} box */
  drawSelection(context, box) {
    const { drag } = this;
    if (!drag?.moved || drag.pan) return;
    context.fillStyle = "rgba(110, 140, 180, 0.25)";
    const [from, to] = [Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)];
    if (drag.vertical) context.fillRect(box.left, from, box.right - box.left, to - from);
    else context.fillRect(from, box.top, to - from, box.bottom - box.top);
  }
}
