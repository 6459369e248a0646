// The rectangle that is picked in the detector image: its spectrum, its detectors, and what can be done with them.

import { curveOf } from "../spectrum/spectrum_curves.js";
import { h, setText } from "../controls/elements.js";
import { commandButton } from "../controls/fields.js";
import { axisTitle, figure, grouped, metres } from "../controls/numbers.js";
import { Plot } from "../plot/plot.js";

/** @typedef {import("../state/page.js").Page} Page */
/** @typedef {import("./cells.js").Rectangle} Rectangle */

/** Settings of the rectangle, after the prefix `Image:ROI:`. */
const SIDES = { column: "MinX", row: "MinY", columns: "SizeX", rows: "SizeY" };
const READINGS = ["Y", "E", "Total_RBV", "NumPixels_RBV", "Pixels_RBV", "TwoTheta_RBV", "PosX_RBV", "PosY_RBV", "PosZ_RBV", "Banks_RBV"];

/** How many ranges of ids are written out; a tooltip has all. */
const MOST_RANGES = 6;

const RESTORE = "Put back mask and groups from before rectangles were masked or grouped? What was set there since is lost.";

export class PickedPanel {
  /** @param {Page} page @param {string} tab on which it is @param {() => void} changed called when the rectangle is another one */
  constructor(page, tab, changed) {
    this.page = page;
    this.tab = tab;
    this.changed = changed;
    this.place = h("div", { class: "plot lower-plot" });
    this.words = h("p", { class: "note", role: "status" });
    this.refusal = h("p", { class: "refusal", role: "alert" });
    this.drop = h("button", { type: "button", click: () => this.put({ column: 0, row: 0, columns: 0, rows: 0 }) }, "Drop rectangle");
    this.commands = h("div", { class: "buttons" });
    this.picked = h("div", { class: "picked", hidden: true }, this.words, h("div", { class: "buttons" }, this.commands, this.drop), this.place);
    this.element = h("div", {}, this.refusal, this.picked);
    /** Undoes masks and groups of rectangles; it is beside the image, since the rectangle may be gone. */
    this.restore = h("span", {});
    this.plot = new Plot(this.place, "Spectrum of the rectangle", { small: true });
    this.end = () => {};
    this.watched = "";
    page.view.follow(() => this.update());
    /** @type {(() => void)[]} */
    this.ends = [];
    page.onReduction(() => {
      this.makeCommands();
      this.update();
    });
  }

  /** The buttons whose puts mask, group and restore, for the reduction that is shown. */
  makeCommands() {
    for (const each of this.ends) each();
    this.ends = [];
    const button = (/** @type {string} */ name, /** @type {string} */ words, question = "") =>
      commandButton(this.page.store, { name: this.stem + name, words, question }, (why) => setText(this.refusal, why), this.ends);
    this.commands.replaceChildren(button("Mask", "Mask its detectors"), button("Group", "Make it a group"));
    this.restore.replaceChildren(button("Restore", "Restore mask and groups", RESTORE));
    setText(this.refusal, "");
  }

  /** @returns {string} the PV that says whether the image, and with it the rectangle, is made */
  get enabled() {
    return `${this.page.red}Image:EnableCallbacks_RBV`;
  }

  get stem() {
    return `${this.page.red}Image:ROI:`;
  }

  /** @returns {Rectangle | null} the one that is in force */
  rectangle() {
    const { store } = this.page;
    const [column, row, columns, rows] = Object.values(SIDES).map((each) => store.number(`${this.stem}${each}_RBV`));
    return columns > 0 && rows > 0 ? { column, row, columns, rows } : null;
  }

  /** @param {Rectangle} rectangle */
  pick(rectangle) {
    void this.put(rectangle);
  }

  /** @param {Rectangle} rectangle */
  async put(rectangle) {
    const { store } = this.page;
    setText(this.refusal, "");
    const sides = /** @type {(keyof Rectangle)[]} */ (Object.keys(SIDES));
    const puts = sides.map((side) => store.write(this.stem + SIDES[side], rectangle[side]));
    for (const each of await Promise.allSettled(puts)) {
      if (each.status === "rejected") setText(this.refusal, each.reason instanceof Error ? each.reason.message : String(each.reason));
    }
  }

  update() {
    const { store, view } = this.page;
    const shown = view.state.tab === this.tab;
    const sides = Object.values(SIDES).flatMap((each) => [this.stem + each, `${this.stem}${each}_RBV`]);
    this.follow(shown ? [...sides, ...READINGS.map((each) => this.stem + each), this.enabled] : []);
    if (!shown) return;
    const rectangle = this.rectangle();
    this.picked.hidden = !rectangle;
    this.drop.disabled = store.pv(`${this.stem}SizeX`).readonly;
    this.changed();
    if (!rectangle) return;
    setText(this.words, this.detectorWords(rectangle));
    this.words.title = store.text(`${this.stem}Pixels_RBV`);
    const { arrays } = this.page.snapshot();
    const [edges, y, e] = [arrays.get("XE"), store.array(`${this.stem}Y`), store.array(`${this.stem}E`)];
    if (!edges || !y || edges.length !== y.length + 1) {
      this.plot.setCurves([]);
      return;
    }
    const axis = this.page.axisLabels(store.text(`${this.page.red}Units_RBV`));
    Object.assign(this.plot.look, { labelX: axisTitle(axis.name, axis.unit), labelY: "rectangle", log: view.state.log, errors: view.state.errors });
    this.plot.setCurves([curveOf("rectangle", { edges, y, e: e?.length === y.length ? e : null }, 0)]);
  }

  /** @param {string[]} names */
  follow(names) {
    const key = names.join();
    if (key === this.watched) return;
    this.watched = key;
    this.end();
    this.end = names.length ? this.page.store.watch(names, () => this.update()) : () => {};
  }

  /** @param {Rectangle} rectangle @returns {string} which detectors it has, and where they are */
  detectorWords({ column, row, columns, rows }) {
    const { store } = this.page;
    const number = (/** @type {string} */ name) => store.number(this.stem + name);
    const cells = `Rectangle of ${grouped(columns)} × ${grouped(rows)} cells from cell ${column}, ${row}`;
    const count = number("NumPixels_RBV");
    if (store.text(this.enabled) === "Disable") return `${cells}: not counted, since the image is switched off`;
    if (!(count > 0)) return `${cells}: no detectors`;
    const [x, y, z] = ["PosX_RBV", "PosY_RBV", "PosZ_RBV"].map((each) => metres(number(each)));
    const banks = store.text(`${this.stem}Banks_RBV`);
    const where = `two-theta ${figure(number("TwoTheta_RBV"), 5)}°, x ${x}, y ${y}, z ${z} m${banks ? `, ${banks}` : ""}`;
    return `${cells}: ${grouped(number("Total_RBV"))} counts in ${grouped(count)} detectors (${firstRanges(store.text(`${this.stem}Pixels_RBV`))}); ${where}`;
  }
}

/** @param {string} ids as "1:64,128" @returns {string} its first ranges, with how many follow */
function firstRanges(ids) {
  const ranges = ids.split(",");
  const more = ranges.length - MOST_RANGES;
  return ranges.slice(0, MOST_RANGES).join(", ") + (more > 0 ? ` and ${grouped(more)} more ranges` : "");
}
