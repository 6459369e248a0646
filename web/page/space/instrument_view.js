// The instrument in space: its banks with the cells of the detector image, the place under the mouse, and a bank that is picked.

import { cameraOf, eyeOf, eyeText, limitedEye, pixelOf } from "./camera.js";
import { shadeRange } from "../picture/cells.js";
import { bankRectangles, surfacesOf } from "./cell_surfaces.js";
import { freshId, h, setText } from "../controls/elements.js";
import { amount, figure, grouped, metres } from "../controls/numbers.js";
import { SpaceInput } from "./space_input.js";
import { SpaceScreen, shadesOf } from "./space_painter.js";
import { SCALES, shadesEntry } from "../spectrum/spectrum_curves.js";
import { colourOf } from "../controls/theme.js";
import { viewToggle } from "../spectrum/toolbar.js";

/** @typedef {import("../state/page.js").Page} Page */
/** @typedef {import("../picture/cells.js").Cells} Cells */
/** @typedef {import("../picture/cells.js").Rectangle} Rectangle */
/** @typedef {import("./cell_surfaces.js").Places} Places */
/** @typedef {import("./cell_surfaces.js").Surfaces} Surfaces */
/** @typedef {{x: number, y: number}} Point */
/** @typedef {{places: Places, surfaces: Surfaces, rectangles: Map<number, Rectangle>}} Scene what is seen, whatever the counts are */

const TAB = "instrument";
const LABEL = "Instrument in space; arrow keys turn it, with Shift they move it, plus and minus zoom, 0 shows all";
const PLACES = { x: "CellPosX", y: "CellPosY", z: "CellPosZ", bank: "CellBank" };
const READINGS = ["Image", ...Object.values(PLACES), "Banks_RBV", "View_RBV", "Scale_RBV", "Message_RBV", "EnableCallbacks_RBV"];
/** Most pixels that are drawn; more of the screen share one. */
const MOST_PIXELS = 1.5e6;
const PICKED = 0xff4d9dff; // #ff9d4d, as the memory of a picture has it
const FONT = '13px system-ui, "Segoe UI", "DejaVu Sans", sans-serif';
const NO_BANK = "detectors without a bank";

export class InstrumentView {
  /**
   * @param {Page} page
   * @param {import("../picture/picture_view.js").Picking} picking
   * @param {HTMLElement[]} controls
   */
  constructor(page, picking, controls) {
    this.page = page;
    this.picking = picking;
    this.base = h("canvas", { class: "base", "aria-hidden": "true" });
    this.over = h("canvas", { class: "over", "aria-hidden": "true" });
    this.surface = h("div", { class: "surface turning", role: "img", "aria-label": LABEL }, this.base, this.over);
    this.readout = h("p", { class: "readout", role: "status", "aria-live": "off" });
    this.note = h("p", { class: "note" });
    this.legend = h("ul", { class: "legend", "aria-label": "Colours" });
    this.banks = h("select", { id: freshId("bank"), change: () => this.choose(this.banks.value) });
    const place = h("div", { class: "plot picture" }, this.surface);
    this.element = h("div", { class: "spectrum" }, this.toolbar(controls), this.readout, place, this.note, this.legend);
    /** @type {Scene | null} */
    this.scene = null;
    /** @type {SpaceScreen | null} */
    this.screen = null;
    /** Where the mouse is, in pixels of the page. @type {Point | null} */
    this.pointed = null;
    this.input = new SpaceInput(this.surface, {
      eye: () => eyeOf(page.view.state.eye),
      look: (eye) => page.view.set({ eye: eye ? eyeText(limitedEye(eye)) : "" }),
      point: (at) => this.point(at),
      press: (at) => this.pick(this.bankAt(at)),
    });
    /** Pixels that are drawn for one of the page. */
    this.ratio = 1;
    this.scheduled = false;
    this.end = () => {};
    this.watched = "";
    new ResizeObserver(() => this.changed()).observe(this.surface);
    document.addEventListener("visibilitychange", () => this.changed());
    page.view.follow(() => this.update());
    page.onReduction(() => this.update());
  }

  /** @param {HTMLElement[]} controls */
  toolbar(controls) {
    const all = h("button", { type: "button", title: "Key 0", click: () => this.page.view.set({ eye: "" }) }, "Show all");
    const clip = viewToggle(this.page, "imageClip", "More contrast", "Colours are for all but the 0.5 % brightest and darkest cells");
    const choice = h("div", { class: "choice" }, h("label", { for: this.banks.id }, "Bank"), this.banks);
    const log = viewToggle(this.page, "log", "Log scale", "Key L");
    return h("div", { class: "toolbar", role: "group", "aria-label": "How the instrument is drawn" }, log, clip, all, choice, ...controls);
  }

  /** @returns {string} the beginning of the names of its PVs */
  get stem() {
    return `${this.page.red}Image:`;
  }

  get shown() {
    return this.page.view.state.tab === TAB;
  }

