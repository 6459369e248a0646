// Numbers of a peak or a region over slices, groups or series: a fit against its log.

import { intervalOf } from "../plot/curves.js";
import { h, setText } from "../controls/elements.js";
import { FAMILIES, familyAxis } from "./families.js";
import { figure, unitSymbol, withError } from "../controls/numbers.js";
import { Plot } from "../plot/plot.js";
import { PlotInput } from "../plot/plot_input.js";
import { viewChoice } from "./toolbar.js";
import { PEAKS, REGIONS, windowTitle } from "./windows.js";

/** @typedef {import("../state/page.js").Page} Page */

/** Readings that are drawn, and the reading that has the error of each. */
/** @type {Record<"ROI" | "Peak", Record<string, {words: string, error: string | null}>>} */
const QUANTITIES = {
  Peak: {
    Centre: { words: "centre", error: "CentreErr" },
    FWHM: { words: "FWHM", error: "FWHMErr" },
    Height: { words: "height", error: "HeightErr" },
    Background: { words: "background", error: "BackgroundErr" },
    Chi2: { words: "χ² of the fit", error: null },
  },
  ROI: {
    Net: { words: "net counts", error: "NetError" },
    Total: { words: "counts", error: "Error" },
    Rate: { words: "counts per second", error: null },
  },
};

export class FitsView {
  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    const place = h("div", { class: "plot" });
    this.readout = h("p", { class: "readout", role: "status", "aria-live": "off" });
    this.note = h("p", { class: "note" });
    /** @type {Record<string, string>} */
    const fits = {};
    for (let number = 1; number <= PEAKS; number += 1) fits[`Peak${number}`] = windowTitle("Peak", number);
    for (let number = 1; number <= REGIONS; number += 1) fits[`ROI${number}`] = windowTitle("ROI", number);
    this.quantity = h("select", { "aria-label": "Quantity", change: () => page.view.set({ quantity: this.quantity.value }) });
    const bar = h(
      "div",
      { class: "toolbar", role: "group", "aria-label": "What is drawn" },
      viewChoice(page, "fit", "Draw", fits),
      h("div", { class: "choice" }, this.quantity),
      viewChoice(page, "against", "of", { slices: "slices", groups: "groups", series: "series" }),
    );
    this.element = h("div", { class: "fits" }, bar, this.note, this.readout, place);
    this.plot = new Plot(place, "Numbers of a peak or region over slices, groups or series");
    const nothing = () => {};
    this.input = new PlotInput(this.plot, {
      zoomX: (fitX) => page.view.set({ fitX }),
      zoomY: (fitY) => page.view.set({ fitY }),
      cursor: (value) => this.read(value),
      step: nothing,
      drawn: () => null,
    });
    this.end = nothing;
    this.watched = "";
    page.view.follow(() => this.update());
  }

  /** @returns {{kind: "ROI" | "Peak", quantity: string}} */
  chosen() {
    const { fit, quantity } = this.page.view.state;
    const kind = fit.startsWith("ROI") ? "ROI" : "Peak";
    return { kind, quantity: quantity in QUANTITIES[kind] ? quantity : Object.keys(QUANTITIES[kind])[0] };
  }

  update() {
    const { page } = this;
    const shown = page.view.state.tab === "fits";
    const { kind, quantity } = this.chosen();
    const { fit, against } = page.view.state;
    const { error, words } = QUANTITIES[kind][quantity];
    const stem = `${page.red}${fit}:${FAMILIES[against].all}`;
    const names = [`${stem}${quantity}_RBV`, ...(error ? [`${stem}${error}_RBV`] : [])];
    this.follow(shown ? [...names, `${page.red}Slices:Middle_RBV`, `${page.red}${fit}:${quantity}_RBV`] : []);
    if (!shown) return;
    this.showQuantities(kind, quantity);
    this.draw(names, words, `${page.red}${fit}:${quantity}_RBV`);
  }

  /** @param {string[]} names */
  follow(names) {
    const key = names.join();
    if (key === this.watched) return;
    this.watched = key;
    this.end();
    this.end = names.length ? this.page.store.watch(names, () => this.update()) : () => {};
  }

  /** @param {"ROI" | "Peak"} kind @param {string} quantity */
  showQuantities(kind, quantity) {
    const wanted = Object.entries(QUANTITIES[kind]);
    if (this.quantity.dataset.kind !== kind) {
      this.quantity.dataset.kind = kind;
      this.quantity.replaceChildren(...wanted.map(([value, { words }]) => h("option", { value }, words)));
    }
    this.quantity.value = quantity;
  }

  /** @param {string[]} names of the values and of their errors @param {string} words @param {string} single the PV with the unit */
  draw(names, words, single) {
    const { store, red, view } = this.page;
    const { fit, against, fitX, fitY } = view.state;
    const y = store.array(names[0]);
    const e = names[1] ? store.array(names[1]) : null;
    const count = Math.min(y?.length ?? 0, store.number(red + FAMILIES[against].count) || 0);
    const { x, label } = familyAxis(store, red, against, count);
    const unit = unitSymbol(store.pv(single).units);
    const title = windowTitle(fit.startsWith("ROI") ? "ROI" : "Peak", Number(fit.replace(/\D/g, "")));
    Object.assign(this.plot.look, { labelX: label, labelY: unit ? `${words} / ${unit}` : words, errors: "bars", rangeX: fitX, rangeY: fitY });
    const values = y ? y.slice(0, count) : [];
    /** @type {import("../plot/curves.js").Curve} */
    const points = { name: title, kind: "points", x: x.length > count ? Array.from(x).slice(0, count) : x, y: values, e, colour: "curve-0", dash: [], marker: 0, shift: 0, scale: 1 };
    this.plot.setCurves([points]);
    const finite = Array.from(values).filter(Number.isFinite).length;
    const used = store.number(`${red}${fit}:Max`) !== 0 || store.number(`${red}${fit}:Min`) !== 0;
    setText(this.note, finite ? "" : noneWords(title, used, count, against));
  }

  /** @param {number | null} value */
  read(value) {
    const [points] = this.plot.curves;
    if (value === null || !points?.y.length) {
      setText(this.readout, "");
      return;
    }
    const below = Math.max(0, intervalOf(points.x, value));
    const next = Math.min(points.y.length - 1, below + 1);
    const index = Math.abs(points.x[next] - value) < Math.abs(points.x[below] - value) ? next : below;
    const { labelX, labelY } = this.plot.look;
    setText(this.readout, `${labelX} ${figure(points.x[index], 5)}:  ${withError(points.y[index], points.e?.[index] ?? NaN)}  (${labelY})`);
  }
}

/** @param {string} title @param {boolean} used @param {number} count @param {import("./families.js").FamilyKind} against */
function noneWords(title, used, count, against) {
  if (!used) return `${title} has no interval yet. Draw one on the spectrum.`;
  if (count === 0) return `There are no ${against} yet.`;
  return "No numbers yet: they are computed once somebody looks.";
}
