// The spectrum: total, slices, groups or series, a frozen reference, regions and peaks, and the value at the cursor.

import { Cursor } from "../plot/cursor.js";
import { h, setText } from "../controls/elements.js";
import { Family } from "./families.js";
import { FrozenReference } from "./frozen_reference.js";
import { showLegend } from "../plot/legend.js";
import { axisTitle, figure, grouped } from "../controls/numbers.js";
import { Plot } from "../plot/plot.js";
import { PlotInput } from "../plot/plot_input.js";
import { areaFactor, difference, rebinned } from "../plot/reference.js";
import { curveOf, familyCurves, familyMap, shadesEntry } from "./spectrum_curves.js";
import { picked } from "../state/view_state.js";

/** @typedef {import("../state/page.js").Page} Page */
/** @typedef {import("../state/wire.js").Numbers} Numbers */
/** @typedef {import("../plot/scales.js").Range} Range */
/** @typedef {{edges: Numbers, y: Numbers, e: Numbers, unit: string}} Spectrum */

const FIRST = "first result";
const MOST_CURVES = 24;
const MOST_ROWS = 200;
export class SpectrumView {
  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    this.main = h("div", { class: "plot main-plot" });
    this.lower = h("div", { class: "plot lower-plot", hidden: true });
    this.readout = h("p", { class: "readout", role: "status", "aria-live": "off" });
    this.note = h("p", { class: "note" });
    this.legend = h("ul", { class: "legend", "aria-label": "Curves" });
    this.element = h("div", { class: "spectrum" }, this.readout, this.main, this.lower, this.note, this.legend);
    this.plot = new Plot(this.main, "Spectrum; arrow keys move the cursor, plus and minus zoom, 0 shows all");
    this.differences = new Plot(this.lower, "Difference to the reference", { small: true });
    this.reference = new FrozenReference(page);
    /** @type {Family | null} */
    this.family = null;
    /** What takes the next interval that is drawn on the plot. @type {((low: number, high: number) => void) | null} */
    this.taker = null;
    this.wasDrawn = false;
    this.cursor = new Cursor(this.plot, this.readout, {
      edges: () => this.spectrum()?.edges ?? null,
      axis: () => page.axisLabels(this.unit()),
      mapValue: (height, bin) => this.mapWords(height, bin),
      rest: () => this.restWords(),
    });
    this.input = new PlotInput(this.plot, this.actions());
    this.lowerInput = new PlotInput(this.differences, { ...this.actions(), zoomY: () => {}, drawn: () => null });
    page.view.follow(() => this.update());
  }

  /** @returns {import("../plot/plot_input.js").InputActions} */
  actions() {
    return {
      zoomX: (range) => this.page.view.set({ x: range && this.bounded(range), unit: this.unit() }),
      zoomY: (range) => this.page.view.set({ y: range }),
      cursor: (value, height) => this.cursor.move(value, height),
      step: (bins) => this.cursor.step(bins),
      drawn: () => this.taker,
    };
  }

  /** @returns {string} name of the unit of the axis, as the PV has it */
  unit() {
    return this.page.store.text(`${this.page.red}Units_RBV`);
  }

  /** @returns {Spectrum | null} the total of the result, if one has come */
  spectrum() {
    const { arrays } = this.page.snapshot();
    const [edges, y, e] = ["XE", "Y", "E"].map((each) => arrays.get(each));
    return edges && y && e && edges.length === y.length + 1 && y.length ? { edges, y, e, unit: this.unit() } : null;
  }

  /** @param {Range} range @returns {Range | null} inside the axis; null if that is all of it */
  bounded([low, high]) {
    const spectrum = this.spectrum();
    if (!spectrum) return [low, high];
    const [first, last] = [spectrum.edges[0], spectrum.edges[spectrum.edges.length - 1]];
    const span = Math.max(high - low, (last - first) * 1e-6);
    if (span >= last - first) return null;
    const start = Math.min(Math.max(low, first), last - span);
    return [start, start + span];
  }

  /** The result, the view or the reduction has changed. */
  update() {
    const { state } = this.page.view;
    const spectrum = this.spectrum();
    this.followFamily();
    if (state.tab !== "spectrum") return;
    this.setLook(spectrum?.unit ?? this.reference.current?.unit ?? "");
    if (!spectrum) this.drawNoResult();
    else if (state.spectra === "total") this.drawTotal(spectrum);
    else this.drawFamily(spectrum);
    this.cursor.read();
  }

  /** @param {string} unit of the axis, as the PV has it */
  setLook(unit) {
    const { state } = this.page.view;
    const axis = this.page.axisLabels(unit);
    const rangeX = state.x && state.unit === unit ? state.x : null;
    const labelX = axisTitle(axis.name, axis.unit);
    Object.assign(this.plot.look, { labelX, labelY: this.intensityLabel(axis.unit), rangeX, rangeY: state.y });
    Object.assign(this.plot.look, { log: state.log, errors: state.errors });
  }

  /** Draw the reference alone, if there is one. */
  drawNoResult() {
    const { current, name, words } = this.reference;
    const curves = current ? [curveOf(name, current, 1)] : [];
    this.plot.picture = null;
    this.lower.hidden = true;
    this.plot.setCurves(curves);
    showLegend(this.legend, curves);
    setText(this.note, sentences(this.page.store.connection.socket ? "No result yet." : "", words));
  }

  /** @param {string} unit @returns {string} what the intensity is */
  intensityLabel(unit) {
    const { store, red } = this.page;
    const by = store.pv(`${red}Normalisation_RBV`);
    if (store.text(`${red}Vanadium_RBV`)) return "ratio to vanadium";
    if (typeof by.value === "number" && by.value > 0) return `counts per ${unit} and ${by.value === 1 ? "µC" : "monitor count"}`;
    return `counts per ${unit}`;
  }

  /** Watch the spectra that the view asks for, and no others. */
  followFamily() {
    const { page } = this;
    const { tab, spectra, as, pick, errors } = page.view.state;
    const kind = tab !== "spectrum" || spectra === "total" ? null : spectra;
    if (this.family && (this.family.kind !== kind || this.family.red !== page.red)) {
      this.family.end();
      this.family = null;
    }
    if (!kind) return;
    this.family ??= new Family(page.store, page.red, kind, () => this.update());
    const most = as === "map" ? MOST_ROWS : MOST_CURVES;
    this.family.show(picked(pick, this.family.count(), most), as !== "map" && errors !== "none");
  }

  /** @param {Spectrum} spectrum */
  drawTotal(spectrum) {
    const curves = [curveOf("live", spectrum, 0)];
    this.plot.picture = null;
    const frozen = this.frozen(spectrum);
    const { current, words } = this.reference;
    const why = current && !frozen ? `The reference is in ${current.unit}: it is not drawn.` : "";
    setText(this.note, sentences(why, words));
    if (frozen) curves.push({ ...curveOf(this.reference.name, frozen, 1), scale: frozen.factor });
    this.plot.setCurves(curves);
    if (!this.wasDrawn) this.plot.followers.push(markFirst);
    this.wasDrawn = true;
    showLegend(this.legend, frozen ? curves : []);
    this.drawDifference(spectrum, frozen);
  }

  /** @param {Spectrum} spectrum @returns {(Spectrum & {factor: number}) | null} the reference on the bins of the result; null if it is in another unit */
  frozen(spectrum) {
    const reference = this.reference.current;
    if (reference?.unit !== spectrum.unit) return null;
    const { y, e } = rebinned(reference, spectrum.edges);
    const range = this.plot.look.rangeX ?? [-Infinity, Infinity];
    const equal = this.page.view.state.reference === "area";
    return { ...spectrum, y, e, factor: equal ? areaFactor(spectrum.edges, spectrum.y, y, range) : 1 };
  }

  /** @param {Spectrum} spectrum @param {(Spectrum & {factor: number}) | null} frozen */
  drawDifference(spectrum, frozen) {
    const shown = frozen !== null && this.page.view.state.difference;
    this.lower.hidden = !shown;
    if (!frozen || !shown) return;
    const values = difference(spectrum, frozen, frozen.factor);
    const { rangeX, errors } = this.plot.look;
    Object.assign(this.differences.look, { labelX: "", labelY: "difference", rangeX, rangeY: null, errors });
    this.differences.setCurves([{ ...curveOf("live less reference", { ...spectrum, ...values }, 2), dash: [] }]);
  }

  /** @param {Spectrum} spectrum */
  drawFamily(spectrum) {
    const { family } = this;
    if (!family) return;
    this.lower.hidden = true;
    const { state } = this.page.view;
    const members = family.members(spectrum.y.length);
    const count = family.count();
    if (!count) setText(this.note, noneWords(family.kind));
    else setText(this.note, members.length < count ? `${members.length} of ${count} are shown.` : "");
    if (state.as === "map") this.drawMap(spectrum, members);
    else this.drawCurves(spectrum, members);
  }

  /** @param {Spectrum} spectrum @param {import("./families.js").Member[]} members */
  drawMap(spectrum, members) {
    const rows = this.family?.rowRange(members) ?? [0.5, 0.5];
    const { picture, intensity } = familyMap(spectrum.edges, members, rows, this.plot.look.rangeX, this.page.view.state.log);
    this.plot.picture = members.length ? picture : null;
    const words = this.intensityLabel(this.page.axisLabels(spectrum.unit).unit);
    this.legend.dataset.key = "";
    this.legend.replaceChildren(...(members.length ? [shadesEntry(intensity, words)] : []));
    Object.assign(this.plot.look, { labelY: this.family?.axisName(members) ?? "", rangeY: null });
    this.plot.setCurves([]);
  }

  /** @param {Spectrum} spectrum @param {import("./families.js").Member[]} members */
  drawCurves(spectrum, members) {
    const offset = this.page.view.state.as === "offset";
    const range = this.plot.look.rangeX ?? /** @type {Range} */ ([-Infinity, Infinity]);
    const curves = familyCurves(spectrum.edges, members, offset, range);
    if (this.family?.kind === "series") curves.push(curveOf("running", spectrum, curves.length));
    this.plot.picture = null;
    this.plot.setCurves(curves);
    showLegend(this.legend, curves);
  }

  /** Freeze the result, or drop the reference, where that is seen. */
  toggleReference() {
    const { tab, spectra } = this.page.view.state;
    if (tab === "spectrum" && spectra === "total") void this.reference.toggle();
  }

  /** @param {number} height value of the upright axis @param {number} bin @returns {string} what the map has there */
  mapWords(height, bin) {
    const members = this.family?.members(this.spectrum()?.y.length ?? 0) ?? [];
    const [low, high] = this.plot.picture?.rangeY ?? [0, 1];
    const member = members[Math.floor(((height - low) / (high - low)) * members.length)];
    return member?.y ? `${member.name}: ${figure(member.y[bin], 5)}` : "";
  }

  /** @returns {string} what is said while the cursor is nowhere */
  restWords() {
    if (this.taker) return "Draw from one end to the other on the plot. Esc leaves it.";
    const spectrum = this.spectrum();
    return spectrum ? `${grouped(spectrum.y.length)} bins` : "";
  }
}

/** @param {...string} words @returns {string} those that are not empty */
function sentences(...words) {
  return words.filter(Boolean).join(" ");
}

/** Mark the time of the first drawn result, for measurements. */
function markFirst() {
  if (!performance.getEntriesByName(FIRST).length) performance.mark(FIRST);
}

/** @param {import("./families.js").FamilyKind} kind */
function noneWords(kind) {
  if (kind === "series") return "No series has been closed yet.";
  return kind === "slices" ? "No log is set to slice by." : "There are no groups.";
}
