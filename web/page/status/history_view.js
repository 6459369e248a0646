// The last hour: rate, lag, peaks and regions. The server keeps it, so that a page that is loaded anew has it.

import { h, setText } from "../controls/elements.js";
import { amount, clock, unitSymbol } from "../controls/numbers.js";
import { intervalOf } from "../plot/curves.js";
import { Plot } from "../plot/plot.js";
import { PlotInput } from "../plot/plot_input.js";
import { choiceWords } from "../controls/fields.js";

/** @typedef {import("../state/page.js").Page} Page */
/** @typedef {{t: number[], series: Record<string, (number | null)[]>}} Past */
/** @typedef {{plot: Plot, select: HTMLSelectElement, readout: HTMLElement, wanted: string[], height: "past1" | "past2" | "past3", series: string}} Strip wanted: ends of names; height: its upright axis in the view */

/** What each strip shows: the first of these that there is. */
const STRIPS = [["EventRate_RBV"], ["Lag_RBV"], [":Peak1:Centre_RBV", ":ROI1:Net_RBV", "PulseRate_RBV"]];
/** @type {("past1" | "past2" | "past3")[]} */
const HEIGHTS = ["past1", "past2", "past3"];
const LONGEST_S = 3600;
const SAMPLE_MS = 1000;
/** The last sample is called that of now as long as it is not older. */
const NOW_S = 5;

export class HistoryView {
  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    /** @type {Past} */
    this.past = { t: [], series: {} };
    this.note = h("p", { class: "note" });
    this.element = h("div", { class: "history" }, this.note);
    /** @type {Strip[]} */
    this.strips = STRIPS.map((wanted, index) => this.makeStrip(wanted, HEIGHTS[index]));
    this.end = () => {};
    setInterval(() => this.sample(), SAMPLE_MS);
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) void this.load();
    });
    let shown = "";
    page.view.follow(() => {
      const { tab } = page.view.state;
      if (tab === "history" && shown !== "history") void this.load();
      shown = tab;
      this.update();
    });
  }

  /** @param {string[]} wanted @param {"past1" | "past2" | "past3"} height its upright axis in the view @returns {Strip} */
  makeStrip(wanted, height) {
    const { page } = this;
    const place = h("div", { class: "plot strip" });
    const readout = h("span", { class: "readout" });
    const select = h("select", { "aria-label": "Quantity" });
    this.element.append(h("div", { class: "toolbar" }, select, readout), place);
    const plot = new Plot(place, "History of a quantity", { small: true });
    const strip = { plot, select, readout, wanted, height, series: "" };
    select.addEventListener("change", () => {
      strip.series = select.value;
      page.view.set({ strips: this.strips.map((each) => each.series).join(",") });
    });
    new PlotInput(plot, {
      zoomX: (past) => page.view.set({ past }),
      zoomY: (range) => page.view.set({ [height]: range }),
      cursor: (value) => this.read(strip, value),
      step: () => {},
      drawn: () => null,
    });
    return strip;
  }

  /** Ask the server for what was. */
  async load() {
    try {
      const answer = await fetch("history");
      if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
      this.past = await answer.json();
      setText(this.note, "");
    } catch (why) {
      setText(this.note, `The history before now cannot be had: ${why instanceof Error ? why.message : why}`);
    }
    this.followSeries();
    this.update();
  }

  /** Watch what the server has a history of, and offer it. */
  followSeries() {
    const names = Object.keys(this.past.series).sort();
    if (names.join() === this.watched) return;
    this.watched = names.join();
    this.end();
    this.end = this.page.store.watch(names, () => {});
    this.drawn = names.filter((name) => !/(Err|Error)_RBV$/.test(name));
    for (const { select } of this.strips)
      select.replaceChildren(...this.drawn.map((name) => h("option", { value: name }, seriesWords(name))));
  }

  /** Show in each strip what the address names, or what it usually shows. */
  chooseSeries() {
    const named = this.page.view.state.strips.split(",");
    this.strips.forEach((strip, index) => {
      const wanted = named[index] ? [named[index], ...strip.wanted] : strip.wanted;
      const found = wanted.flatMap((end) => this.drawn.find((name) => name.endsWith(end)) ?? []);
      strip.select.value = strip.series = found[0] ?? this.drawn[0] ?? "";
    });
  }

  /** @type {string[]} names of the series that can be drawn */
  drawn = [];

  watched = "";

  /** Add the present values. */
  sample() {
    const { t, series } = this.past;
    const { store } = this.page;
    if (!store.connection.socket || document.hidden) return;
    const now = Math.floor(this.page.now());
    if (t.length && now <= t[t.length - 1]) return;
    t.push(now);
    for (const [name, values] of Object.entries(series)) values.push(store.number(name));
    const old = t.findIndex((each) => each > now - LONGEST_S);
    if (old > 60) {
      t.splice(0, old);
      for (const values of Object.values(series)) values.splice(0, old);
    }
    this.update();
  }

  update() {
    if (this.page.view.state.tab !== "history") return;
    this.chooseSeries();
    const { t, series } = this.past;
    const { state } = this.page.view;
    const now = this.page.now();
    for (const [index, strip] of this.strips.entries()) {
      const y = Float64Array.from(series[strip.series] ?? [], (each) => each ?? NaN);
      const rangeX = state.past ?? /** @type {[number, number]} */ ([Math.max(t[0] ?? now - 60, now - LONGEST_S), now]);
      const labelX = index === this.strips.length - 1 ? "time" : "";
      Object.assign(strip.plot.look, { kindX: "time", labelX, labelY: "", rangeX, rangeY: state[strip.height] });
      const colour = `curve-${index}`;
      strip.plot.setCurves([
        { name: strip.series, kind: "line", x: t, y, e: null, colour, dash: [], marker: -1, shift: 0, scale: 1 },
      ]);
      if (!strip.plot.surface.matches(":hover")) this.read(strip, null);
    }
  }

  /** @param {Strip} strip @param {number | null} value */
  read(strip, value) {
    const [curve] = strip.plot.curves;
    if (!curve?.y.length) return;
    const index = value === null ? curve.y.length - 1 : Math.max(0, intervalOf(curve.x, value));
    const unit = unitSymbol(this.page.store.pv(strip.series).units);
    const isNow = value === null && this.page.now() - curve.x[index] < NOW_S;
    const when = isNow ? "now" : clock(curve.x[index]);
    setText(strip.readout, `${when}: ${amount(curve.y[index])} ${unit}`);
  }
}

/** @param {string} name of a PV @returns {string} as Red1: peak 1, centre */
function seriesWords(name) {
  const parts = name.replace(/_RBV$/, "").split(":");
  const last = parts.pop() ?? "";
  const words = parts.map((part) => part.replace(/^ROI(\d+)$/, "region $1").replace(/^Peak(\d+)$/, "peak $1"));
  const reading = choiceWords(last);
  return [...words.map((each) => each.replace(/^Red(\d+)$/, "reduction $1").replace(/^Sim$/, "simulator")), reading].join(", ");
}
