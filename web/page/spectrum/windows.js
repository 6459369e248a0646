// Regions and peaks on the plot: bands with their numbers, whose edges are dragged or moved by keys.

import { h } from "../controls/elements.js";
import { drawnLabel } from "../plot/labels.js";
import { withError, figure, unitSymbol } from "../controls/numbers.js";
import { colourOf } from "../controls/theme.js";

/** @typedef {import("../state/pv_store.js").PvStore} PvStore */
/** @typedef {import("../plot/plot.js").Plot} Plot */
/** @typedef {"ROI" | "Peak"} WindowKind */
/** @typedef {{kind: WindowKind, number: number, low: number, high: number}} UsedWindow an interval in use */
/** @typedef {{window: UsedWindow, end: "Min" | "Max", value: number}} Drag */

export const REGIONS = 8;
export const PEAKS = 4;
const KEY_STEP_PX = 2;
/** Plots with fewer pixels across have labels of one line. */
const NARROW = 480;

/** The PVs of a region or a peak, without the prefix of the reduction. */
const READINGS = {
  ROI: ["Total_RBV", "Error_RBV", "Net_RBV", "NetError_RBV", "Message_RBV"],
  Peak: ["Centre_RBV", "CentreErr_RBV", "FWHM_RBV", "FWHMErr_RBV", "Message_RBV"],
};

/** @param {WindowKind} kind @param {number} number @returns {string} as an operator says it */
export function windowTitle(kind, number) {
  return `${kind === "ROI" ? "Region" : "Peak"} ${number}`;
}

/** The regions and peaks of a reduction. */
export class Windows {
  /** @param {PvStore} store @param {string} red prefix of the reduction, as Red1: */
  constructor(store, red) {
    this.store = store;
    this.red = red;
    /** @type {(() => void)[]} */
    this.followers = [];
    const all = [...this.every()];
    const names = all.flatMap(({ kind, number }) => [
      ...["Min", "Max"].map((each) => this.name(kind, number, each)),
      ...READINGS[kind].map((each) => this.name(kind, number, each)),
    ]);
    this.end = store.watch(names, () => this.followers.forEach((each) => each()));
  }

  /** @returns {Generator<{kind: WindowKind, number: number}>} */
  *every() {
    for (let number = 1; number <= REGIONS; number += 1) yield { kind: "ROI", number };
    for (let number = 1; number <= PEAKS; number += 1) yield { kind: "Peak", number };
  }

  /** @param {WindowKind} kind @param {number} number @param {string} field */
  name(kind, number, field) {
    return `${this.red}${kind}${number}:${field}`;
  }

  /** @returns {UsedWindow[]} */
  used() {
    const found = [];
    for (const { kind, number } of this.every()) {
      const [low, high] = ["Min", "Max"].map((each) => this.store.number(this.name(kind, number, each)));
      if (Number.isFinite(low) && Number.isFinite(high) && (low !== 0 || high !== 0))
        found.push({ kind, number, low, high });
    }
    return found;
  }

  /** @param {WindowKind} kind @returns {number | null} the first number that is not used */
  free(kind) {
    const used = new Set(this.used().filter((each) => each.kind === kind).map((each) => each.number));
    for (const each of this.every()) if (each.kind === kind && !used.has(each.number)) return each.number;
    return null;
  }

  /**
   * Set both limits; the one that keeps the interval in order first.
   *
   * @param {WindowKind} kind
   * @param {number} number
   * @param {number} low
   * @param {number} high
   */
  async set(kind, number, low, high) {
    const before = this.store.number(this.name(kind, number, "Max"));
    const limits = /** @type {[string, number][]} */ ([["Max", high], ["Min", low]]);
    if (high < before) limits.reverse();
    for (const [field, value] of limits) {
      const name = this.name(kind, number, field);
      if (this.store.number(name) !== value) await this.store.write(name, value);
    }
  }

