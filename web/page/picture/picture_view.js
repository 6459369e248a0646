// The detector image and the map: cells in colours, the value under the cursor, and a rectangle that is picked.

import { cellAt, cellPainter, placeOf } from "./cells.js";
import { h, setText } from "../controls/elements.js";
import { amount, axisTitle, figure, grouped, unitSymbol } from "../controls/numbers.js";
import { PictureInput } from "./picture_input.js";
import { Plot } from "../plot/plot.js";
import { SCALES, shadesEntry } from "../spectrum/spectrum_curves.js";
import { viewToggle } from "../spectrum/toolbar.js";

/** @typedef {import("../state/page.js").Page} Page */
/** @typedef {import("./cells.js").Cells} Cells */
/** @typedef {import("./cells.js").Rectangle} Rectangle */
/** @typedef {import("../plot/scales.js").Range} Range */
/**
 * What a rectangle of cells is for.
 *
 * @typedef {object} Picking
 * @property {() => Rectangle | null} rectangle the one that is picked
 * @property {(rectangle: Rectangle) => void} pick
 */

/** The colour of the picked rectangle; shades have no such hue. */
const PICKED = "#ff9d4d";

/** Readings of a picture beside its cells, after the prefix of the picture. */
const READINGS = ["XE", "YE", "XLabel_RBV", "YLabel_RBV", "Total_RBV", "Message_RBV", "EnableCallbacks_RBV"];

export class PictureView {
  /**
   * @param {Page} page
   * @param {"Image" | "Map"} kind the prefix of its PVs
   * @param {{tab: "image" | "map", label: string, controls: HTMLElement[], picking: Picking | null}} options
   */
  constructor(page, kind, { tab, label, controls, picking }) {
    this.page = page;
    this.kind = kind;
    this.tab = tab;
    this.picking = picking;
    this.pickMode = false;
    const place = h("div", { class: "plot picture" });
    this.readout = h("p", { class: "readout", role: "status", "aria-live": "off" });
    this.note = h("p", { class: "note" });
    this.legend = h("ul", { class: "legend", "aria-label": "Colours" });
    this.plot = new Plot(place, label);
    this.element = h("div", { class: "spectrum" }, this.toolbar(controls), this.readout, place, this.note, this.legend);
    /** Column and row under the cursor. @type {{column: number, row: number} | null} */
    this.cursor = null;
    /** Where a rectangle that is drawn by keys began. @type {{column: number, row: number} | null} */
    this.anchor = null;
    /** @type {(() => import("../plot/scales.js").Range) | null} */
    this.shades = null;
    this.plot.overlays.push((context) => this.drawOver(context));
    this.plot.followers.push(() => this.showLegend());
    this.input = new PictureInput(this.plot, this.actions());
    this.end = () => {};
    this.watched = "";
    page.view.follow(() => this.update());
    page.onReduction(() => this.update());
  }

  /** @param {HTMLElement[]} controls */
  toolbar(controls) {
    const clip = viewToggle(this.page, `${this.tab}Clip`, "More contrast", "Colours are for all but the 0.5 % brightest and darkest cells");
    const all = h("button", { type: "button", title: "Key 0", click: () => this.zoom(null, null) }, "Show all");
    /** @type {HTMLElement[]} */
    const pick = [];
    if (this.picking) {
      const button = h("button", { type: "button", "aria-pressed": "false", title: "Draw a rectangle; with keys: Shift and arrows, then Enter" }, "Pick");
      button.addEventListener("click", () => {
        this.pickMode = !this.pickMode;
        button.setAttribute("aria-pressed", String(this.pickMode));
        this.plot.surface.classList.toggle("picking", this.pickMode);
      });
      pick.push(button);
    }
    const log = viewToggle(this.page, "log", "Log scale", "Key L");
    return h("div", { class: "toolbar", role: "group", "aria-label": "How the picture is drawn" }, log, clip, all, ...pick, ...controls);
  }

  /** @returns {import("./picture_input.js").PictureActions} */
  actions() {
    return {
      zoom: (x, y) => this.zoom(x, y),
      cursor: (at) => this.move(at),
      step: (columns, rows, extend) => this.step(columns, rows, extend),
      drawing: () => this.pickMode && this.picking !== null,
      drawn: (from, to) => this.drawn(from, to),
      enter: () => this.enter(),
    };
  }

  /** @returns {string} the beginning of the names of its PVs */
  get stem() {
    return `${this.page.red}${this.kind}:`;
  }

  /** @returns {boolean} whether the first row is at the top: in a map it is at the bottom */
  get downwards() {
    return this.kind === "Image";
  }

  /** @returns {Cells | null} the picture, if one has come and its edges fit it */
  cells() {
    const { store } = this.page;
    const { arrays, fields } = store.pv(`${this.stem}Image`);
    const [values, xEdges, yEdges] = [arrays.get("value"), store.array(`${this.stem}XE`), store.array(`${this.stem}YE`)];
    const { columns, rows } = fields;
    if (!values?.length || values.length !== columns * rows) return null;
    if (!xEdges || !yEdges || xEdges.length !== columns + 1 || yEdges.length !== rows + 1) return null;
    return { values, columns, rows, xEdges, yEdges };
  }

