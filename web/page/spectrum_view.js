// The spectrum: total, slices, groups or series, a frozen reference, regions and peaks, and the value at the cursor.

import { intervalOf } from "./curves.js";
import { h, setText } from "./elements.js";
import { Family } from "./families.js";
import { intensityRange, mapPainter, shadeOf } from "./heat_map.js";
import { showLegend } from "./legend.js";
import { clock, figure, grouped, withError } from "./numbers.js";
import { Plot } from "./plot.js";
import { PlotInput } from "./plot_input.js";
import { areaFactor, difference, rebinned } from "./reference.js";
import { picked } from "./view_state.js";

/** @typedef {import("./page.js").Page} Page */
/** @typedef {import("./curves.js").Curve} Curve */
/** @typedef {import("./wire.js").Numbers} Numbers */
/** @typedef {import("./scales.js").Range} Range */
/** @typedef {{edges: Numbers, y: Numbers, e: Numbers, unit: string}} Spectrum */

const MOST_CURVES = 24;
const MOST_ROWS = 200;
const COLOURS = 8;
/** @type {number[][]} */
const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3], [14, 5], [5, 2, 1, 2, 1, 2]];
/** Share of the tallest spectrum by which each stands above the one before. */
const OFFSET = 0.25;

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
    /** @type {import("./reference.js").Reference | null} */
    this.reference = null;
    /** @type {Family | null} */
    this.family = null;
    /** @type {number | null} */
    this.cursor = null;
    this.cursorHeight = 0;
    /** What takes the next interval that is drawn on the plot. @type {((low: number, high: number) => void) | null} */
    this.taker = null;
    this.input = new PlotInput(this.plot, this.actions());
    this.lowerInput = new PlotInput(this.differences, { ...this.actions(), zoomY: () => {}, drawn: () => null });
    this.plot.overlays.push((context, scales, box) => this.drawCursor(context, scales.x, box));
    page.view.follow(() => this.update());
  }

  /** @returns {import("./plot_input.js").InputActions} */
  actions() {
    return {
      zoomX: (range) => this.page.view.set({ x: range && this.bounded(range), unit: this.unit() }),
      zoomY: (range) => this.page.view.set({ y: range }),
      cursor: (value, height) => this.moveCursor(value, height),
      step: (direction) => this.step(direction),
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
    if (!spectrum) {
      this.plot.picture = null;
      this.plot.setCurves([]);
      setText(this.note, this.page.store.connection.socket ? "No result yet." : "");
      return;
    }
    const axis = this.page.axisLabels(spectrum.unit);
    const rangeX = state.x && state.unit === spectrum.unit ? state.x : null;
    const labelX = axis.unit ? `${axis.name} / ${axis.unit}` : axis.name;
    Object.assign(this.plot.look, { labelX, labelY: this.intensityLabel(axis.unit), rangeX, rangeY: state.y });
    Object.assign(this.plot.look, { log: state.log, errors: state.errors });
    if (state.spectra === "total") this.drawTotal(spectrum);
    else this.drawFamily(spectrum);
    this.read();
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
    const { spectra, as, pick, errors } = page.view.state;
    const kind = spectra === "total" ? null : spectra;
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
    setText(this.note, "");
    const frozen = this.frozen(spectrum);
    if (frozen) curves.push({ ...curveOf(this.referenceName(), frozen, 1), scale: frozen.factor });
    this.plot.setCurves(curves);
    showLegend(this.legend, frozen ? curves : []);
    this.drawDifference(spectrum, frozen);
  }

  referenceName() {
    return this.reference ? `reference of ${clock(this.reference.time)}, pulses ${this.reference.pulses}` : "";
  }

  /** @param {Spectrum} spectrum @returns {(Spectrum & {factor: number}) | null} the reference on the bins of the result */
  frozen(spectrum) {
    const { reference } = this;
    if (!reference) return null;
    if (reference.unit !== spectrum.unit) {
      setText(this.note, `The reference is in ${reference.unit}: it is not drawn.`);
      return null;
    }
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
    this.differences.setCurves([curveOf("live less reference", { ...spectrum, ...values }, 2)]);
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
    const { log } = this.page.view.state;
    const rows = members.map((each) => each.y);
    const range = this.plot.look.rangeX ?? [spectrum.edges[0], spectrum.edges[spectrum.edges.length - 1]];
    const intensity = intensityRange(spectrum.edges, rows, range, log);
    this.plot.picture = members.length
      ? {
          rangeX: [spectrum.edges[0], spectrum.edges[spectrum.edges.length - 1]],
          rangeY: [0.5, members.length + 0.5],
          draw: mapPainter(spectrum.edges, rows, intensity, log),
        }
      : null;
    Object.assign(this.plot.look, { labelY: this.family?.axisName() ?? "", rangeY: null });
    this.plot.setCurves([]);
    const shades = Array.from({ length: 24 }, (_, index) => {
      const shade = h("i", {});
      shade.style.background = shadeOf(index / 23);
      return shade;
    });
    this.legend.dataset.key = "";
    const scale = h("span", { class: "shades", "aria-hidden": "true" }, ...shades);
    const words = [figure(intensity[0], 3), `${figure(intensity[1], 3)} ${this.intensityLabel(this.page.axisLabels(spectrum.unit).unit)}`];
    this.legend.replaceChildren(h("li", {}, words[0], scale, words[1]));
  }

  /** @param {Spectrum} spectrum @param {import("./families.js").Member[]} members */
  drawCurves(spectrum, members) {
    const { as } = this.page.view.state;
    this.plot.picture = null;
    const shown = members.filter((each) => each.y);
    const range = this.plot.look.rangeX ?? [-Infinity, Infinity];
    const tallest = intensityRange(spectrum.edges, shown.map((each) => each.y), /** @type {Range} */ (range), false)[1];
    const step = as === "offset" ? OFFSET * tallest : 0;
    const curves = shown.map((member, index) => ({
      ...curveOf(member.name, { ...spectrum, y: /** @type {Numbers} */ (member.y), e: member.e }, index),
      marker: index,
      shift: index * step,
    }));
    if (this.family?.kind === "series") curves.push(curveOf("running", spectrum, curves.length));
    this.plot.setCurves(curves);
    showLegend(this.legend, curves);
  }

  /** Keep the present result as reference, or drop the one there is. */
  freeze() {
    const spectrum = this.spectrum();
    if (this.reference || !spectrum) this.reference = null;
    else {
      const { seconds } = this.page.snapshot();
      this.reference = { ...spectrum, time: seconds, pulses: this.page.pulses() };
    }
    this.page.view.tell();
  }

  /** @param {number | null} value @param {number} height */
  moveCursor(value, height) {
    this.cursor = value;
    this.cursorHeight = height;
    this.readout.setAttribute("aria-live", "off");
    this.plot.overChanged();
    this.read();
  }

  /** @param {number} direction bins to move the cursor by */
  step(direction) {
    const spectrum = this.spectrum();
    if (!spectrum) return;
    const [low, high] = this.plot.scales.x.range;
    const at = intervalOf(spectrum.edges, this.cursor ?? (low + high) / 2) + (this.cursor === null ? 0 : direction);
    const bin = Math.max(0, Math.min(spectrum.y.length - 1, at));
    this.moveCursor((spectrum.edges[bin] + spectrum.edges[bin + 1]) / 2, this.cursorHeight);
    this.readout.setAttribute("aria-live", "polite");
  }

  /** Say in words what is at the cursor. */
  read() {
    const spectrum = this.spectrum();
    const { cursor } = this;
    const bin = spectrum && cursor !== null ? intervalOf(spectrum.edges, cursor) : -1;
    if (!spectrum || cursor === null || bin < 0 || bin >= spectrum.y.length) {
      setText(this.readout, this.restWords());
      return;
    }
    const axis = this.page.axisLabels(spectrum.unit);
    const place = `${axis.name} ${figure(cursor, 5)} ${axis.unit}, bin ${figure(spectrum.edges[bin], 6)} to ${figure(spectrum.edges[bin + 1], 6)}`;
    setText(this.readout, `${place}:  ${this.valueWords(bin)}`);
  }

  /** @param {number} bin */
  valueWords(bin) {
    if (this.plot.picture && this.family) {
      const row = Math.round(this.cursorHeight);
      const member = this.family.members(this.spectrum()?.y.length ?? 0)[row - 1];
      return member?.y ? `${member.name}: ${figure(member.y[bin], 5)}` : "";
    }
    const words = this.plot.curves.slice(0, 4).map((curve) => {
      const value = withError(curve.y[bin] * curve.scale, curve.e ? curve.e[bin] * curve.scale : NaN);
      return this.plot.curves.length > 1 ? `${curve.name} ${value}` : value;
    });
    const { labelY } = this.plot.look;
    return `${words.join(";  ")} ${labelY}`;
  }

  /** @returns {string} what is said while the cursor is nowhere */
  restWords() {
    if (this.taker) return "Draw from one end to the other on the plot. Esc leaves it.";
    const spectrum = this.spectrum();
    return spectrum ? `${grouped(spectrum.y.length)} bins` : "";
  }

  /** @param {CanvasRenderingContext2D} context @param {import("./scales.js").Scale} scale @param {import("./plot.js").Box} box */
  drawCursor(context, scale, box) {
    if (this.cursor === null) return;
    const x = Math.round(scale.at(this.cursor)) + 0.5;
    if (x < box.left || x > box.right) return;
    context.strokeStyle = getComputedStyle(this.element).color;
    context.globalAlpha = 0.5;
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(x, box.top);
    context.lineTo(x, box.bottom);
    context.stroke();
    context.globalAlpha = 1;
  }
}

/**
 * @param {string} name
 * @param {{edges: import("./curves.js").Values, y: import("./curves.js").Values, e: import("./curves.js").Values | null}} spectrum
 * @param {number} index
 * @returns {Curve}
 */
function curveOf(name, spectrum, index) {
  return {
    name,
    kind: "steps",
    x: spectrum.edges,
    y: spectrum.y,
    e: spectrum.e,
    colour: `curve-${index % COLOURS}`,
    dash: DASHES[index % DASHES.length],
    marker: -1,
    shift: 0,
    scale: 1,
  };
}

/** @param {import("./families.js").FamilyKind} kind */
function noneWords(kind) {
  if (kind === "series") return "No series has been closed yet.";
  return kind === "slices" ? "No log is set to slice by." : "There are no groups.";
}