  /** @param {UsedWindow} window @returns {string[]} its numbers, a line each */
  words({ kind, number }) {
    const value = (/** @type {string} */ field) => this.store.number(this.name(kind, number, field));
    const message = this.store.text(this.name(kind, number, "Message_RBV"));
    if (kind === "ROI") {
      const net = value("Net_RBV");
      return Number.isFinite(net) ? [`net ${withError(net, value("NetError_RBV"))}`] : [message || "no numbers yet"];
    }
    const centre = value("Centre_RBV");
    if (!Number.isFinite(centre)) return [message || "no fit yet"];
    const unit = unitSymbol(this.store.pv(this.name(kind, number, "Centre_RBV")).units);
    return [
      `centre ${withError(centre, value("CentreErr_RBV"))} ${unit}`,
      `FWHM ${withError(value("FWHM_RBV"), value("FWHMErr_RBV"))} ${unit}`,
    ];
  }

  /**
   * What stands beside it on a plot.
   *
   * @param {UsedWindow} window
   * @param {boolean} brief one line, with the number alone
   * @returns {string[]} a line each
   */
  label(window, brief) {
    const [title, words] = [windowTitle(window.kind, window.number), this.words(window)];
    if (!brief) return [title, ...words];
    const number = words[0].match(/^(?:net|centre) ([^±]+)/);
    return [number ? `${title}: ${number[1].trim()}` : title];
  }
}

/** Draws the regions and peaks of a reduction over a plot. */
export class WindowLayer {
  /**
   * @param {Plot} plot
   * @param {() => Windows} windows those shown
   * @param {(words: string) => void} refused
   */
  constructor(plot, windows, refused) {
    this.plot = plot;
    this.windows = windows;
    this.refused = refused;
    /** @type {Drag | null} */
    this.drag = null;
    /** @type {Map<string, HTMLElement>} */
    this.grips = new Map();
    plot.overlays.push((context, scales, box) => this.draw(context, scales.x, box));
    plot.followers.push(() => this.placeGrips());
  }

  /** The values or the reduction have changed. */
  changed() {
    this.plot.overChanged();
    this.placeGrips();
  }

  /** @returns {UsedWindow[]} with the edge that is being dragged where the mouse is */
  shown() {
    const { drag } = this;
    return this.windows()
      .used()
      .map((each) => {
        if (!drag || each.kind !== drag.window.kind || each.number !== drag.window.number) return each;
        return { ...each, [drag.end === "Min" ? "low" : "high"]: drag.value };
      });
  }

  /** @param {CanvasRenderingContext2D} context @param {import("../plot/scales.js").Scale} scale @param {import("../plot/plot.js").Box} box */
  draw(context, scale, box) {
    /** @type {{window: UsedWindow, from: number, to: number}[]} */
    const seen = [];
    for (const window of this.shown()) {
      const [from, to] = [window.low, window.high].map((each) => Math.max(box.left, Math.min(box.right, scale.at(each))));
      if (to - from < 1) continue;
      seen.push({ window, from, to });
      const colour = colourOf(window.kind === "ROI" ? "region" : "peak");
      context.fillStyle = colour;
      context.globalAlpha = 0.12;
      context.fillRect(from, box.top, to - from, box.bottom - box.top);
      context.globalAlpha = 1;
      context.strokeStyle = colour;
      context.setLineDash(window.kind === "ROI" ? [] : [6, 4]);
      context.lineWidth = 1;
      context.beginPath();
      for (const x of [from, to]) {
        context.moveTo(Math.round(x) + 0.5, box.top);
        context.lineTo(Math.round(x) + 0.5, box.bottom);
      }
      context.stroke();
      context.setLineDash([]);
    }
    // Labels come last: no line of another interval goes through them.
    const brief = box.right - box.left < NARROW;
    let row = 0;
    for (const { window, from, to } of seen) {
      const lines = this.windows().label(window, brief);
      drawnLabel(context, lines, { x: to + 6, y: box.top + 8 + row, from: from - 6, left: box.left, right: box.right });
      row += 18 * lines.length + 6;
      if (row > (box.bottom - box.top) * 0.6) row = 0;
    }
  }