  /** Another picture, view or reduction. */
  update() {
    const shown = this.page.view.state.tab === this.tab;
    this.follow(shown ? this.readings() : []);
    if (!shown) return;
    const cells = this.cells();
    const { store } = this.page;
    const off = store.text(`${this.stem}EnableCallbacks_RBV`) === "Disable";
    const none = off ? "The picture is switched off: none is made." : "No picture yet.";
    setText(this.note, cells && !off ? store.text(`${this.stem}Message_RBV`) : none);
    if (!cells) {
      this.cursor = this.anchor = null;
      this.read();
      this.plot.picture = null;
      this.plot.setCurves([]);
      return;
    }
    const { state } = this.page.view;
    const { draw, range } = cellPainter(cells, { log: state.log, clip: state[`${this.tab}Clip`] });
    this.shades = range;
    this.plot.picture = { rangeX: ends(cells.xEdges, false), rangeY: ends(cells.yEdges, this.downwards), draw };
    const { rangeX, rangeY } = this.plot.picture;
    const [x, y] = [state[`${this.tab}X`], state[`${this.tab}Y`]];
    Object.assign(this.plot.look, { rangeX: x && inside(x, rangeX), rangeY: y && inside(y, rangeY) });
    Object.assign(this.plot.look, { labelX: this.axis("X"), labelY: this.axis("Y") });
    this.plot.changed();
    this.read();
  }

  /** @returns {string[]} all that is shown */
  readings() {
    const scale = this.kind === "Image" ? [`${this.stem}Scale_RBV`] : [];
    return [`${this.stem}Image`, ...READINGS.map((each) => this.stem + each), ...scale];
  }

  /** @param {string[]} names */
  follow(names) {
    const key = names.join();
    if (key === this.watched) return;
    this.watched = key;
    this.end();
    this.cursor = this.anchor = null;
    this.end = names.length ? this.page.store.watch(names, () => this.update()) : () => {};
  }

  showLegend() {
    const scale = this.page.store.text(`${this.stem}Scale_RBV`);
    const words = SCALES[scale] ?? "counts";
    if (this.plot.picture && this.shades) this.legend.replaceChildren(shadesEntry(this.shades(), words));
    else this.legend.replaceChildren();
  }

  /** @param {Range | null} x @param {Range | null} y */
  zoom(x, y) {
    const whole = this.plot.picture;
    if (!whole) return;
    const [rangeX, rangeY] = [x && inside(x, whole.rangeX), y && inside(y, whole.rangeY)];
    this.page.view.set({ [`${this.tab}X`]: rangeX && rising(rangeX), [`${this.tab}Y`]: rangeY && rising(rangeY) });
  }

  /** @param {{x: number, y: number} | null} at */
  move(at) {
    this.cursor = at && this.cellOf(at);
    this.readout.setAttribute("aria-live", "off");
    this.plot.overChanged();
    this.read();
  }

  /** @param {{x: number, y: number}} at @returns {{column: number, row: number} | null} */
  cellOf(at) {
    const cells = this.cells();
    if (!cells) return null;
    const [column, row] = [cellAt(cells.xEdges, at.x), cellAt(cells.yEdges, at.y)];
    return column < 0 || row < 0 || column >= cells.columns || row >= cells.rows ? null : { column, row };
  }

  /** @param {number} columns @param {number} rows @param {boolean} extend */
  step(columns, rows, extend) {
    const cells = this.cells();
    if (!cells) return;
    const from = this.cursor ?? { column: cells.columns >> 1, row: cells.rows >> 1 };
    if (!extend) this.anchor = null;
    else this.anchor ??= from;
    const within = (/** @type {number} */ value, /** @type {number} */ count) => Math.max(0, Math.min(count - 1, value));
    this.cursor = { column: within(from.column + columns, cells.columns), row: within(from.row + (this.downwards ? rows : -rows), cells.rows) };
    this.readout.setAttribute("aria-live", "polite");
    this.plot.overChanged();
    this.read();
  }

  /** @param {{x: number, y: number}} from @param {{x: number, y: number}} to */
  drawn(from, to) {
    const cells = this.cells();
    if (!cells || !this.picking) return;
    const limited = (/** @type {{x: number, y: number}} */ { x, y }) => ({
      column: Math.max(0, Math.min(cells.columns - 1, cellAt(cells.xEdges, x))),
      row: Math.max(0, Math.min(cells.rows - 1, cellAt(cells.yEdges, y))),
    });
    this.picking.pick(rectangleOf(limited(from), limited(to)));
  }

  /** Take the rectangle between where Shift and arrows began and the cursor; without one the cell at the cursor. */
  enter() {
    if (!this.cursor || !this.picking) return;
    this.picking.pick(rectangleOf(this.anchor ?? this.cursor, this.cursor));
    this.anchor = null;
  }

  /** Say in words what is at the cursor. */
  read() {
    const cells = this.cells();
    if (!cells) setText(this.readout, "");
    else if (!this.cursor) setText(this.readout, this.wordsOfAll(cells));
    else setText(this.readout, this.wordsAt(cells, this.cursor));
  }

