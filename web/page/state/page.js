// What all parts of the page share: the PVs, the view, and the result that is shown.

import { grouped, unitSymbol } from "../controls/numbers.js";

/** @typedef {import("./pv_store.js").PvStore} PvStore */
/** @typedef {import("./view_state.js").View} View */
/** @typedef {import("./connection.js").Hello} Hello */

/** PVs of a reduction that several views use. */
const SHARED = [
  ...["Units_RBV", "NumSlices_RBV", "NumGroups_RBV", "NumSeries_RBV", "Normalisation_RBV", "Vanadium_RBV"],
  ...["Filter:Log_RBV", "Spec:Total_RBV"],
];

export class Page {
  /**
   * @param {PvStore} store
   * @param {View} view
   * @param {Hello} hello
   */
  constructor(store, view, hello) {
    this.store = store;
    this.view = view;
    this.hello = hello;
    /** Server's clock less this browser's steady clock, in seconds. */
    this.clockOffset = 0;
    /** @type {(() => void)[]} */
    this.ends = [];
    /** @type {(() => void)[]} */
    this.resultFollowers = [];
    /** @type {((red: string) => void)[]} */
    this.reductionFollowers = [];
    this.red = "";
    view.follow(() => this.followReduction());
  }

  /** @param {Hello} hello */
  greeted(hello) {
    this.hello = hello;
    this.clockOffset = (hello.now ?? Date.now() / 1000) - performance.now() / 1000;
  }

  /** @returns {number} seconds since 1970 by the server's clock */
  now() {
    return performance.now() / 1000 + this.clockOffset;
  }

  /** Watch the reduction that the view names. */
  followReduction() {
    const number = Math.min(this.view.state.reduction, Math.max(1, this.hello.reductions));
    const red = `Red${number}:`;
    if (red === this.red) return;
    for (const end of this.ends) end();
    this.red = red;
    const changed = () => this.resultFollowers.forEach((each) => each());
    const names = [`${red}Snapshot`, ...SHARED.map((each) => red + each)];
    this.ends = [this.store.watch(names, changed)];
    for (const each of this.reductionFollowers) each(red);
  }

  /** @param {(red: string) => void} changed called now, and when another reduction is shown */
  onReduction(changed) {
    this.reductionFollowers.push(changed);
    if (this.red) changed(this.red);
  }

  /** @param {() => void} changed called when there is another result */
  onResult(changed) {
    this.resultFollowers.push(changed);
  }

  snapshot() {
    return this.store.pv(`${this.red}Snapshot`);
  }

  /** @returns {string} first and last pulse of the result shown */
  pulses() {
    return pulsesOf(this.snapshot().fields);
  }

  /**
   * Name and unit of the axis of a spectrum.
   *
   * @param {string} unit as the PV has it
   */
  axisLabels(unit) {
    const known = this.hello.units?.[unit];
    return known ?? { name: unit, unit: unitSymbol(this.snapshot().units) };
  }
}

/** @param {Record<string, any>} fields of a result @returns {string} its first and last pulse */
export function pulsesOf({ pulse_first: first, pulse_last: last }) {
  return Number.isFinite(first) && Number.isFinite(last) ? `${grouped(first)} – ${grouped(last)}` : "–";
}