  placeGrips() {
    const { plot } = this;
    const wanted = new Set();
    for (const window of this.shown()) {
      for (const end of /** @type {const} */ (["Min", "Max"])) {
        const key = `${window.kind}${window.number}:${end}`;
        const value = end === "Min" ? window.low : window.high;
        const x = plot.scales.x.at(value);
        if (x < plot.box.left - 1 || x > plot.box.right + 1) continue;
        wanted.add(key);
        const grip = this.grips.get(key) ?? this.makeGrip(key, window, end);
        grip.style.left = `${x}px`;
        grip.style.top = `${plot.box.top}px`;
        grip.style.height = `${plot.box.bottom - plot.box.top}px`;
        grip.setAttribute("aria-valuenow", String(Number(value.toPrecision(7))));
        grip.setAttribute("aria-valuetext", figure(value, 6));
        grip.setAttribute("aria-valuemin", String(plot.scales.x.range[0]));
        grip.setAttribute("aria-valuemax", String(plot.scales.x.range[1]));
      }
    }
    for (const [key, grip] of this.grips) {
      if (wanted.has(key)) continue;
      grip.remove();
      this.grips.delete(key);
    }
  }

  /** @param {string} key @param {UsedWindow} window @param {"Min" | "Max"} end */
  makeGrip(key, window, end) {
    const title = `${windowTitle(window.kind, window.number)}, ${end === "Min" ? "start" : "end"}`;
    const grip = h("div", { class: "grip", role: "slider", tabindex: 0, "aria-label": title, "data-window": key });
    grip.addEventListener("pointerdown", (event) => this.grab(event, grip, window, end));
    grip.addEventListener("keydown", (event) => this.key(event, window, end));
    this.grips.set(key, grip);
    this.plot.host.append(grip);
    return grip;
  }

  /** @param {PointerEvent} event @param {HTMLElement} grip @param {UsedWindow} window @param {"Min" | "Max"} end */
  grab(event, grip, window, end) {
    event.preventDefault();
    event.stopPropagation();
    grip.focus();
    grip.setPointerCapture(event.pointerId);
    const { left } = this.plot.surface.getBoundingClientRect();
    const move = (/** @type {PointerEvent} */ moved) => {
      this.drag = { window, end, value: this.rounded(this.plot.scales.x.valueAt(moved.clientX - left)) };
      this.changed();
    };
    const stop = async () => {
      grip.removeEventListener("pointermove", move);
      const { drag } = this;
      if (drag) await this.put(drag);
    };
    grip.addEventListener("pointermove", move);
    grip.addEventListener("pointerup", stop, { once: true });
  }

  /** @param {KeyboardEvent} event @param {UsedWindow} window @param {"Min" | "Max"} end */
  key(event, window, end) {
    const direction = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!direction) return;
    event.preventDefault();
    const scale = this.plot.scales.x;
    const present = this.shown().find((each) => each.kind === window.kind && each.number === window.number);
    if (!present) return;
    const at = scale.at(end === "Min" ? present.low : present.high);
    const pixels = direction * KEY_STEP_PX * (event.shiftKey ? 10 : 1);
    this.drag = { window, end, value: this.rounded(scale.valueAt(at + pixels)) };
    this.changed();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.drag && this.put(this.drag), 300);
  }

  timer = 0;

  /** @param {number} value @returns {number} to a tenth of a pixel, so that the number is short */
  rounded(value) {
    const [low, high] = this.plot.scales.x.range;
    const pixel = (high - low) / (this.plot.box.right - this.plot.box.left);
    const decimals = Math.max(0, Math.min(12, Math.ceil(-Math.log10(pixel / 2))));
    return Number(value.toFixed(decimals));
  }

  /** @param {Drag} drag */
  async put(drag) {
    const windows = this.windows();
    const { kind, number } = drag.window;
    try {
      await windows.store.write(windows.name(kind, number, drag.end), drag.value);
    } catch (why) {
      this.refused(why instanceof Error ? why.message : String(why));
    }
    if (this.drag === drag) this.drag = null;
    this.changed();
  }
}