  /** Another picture, view or reduction. */
  update() {
    this.follow(this.shown ? READINGS.map((each) => this.stem + each) : []);
    if (!this.shown) return;
    const { store } = this.page;
    const scene = this.newScene();
    if (scene !== this.scene) {
      this.scene = scene;
      this.listBanks();
    }
    const off = store.text(`${this.stem}EnableCallbacks_RBV`) === "Disable";
    const none = off ? "The picture is switched off: none is made." : "No picture yet.";
    setText(this.note, this.cells() && !off ? this.remark() : none);
    this.changed();
  }

  /** @returns {string} what is missing in the picture, and what the view hides */
  remark() {
    const { store } = this.page;
    const view = store.text(`${this.stem}View_RBV`);
    const mixed = view === "Panels" ? "" : `With View ${view} the rectangle of a bank may hold detectors of others; with Panels it holds none.`;
    return [store.text(`${this.stem}Message_RBV`), mixed].filter(Boolean).join(" ");
  }

  /** @param {string[]} names */
  follow(names) {
    const key = names.join();
    if (key === this.watched) return;
    this.watched = key;
    this.end();
    this.pointed = this.scene = null;
    this.end = names.length ? this.page.store.watch(names, () => this.update()) : () => {};
  }

  /** @returns {Scene | null} the one before if places are the same; null without places that fit each other */
  newScene() {
    const { store } = this.page;
    const { columns, rows } = store.pv(`${this.stem}Image`).fields;
    const array = (/** @type {string} */ name) => store.array(this.stem + name);
    const [x, y, z, bank] = [array(PLACES.x), array(PLACES.y), array(PLACES.z), array(PLACES.bank)];
    if (!x || !y || !z || !bank) return null;
    const before = this.scene?.places;
    const same = before && before.x === x && before.y === y && before.z === z && before.bank === bank;
    if (same && before.columns === columns && before.rows === rows) return this.scene;
    if (!(columns * rows > 0) || [x, y, z, bank].some((each) => each.length !== columns * rows)) return null;
    const places = { x, y, z, bank, columns, rows };
    return { places, surfaces: surfacesOf(places), rectangles: bankRectangles(places) };
  }

  /** @returns {Cells | null} the counts, if they are of the cells that are seen */
  cells() {
    const { arrays, fields } = this.page.store.pv(`${this.stem}Image`);
    const values = arrays.get("value");
    const { columns, rows } = fields;
    if (!values || !this.scene || this.scene.places.columns !== columns || this.scene.places.rows !== rows) return null;
    return values.length === columns * rows ? { values, columns, rows, xEdges: [], yEdges: [] } : null;
  }

  /** @param {number} bank @returns {string} */
  bankName(bank) {
    return this.page.store.text(`${this.stem}Banks_RBV`).split(",")[bank] || (bank < 0 ? NO_BANK : `bank ${bank}`);
  }

  /** Offer all banks that there are. */
  listBanks() {
    const numbers = [...(this.scene?.rectangles.keys() ?? [])].sort((one, other) => one - other);
    const options = numbers.map((each) => h("option", { value: each }, this.bankName(each)));
    this.banks.replaceChildren(h("option", { value: "" }, "none"), ...options);
    this.banks.disabled = !numbers.length;
  }

  /** @returns {number} the bank whose rectangle is picked; NaN if it is another one, or none */
  pickedBank() {
    const picked = this.picking.rectangle();
    if (!picked) return NaN;
    for (const [number, one] of this.scene?.rectangles ?? []) {
      if (one.column === picked.column && one.row === picked.row && one.columns === picked.columns && one.rows === picked.rows) return number;
    }
    return NaN;
  }

  /** @param {number} bank NaN: nothing is picked */
  pick(bank) {
    const rectangle = this.scene?.rectangles.get(bank);
    if (rectangle) this.picking.pick(rectangle);
  }

  /** @param {string} bank the number of the bank that is chosen in the list; empty: none */
  choose(bank) {
    if (bank) this.pick(Number(bank));
    else this.picking.pick({ column: 0, row: 0, columns: 0, rows: 0 });
  }

  /** @param {Point} at @returns {number} the surface there; -1: none */
  surfaceAt(at) {
    return this.screen?.surfaceAt(at.x * this.ratio, at.y * this.ratio) ?? -1;
  }

  /** @param {Point} at @returns {number} the bank there; NaN: none */
  bankAt(at) {
    const index = this.surfaceAt(at);
    return this.scene && index >= 0 ? this.scene.places.bank[this.scene.surfaces.cell[index]] : NaN;
  }

  /** @param {Point | null} at */
  point(at) {
    this.pointed = at;
    this.read();
  }

  /** Say in words what is under the mouse. */
  read() {
    const cells = this.cells();
    const index = this.pointed ? this.surfaceAt(this.pointed) : -1;
    if (!this.scene || !cells) setText(this.readout, "");
    else if (index < 0) setText(this.readout, this.restWords(this.scene));
    else setText(this.readout, this.wordsAt(this.scene, cells, this.scene.surfaces.cell[index]));
  }