  /** @param {Cells} cells @returns {string} its size, its counts, and the pulse that it goes up to: it may be older than the result */
  wordsOfAll({ columns, rows }) {
    const { store } = this.page;
    const pulse = store.pv(`${this.stem}Image`).fields.unique_id;
    const counts = amount(store.number(`${this.stem}Total_RBV`));
    return `${grouped(columns)} × ${grouped(rows)} cells, ${counts} counts up to pulse ${grouped(pulse)}`;
  }

  /** @param {"X" | "Y"} which @returns {string} what stands beside the axis, of a PV as "angle (deg)" */
  axis(which) {
    const label = this.page.store.text(`${this.stem}${which}Label_RBV`);
    const [, name, unit] = label.match(/^(.*) \((.*)\)$/) ?? [];
    return unit ? axisTitle(name, unitSymbol(unit)) : label;
  }

  /** @param {Cells} cells @param {{column: number, row: number}} at */
  wordsAt(cells, { column, row }) {
    const { labelX, labelY } = this.plot.look;
    const value = cells.values[row * cells.columns + column];
    const where = `${axisWords(labelX, cells.xEdges, column)}, ${axisWords(labelY, cells.yEdges, row)}`;
    return `${where} (cell ${column}, ${row}):  ${value === value ? amount(value) : "no detector"}`;
  }

  /** @param {CanvasRenderingContext2D} context */
  drawOver(context) {
    const cells = this.cells();
    if (!cells || !this.plot.picture) return;
    const { box } = this.plot;
    context.save();
    context.beginPath();
    context.rect(box.left, box.top, box.right - box.left, box.bottom - box.top);
    context.clip();
    const picked = this.picking?.rectangle();
    if (picked) this.frame(context, cells, picked, [], PICKED);
    if (this.anchor && this.cursor) this.frame(context, cells, rectangleOf(this.anchor, this.cursor), [4, 3], "#ffffff");
    if (this.cursor) this.frame(context, cells, { ...this.cursor, columns: 1, rows: 1 }, [], "#ffffff");
    context.restore();
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Cells} cells
   * @param {Rectangle} rectangle
   * @param {number[]} dash
   * @param {string} colour
   */
  frame(context, cells, rectangle, dash, colour) {
    const { column, row } = rectangle;
    const columns = Math.min(rectangle.columns, cells.columns - column);
    const rows = Math.min(rectangle.rows, cells.rows - row);
    if (columns < 1 || rows < 1) return;
    const { left, right, top, bottom } = placeOf(cells, { column, row, columns, rows }, this.plot.scales);
    const [x, y] = [Math.min(left, right) - 0.5, Math.min(top, bottom) - 0.5];
    const [width, height] = [Math.abs(right - left) + 1, Math.abs(bottom - top) + 1];
    context.setLineDash([]);
    context.strokeStyle = "#000000";
    context.lineWidth = 3;
    context.strokeRect(x, y, width, height);
    context.setLineDash(dash);
    context.strokeStyle = colour;
    context.lineWidth = 1.5;
    context.strokeRect(x, y, width, height);
  }
}

/** @param {{column: number, row: number}} one @param {{column: number, row: number}} other @returns {Rectangle} */
function rectangleOf(one, other) {
  const [column, row] = [Math.min(one.column, other.column), Math.min(one.row, other.row)];
  return { column, row, columns: Math.abs(one.column - other.column) + 1, rows: Math.abs(one.row - other.row) + 1 };
}

/**
 * The ends of an axis, that of the left or the bottom first.
 *
 * @param {import("../plot/curves.js").Values} edges
 * @param {boolean} reversed whether edges begin at the other end
 * @returns {Range}
 */
function ends(edges, reversed) {
  const [first, last] = [edges[0], edges[edges.length - 1]];
  return reversed ? [last, first] : [first, last];
}

/**
 * A range in the direction of the whole one and within it; null if it is all of it.
 *
 * @param {Range} range
 * @param {Range} whole
 * @returns {Range | null}
 */
function inside(range, whole) {
  const sign = whole[1] >= whole[0] ? 1 : -1;
  let [low, high] = range.map((each) => (each - whole[0]) * sign).sort((one, other) => one - other);
  const most = Math.abs(whole[1] - whole[0]);
  const width = Math.max(high - low, most * 1e-4);
  if (width >= most) return null;
  low = Math.max(0, Math.min(low, most - width));
  high = low + width;
  return [whole[0] + sign * low, whole[0] + sign * high];
}

/** @param {Range} range @returns {Range} the lower end first */
function rising([one, other]) {
  return one <= other ? [one, other] : [other, one];
}

/** @param {string} label as "angle / °" @param {import("../plot/curves.js").Values} edges @param {number} index */
function axisWords(label, edges, index) {
  const [, name, unit] = label.match(/^(.*) \/ (.*)$/) ?? [];
  if (!unit) return `${label} ${figure(Math.min(edges[index], edges[index + 1]), 6)}`;
  return `${name} ${figure((edges[index] + edges[index + 1]) / 2, 4)} ${unit}`;
}