  /** @param {Scene} scene */
  restWords({ rectangles, surfaces }) {
    const banks = rectangles.size === 1 ? "1 bank" : `${grouped(rectangles.size)} banks`;
    return `${banks}, ${grouped(surfaces.cell.length)} cells. Drag to turn, click a bank for its spectrum.`;
  }

  /** @param {Scene} scene @param {Cells} cells @param {number} cell */
  wordsAt({ places }, { values, columns }, cell) {
    const [x, y, z] = [places.x[cell], places.y[cell], places.z[cell]];
    const angle = figure((Math.atan2(Math.hypot(x, y), z) * 180) / Math.PI, 4);
    const value = values[cell];
    const where = `two-theta ${angle}°, x ${metres(x)}, y ${metres(y)}, z ${metres(z)} m (cell ${cell % columns}, ${Math.floor(cell / columns)})`;
    return `${this.bankName(places.bank[cell])}: ${where}:  ${value === value ? amount(value) : "masked"}`;
  }

  /** Draw before the next frame. */
  changed() {
    if (this.scheduled || document.hidden || !this.shown) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      this.draw();
    });
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.surface;
    if (!width || !height || !this.shown) return;
    const ratio = Math.min(window.devicePixelRatio || 1, Math.sqrt(MOST_PIXELS / (width * height)));
    this.ratio = ratio;
    const cells = this.cells();
    if (this.scene && cells) this.drawCells(this.scene, cells, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    else {
      this.base.width = this.over.width = 1;
      this.screen = null;
      this.legend.replaceChildren();
    }
    const bank = this.pickedBank();
    this.banks.value = Number.isNaN(bank) ? "" : String(bank);
    this.read();
  }

  /** @param {Scene} scene @param {Cells} cells @param {{width: number, height: number}} size in pixels of the screen */
  drawCells({ surfaces, places }, cells, size) {
    const { state } = this.page.view;
    const whole = { column: 0, row: 0, columns: cells.columns, rows: cells.rows };
    const range = shadeRange(cells, whole, { log: state.log, clip: state.imageClip });
    const shades = shadesOf(surfaces, cells.values, range, state.log);
    if (this.screen?.width !== size.width || this.screen.height !== size.height) {
      this.screen = new SpaceScreen(size.width, size.height);
      Object.assign(this.base, size);
    }
    const camera = cameraOf(eyeOf(state.eye), surfaces.bounds, size);
    this.screen.look(surfaces, shades, camera);
    const picked = this.picking.rectangle();
    const mark = picked && { marked: marked(surfaces, places.columns, picked), colour: PICKED };
    this.base.getContext("2d")?.putImageData(this.screen.painted(shades, memoryColour(colourOf("control")), mark), 0, 0);
    this.drawBeam(surfaces, size);
    this.legend.replaceChildren(shadesEntry(range, SCALES[this.page.store.text(`${this.stem}Scale_RBV`)] ?? "counts"));
  }

  /** The beam up to the sample, and the upright direction. @param {Surfaces} surfaces @param {{width: number, height: number}} size */
  drawBeam(surfaces, size) {
    Object.assign(this.over, size);
    const context = this.over.getContext("2d");
    if (!context) return;
    const page = { width: size.width / this.ratio, height: size.height / this.ratio };
    context.scale(this.ratio, this.ratio);
    const camera = cameraOf(eyeOf(this.page.view.state.eye), surfaces.bounds, page);
    const long = surfaces.bounds.radius / 2;
    const sample = pixelOf(camera, [0, 0, 0]);
    const [before, up] = [pixelOf(camera, [0, 0, -long]), pixelOf(camera, [0, long / 3, 0])];
    context.font = FONT;
    context.strokeStyle = context.fillStyle = colourOf("text");
    context.lineWidth = 1.5;
    context.beginPath();
    for (const end of [before, up]) {
      context.moveTo(end.x, end.y);
      context.lineTo(sample.x, sample.y);
    }
    context.stroke();
    context.beginPath();
    context.arc(sample.x, sample.y, 4, 0, 2 * Math.PI);
    context.fill();
    context.fillText("beam", before.x + 4, before.y - 4);
    context.fillText("y", up.x + 4, up.y + 4);
  }
}

/** @param {Surfaces} surfaces @param {number} across columns of the image @param {Rectangle} rectangle @returns {Uint8Array} 1 for the surfaces of its cells */
function marked({ cell }, across, { column, row, columns, rows }) {
  return Uint8Array.from(cell, (each) => {
    const [atRow, atColumn] = [Math.floor(each / across), each % across];
    return Number(atRow >= row && atRow < row + rows && atColumn >= column && atColumn < column + columns);
  });
}

/** @param {string} colour as #rrggbb @returns {number} as the memory of a picture has it */
function memoryColour(colour) {
  const number = parseInt(colour.slice(1), 16);
  return ((255 << 24) | ((number & 255) << 16) | (number & 0xff00) | (number >> 16)) >>> 0;
}
